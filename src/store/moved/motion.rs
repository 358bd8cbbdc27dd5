//! Names that change or go, and changes that write them down: one behind the other, never at the same time.
//!
//! Servers that keep references in step by themselves do it a moment behind the change of the name, from what they had read
//! before: a value that was taken away in between comes back under the new name, and one that was added in between stays
//! behind.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::store::{Cell, Change, Step, Target, Value, dn::normalise};

/// Names in motion, and names that are being written down.
#[derive(Debug, Default)]
pub(super) struct Motion {
    uses: Mutex<Uses>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Uses {
    moving: HashSet<String>,
    written: HashMap<String, usize>,
}

/// The names of a list of steps, normalised.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    moving: HashSet<String>,
    written: HashSet<String>,
}

/// The right to carry steps out, until it is dropped.
#[derive(Debug)]
pub(super) struct Held<'m> {
    motion: &'m Motion,
    names: Names,
}

impl Names {
    /// Of steps.
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut names = Self::default();
        for step in steps {
            match step {
                Step::Rename { target: Target::Entry { dn, .. }, dn: new, .. } => {
                    names.moving.extend([dn, new].into_iter().filter_map(|dn| normalise(dn)));
                }
                Step::Delete { target: Target::Entry { dn, .. }, .. } => {
                    names.moving.extend(normalise(dn));
                }
                Step::Update { changes, .. } => {
                    changes.iter().flat_map(values).for_each(|value| names.write(value));
                }
                Step::Insert { cells, .. } => {
                    cells.iter().flat_map(|(_, cell)| given(cell)).for_each(|value| names.write(value));
                }
                _ => {}
            }
        }
        names
    }

    fn write(&mut self, value: &Value) {
        if let Value::Text(text) = value
            && text.contains('=')
        {
            self.written.extend(normalise(text));
        }
    }
}

fn given(cell: &Cell) -> &[Value] {
    match cell {
        Cell::Values(values) => values,
        Cell::From { .. } => &[],
    }
}

fn values(change: &Change) -> Vec<&Value> {
    match change {
        Change::Add(_, values) | Change::Remove(_, values) => values.iter().collect(),
        Change::Set(_, cell) => given(cell).iter().collect(),
        Change::Exchange(_, old, new) => vec![old, new],
        Change::Floor(..) => Vec::new(),
    }
}

impl Motion {
    /// Waits until none of the names is in motion, and nobody writes those down that move.
    pub(super) async fn take(&self, names: Names) -> Held<'_> {
        loop {
            // Before looking: whoever frees names meanwhile is heard.
            let freed = self.freed.notified();
            if self.uses().take(&names) {
                return Held { motion: self, names };
            }
            freed.await;
        }
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Uses {
    /// All of them or none, so that nobody waits in a circle.
    fn take(&mut self, names: &Names) -> bool {
        let is_busy = |dn: &String| self.moving.contains(dn) || self.written.contains_key(dn);
        if names.moving.iter().any(is_busy) || names.written.iter().any(|dn| self.moving.contains(dn)) {
            return false;
        }
        self.moving.extend(names.moving.iter().cloned());
        for dn in &names.written {
            *self.written.entry(dn.clone()).or_default() += 1;
        }
        true
    }

    fn give_back(&mut self, names: &Names) {
        for dn in &names.moving {
            self.moving.remove(dn);
        }
        for dn in &names.written {
            if let Some(count) = self.written.get_mut(dn) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.written.remove(dn);
                }
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.motion.uses().give_back(&self.names);
        self.motion.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::time::timeout;

    use super::*;

    fn names(moving: &[&str], written: &[&str]) -> Names {
        let set = |all: &[&str]| all.iter().map(|dn| (*dn).to_owned()).collect();
        Names { moving: set(moving), written: set(written) }
    }

    #[tokio::test]
    async fn a_name_moves_when_nobody_writes_it_down() {
        let motion = Arc::new(Motion::default());
        let soon = Duration::from_millis(20);
        let (one, other) =
            (motion.take(names(&[], &["a"])).await, motion.take(names(&[], &["a", "b"])).await);
        drop(one);
        assert!(timeout(soon, motion.take(names(&["a", "c"], &[]))).await.is_err(), "still written down");
        // Who waited has taken nothing.
        drop(timeout(soon, motion.take(names(&["c"], &[]))).await.unwrap());
        let waits = tokio::spawn({
            let motion = Arc::clone(&motion);
            async move { drop(motion.take(names(&["a"], &["a"])).await) }
        });
        tokio::task::yield_now().await;
        drop(other);
        timeout(Duration::from_secs(5), waits).await.unwrap().unwrap();
        let moving = motion.take(names(&["a"], &[])).await;
        assert!(timeout(soon, motion.take(names(&[], &["a"]))).await.is_err(), "in motion");
        drop(timeout(soon, motion.take(names(&[], &["b"]))).await.unwrap());
        drop(moving);
        drop(timeout(soon, motion.take(names(&[], &["a"]))).await.unwrap());
        let uses = motion.uses();
        assert!(uses.moving.is_empty() && uses.written.is_empty());
    }
}
