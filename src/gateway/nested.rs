//! Groups within groups: who holds a group holds its members, too, but not
//! directly. The groups above are found level by level, in one batch each.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    gateway::{Gateway, resolve::values_of},
    mapping::{form::Pointed, lens::Inverse},
    scim::error::ScimError,
};

/// Deeper than people nest groups; what lies beyond is left out.
const MAX_DEPTH: usize = 32;

/// Who holds whom among the holders.
#[derive(Default)]
pub(super) struct Nesting {
    above: HashMap<String, Vec<Pointed>>,
}

impl Nesting {
    /// Adds those that hold one of the list, directly or not.
    pub(super) fn extend(&self, list: &mut Vec<Pointed>) {
        let mut seen: HashSet<String> = list.iter().map(|p| p.id.clone()).collect();
        let mut at = 0;
        while let Some(id) = list.get(at).map(|p| p.id.clone()) {
            for above in self.above.get(&id).into_iter().flatten() {
                if seen.insert(above.id.clone()) {
                    list.push(Pointed { indirect: true, ..above.clone() });
                }
            }
            at += 1;
        }
    }
}

impl Gateway {
    /// All holders above the found ones.
    pub(super) async fn nesting(
        &self,
        inverse: &Inverse,
        found: &[(String, Pointed)],
    ) -> Result<Nesting, ScimError> {
        let mut nesting = Nesting::default();
        let mut level: BTreeSet<String> = found.iter().map(|(_, p)| p.id.clone()).collect();
        for _ in 0..MAX_DEPTH {
            level.retain(|id| !nesting.above.contains_key(id));
            if level.is_empty() {
                break;
            }
            let ids: Vec<String> = level.into_iter().collect();
            level = BTreeSet::new();
            let held = self.held_as(inverse, &ids).await?;
            let texts: Vec<String> = held.keys().cloned().collect();
            let holders = if texts.is_empty() { Vec::new() } else { self.holders(inverse, &texts).await? };
            for id in ids {
                nesting.above.entry(id).or_default();
            }
            for (text, above) in holders {
                level.insert(above.id.clone());
                for id in held.get(&text).into_iter().flatten() {
                    nesting.above.entry(id.clone()).or_default().push(above.clone());
                }
            }
        }
        Ok(nesting)
    }

    /// What pointers at these resources of the holders' type hold, with their ids.
    async fn held_as(
        &self,
        inverse: &Inverse,
        ids: &[String],
    ) -> Result<HashMap<String, Vec<String>>, ScimError> {
        let mapping = self.ty(inverse.holder)?;
        let rows = self.rows_by_ids(inverse.holder, ids).await?;
        let mut reads = mapping.reads_for(&|_| false);
        reads.field(&mapping.shape, &inverse.by);
        let predicate = mapping.anchor_predicate(rows.iter().map(|row| row.anchor.as_str()));
        let mut out: HashMap<String, Vec<String>> = HashMap::new();
        for record in self.load(inverse.holder, predicate, &reads, None).await? {
            let anchor = mapping.anchor_of(&record);
            let Some(row) = rows.iter().find(|r| Some(&r.anchor) == anchor.as_ref()) else { continue };
            for value in values_of(mapping, &record, &inverse.by) {
                out.entry(value.to_text()).or_default().push(row.id.clone());
            }
        }
        Ok(out)
    }
}
