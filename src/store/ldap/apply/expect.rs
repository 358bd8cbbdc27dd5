//! Keeps an entry as it was read until it is changed.
//!
//! LDAP has no locks. Where the server knows the assertion control (RFC 4528)
//! the entry is *claimed*: a modification that writes what is there already,
//! asserting the change marker. It gives the entry another marker, so of
//! several who claim the same version one succeeds. It carries the assertion
//! even where a real change must not (see `Server::asserts_safely`), since no
//! overlay has anything to do for it. The change itself then names the values
//! that it replaces, and fails if they are not there any more.

use ldap3::controls::RawControl;

use super::{
    Apply,
    entry_steps::{is, vanished},
    password::NewPassword,
};
use crate::store::{
    Bag, Expected, FieldKind, Row, StoreError, Target, Value,
    ldap::{
        control,
        entry::is_pseudo,
        filter::assertion,
        modify::{Action, Edit},
        plan::plan,
        result::{OpError, Operation, ResultCode},
        select::Selection,
    },
};

/// An attribute that every entry of RFC 4519 may have.
const DESCRIPTION: &str = "description";

impl Apply {
    /// Makes sure that entries are as they were read.
    pub(super) async fn expect(
        &mut self,
        bag: &Bag,
        target: &Target,
        expected: &Expected,
    ) -> Result<(), StoreError> {
        let Target::Rows(predicate) = target else { return self.claim(bag, target, expected).await };
        let plan = plan(bag, predicate, &*self.pool.rules()?)?;
        let selection =
            Selection { pool: &self.pool, bag, plan: &plan, fields: &expected.fields, limit: None };
        self.tell(|| format!("only if what was read of {} is still so", bag.name));
        let rows: Vec<Row> = selection.named_rows().await?.into_iter().map(|(_, row)| row).collect();
        if expected.is_met(&rows) { Ok(()) } else { Err(StoreError::PreconditionFailed) }
    }

    async fn claim(&mut self, bag: &Bag, target: &Target, expected: &Expected) -> Result<(), StoreError> {
        for entry in self.locate(bag, target).await? {
            let claim = async |dn: &str, _: Vec<RawControl>| {
                let fields: Vec<&str> = expected.fields.iter().map(|field| bag.field_name(*field)).collect();
                self.tell(|| format!("only if {dn} still has the {} that was read", fields.join(", ")));
                if !self.is_as_read(bag, dn, expected).await? {
                    return Err(StoreError::PreconditionFailed.into());
                }
                self.mark(bag, dn, expected).await
            };
            if self.on_entry(bag, &entry, Operation::Modify, claim).await?.is_none() {
                return Err(StoreError::PreconditionFailed);
            }
            if let (Some(anchor), Some(was)) = (entry.anchor, expected.rows.first()) {
                self.expected.insert(anchor.to_text(), was.clone());
            }
        }
        Ok(())
    }

    async fn is_as_read(&self, bag: &Bag, dn: &str, expected: &Expected) -> Result<bool, OpError> {
        let row = self.read(bag, dn, &expected.fields).await?.ok_or_else(vanished)?;
        Ok(expected.is_met(&[row]))
    }

    /// Gives the entry another change marker, if it has the one that was read.
    async fn mark(&self, bag: &Bag, dn: &str, expected: &Expected) -> Result<(), OpError> {
        let ([marker], Some(was)) = (expected.fields.as_slice(), expected.rows.first()) else {
            return Ok(());
        };
        let (Some(field), Some(value)) = (bag.fields.get(*marker), was.first(*marker)) else { return Ok(()) };
        if is_pseudo(&field.name) || !self.server.has_control(control::ASSERTION) {
            return Ok(());
        }
        let assert = control::assertion(&format!("({}={})", field.name, assertion(value, field.kind)))?;
        let edit = self.idle_edit(bag, dn, expected).await?;
        let outcome = self.send_edits(dn, (&[edit], None), &[assert]).await;
        if is(&outcome, ResultCode::AssertionFailed) && !self.is_as_read(bag, dn, expected).await? {
            return Err(StoreError::PreconditionFailed.into());
        }
        match outcome {
            Err(OpError::Refused(refusal)) if refusal.code != ResultCode::NoSuchObject => {
                tracing::warn!(
                    code = ?refusal.code,
                    "The directory does not let a version be claimed: another program may change the entry \
                     between the check of `If-Match` and the change."
                );
                Ok(())
            }
            other => other,
        }
    }

    /// An edit that changes nothing as long as the marker is the one that was read: the service may
    /// write the attribute anyway, and the entry has no value of it; or else it is the description.
    async fn idle_edit(&self, bag: &Bag, dn: &str, expected: &Expected) -> Result<Edit, OpError> {
        let is_absent = |f: &&usize| expected.rows.first().is_some_and(|row| row.all(**f).is_empty());
        let absent = expected.writable.iter().find(is_absent).and_then(|f| bag.fields.get(*f));
        if let Some(field) = absent {
            let attribute = field.name.clone();
            return Ok(Edit { action: Action::Replace, attribute, kind: field.kind, values: Vec::new() });
        }
        let field = crate::store::Field { name: DESCRIPTION.to_owned(), kind: FieldKind::Text, many: true };
        let described = Bag { fields: vec![field], key: Vec::new(), ..bag.clone() };
        let row = self.read(&described, dn, &[0]).await?.ok_or_else(vanished)?;
        let attribute = DESCRIPTION.to_owned();
        Ok(Edit { action: Action::Replace, attribute, kind: FieldKind::Text, values: row.all(0).to_vec() })
    }

    /// Modifies an entry in a way that fails if what is replaced is not there any more.
    pub(super) async fn modify_as_read(
        &self,
        bag: &Bag,
        dn: &str,
        (edits, password): (&[Edit], Option<NewPassword<'_>>),
        was: &Row,
        guard: Vec<RawControl>,
    ) -> Result<(), OpError> {
        let held = |name: &str| bag.find_field(name).map_or(&[][..], |field| was.all(field));
        let exact = exact(edits, &held);
        let outcome = self.send_edits(dn, (&exact, password), &guard).await;
        match &outcome {
            Err(OpError::Refused(refusal))
                if !matches!(refusal.code, ResultCode::NoSuchObject | ResultCode::AssertionFailed) => {}
            _ => return outcome,
        }
        // Either somebody was faster, or the server cannot compare the attribute, or the new values are bad.
        let fields: Vec<usize> = edits.iter().filter_map(|e| bag.find_field(&e.attribute)).collect();
        let expected = Expected { rows: vec![was.clone()], fields, others: false, writable: Vec::new() };
        if !self.is_as_read(bag, dn, &expected).await? {
            return Err(StoreError::PreconditionFailed.into());
        }
        self.modify(bag, dn, (edits, password), guard).await
    }
}

/// The edits, with each replacement as a removal of what is there and an addition.
fn exact<'v>(edits: &[Edit], held: &dyn Fn(&str) -> &'v [Value]) -> Vec<Edit> {
    let mut exact = Vec::with_capacity(edits.len());
    for edit in edits {
        let values = held(&edit.attribute);
        if edit.action != Action::Replace {
            exact.push(edit.clone());
            continue;
        }
        let part = |action, values: &[Value]| Edit { action, values: values.to_vec(), ..edit.clone() };
        exact.push(part(Action::Remove, values));
        exact.push(part(Action::Add, &edit.values));
    }
    exact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_names_what_it_replaces() {
        let edit = |action, attribute: &str, values: &[&str]| Edit {
            action,
            attribute: attribute.into(),
            kind: FieldKind::Text,
            values: values.iter().map(|v| (*v).into()).collect(),
        };
        let old = [Value::from("old")];
        let held = |name: &str| if name == "title" { &old[..] } else { &[][..] };
        let edits = [edit(Action::Replace, "title", &["new"]), edit(Action::Replace, "mail", &["m"])];
        let expected = [
            edit(Action::Remove, "title", &["old"]),
            edit(Action::Add, "title", &["new"]),
            edit(Action::Remove, "mail", &[]),
            edit(Action::Add, "mail", &["m"]),
        ];
        assert_eq!(exact(&edits, &held), expected);
        let plain = [edit(Action::Add, "member", &["x"])];
        assert_eq!(exact(&plain, &held), plain);
    }
}
