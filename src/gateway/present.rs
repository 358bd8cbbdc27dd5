//! From records to resources: the lenses read, references are resolved in
//! batches for all of them, and `id`, `meta` and `schemas` come from us.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    config::UnknownMembers,
    gateway::{
        Context, Gateway, TypeId,
        identity::{Known, side},
    },
    mapping::{
        TypeMapping,
        form::Answers,
        lens::{Lens, Rule, face::Reads},
    },
    scim::{
        Json, Object,
        error::ScimError,
        resource::{Selection, set_schemas},
    },
    store::Value,
};

/// A pure computation may need this many rounds of answers; more means a loop.
pub(super) const MAX_ROUNDS: usize = 16;

impl TypeMapping {
    /// The rows and fields that an answer needs.
    pub(super) fn reads_for(&self, wants: &dyn Fn(&Rule) -> bool) -> Reads {
        let mut reads = Reads::default();
        reads.part(&self.shape, 0);
        for rule in self.rules.iter().filter(|r| wants(r)) {
            rule.lens.reads(self, &mut reads);
        }
        reads
    }
}

/// Which rules an answer needs.
pub(super) fn wanted(selection: &Selection) -> impl Fn(&Rule) -> bool + '_ {
    |rule| selection.wants(rule.urn.as_deref(), &rule.attribute)
}

impl Gateway {
    /// Fresh answers for one request.
    pub(super) fn answers(&self, cx: &Context) -> Answers {
        let mut answers = Answers::new(crate::ops::clock::now(), &cx.principal.client);
        answers.base_url.clone_from(&cx.base_url);
        answers.skip_unknown = cx.principal.unknown_members == UnknownMembers::Skip;
        answers
    }

    /// The resources that records stand for, in their order, before attribute selection.
    pub(super) async fn resources(
        &self,
        cx: &Context,
        ty: TypeId,
        known: &[Known],
        wants: &dyn Fn(&Rule) -> bool,
    ) -> Result<Vec<Object>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut answers = self.answers(cx);
        for _ in 0..MAX_ROUNDS {
            let read: Vec<Object> =
                known.iter().map(|k| mapping.read(&k.record, &side(&k.row), &answers, wants)).collect();
            let needs = answers.take_needs();
            if needs.is_empty() {
                // A password is never part of what a resource reads as.
                let whole = mapping
                    .rules
                    .iter()
                    .all(|rule| matches!(rule.lens.bare(), Lens::Password(_)) || wants(rule));
                let finished = known.iter().zip(read).map(|(k, r)| finish(cx, mapping, k, r, whole));
                return Ok(finished.collect());
            }
            let needs = self.resolve_named(ty, known, needs, &mut answers).await?;
            self.resolve(cx, ty, needs, &mut answers).await?;
        }
        Err(ScimError::internal("The mapping's references do not come to an end."))
    }

    /// As [`resources`](Self::resources), with attribute selection.
    pub(super) async fn present(
        &self,
        cx: &Context,
        ty: TypeId,
        known: &[Known],
        selection: &Selection,
    ) -> Result<Vec<Object>, ScimError> {
        let resource_type = &self.ty(ty)?.resource_type;
        let resources = self.resources(cx, ty, known, &wanted(selection)).await?;
        Ok(resources.into_iter().map(|r| selection.project(r, resource_type)).collect())
    }

    /// As [`present`](Self::present), for one.
    pub(super) async fn present_one(
        &self,
        cx: &Context,
        ty: TypeId,
        known: Known,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let list = self.present(cx, ty, &[known], selection).await?;
        list.into_iter().next().ok_or_else(super::identity::not_found)
    }
}

/// Adds what is ours: `id`, `meta`, `schemas`.
fn finish(cx: &Context, mapping: &TypeMapping, known: &Known, mut resource: Object, whole: bool) -> Object {
    let row = &known.row;
    resource.insert("id".into(), row.id.as_str().into());
    if mapping.find_rule(None, "externalId").is_none()
        && let Some(external) = &row.external_id
    {
        resource.insert("externalId".into(), external.as_str().into());
    }
    let mapped = resource.remove("meta");
    let mut meta = Object::new();
    meta.insert("resourceType".into(), mapping.resource_type.name.as_str().into());
    let time = |name: &str, ours: OffsetDateTime| {
        let stored = mapped.as_ref().and_then(|m| m.get(name)).cloned();
        stored.unwrap_or_else(|| json!(rfc3339(ours)))
    };
    meta.insert("created".into(), time("created", row.created));
    meta.insert("lastModified".into(), time("lastModified", row.last_modified));
    let location = format!("{}{}/{}", cx.base_url, mapping.resource_type.endpoint, row.id);
    meta.insert("location".into(), location.into());
    if let Some(version) = version(mapping, known, &resource, whole) {
        meta.insert("version".into(), version.into());
    }
    resource.insert("meta".into(), Json::Object(meta));
    set_schemas(&mut resource, &mapping.resource_type);
    resource
}

/// A weak entity tag: from the store's own change marker, together with what our own database
/// keeps; without a marker, from the content, if the whole of it was read.
fn version(mapping: &TypeMapping, known: &Known, resource: &Object, whole: bool) -> Option<String> {
    let stored = mapping.version.and_then(|f| known.record.row(0, 0)?.now.first(f).map(Value::to_text));
    let mut hash = Sha256::new();
    match &stored {
        Some(marker) => hash.update(marker),
        None if whole => hash.update(serde_json::to_vec(resource).unwrap_or_default()),
        None => return None,
    }
    hash.update([0]);
    hash.update(known.row.external_id.as_deref().unwrap_or_default());
    hash.update([0]);
    hash.update(known.row.sidecar.as_deref().unwrap_or_default());
    let digest = hash.finalize();
    Some(format!("W/\"{}\"", hex::encode(digest.get(..10).unwrap_or_default())))
}

fn rfc3339(when: OffsetDateTime) -> String {
    let millis = when.replace_millisecond(when.millisecond()).unwrap_or(when);
    millis.format(&Rfc3339).unwrap_or_default()
}
