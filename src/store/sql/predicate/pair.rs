//! A column compared with another one of the same row.

use crate::store::{
    Coverage, FieldKind, Relation, StoreError,
    sql::{
        catalogue::Class,
        dialect::Flavour,
        predicate::{
            leaf::{Basis, Leaf},
            operator, unsupported,
        },
        statement::Sql,
    },
};

impl Leaf<'_> {
    /// Writes that this column stands so to the other one.
    pub(super) fn relates(
        &self,
        sql: &mut Sql,
        relation: Relation,
        other: &Leaf<'_>,
    ) -> Result<(), StoreError> {
        if [self, other].into_iter().any(Leaf::is_time) {
            return self.times_relate(sql, relation, other);
        }
        let Relation::Order(order) = relation else {
            self.equals_column(sql, other);
            return Ok(());
        };
        let is_text = |basis: Basis| matches!(basis, Basis::Text | Basis::CastText);
        match (self.basis(), other.basis()) {
            (one, two) if is_text(one) && is_text(two) => self.text().precedes(sql, order, &other.text()),
            (Basis::Number, Basis::Number) | (Basis::Bool, Basis::Bool) => {
                self.push_number(sql);
                sql.raw(operator(order));
                other.push_number(sql);
            }
            (one, two) if one == two => {
                self.push_column(sql);
                sql.raw(operator(order));
                other.push_column(sql);
            }
            _ => return Err(self.differs_from(other)),
        }
        Ok(())
    }

    /// True if the values are dates or instants: by the column's type, or in a text as the mapping says.
    fn is_time(&self) -> bool {
        let is_declared = matches!(self.declared, FieldKind::Date | FieldKind::Time);
        self.basis() == Basis::Time || (self.flavour == Flavour::Sqlite && is_declared)
    }

    /// Dates and instants. Where one of them is a day, days are compared.
    fn times_relate(&self, sql: &mut Sql, relation: Relation, other: &Leaf<'_>) -> Result<(), StoreError> {
        let sides = [self, other];
        // SQLite's texts are read as times, whatever the column is called.
        if self.flavour != Flavour::Sqlite && !sides.iter().all(|side| side.is_time()) {
            return Err(self.differs_from(other));
        }
        if self.flavour == Flavour::Mysql {
            for side in sides {
                side.real_date(sql);
                sql.raw(" AND ");
            }
        }
        let is_day = |side: &Leaf<'_>| side.column.kind(side.declared) == FieldKind::Date;
        let by_day = sides.iter().any(|side| is_day(side));
        let sign = match relation {
            Relation::Equal => " = ",
            Relation::Order(order) => operator(order),
        };
        for (side, after) in sides.into_iter().zip([sign, ""]) {
            match (by_day, self.flavour) {
                (true, Flavour::Sqlite) => {
                    sql.raw("substr(");
                    side.push_time(sql);
                    sql.raw(", 1, 10)");
                }
                (true, Flavour::Postgres | Flavour::Mysql) => {
                    sql.raw("CAST(");
                    side.push_column(sql);
                    sql.raw(" AS date)");
                }
                (false, _) => side.push_time(sql),
            }
            sql.raw(after);
        }
        Ok(())
    }

    fn differs_from(&self, other: &Leaf<'_>) -> StoreError {
        let (one, two) = (self.column, other.column);
        unsupported(format!(
            "{} ({}) and {} ({}) are of types that do not compare",
            one.name, one.type_name, two.name, two.type_name
        ))
    }
}

/// How well the database compares two columns: exactly, if they are of one type, and read as that type.
pub(super) fn coverage(
    relation: Relation,
    (one, its_class): (FieldKind, Class),
    (other, other_class): (FieldKind, Class),
) -> Coverage {
    use FieldKind as K;
    let is_read_as = |kind: FieldKind, class: Class| match class {
        Class::Int => matches!(kind, K::Any | K::Int),
        Class::Decimal => matches!(kind, K::Any | K::Decimal),
        Class::Text => matches!(kind, K::Any | K::Text),
        Class::Date | Class::Time | Class::ZonedTime => matches!(kind, K::Any | K::Date | K::Time),
        Class::Bool => relation == Relation::Equal && matches!(kind, K::Any | K::Bool),
        // What is no usual type is compared in memory; so are floats, whose spelling is the server's.
        _ => false,
    };
    match one == other && its_class == other_class && is_read_as(one, its_class) {
        true => Coverage::Exact,
        false => Coverage::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Order;

    #[test]
    fn columns_of_one_type_compare_exactly() {
        let order = Relation::Order(Order::Gt);
        let any = |class| (FieldKind::Any, class);
        let (int, text, truth) = (any(Class::Int), any(Class::Text), any(Class::Bool));
        assert_eq!(coverage(order, int, int), Coverage::Exact);
        assert_eq!(coverage(order, text, text), Coverage::Exact);
        assert_eq!(coverage(order, int, text), Coverage::None);
        assert_eq!(coverage(order, (FieldKind::Text, Class::Int), int), Coverage::None);
        assert_eq!(coverage(order, truth, truth), Coverage::None);
        assert_eq!(coverage(Relation::Equal, truth, truth), Coverage::Exact);
    }
}
