//! Uniqueness where the mapping asks for it, and free names.

mod claim;
mod client_id;

use std::sync::Arc;

use crate::{
    gateway::{
        Context, Gateway, TypeId, error, identity::failed, resolve::field_predicate, unique::claim::Claim,
    },
    mapping::{
        TypeMapping,
        form::Eval,
        lens::{Lens, Rule, face::Reads},
        record::Record,
        shape::PartId,
    },
    scim::{Json, Object, error::ScimError},
    store::{Bag, Coverage, Fold, Predicate, Select, Source, Test},
};

/// Of how many rows with the same name by the store's equality are compared by ours.
const MOST: u64 = 20;

impl TypeMapping {
    /// True if [claims](Gateway::claims) may be of this attribute.
    pub(super) fn tells_apart(&self, rule: &Rule) -> bool {
        let is_it =
            |claim: &Claim<'_>| (&claim.rule.urn, &claim.rule.attribute) == (&rule.urn, &rule.attribute);
        rule.attribute == "externalId" || self.unique_claims().iter().any(is_it)
    }
}

impl Gateway {
    /// Names of the locks that keep two requests from claiming one value at once.
    pub(super) fn claims(&self, ty: TypeId, wanted: &Object) -> Result<Vec<String>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut names = Vec::new();
        names.extend(mapping.only_client_id(wanted).map(|id| format!("{ty} externalId {id}")));
        for claim in mapping.unique_claims() {
            for value in claim.values(wanted) {
                names.push(format!("{ty} {} {}", claim.name(), comparable(value, claim.fold)));
            }
        }
        Ok(names)
    }

    /// Refuses a unique value that another resource has. `own` is the anchor of the one that is changed.
    pub(super) async fn check_unique(
        &self,
        cx: &Context,
        ty: TypeId,
        current: &Object,
        wanted: &Object,
        own: Option<&str>,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        if own.is_none() {
            self.check_client_id(cx, ty, wanted).await?;
        }
        for claim in mapping.unique_claims().into_iter().filter(|c| c.within.is_empty()) {
            let old = claim.values(current);
            for new in claim.values(wanted).into_iter().filter(|new| !old.contains(new)) {
                if self.is_taken(cx, ty, &claim, new, own, &Predicate::True).await? {
                    return Err(taken(&claim));
                }
            }
        }
        Ok(())
    }

    /// As [`check_unique`](Self::check_unique), for what is unique among some resources only: those that
    /// hold the same as the record will in certain fields.
    pub(super) async fn check_unique_within(
        &self,
        cx: &Context,
        ty: TypeId,
        wanted: &Object,
        (before, after): (&Record, &Record),
        own: Option<&str>,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        if before == after {
            return Ok(());
        }
        for claim in mapping.unique_claims().into_iter().filter(|c| !c.within.is_empty()) {
            let mut among = Predicate::True;
            for field in claim.within {
                let test = match after.values(&mapping.shape, (0, 0), field) {
                    [] => Predicate::Not(Box::new(field_predicate(&mapping.shape, field, Test::Present))),
                    values => {
                        field_predicate(&mapping.shape, field, Test::OneOf(values.to_vec(), Fold::Exact))
                    }
                };
                among = among.and(test);
            }
            for new in claim.values(wanted) {
                if self.is_taken(cx, ty, &claim, new, own, &among).await? {
                    return Err(taken(&claim));
                }
            }
        }
        Ok(())
    }

    async fn is_taken(
        &self,
        cx: &Context,
        ty: TypeId,
        claim: &Claim<'_>,
        value: &Json,
        own: Option<&str>,
        among: &Predicate,
    ) -> Result<bool, ScimError> {
        let mapping = self.ty(ty)?;
        if claim.lens.is_side() {
            return self.is_kept_elsewhere(ty, claim, value, own).await;
        }
        let Some(predicate) = unique_predicate(mapping, claim.lens, value, claim.fold) else {
            return Ok(false);
        };
        let mut reads = Reads::default();
        reads.part(&mapping.shape, 0);
        claim.lens.reads(mapping, &mut reads);
        // Where the store cannot tell who has the value, all are looked at.
        let is_told = self.store.coverage(mapping.bag(), &predicate) != Coverage::None;
        // Protected rows hold their names too.
        let select = Select {
            bag: mapping.bag().clone(),
            predicate: predicate.and(among.clone()),
            fields: mapping
                .bag()
                .key
                .iter()
                .copied()
                .chain(reads.parts.get(&0).into_iter().flatten().copied())
                .collect(),
            order: Vec::new(),
            offset: 0,
            limit: is_told.then_some(MOST),
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        let answers = self.answers(cx);
        for row in rows {
            let anchor = mapping.anchor(&row);
            if own.is_some() && anchor.as_deref() == own {
                continue;
            }
            // The store's equality may be wider than ours: what it found must really be the same.
            let is_whole = reads.parts.keys().all(|part| *part == 0);
            let record = match (is_whole, &anchor) {
                (false, Some(anchor)) => {
                    let only = mapping.anchor_predicate(std::iter::once(anchor.as_str()));
                    self.load(ty, only, &reads, Some(1)).await?.into_iter().next()
                }
                _ => Some(Record::stored(&mapping.shape, row)),
            };
            // One that is not ours to read has the name all the same.
            let Some(record) = record else { return Ok(true) };
            let eval = Eval { shape: &mapping.shape, record: &record, at: (0, 0), answers: &answers };
            let same = |json: &Json| comparable(json, claim.fold) == comparable(value, claim.fold);
            let found = claim.read(mapping, &eval);
            if found.is_empty() || found.iter().any(same) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// True if our own database keeps the value of another resource.
    async fn is_kept_elsewhere(
        &self,
        ty: TypeId,
        claim: &Claim<'_>,
        value: &Json,
        own: Option<&str>,
    ) -> Result<bool, ScimError> {
        let name = &self.ty(ty)?.resource_type.name;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rows = match claim.rule.urn.is_none() && claim.rule.attribute == "externalId" {
            true => self.correlation.find_by_external_id(name, &text).await,
            false => self.correlation.find_by_kept(name, &claim.path(), &text).await,
        };
        let rows = rows.map_err(|e| failed(&e))?;
        let same = |json: &&Json| comparable(json, claim.fold) == comparable(value, claim.fold);
        for row in rows.iter().filter(|row| own != Some(row.anchor.as_str())) {
            let side = super::identity::side(row);
            // Somebody may have removed it behind our back.
            if claim.values(&side).iter().any(same) && self.is_alive(ty, &row.id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A text that no row of a part holds in this field: the stem, or the stem with a number. A name of an
    /// entry is taken by any entry, also one that is not ours.
    pub(super) async fn free_name(
        &self,
        ty: TypeId,
        (part, field, container): (PartId, usize, Option<&str>),
        stem: &str,
        separator: &str,
    ) -> Result<String, ScimError> {
        let mapping = self.ty(ty)?;
        let select = Select {
            bag: beside(&mapping.shape.part(part).bag, field, container),
            predicate: Predicate::Field(field, Test::Starts(stem.to_owned(), Fold::Case)),
            fields: vec![field],
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        let taken: std::collections::HashSet<String> = rows
            .iter()
            .flat_map(|r| r.all(field))
            .map(|v| Fold::Case.apply(&v.to_text()).into_owned())
            .collect();
        let numbered = (2..).map(|n| format!("{stem}{separator}{n}"));
        let mut names = std::iter::once(stem.to_owned()).chain(numbered);
        names
            .find(|name| !taken.contains(&*Fold::Case.apply(name)))
            .ok_or_else(|| ScimError::internal("No free name was found."))
    }
}

impl TypeMapping {
    /// Which rows may have this value of a unique attribute, and the test of what they read as.
    pub(super) fn named_so(
        &self,
        attribute: &str,
        value: &Json,
    ) -> Option<(Predicate, impl Fn(&Json) -> bool)> {
        let mut claims = self.unique_claims().into_iter();
        let claim = claims.find(|c| c.rule.urn.is_none() && c.rule.attribute == attribute)?;
        let fold = claim.fold;
        let predicate =
            unique_predicate(self, claim.lens, value, fold).filter(|_| claim.within.is_empty())?;
        let wanted = comparable(value, fold);
        Some((predicate, move |found: &Json| comparable(found, fold) == wanted))
    }
}

/// Where a value must not be in use yet: among the rows, or, if it names an entry, among all entries there.
fn beside(bag: &Arc<Bag>, field: usize, container: Option<&str>) -> Arc<Bag> {
    match &bag.source {
        Source::Entries { bases, subtree, rdn, .. } if rdn.contains(&field) => {
            let (bases, subtree) = match container {
                Some(container) => (vec![container.to_owned()], false),
                None => (bases.clone(), *subtree),
            };
            let source = Source::Entries { bases, subtree, classes: Vec::new(), rdn: rdn.clone() };
            Arc::new(Bag { source, scope: Predicate::True, ..Bag::clone(bag) })
        }
        _ => bag.clone(),
    }
}

fn taken(claim: &Claim<'_>) -> ScimError {
    ScimError::uniqueness(format!("`{}` is in use already.", claim.attribute()))
}

/// The rows whose value is this one, under the folding: at least those.
fn unique_predicate(mapping: &TypeMapping, lens: &Lens, value: &Json, fold: Fold) -> Option<Predicate> {
    use crate::mapping::lens::{Scalar, Source};
    let scalar: &Scalar = match lens.bare() {
        Lens::Scalar(scalar) => scalar,
        Lens::First(list) => {
            return list
                .iter()
                .find(|l| l.is_writable())
                .and_then(|l| unique_predicate(mapping, l, value, fold));
        }
        _ => return None,
    };
    let Source::Field { field, codecs, map, .. } = &scalar.source else { return None };
    let encode = |value: &Json| scalar.encode(value, codecs, map.as_ref()).ok().flatten();
    let mut stored = vec![encode(value)?];
    // Stores know case, but not that full-width letters look like others (S-29).
    let plain =
        value.as_str().map(|text| confusable(text, fold)).filter(|plain| Some(&**plain) != value.as_str());
    stored.extend(plain.and_then(|plain| encode(&plain.into())));
    Some(field_predicate(&mapping.shape, field, Test::OneOf(stored, fold)))
}

/// A value in the form that is equal for values that are not told apart.
fn comparable(value: &Json, fold: Fold) -> String {
    match value {
        Json::String(text) => confusable(text, fold),
        other => other.to_string(),
    }
}

/// The form under which look-alikes collide: compatibility forms and case are folded (S-29).
fn confusable(text: &str, fold: Fold) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    match fold {
        Fold::Exact => text.to_owned(),
        Fold::Case => fold.apply(&text.nfkc().collect::<String>()).into_owned(),
    }
}
