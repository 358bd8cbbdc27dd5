//! Reads the entries that an attribute of one entry names, such as the members of a group, in one question.
//!
//! Servers with the dereference control show what is asked for beside each name: one search of one entry. What that
//! search cannot test, the bag's scope, is tested here, and only what surely is one of the bag's rows counts: the rules
//! by which a directory compares are more than are known here. Active Directory shows no more than a GUID beside each
//! name (its extended-DN control), which saves no search as long as a scope and a name to show must be read.

use super::{
    entry::{Entry, attributes_of, is_pseudo},
    matching::is_equal,
    plan::{Plan, collect_fields},
    pool::{Lane, Pool},
    request::Query,
    result::{OpError, Operation},
    server::Vendor,
};
use crate::store::{
    Bag, FieldId, FieldKind, Predicate, Row, Select, Source, StoreError, Test, Value,
    dn::Dn,
    ldap::control::{self, DEREFERENCE},
};

const CLASSES: &str = "objectClass";

/// The rows of a selection that an entry names in an attribute; `None` if the server does not tell so.
pub(super) async fn rows(
    pool: &Pool,
    select: &Select,
    plan: &Plan,
    naming: (&str, &str),
) -> Result<Option<Vec<Row>>, StoreError> {
    let server = pool.server().await?;
    if !server.has_control(DEREFERENCE) {
        return Ok(None);
    }
    // OpenLDAP also finds an entry by the classes above those that it lists.
    let all_classes = server.vendor != Vendor::OpenLdap;
    Dereferenced { pool, select, plan, all_classes }.rows(naming).await.map(Some)
}

struct Dereferenced<'a> {
    pool: &'a Pool,
    select: &'a Select,
    plan: &'a Plan,
    /// True if an entry lists all its object classes, with those above.
    all_classes: bool,
}

impl Dereferenced<'_> {
    async fn rows(&self, (entry, attribute): (&str, &str)) -> Result<Vec<Row>, StoreError> {
        let bag = &self.select.bag;
        let fields = self.fields();
        let mut shown = attributes_of(bag, &fields).to_vec();
        if self.class().is_some() {
            shown.push(CLASSES.to_owned());
        }
        let mut query = Query::base(entry, "(objectClass=*)", &["1.1"]);
        query.controls = vec![control::dereference(attribute, &shown)];
        query.through = Some(attribute.to_owned());
        match self.pool.search(Lane::Point, &query, &|entry| self.row(entry, &fields)).await {
            Ok(rows) => Ok(rows),
            // Whatever it is that this server does not like: all are missing, and found by name.
            Err(OpError::Refused(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into_store(Operation::Search, &bag.name, "")),
        }
    }

    /// What is asked for, and what is tested.
    fn fields(&self) -> Vec<FieldId> {
        let mut fields = self.select.fields.clone();
        collect_fields(&self.select.bag.scope, &mut fields);
        collect_fields(&self.select.predicate, &mut fields);
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// The class that selects entries where the scope names none.
    fn class(&self) -> Option<&str> {
        let bag = &self.select.bag;
        let Source::Entries { classes, .. } = &bag.source else { return None };
        let mut fields = Vec::new();
        collect_fields(&bag.scope, &mut fields);
        let is_named = fields.iter().any(|field| bag.field_name(*field).eq_ignore_ascii_case(CLASSES));
        classes.first().filter(|_| !is_named).map(String::as_str)
    }

    /// The row of an entry that surely is one of the bag's.
    fn row(&self, entry: Entry, fields: &[FieldId]) -> Result<Option<Row>, StoreError> {
        let Select { bag, predicate, fields: asked, .. } = self.select;
        if Dn::parse(&entry.dn).ok().is_none_or(|dn| self.plan.base_of(&dn).is_none()) {
            return Ok(None);
        }
        let lists = |class: &str| {
            let mut lists = entry.attributes.iter().filter(|(name, _)| name.eq_ignore_ascii_case(CLASSES));
            lists.any(|(_, values)| values.iter().any(|v| v.eq_ignore_ascii_case(class.as_bytes())))
        };
        if !self.class().is_none_or(lists) {
            return Ok(None);
        }
        let mut row = entry.into_row(bag, fields)?;
        let surely = |predicate| surely(bag, &row, predicate, self.all_classes);
        if surely(&bag.scope) != Some(true) || surely(predicate) != Some(true) {
            return Ok(None);
        }
        for field in fields.iter().filter(|field| !asked.contains(field)) {
            row.set(*field, Vec::new());
        }
        Ok(Some(row))
    }
}

/// Whether a row meets a predicate by any rules that its directory may have; `None` where that depends on them.
fn surely(bag: &Bag, row: &Row, predicate: &Predicate, all_classes: bool) -> Option<bool> {
    let each = |parts: &[Predicate], ends: bool| {
        let mut answer = Some(!ends);
        for part in parts {
            match surely(bag, row, part, all_classes) {
                Some(is_met) if is_met == ends => return Some(ends),
                None => answer = None,
                Some(_) => {}
            }
        }
        answer
    };
    match predicate {
        Predicate::True => Some(true),
        Predicate::False => Some(false),
        Predicate::All(parts) => each(parts, false),
        Predicate::Any(parts) => each(parts, true),
        Predicate::Not(inner) => surely(bag, row, inner, all_classes).map(|is_met| !is_met),
        Predicate::Field(field, Test::Present) => Some(!row.all(*field).is_empty()),
        Predicate::Field(field, Test::Absent) => Some(row.all(*field).is_empty()),
        Predicate::Field(field, Test::OneOf(wanted, _)) => {
            let name = bag.field_name(*field);
            let kind = if is_pseudo(name) { FieldKind::Dn } else { bag.kind(*field) };
            let is_class = name.eq_ignore_ascii_case(CLASSES);
            let mut pairs = row.all(*field).iter().flat_map(|value| wanted.iter().map(move |w| (value, w)));
            if pairs
                .clone()
                .any(|(value, wanted)| kind.same(value, wanted) || is_class && is_equal(value, wanted, kind))
            {
                return Some(true);
            }
            let may_be = pairs.any(|(value, wanted)| letters(value) == letters(wanted));
            (!may_be && (all_classes || !is_class)).then_some(false)
        }
        Predicate::Field(..) | Predicate::Exists(_) | Predicate::Clock(..) | Predicate::Pair(..) => None,
    }
}

/// What no rule ignores: letters and digits without their case.
fn letters(value: &Value) -> String {
    value.to_text().chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
