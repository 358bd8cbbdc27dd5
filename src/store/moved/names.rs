//! Names that entries of a directory gave away, for as long as somebody may still use them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{DN, motion::Motion};
use crate::store::{Bag, Cell, Step, Target, Value, dn::normalise};

/// How long a name is remembered: longer than a request may take.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Most names of one entry that are followed one after the other.
const CHAIN: usize = 8;
/// Names that entries have given away, and the ones that they have instead.
#[derive(Debug, Default)]
pub struct Moves {
    known: Mutex<HashMap<String, Move>>,
    pub(super) motion: Motion,
}

/// What an entry has instead of a name.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) bag: Arc<Bag>,
    /// None if the entry was deleted.
    pub(super) dn: Option<String>,
    when: Instant,
}

/// What was known of names before something was noted, in that order.
#[derive(Debug, Default)]
pub(super) struct Before(Vec<(String, Option<Move>)>);

impl Moves {
    /// The name of an entry that had this one, if it was given away lately.
    #[must_use]
    pub fn now(&self, dn: &str) -> Option<String> {
        self.find(dn)?.dn
    }

    pub(super) fn find(&self, dn: &str) -> Option<Move> {
        let known = self.known();
        if known.is_empty() {
            return None;
        }
        let mut found: Option<Move> = None;
        let mut name = normalise(dn)?;
        for _ in 0..CHAIN {
            let Some(next) = known.get(&name).filter(|next| next.when.elapsed() < REMEMBERED) else { break };
            found = Some(next.clone());
            let Some(dn) = &next.dn else { break };
            name = normalise(dn)?;
        }
        found
    }

    fn note(&self, bag: &Arc<Bag>, from: &str, to: &str, before: &mut Before) {
        let (Some(old), Some(new)) = (normalise(from), normalise(to)) else { return };
        let mut known = self.known();
        known.retain(|_, known| known.when.elapsed() < REMEMBERED);
        // Whoever comes back to a name has it.
        before.0.push((new.clone(), known.remove(&new)));
        if old != new {
            let dn = Some(to.to_owned());
            let instead = Move { bag: Arc::clone(bag), dn, when: Instant::now() };
            before.0.push((old.clone(), known.insert(old, instead)));
        }
    }

    /// Takes notes back: the store has refused what they were about. Nobody else may have noted anything of those names
    /// since.
    pub(super) fn take_back(&self, before: Before) {
        let mut known = self.known();
        for (name, instead) in before.0.into_iter().rev() {
            match instead {
                Some(instead) => known.insert(name, instead),
                None => known.remove(&name),
            };
        }
    }

    pub(super) fn note_gone(&self, bag: &Arc<Bag>, dn: &str) {
        let Some(name) = normalise(dn) else { return };
        let mut known = self.known();
        known.retain(|_, known| known.when.elapsed() < REMEMBERED);
        known.insert(name, Move { bag: Arc::clone(bag), dn: None, when: Instant::now() });
    }

    /// Notes the names that steps give and take.
    pub(super) fn note_renames(&self, steps: &[Step]) -> Before {
        let mut before = Before::default();
        for step in steps {
            match step {
                // Noted first: who does not find the entry any more knows where it is.
                Step::Rename { bag, target: Target::Entry { dn: from, .. }, dn } => {
                    self.note(bag, from, dn, &mut before);
                }
                // A name that is given to another one is not followed any more.
                Step::Insert { bag, cells, .. } => {
                    let names =
                        cells.iter().filter(|(f, _)| bag.fields.get(*f).is_some_and(|f| f.name == DN));
                    for (_, cell) in names {
                        if let Cell::Values(values) = cell {
                            for dn in values.iter().map(Value::to_text) {
                                self.note(bag, &dn, &dn, &mut before);
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        before
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Move>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Predicate;

    fn bag() -> Bag {
        let source = crate::store::Source::Table("t".to_owned());
        Bag { name: "User".to_owned(), source, fields: Vec::new(), key: Vec::new(), scope: Predicate::True }
    }

    #[test]
    fn names_are_followed_until_somebody_has_them() {
        let (moves, bag) = (Moves::default(), Arc::new(bag()));
        let now = |dn: &str| moves.now(dn);
        let note = |from: &str, to: &str| {
            let mut before = Before::default();
            moves.note(&bag, from, to, &mut before);
            before
        };
        note("uid=a,dc=x", "uid=b,dc=x");
        note("uid=b,dc=x", "uid=c,dc=x");
        assert_eq!(now("UID=A, dc=x").as_deref(), Some("uid=c,dc=x"));
        assert_eq!(now("uid=c,dc=x"), None);
        // It comes back to its second name.
        let back = note("uid=c,dc=x", "uid=b,dc=x");
        assert_eq!(now("uid=a,dc=x").as_deref(), Some("uid=b,dc=x"));
        assert_eq!(now("uid=b,dc=x"), None);
        // Another entry gets the first one.
        let given = note("uid=a,dc=x", "uid=a,dc=x");
        assert_eq!(now("uid=a,dc=x"), None);
        // Both were refused.
        moves.take_back(given);
        assert_eq!(now("uid=a,dc=x").as_deref(), Some("uid=b,dc=x"));
        moves.take_back(back);
        assert_eq!(now("uid=a,dc=x").as_deref(), Some("uid=c,dc=x"));
        assert_eq!(now("uid=c,dc=x"), None);
    }
}
