//! A look at one resource for the operator: which row each of its values comes from.

use std::collections::BTreeMap;

use crate::{
    gateway::{Context, Gateway, TypeId, identity::not_found},
    mapping::{
        TypeMapping,
        lens::face::Reads,
        shape::PartId,
        uses::{Role, Uses},
    },
    scim::{Object, error::ScimError},
    store::{Fold, Row, Source, Value},
};

/// A resource and where it comes from.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The resource as clients see it.
    pub resource: Object,
    /// By attribute (`name.givenName`): what is stored of it.
    pub origins: BTreeMap<String, Vec<Origin>>,
}

/// What is stored of an attribute in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `people.first`.
    pub column: String,
    /// Which row: `id = 7`, or the DN of an entry.
    pub row: String,
    /// What is stored; `None` for NULL and for what must not be shown.
    pub stored: Option<String>,
    /// How it becomes the attribute: `as it is`, `through lower, map`.
    pub lens: String,
}

impl Gateway {
    /// The id of a resource: the one given, or that of the root row whose key this is.
    ///
    /// # Errors
    ///
    /// 404 if there is neither; 503.
    pub async fn id_of(&self, ty: TypeId, given: &str) -> Result<String, ScimError> {
        if let Some(row) = self.find_id(ty, given).await? {
            return Ok(row.id.clone());
        }
        let mapping = self.ty(ty)?;
        let mut reads = Reads::default();
        reads.part(&mapping.shape, 0);
        let records =
            self.load(ty, mapping.anchor_predicate(std::iter::once(given)), &reads, Some(2)).await?;
        let known = self.correlate(ty, records).await?;
        known.into_iter().next().map(|known| known.row.id.clone()).ok_or_else(not_found)
    }

    /// Reads a resource with everything that it is made of.
    ///
    /// # Errors
    ///
    /// As [`Gateway::retrieve`].
    pub async fn inspect(&self, cx: &Context, ty: TypeId, id: &str) -> Result<Inspection, ScimError> {
        let mapping = self.ty(ty)?;
        let before = self.before(cx, ty, id).await?;
        let record = &before.known.record;
        let mut origins: BTreeMap<String, Vec<Origin>> = BTreeMap::new();
        for used in &Uses::of(mapping).fields {
            let at = used.field;
            let part = mapping.shape.part(at.part);
            for draft in record.rows(at.part) {
                let Some(row) = &draft.was else { continue };
                let mut slot = at.slot.iter().flatten().zip(&part.slot);
                // Another name's row says nothing of this one.
                if slot.any(|(name, field)| row.first(*field).is_none_or(|v| !v.same(name, Fold::Exact))) {
                    continue;
                }
                let is_secret = matches!(used.role, Role::Password(_));
                let values: Vec<String> = row.all(at.field).iter().map(Value::to_text).collect();
                origins.entry(used.path.clone()).or_default().push(Origin {
                    column: column(mapping, at.part, part.bag.field_name(at.field)),
                    row: row_name(mapping, at.part, row),
                    stored: (!is_secret && !values.is_empty()).then(|| values.join(", ")),
                    lens: used.lens_words(),
                });
            }
        }
        Ok(Inspection { resource: before.resource, origins })
    }
}

/// Where a part's rows lie: its table, or the entry.
fn source(mapping: &TypeMapping, part: PartId) -> String {
    match &mapping.shape.part(part).bag.source {
        Source::Table(name) => name.clone(),
        Source::Names(names) => names.table.clone(),
        Source::Entries { .. } => "entry".to_owned(),
        Source::Items(_) => mapping.shape.part(part).name.clone(),
    }
}

/// Where a field lies: `people.first`. A name lies in one of several columns.
fn column(mapping: &TypeMapping, part: PartId, field: &str) -> String {
    let table = source(mapping, part);
    match &mapping.shape.part(part).bag.source {
        Source::Names(names) => {
            let columns: Vec<String> = names.columns.iter().map(|own| format!("{table}.{own}")).collect();
            columns.join(", ")
        }
        _ => format!("{table}.{field}"),
    }
}

/// What identifies a row; of an entry the DN, by which people look for it.
fn row_name(mapping: &TypeMapping, part: PartId, row: &Row) -> String {
    let bag = &mapping.shape.part(part).bag;
    let dn = bag.find_field("dn").filter(|_| matches!(bag.source, Source::Entries { .. }));
    if let Some(dn) = dn.and_then(|dn| row.first(dn)) {
        return dn.to_text();
    }
    let keys = bag.key.iter().map(|key| {
        let value = row.first(*key).map(Value::to_text).unwrap_or_default();
        format!("{} = {value}", bag.field_name(*key))
    });
    keys.collect::<Vec<_>>().join(", ")
}
