//! `adopt = "link"`: a POST takes over a resource of the store that has its name already and that no client
//! has made. What the POST gives is put on it; what it does not give stays.

use crate::{
    correlation::Row,
    gateway::{
        Context, Gateway, TypeId,
        identity::{Known, side},
        journal::Settled,
        write::{again_if_overtaken, busy},
    },
    mapping::{
        TypeMapping,
        form::{Answers, Eval},
        lens::face::Reads,
        record::Record,
    },
    scim::{Json, Object, error::ScimError, precondition::Preconditions, resource::Selection, validate},
};

/// The mark in the sidecar of a resource that a client made or took over: it comes with the change, in the same turn. No
/// attribute can have this name.
const MADE: &str = "@made";

/// Of how many resources with the same name by the store's equality are compared by ours.
const MOST: u64 = 20;

impl Gateway {
    /// Puts what a POST gives on the resource that it takes over, if there is one.
    ///
    /// # Errors
    ///
    /// As those of a PUT.
    pub(super) async fn adopt(
        &self,
        cx: &Context,
        ty: TypeId,
        given: &Object,
        selection: &Selection,
    ) -> Result<Option<Object>, ScimError> {
        let mapping = self.ty(ty)?;
        if !mapping.adopts {
            return Ok(None);
        }
        let Some(found) = self.namesake(ty, given).await? else { return Ok(None) };
        let id = found.row.id.clone();
        let open = &Preconditions::default();
        let take = async |own: Option<&Json>| {
            let mut before = match self.before(cx, ty, &id).await {
                // What was seen went back, or somebody has deleted it.
                Err(error) if error.status() == 404 => return Ok(None),
                before => before?,
            };
            // Somebody else's by now.
            if !is_free(&before.known.row, &before.resource, own) {
                return Ok(None);
            }
            mapping.mark_made(&mut before.side);
            let mut wanted = before.resource.clone();
            lay_over(&mut wanted, given);
            let wanted = validate::merge_replace(&before.resource, wanted, &mapping.resource_type)?;
            self.change(cx, ty, before, open, wanted, selection).await.map(Some)
        };
        // One that is only half made by the same request, sent before, is nobody's until its creation has ended.
        let once = async |own| {
            let write = || again_if_overtaken(open, || take(own));
            self.settled_of(cx, ty, &id, Vec::new(), write).await
        };
        let mut taken = once(None).await?;
        // What was given is there after all, but not the mark.
        if let Settled::Found(_) = taken {
            taken = once(given.get("externalId")).await?;
        }
        match taken {
            Settled::Answer(taken) => Ok(taken),
            Settled::Found(_) => Err(busy()),
        }
    }

    /// The one resource that clients may read with the name that a POST gives, if it is nobody's.
    async fn namesake(&self, ty: TypeId, given: &Object) -> Result<Option<Known>, ScimError> {
        let records = self.namesakes(ty, given, &Reads::default(), MOST).await?;
        match <[_; 1]>::try_from(records) {
            Ok(only) => Ok(self.correlate(ty, only.into()).await?.into_iter().next()),
            // None, or so many that it is not said which one is meant.
            Err(_) => Ok(None),
        }
    }

    /// The records of resources with the name that a POST gives; at most so many are looked at.
    pub(super) async fn namesakes(
        &self,
        ty: TypeId,
        given: &Object,
        also: &Reads,
        most: u64,
    ) -> Result<Vec<Record>, ScimError> {
        let mapping = self.ty(ty)?;
        let name =
            ["userName", "displayName"].into_iter().find(|name| mapping.find_rule(None, name).is_some());
        let Some((rule, value)) = name.and_then(|n| mapping.find_rule(None, n).zip(given.get(n))) else {
            return Ok(Vec::new());
        };
        let Some((predicate, is_same)) = mapping.named_so(&rule.attribute, value) else {
            return Ok(Vec::new());
        };
        let mut reads = mapping.reads_for(&|r| r.urn.is_none() && r.attribute == rule.attribute);
        reads.extend(also);
        let answers = Answers::new(crate::ops::clock::now(), "");
        let mut records = self.load(ty, predicate, &reads, Some(most)).await?;
        records.retain(|record| {
            let eval = Eval { shape: &mapping.shape, record, at: (0, 0), answers: &answers };
            rule.lens.get_at(mapping, &eval, 0).is_some_and(|found| is_same(&found))
        });
        Ok(records)
    }
}

impl TypeMapping {
    /// Marks what our own database keeps of a resource that a client has made.
    pub(super) fn mark_made(&self, side: &mut Object) {
        if self.adopts {
            side.insert(MADE.to_owned(), Json::Bool(true));
        }
    }
}

/// True if no client has made the resource, taken it over, or given it an id, other than the `own` one.
fn is_free(row: &Row, resource: &Object, own: Option<&Json>) -> bool {
    let kept = side(row);
    let given = [kept.get("externalId"), resource.get("externalId")];
    !kept.contains_key(MADE) && given.into_iter().flatten().all(|id| Some(id) == own)
}

/// Puts given values over what there is: lists as wholes, complex values by their sub-attributes.
fn lay_over(base: &mut Object, given: &Object) {
    for (name, value) in given {
        match (base.get_mut(name), value) {
            (Some(Json::Object(under)), Json::Object(over)) => lay_over(under, over),
            _ => {
                base.insert(name.clone(), value.clone());
            }
        }
    }
}
