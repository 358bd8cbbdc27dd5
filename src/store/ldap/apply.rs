//! Applies steps, one request after the other.
//!
//! LDAP has no transactions that all servers know. When a step fails, entries
//! that earlier steps of the list added are deleted and renamed ones renamed
//! back, and modified ones get back what they held, as far as the directory lets
//! us. A step whose answer was lost may have happened: the caller finds out by
//! looking ([`StoreError::Unsure`]).
//!
//! **Invariant:** a change of an existing entry reaches only the entry that
//! carries the anchor. Where the server can be trusted with the assertion
//! control (RFC 4528) it checks that in the same operation; elsewhere the anchor
//! is read just before. In Active Directory that read also tells whether the entry
//! is privileged, and such a one is never changed (`privileged`). An entry that has moved is looked up by its anchor, once.

mod entry_steps;
mod expect;
mod password;
mod privileged;
mod rehearse;
mod target;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{
    entry::{CONTAINER, DN, is_pseudo},
    modify::{Action, Edit},
    pool::Pool,
    request::Request,
    result::Operation,
    server::Server,
};
use crate::store::{
    Bag, Cell, Change, Channel, FieldId, Report, Row, Step, StoreError, Value, dn::normalise,
};

/// A list of steps on its way.
pub(super) struct Apply {
    pool: Rc<Pool>,
    server: Rc<Server>,
    done: Vec<Done>,
    undo: Vec<Undo>,
    /// Normal form of a DN before a rename of this list → the DN after it.
    renamed: HashMap<String, String>,
    /// Normal forms of DNs that this list made; there is no anchor yet to check.
    own: HashSet<String>,
    /// Normal forms of DNs of entries that this list made or changed together with their passwords.
    with_password: HashSet<String>,
    /// Anchors of the entries that must not be changed by others → what they held.
    expected: HashMap<String, Row>,
    /// True while steps are left that may fail, so that this one may have to be taken back.
    is_followed: bool,
    /// What would be sent, if nothing is to be sent.
    rehearsed: Option<RefCell<Vec<String>>>,
}

/// What a step reported, and for which fields.
#[derive(Default)]
struct Done {
    fields: Vec<FieldId>,
    report: Report,
}

/// How to take back a step.
enum Undo {
    Delete { dn: String },
    Rename { from: String, to: String },
    Modify { dn: String, edits: Vec<Edit> },
}

impl Apply {
    pub(super) async fn new(pool: Rc<Pool>) -> Result<Self, StoreError> {
        let server = pool.server().await?;
        Ok(Self {
            pool,
            server,
            done: Vec::new(),
            undo: Vec::new(),
            renamed: HashMap::new(),
            own: HashSet::new(),
            with_password: HashSet::new(),
            expected: HashMap::new(),
            is_followed: false,
            rehearsed: None,
        })
    }

    /// Runs the steps.
    ///
    /// # Errors
    ///
    /// That of the first step that failed.
    pub(super) async fn run(mut self, steps: Vec<Step>) -> Result<Vec<Report>, StoreError> {
        self.refuse_privileged_targets(&steps).await?;
        let mut late = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let rest = steps.get(index + 1..).unwrap_or_default();
            // A password is the one change that cannot be taken back.
            if matches!(step, Step::Password { .. }) && !rest.is_empty() {
                late.push(step);
                self.done.push(Done::default());
                continue;
            }
            self.is_followed = !rest.is_empty() || !late.is_empty();
            let done = self.step_or_take_back(step, rest).await?;
            self.done.push(done);
        }
        for (index, step) in late.iter().enumerate() {
            self.is_followed = index + 1 < late.len();
            self.step_or_take_back(step, &[]).await?;
        }
        Ok(self.done.into_iter().map(|done| done.report).collect())
    }

    async fn step_or_take_back(&mut self, step: &Step, rest: &[Step]) -> Result<Done, StoreError> {
        match self.step(step, rest).await {
            // Whoever finds out what happened decides on the rest.
            done @ (Ok(_) | Err(StoreError::Unsure(_))) => done,
            Err(error) => match self.take_back().await {
                true => Err(error),
                false => Err(StoreError::Unsure(format!("{error}; an earlier step stays"))),
            },
        }
    }

    /// Runs a step; `rest` are those behind it.
    async fn step(&mut self, step: &Step, rest: &[Step]) -> Result<Done, StoreError> {
        match step {
            Step::Expect { bag, target, expected, .. } => {
                self.expect(bag, target, expected).await?;
                Ok(Done::default())
            }
            Step::Insert { bag, cells, report, unless_exists } => {
                let with = password::first(rest);
                self.insert(bag, (cells, with), report, *unless_exists).await
            }
            Step::Copy { bag, .. } | Step::Archive { bag, .. } => {
                Err(StoreError::Unsupported(format!("entries of {} cannot be copied", bag.name)))
            }
            Step::Find { bag, .. } | Step::Reopen { bag, .. } => {
                Err(StoreError::Unsupported(format!("entries of {} cannot be found or added", bag.name)))
            }
            Step::Update { bag, target, changes, required } => {
                let edits = self.edits(bag, changes)?;
                let with = password::of_entry(target, &edits, rest);
                let found = self.update(bag, target, &edits, with).await?;
                required_or_done(bag, found, *required)
            }
            Step::Delete { bag, target, required } => {
                let found = self.delete(bag, target).await?;
                required_or_done(bag, found, *required)
            }
            Step::Rename { bag, target, dn } => {
                let found = self.rename(bag, target, dn).await?;
                required_or_done(bag, found, true)
            }
            Step::Password { bag, target, password, channel } => {
                let found = match channel {
                    Channel::Exop => self.set_password(bag, target, password).await?,
                    Channel::UnicodePwd => self.set_unicode_pwd(bag, target, password).await?,
                };
                required_or_done(bag, found, true)
            }
        }
    }

    /// The values that a cell stands for.
    fn resolve(&self, cell: &Cell) -> Result<Vec<Value>, StoreError> {
        match cell {
            Cell::Values(values) => Ok(values.clone()),
            Cell::From { step, field } => {
                let missing = || StoreError::Corrupt(format!("step {step} reported no field {field}"));
                let done = self.done.get(*step).ok_or_else(missing)?;
                let at = done.fields.iter().position(|f| f == field).ok_or_else(missing)?;
                let values = done.report.get(at).ok_or_else(missing)?;
                Ok(values.iter().take(1).cloned().collect())
            }
        }
    }

    fn edits(&self, bag: &Bag, changes: &[Change]) -> Result<Vec<Edit>, StoreError> {
        changes
            .iter()
            .map(|change| {
                let (action, id, values) = match change {
                    Change::Set(id, cell) => (Action::Replace, id, self.resolve(cell)?),
                    Change::Add(id, values) => (Action::Add, id, values.clone()),
                    Change::Remove(id, values) => (Action::Remove, id, values.clone()),
                    Change::Floor(id, values) => (Action::Floor, id, values.clone()),
                    Change::Exchange(id, old, new) => (Action::Exchange, id, vec![old.clone(), new.clone()]),
                };
                let field = bag
                    .fields
                    .get(*id)
                    .ok_or_else(|| StoreError::Corrupt(format!("{} has no field {id}", bag.name)))?;
                if is_pseudo(&field.name) {
                    return Err(StoreError::Unsupported(format!(
                        "`{DN}` and `{CONTAINER}` change by a rename"
                    )));
                }
                Ok(Edit { action, attribute: field.name.clone(), kind: field.kind, values })
            })
            .collect()
    }

    /// True if an entry was added.
    fn has_added(&self) -> bool {
        self.undo.iter().any(|undo| matches!(undo, Undo::Delete { .. }))
    }

    /// Undoes, last first, what can be undone. False if something could not be.
    async fn take_back(&mut self) -> bool {
        let mut is_undone = true;
        while let Some(undo) = self.undo.pop() {
            let result = match &undo {
                Undo::Delete { dn } => self.send(Request::Delete { dn }, vec![]).await.map(|_| ()),
                Undo::Rename { from, to } => self.send_rename(from, to, vec![]).await,
                Undo::Modify { dn, edits } => self.send_edits(dn, (edits, None), &[]).await,
            };
            if let Err(error) = result {
                let error = error.into_store(Operation::Delete, "", "");
                tracing::warn!(%error, "A step failed, and an earlier one could not be taken back.");
                is_undone = false;
            }
        }
        is_undone
    }

    /// The DN that an entry has by now, if a step of this list renamed it.
    fn current_dn(&self, dn: &str) -> String {
        let mut dn = dn.to_owned();
        // Bounded: a list may rename back and forth.
        for _ in 0..self.renamed.len() {
            match self.renamed.get(&normal(&dn)) {
                Some(next) => dn.clone_from(next),
                None => break,
            }
        }
        dn
    }
}

fn required_or_done(bag: &Bag, found: bool, required: bool) -> Result<Done, StoreError> {
    match found || !required {
        true => Ok(Done::default()),
        false => Err(StoreError::NotFound { bag: bag.name.clone() }),
    }
}

/// The form of a DN that is equal for equal DNs; the text itself if it is none.
fn normal(dn: &str) -> String {
    normalise(dn).unwrap_or_else(|| dn.to_owned())
}
