//! Goes through steps as if they were applied, and tells what would be sent instead of sending it.
//!
//! The directory is read wherever the steps themselves depend on what it holds: which entries a condition
//! means, whether an entry is there already. What is only a check on the way (is this entry still the one?)
//! is told as a comment.

use std::cell::RefCell;

use ldap3::controls::{Control, RawControl};

use super::{Apply, Undo};
use crate::store::{
    Bag, FieldId, Report, Step, StoreError, Value,
    ldap::{
        ldif::{self, comment},
        modify::{Action, Edit},
        request::Request,
        result::OpError,
    },
};

impl Apply {
    /// What would be sent for each of the steps: change records, and comments.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as far as the steps can be seen to fail.
    pub(in crate::store::ldap) async fn rehearse(
        mut self,
        steps: Vec<Step>,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        self.rehearsed = Some(RefCell::default());
        let mut told = Vec::with_capacity(steps.len());
        for (index, step) in steps.iter().enumerate() {
            let rest = steps.get(index + 1..).unwrap_or_default();
            let undone = self.undo.len();
            if matches!(step, Step::Password { .. }) && !rest.is_empty() {
                self.tell(|| "when all that follows is done".to_owned());
            }
            let done = self.step(step, rest).await?;
            self.done.push(done);
            let mut lines = self.rehearsed.take().map(RefCell::into_inner).unwrap_or_default();
            self.rehearsed = Some(RefCell::default());
            // A password that came with the entry is a step without a request.
            if lines.is_empty() {
                lines.push(comment("nothing more to send"));
            }
            if !rest.is_empty() {
                let undo = self.undo.get(undone..).unwrap_or_default();
                lines.extend(undo.iter().map(|undo| comment(&undo.told())));
                // What an entry holds before is read only when it is changed.
                if matches!(step, Step::Update { .. }) {
                    lines.push(comment("if a later change is refused: this is changed back"));
                }
            }
            told.push(lines);
        }
        Ok(told)
    }

    /// Sends a request, or tells it.
    pub(super) async fn send(
        &self,
        request: Request<'_>,
        controls: Vec<RawControl>,
    ) -> Result<Vec<Control>, OpError> {
        let Some(rehearsed) = &self.rehearsed else {
            crate::faults::point();
            let outcome = self.pool.write(request, controls).await;
            crate::faults::point();
            return outcome;
        };
        push(&mut rehearsed.borrow_mut(), ldif::record(&request, &controls));
        Ok(Vec::new())
    }

    pub(super) fn is_rehearsal(&self) -> bool {
        self.rehearsed.is_some()
    }

    /// Tells something, in a rehearsal.
    pub(super) fn tell(&self, text: impl FnOnce() -> String) {
        if let Some(rehearsed) = &self.rehearsed {
            push(&mut rehearsed.borrow_mut(), vec![comment(&text())]);
        }
    }

    /// What an entry that is not there yet would report.
    pub(super) fn supposed(bag: &Bag, fields: &[FieldId]) -> Report {
        let of =
            |field: &FieldId| vec![Value::Text(format!("({} of the new entry)", bag.field_name(*field)))];
        fields.iter().map(of).collect()
    }

    /// Tells which values come in if the server does not let an attribute go.
    pub(super) fn tell_floors(&self, edits: &[Edit]) {
        for edit in edits.iter().filter(|edit| edit.action == Action::Floor) {
            let values: Vec<String> = edit.values.iter().map(Value::to_text).collect();
            let (name, values) = (&edit.attribute, values.join(", "));
            let text =
                format!("if the server refuses that for want of `{name}`: again with {name}: {values}");
            if let Some(rehearsed) = &self.rehearsed {
                rehearsed.borrow_mut().push(comment(&text));
            }
        }
    }
}

/// A comment belongs to the record below it; two records have an empty line between them.
fn push(told: &mut Vec<String>, lines: Vec<String>) {
    if told.last().is_some_and(|line| !line.starts_with('#')) {
        told.push(String::new());
    }
    told.extend(lines);
}

impl Undo {
    fn told(&self) -> String {
        match self {
            Self::Delete { dn } => {
                format!("if a later change is refused: {dn} is deleted again")
            }
            Self::Modify { dn, .. } => format!("if a later change is refused: {dn} is changed back"),
            Self::Rename { from, to } => format!("if a later change is refused: {from} becomes {to} again"),
        }
    }
}
