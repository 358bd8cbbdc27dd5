//! Groups within groups: who holds a group holds its members, too, but not
//! directly. The groups above are found level by level, in one batch each; a directory that follows names itself
//! (Active Directory) is asked for all levels at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    gateway::{Gateway, TypeId, resolve::values_of},
    mapping::{form::Pointed, lens::Inverse},
    scim::error::ScimError,
    store::{FieldId, Way},
};

/// So many groups of a page are asked for at once.
const CONCURRENT: usize = 8;

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
    /// All holders above the found ones. `of_one`: all of these hold the same resource.
    pub(super) async fn nesting(
        &self,
        inverse: &Inverse,
        found: &[(String, Pointed)],
        of_one: bool,
    ) -> Result<Nesting, ScimError> {
        let mut nesting = Nesting::default();
        let mut level: BTreeSet<String> = found.iter().map(|(_, p)| p.id.clone()).collect();
        for depth in 0..MAX_DEPTH {
            level.retain(|id| !nesting.above.contains_key(id));
            if level.is_empty() {
                break;
            }
            let ids: Vec<String> = level.into_iter().collect();
            level = BTreeSet::new();
            let held = self.held_as(inverse, &ids).await?;
            if depth == 0
                && let Some(whole) = self.nesting_at_once(inverse, &held, of_one).await?
            {
                return Ok(whole);
            }
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

    /// As [`Self::nesting`], where the store follows the pointers itself, also through holders that are not shown: one
    /// question for all that hold the same resource, else one for each holder.
    async fn nesting_at_once(
        &self,
        inverse: &Inverse,
        held: &HashMap<String, Vec<String>>,
        of_one: bool,
    ) -> Result<Option<Nesting>, ScimError> {
        let mapping = self.ty(inverse.holder)?;
        let by = mapping.values_in(&inverse.by);
        let is_name = mapping.is_ldap() && by.is_some() && by == mapping.find_root("dn");
        let plain = is_name && inverse.codecs.is_empty() && inverse.more.is_empty();
        let Some(field) = mapping.values_in(&inverse.pointer).filter(|_| plain) else { return Ok(None) };
        let held: Vec<(String, Vec<String>)> = held.iter().map(|(n, ids)| (n.clone(), ids.clone())).collect();
        let questions = if of_one { vec![held] } else { held.into_iter().map(|one| vec![one]).collect() };
        let answers = questions.into_iter().map(|held| self.all_above(inverse.holder, field, held));
        let answers: Vec<Option<Nesting>> =
            stream::iter(answers).buffer_unordered(CONCURRENT).try_collect().await?;
        let mut nesting = Nesting::default();
        for answer in answers {
            let Some(answer) = answer else { return Ok(None) };
            nesting.above.extend(answer.above);
        }
        Ok(Some(nesting))
    }

    /// Those above any of these holders, told of each of them.
    async fn all_above(
        &self,
        holder: TypeId,
        field: FieldId,
        held: Vec<(String, Vec<String>)>,
    ) -> Result<Option<Nesting>, ScimError> {
        let (names, ids): (Vec<String>, Vec<Vec<String>>) = held.into_iter().unzip();
        let Some(found) = self.pointed_by(holder, Way::Chained { field, names }).await? else {
            return Ok(None);
        };
        let found: Vec<Pointed> = found.into_iter().map(|(_, pointed)| pointed).collect();
        let above = ids.into_iter().flatten().map(|id| (id, found.clone())).collect();
        Ok(Some(Nesting { above }))
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
