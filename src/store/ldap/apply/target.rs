//! Finds the entry that a step means and makes sure that it is still that one.

use ldap3::controls::RawControl;

use super::{Apply, normal, privileged};
use crate::store::{
    Bag, Coverage, Field, Predicate, Row, StoreError, Target, Value,
    ldap::{
        control,
        entry::{attributes_of, is_pseudo},
        filter::assertion,
        matching::is_equal,
        plan::{covers, is_same_name, plan},
        pool::Lane,
        request::Query,
        result::{OpError, Operation, ResultCode},
        select::Selection,
        server::Vendor,
    },
};

/// An entry to change.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) dn: String,
    pub(super) anchor: Option<Value>,
}

/// What is known of an entry before it is changed.
pub(super) enum Guard {
    /// The server checks the anchor itself, by this control.
    Control(RawControl),
    /// It has been checked, or there is nothing to check.
    Nothing,
    /// Another entry has the DN now, or none.
    Moved,
}

impl Apply {
    /// The entries that a target means.
    pub(super) async fn locate(&self, bag: &Bag, target: &Target) -> Result<Vec<Located>, StoreError> {
        let predicate = match target {
            Target::Entry { dn, anchor } => {
                return Ok(vec![Located { dn: self.current_dn(dn), anchor: Some(anchor.clone()) }]);
            }
            Target::Rows(predicate) => predicate,
        };
        if covers(bag, predicate, &*self.pool.rules()?) != Coverage::Exact {
            let reason = format!("entries of {} cannot be changed by this condition", bag.name);
            return Err(StoreError::Unsupported(reason));
        }
        let rows = self.search(bag, predicate).await?;
        let anchor = |row: &Row| bag.key.first().and_then(|key| row.first(*key)).cloned();
        Ok(rows.into_iter().map(|(dn, row)| Located { dn, anchor: anchor(&row) }).collect())
    }

    /// Acts on an entry, wherever it is now. `None` if it is nowhere; else its DN
    /// and what the action gave.
    pub(super) async fn on_entry<T>(
        &self,
        bag: &Bag,
        entry: &Located,
        operation: Operation,
        act: impl AsyncFn(&str, Vec<RawControl>) -> Result<T, OpError>,
    ) -> Result<Option<(String, T)>, StoreError> {
        let mut dn = entry.dn.clone();
        let mut was_looked_up = false;
        loop {
            let controls = match self.guard(bag, entry, &dn, operation).await? {
                Guard::Control(control) => Some(vec![control]),
                Guard::Nothing => Some(vec![]),
                Guard::Moved => None,
            };
            let refused = match controls {
                None => None,
                Some(controls) => match act(&dn, controls).await {
                    Ok(value) => return Ok(Some((dn, value))),
                    Err(OpError::Refused(refusal))
                        if matches!(refusal.code, ResultCode::NoSuchObject | ResultCode::AssertionFailed) =>
                    {
                        Some(refusal)
                    }
                    Err(error) => return Err(error.into_store(operation, &bag.name, "")),
                },
            };
            if was_looked_up {
                return Ok(None);
            }
            was_looked_up = true;
            let Some(found) = self.find_anchor(bag, entry).await? else { return Ok(None) };
            match refused {
                // The entry is where we looked: something else does not exist, like a new parent.
                Some(refusal) if refusal.code == ResultCode::NoSuchObject && is_same_name(&found, &dn) => {
                    return Err(missing_other(refusal.text.trim(), operation));
                }
                _ => dn = found,
            }
        }
    }

    /// How the entry at `dn` is held to be the one with the anchor.
    pub(super) async fn guard(
        &self,
        bag: &Bag,
        entry: &Located,
        dn: &str,
        operation: Operation,
    ) -> Result<Guard, StoreError> {
        if self.own.contains(&normal(dn)) {
            return Ok(Guard::Nothing);
        }
        if self.server.vendor == Vendor::ActiveDirectory {
            return self.guard_account(bag, entry, dn).await;
        }
        let Some((field, anchor)) = key_of(bag, entry) else { return Ok(Guard::Nothing) };
        let condition = || format!("({}={})", field.name, assertion(anchor, field.kind));
        // The control's meaning for extended operations is left to each of them.
        if operation != Operation::Password && self.server.asserts_safely() {
            return control::assertion(&condition()).map(Guard::Control);
        }
        if self.is_rehearsal() {
            self.tell(|| format!("only if {}, which is read first", condition()));
            return Ok(Guard::Nothing);
        }
        let fields: Vec<usize> = bag.key.iter().take(1).copied().collect();
        let row = self.read(bag, dn, &fields).await;
        match row.map_err(|e| e.into_store(Operation::Search, &bag.name, ""))? {
            Some(row) => {
                let held = fields.first().and_then(|key| row.first(*key));
                let is_it = held.is_some_and(|held| is_equal(held, anchor, field.kind));
                Ok(if is_it { Guard::Nothing } else { Guard::Moved })
            }
            None => Ok(Guard::Moved),
        }
    }

    /// As [`Self::guard`] in Active Directory, where one read tells whether the entry is the same one, and
    /// whether it is privileged.
    async fn guard_account(&self, bag: &Bag, entry: &Located, dn: &str) -> Result<Guard, StoreError> {
        let key = key_of(bag, entry);
        if self.is_rehearsal() {
            let condition = |(field, anchor): (&Field, &Value)| {
                format!("({}={}) and ", field.name, assertion(anchor, field.kind))
            };
            let same = key.map(condition).unwrap_or_default();
            self.tell(|| format!("only if {same}not privileged, which is read first"));
            return Ok(Guard::Nothing);
        }
        let mut query = Query::base(dn, "(objectClass=*)", &[]);
        let anchor = key.map(|(field, _)| field.name.as_str());
        query.attributes = anchor.into_iter().chain(privileged::ATTRIBUTES).map(str::to_owned).collect();
        query.is_whole = false;
        let take = |entry: crate::store::ldap::entry::Entry| Ok(Some(entry));
        let found = match self.pool.search(Lane::Point, &query, &take).await {
            Ok(found) => found.into_iter().next(),
            Err(e) if e.code() == Some(ResultCode::NoSuchObject) => None,
            Err(error) => return Err(error.into_store(Operation::Search, &bag.name, "")),
        };
        let Some(found) = found else { return Ok(Guard::Moved) };
        if let Some((field, anchor)) = key {
            let fields: Vec<usize> = bag.key.iter().take(1).copied().collect();
            let row = found.clone().into_row(bag, &fields)?;
            let held = fields.first().and_then(|key| row.first(*key));
            if !held.is_some_and(|held| is_equal(held, anchor, field.kind)) {
                return Ok(Guard::Moved);
            }
        }
        self.refuse_privileged(bag, &found).await?;
        Ok(Guard::Nothing)
    }

    /// Where the entry with the anchor is now, if it is still one of the bag's.
    async fn find_anchor(&self, bag: &Bag, entry: &Located) -> Result<Option<String>, StoreError> {
        let (Some(key), Some((_, anchor))) = (bag.key.first(), key_of(bag, entry)) else { return Ok(None) };
        let found = self.search(bag, &Predicate::equals(*key, anchor.clone())).await?;
        Ok(found.into_iter().next().map(|(dn, _)| dn))
    }

    async fn search(&self, bag: &Bag, predicate: &Predicate) -> Result<Vec<(String, Row)>, StoreError> {
        let plan = plan(bag, predicate, &*self.pool.rules()?)?;
        let selection = Selection { pool: &self.pool, bag, plan: &plan, fields: &bag.key, limit: None };
        selection.named_rows().await
    }

    /// Reads fields of one entry by its DN; `None` if there is none.
    pub(super) async fn read(&self, bag: &Bag, dn: &str, fields: &[usize]) -> Result<Option<Row>, OpError> {
        let mut query = Query::base(dn, "(objectClass=*)", &[]);
        query.attributes = attributes_of(bag, fields);
        let take = |entry: crate::store::ldap::entry::Entry| entry.into_row(bag, fields).map(Some);
        match self.pool.search(Lane::Point, &query, &take).await {
            Ok(rows) => Ok(rows.into_iter().next()),
            Err(e) if e.code() == Some(ResultCode::NoSuchObject) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The bag's anchor attribute and the entry's value of it.
fn key_of<'a>(bag: &'a Bag, entry: &'a Located) -> Option<(&'a Field, &'a Value)> {
    let field = bag.key.first().and_then(|key| bag.fields.get(*key)).filter(|f| !is_pseudo(&f.name))?;
    Some((field, entry.anchor.as_ref()?))
}

fn missing_other(text: &str, operation: Operation) -> StoreError {
    let (constraint, what) = match operation {
        Operation::Rename => ("container", "the new parent entry does not exist"),
        _ => ("", "an entry that is referred to does not exist"),
    };
    let reason = if text.is_empty() { what.to_owned() } else { format!("{what}: {text}") };
    StoreError::ConstraintViolated { constraint: constraint.to_owned(), reason }
}
