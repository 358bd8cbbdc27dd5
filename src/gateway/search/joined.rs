//! Conditions on other entries, which a directory's filter cannot say: those
//! entries are found first, and the rest asks for what points at them.

use crate::{
    gateway::{Gateway, error},
    scim::error::ScimError,
    store::{Coverage, Fold, Predicate, Related, Select, Test, Value},
};

/// More entries than this tell too little.
const MOST: u64 = 500;

/// A condition on other entries, and what may stand for it.
struct Join {
    related: Related,
    /// What points at the entries that were found; [`Predicate::True`] if those are too many.
    instead: Predicate,
    /// True if nothing else meets the condition.
    exact: bool,
}

impl Gateway {
    /// The predicate without conditions on other entries, and whether it still says the same.
    pub(super) async fn without_joins(&self, predicate: Predicate) -> Result<(Predicate, bool), ScimError> {
        let mut found = Vec::new();
        collect(&predicate, &mut found);
        let mut joins: Vec<Join> = Vec::new();
        for related in found {
            if joins.iter().all(|join| join.related != related) {
                joins.push(self.join(related).await?);
            }
        }
        let exact = joins.iter().all(|join| join.exact);
        Ok((replaced(predicate, &joins), exact))
    }

    async fn join(&self, related: Related) -> Result<Join, ScimError> {
        let ([(theirs, ours)], false) = (related.on.as_slice(), has_join(&related.predicate)) else {
            return Ok(Join { related, instead: Predicate::True, exact: false });
        };
        let (theirs, ours) = (*theirs, *ours);
        let select = Select {
            bag: related.bag.clone(),
            predicate: related.predicate.clone(),
            fields: vec![theirs],
            order: Vec::new(),
            offset: 0,
            limit: Some(MOST + 1),
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        if rows.len() as u64 > MOST {
            return Ok(Join { related, instead: Predicate::True, exact: false });
        }
        let exact = self.store.coverage(&related.bag, &related.predicate) == Coverage::Exact;
        let values: Vec<Value> = rows.iter().flat_map(|row| row.all(theirs)).cloned().collect();
        let instead = match values.is_empty() {
            true => Predicate::False,
            false => Predicate::Field(ours, Test::OneOf(values, Fold::Exact)),
        };
        Ok(Join { related, instead, exact })
    }
}

fn collect(predicate: &Predicate, found: &mut Vec<Related>) {
    match predicate {
        Predicate::All(list) | Predicate::Any(list) => list.iter().for_each(|p| collect(p, found)),
        Predicate::Not(inner) => collect(inner, found),
        Predicate::Exists(related) => found.push((**related).clone()),
        _ => {}
    }
}

fn has_join(predicate: &Predicate) -> bool {
    let mut found = Vec::new();
    collect(predicate, &mut found);
    !found.is_empty()
}

/// What may be more, never less.
fn replaced(predicate: Predicate, joins: &[Join]) -> Predicate {
    let join = |related: &Related| joins.iter().find(|join| join.related == *related);
    match predicate {
        Predicate::All(list) => {
            list.into_iter().map(|p| replaced(p, joins)).fold(Predicate::True, Predicate::and)
        }
        Predicate::Any(list) => {
            let list: Vec<Predicate> = list.into_iter().map(|p| replaced(p, joins)).collect();
            if list.contains(&Predicate::True) { Predicate::True } else { Predicate::Any(list) }
        }
        Predicate::Not(inner) => {
            let mut found = Vec::new();
            collect(&inner, &mut found);
            match found.iter().all(|related| join(related).is_some_and(|join| join.exact)) {
                true => Predicate::Not(Box::new(replaced(*inner, joins))),
                // The complement of more is less.
                false => Predicate::True,
            }
        }
        Predicate::Exists(related) => join(&related).map_or(Predicate::True, |join| join.instead.clone()),
        other => other,
    }
}
