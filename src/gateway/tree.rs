//! Resources that move on a tree of paths take along what lies below them, in the same transaction.

use std::sync::Arc;

use crate::{
    gateway::{Gateway, TypeId, error},
    mapping::{
        lens::{Reference, tree::Spelling},
        record::Record,
    },
    plan::Plan,
    scim::error::ScimError,
    store::{
        Bag, Cell, Change, Expected, FieldId, Fold, Predicate, Row, Select, Source, Step, Target, Test, Value,
    },
};

/// The most rows that one request moves along.
const MOST_BELOW: u64 = 10_000;

impl Gateway {
    /// What a change of a record does to the paths below it: expectations, which come first, and changes.
    /// `gone`: the resource itself goes, and those below it come to lie at the top.
    pub(super) async fn replanted(
        &self,
        ty: TypeId,
        record: &Record,
        gone: bool,
    ) -> Result<(Vec<Step>, Vec<Step>), ScimError> {
        let mapping = self.ty(ty)?;
        let (mut expected, mut steps) = (Vec::new(), Vec::new());
        let Some(root) = record.row(0, 0).filter(|_| matches!(mapping.bag().source, Source::Table(_))) else {
            return Ok((expected, steps));
        };
        for (reference, tree) in mapping.trees() {
            let field = reference.field.field;
            let text = |row: &Row| row.first(field).map(Value::to_text);
            let (old, new) = (root.was.as_ref().and_then(text), text(&root.now).filter(|_| !gone));
            if old == new {
                continue;
            }
            let bag = &Bag { scope: Predicate::True, ..Bag::clone(mapping.bag()) };
            let spelling = &tree.spelling;
            let names = new.as_deref().and_then(|new| spelling.names(new));
            if let (Some((_, above)), Some(_)) = (names.as_deref().and_then(<[&str]>::split_last), &old)
                && !above.is_empty()
            {
                // Nobody moves the parent at the same time, below this one.
                expected.push(stays(bag, field, &[spelling.path(above)], None));
            }
            if let Some(old) = old.filter(|old| spelling.names(old).is_some()) {
                let below = self.below(bag, reference, spelling, &old).await?;
                if !below.iter().any(|path| spelling.moved(path, &old, None).is_some()) {
                    continue;
                }
                expected.push(stays(bag, field, &below, Some(spelling.below(&old))));
                for path in below {
                    let Some(moved) = spelling.moved(&path, &old, new.as_deref()) else { continue };
                    steps.push(Step::Update {
                        bag: Arc::new(bag.clone()),
                        target: Target::Rows(Predicate::equals(field, path.into())),
                        changes: vec![Change::Set(field, Cell::Values(vec![moved.into()]))],
                        required: true,
                    });
                }
            }
        }
        Ok((expected, steps))
    }

    /// As [`replanted`](Self::replanted), around a plan.
    pub(super) async fn replant(
        &self,
        ty: TypeId,
        record: &Record,
        plan: &mut Plan,
    ) -> Result<(), ScimError> {
        let (expected, steps) = self.replanted(ty, record, false).await?;
        plan.precede(expected);
        plan.append(Plan { steps, ..Plan::default() });
        Ok(())
    }

    /// The paths that begin as those below one, of all rows of the table: also those that are not ours lie below it.
    async fn below(
        &self,
        bag: &Bag,
        reference: &Reference,
        spelling: &Spelling,
        path: &str,
    ) -> Result<Vec<String>, ScimError> {
        let field = reference.field.field;
        let select = Select {
            bag: Arc::new(bag.clone()),
            predicate: begins(field, spelling.below(path)),
            fields: vec![field],
            order: Vec::new(),
            offset: 0,
            limit: Some(MOST_BELOW + 1),
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        if rows.len() as u64 > MOST_BELOW {
            let text =
                format!("More than {MOST_BELOW} resources lie below this one: it cannot be moved here.");
            return Err(ScimError::conflict(text));
        }
        let (paths, prefix) = (rows.iter().filter_map(|row| row.first(field)), spelling.below(path));
        Ok(paths.map(Value::to_text).filter(|below| below.starts_with(&prefix)).collect())
    }
}

fn begins(field: FieldId, prefix: String) -> Predicate {
    Predicate::Field(field, Test::Starts(prefix, Fold::Exact))
}

/// That these paths are there as they were read, and, with `prefix`, no others that begin so.
fn stays(bag: &Bag, field: FieldId, paths: &[String], prefix: Option<String>) -> Step {
    let rows = paths.iter().map(|path| {
        let mut row = Row::new(bag);
        row.set(field, vec![path.as_str().into()]);
        row
    });
    let of = |paths: &[String]| {
        let values = paths.iter().map(|path| Value::from(path.as_str())).collect();
        Predicate::Field(field, Test::OneOf(values, Fold::Exact))
    };
    let is_open = prefix.is_none();
    Step::Expect {
        bag: Arc::new(bag.clone()),
        target: Target::Rows(prefix.map_or_else(|| of(paths), |prefix| begins(field, prefix))),
        expected: Expected {
            fields: vec![field],
            rows: rows.collect(),
            others: is_open,
            writable: Vec::new(),
        },
        lock: true,
    }
}
