//! What the store has, from end to end: every resource of a type, as the row that it has or ought to have
//! in our own database.
//!
//! A survey keeps no more than a batch in memory, beside what the store's own driver holds.

use std::cell::RefCell;

use crate::{
    correlation::{Buried, CorrelationError, NewRow, Row, bulk::BATCH},
    gateway::{Gateway, TypeId, identity::unside, remembered::note},
    mapping::{Ids, TypeMapping, lens::face::Reads, record::Record},
    scim::{Object, error::ScimError},
    store::{self, FieldId, Predicate, Select, StoreError, dn},
};

/// Resources that are read or asked for at once.
const AT_ONCE: usize = 500;

/// Why a survey did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The store does not answer, or refuses.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// Resources could not be read.
    #[error("the store: {}", .0.detail())]
    Read(#[from] ScimError),
    /// Our own database.
    #[error("{0}")]
    Correlation(#[from] CorrelationError),
}

/// What is done with each batch.
pub type Each<'a> = dyn FnMut(Vec<NewRow>) -> Result<(), CorrelationError> + 'a;

impl Gateway {
    /// How the ids of a type come about.
    #[must_use]
    pub fn ids_of(&self, ty: TypeId) -> Option<Ids> {
        self.mapping.types.get(ty).map(|mapping| mapping.ids)
    }

    /// What it means if a resource turns up whose row says that it was deleted.
    #[must_use]
    pub fn buried_of(&self, ty: TypeId) -> Buried {
        self.mapping.types.get(ty).map_or(Buried::Report, TypeMapping::buried)
    }

    /// The id that follows from the anchor of a resource.
    #[must_use]
    pub fn derived_id_of(&self, ty: TypeId, anchor: &str) -> Option<String> {
        let mapping = self.mapping.types.get(ty).filter(|mapping| mapping.ids == Ids::Derived)?;
        Some(mapping.new_id(self.correlation.tenant(), anchor))
    }

    /// True if two locators tell one place.
    #[must_use]
    pub fn is_same_place(&self, ty: TypeId, a: &str, b: &str) -> bool {
        let is_ldap = self.mapping.types.get(ty).is_some_and(TypeMapping::is_ldap);
        a == b || (is_ldap && dn::normalise(a).is_some_and(|a| Some(a) == dn::normalise(b)))
    }

    /// How many resources of a type the store has.
    ///
    /// # Errors
    ///
    /// [`SurveyError`].
    pub async fn population(&self, ty: TypeId) -> Result<u64, SurveyError> {
        let mapping = self.ty(ty)?;
        Ok(self.store.count(mapping.bag().clone(), self.unprotected(mapping)).await?)
    }

    /// Goes through the resources of a type. Returns how many there were. `each` is called on this thread,
    /// which may be blocked while it works; meanwhile the store waits.
    ///
    /// # Errors
    ///
    /// [`SurveyError`]; what `each` was given before stands.
    pub async fn survey(&self, ty: TypeId, each: &mut Each<'_>) -> Result<u64, SurveyError> {
        let mapping = self.ty(ty)?;
        // What tells more than the root's row does is read as a listing reads it.
        let is_plain = !mapping.shape.parts.iter().any(|part| part.remember);
        if is_plain && self.protection_is_exact(mapping) {
            self.survey_keys(mapping, each).await
        } else {
            self.survey_records(ty, mapping, each).await
        }
    }

    async fn survey_keys(&self, mapping: &TypeMapping, each: &mut Each<'_>) -> Result<u64, SurveyError> {
        let now = crate::ops::clock::now();
        let batches = RefCell::new(Batches { each, waiting: Vec::new(), total: 0, failure: None });
        let hand_over = |row: &store::Row| -> Option<Box<str>> {
            let anchor = mapping.anchor(row)?;
            let locator = mapping.locator_of(row);
            let id = mapping.new_id(self.correlation.tenant(), &anchor);
            batches.borrow_mut().push(NewRow::new(id, anchor, locator, now));
            None
        };
        let select = Select { predicate: self.unprotected(mapping), ..keys_of(mapping) };
        self.store.select_texts(select, &hand_over).await?;
        batches.into_inner().finish()
    }

    async fn survey_records(
        &self,
        ty: TypeId,
        mapping: &TypeMapping,
        each: &mut Each<'_>,
    ) -> Result<u64, SurveyError> {
        let select = Select { predicate: self.unprotected(mapping), ..keys_of(mapping) };
        let anchor = |row: &store::Row| mapping.anchor(row).map(String::into_boxed_str);
        let anchors = self.store.select_texts(select, &anchor).await?;
        let mut batches = Batches { each, waiting: Vec::new(), total: 0, failure: None };
        let now = crate::ops::clock::now();
        for anchors in anchors.chunks(AT_ONCE) {
            let predicate = mapping.anchor_predicate(anchors.iter().map(|anchor| &**anchor));
            for record in self.load(ty, predicate, &roots(mapping), None).await? {
                let Some(anchor) = mapping.anchor_of(&record) else { continue };
                let id = mapping.new_id(self.correlation.tenant(), &anchor);
                let mut row = NewRow::new(id, anchor, mapping.locator(&record), now);
                row.sidecar = noted(mapping, &record);
                batches.push(row);
            }
        }
        batches.finish()
    }

    /// Those of some rows of a type whose resources the store does not have, and that no change gives another key.
    ///
    /// # Errors
    ///
    /// [`SurveyError`]: without an answer of the store nobody is missed.
    pub async fn absent<'r>(&self, ty: TypeId, rows: &[&'r Row]) -> Result<Vec<&'r Row>, SurveyError> {
        let mapping = self.ty(ty)?;
        let mut absent = Vec::new();
        for rows in rows.chunks(AT_ONCE) {
            let predicate = mapping.anchor_predicate(rows.iter().map(|row| row.anchor.as_str()));
            let found = self.load(ty, predicate, &roots(mapping), None).await?;
            let found: std::collections::HashSet<String> =
                found.iter().filter_map(|record| mapping.anchor_of(record)).collect();
            absent.extend(rows.iter().copied().filter(|row| !found.contains(&row.anchor)));
        }
        Ok(self.not_leaving(ty, absent).await?)
    }
}

/// What is remembered of a resource that is seen for the first time.
pub(super) fn noted(mapping: &TypeMapping, record: &Record) -> Option<String> {
    let mut kept = Object::new();
    note(mapping, record, &mut kept);
    unside(kept).1
}

/// The least that there is to read of a resource.
pub(super) fn roots(mapping: &TypeMapping) -> Reads {
    let mut reads = Reads::default();
    reads.part(&mapping.shape, 0);
    reads
}

/// A read of what identifies resources, and of where they are.
fn keys_of(mapping: &TypeMapping) -> Select {
    let mut fields: Vec<FieldId> = mapping.bag().key.clone();
    fields.extend(mapping.find_root("dn").filter(|_| mapping.is_ldap()));
    fields.sort_unstable();
    fields.dedup();
    let bag = mapping.bag().clone();
    Select { bag, predicate: Predicate::True, fields, order: Vec::new(), offset: 0, limit: None }
}

/// Collects what is handed over into batches.
struct Batches<'b, 'e> {
    each: &'b mut Each<'e>,
    waiting: Vec<NewRow>,
    total: u64,
    failure: Option<CorrelationError>,
}

impl Batches<'_, '_> {
    fn push(&mut self, row: NewRow) {
        self.total += 1;
        if self.failure.is_some() {
            return;
        }
        self.waiting.push(row);
        if self.waiting.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.waiting.is_empty() && self.failure.is_none() {
            self.failure = (self.each)(std::mem::take(&mut self.waiting)).err();
        }
    }

    fn finish(mut self) -> Result<u64, SurveyError> {
        self.flush();
        match self.failure {
            Some(error) => Err(error.into()),
            None => Ok(self.total),
        }
    }
}
