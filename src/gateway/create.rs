//! POST (RFC 7644 §3.3).

use std::sync::Arc;

use time::{Duration, OffsetDateTime};

use crate::{
    auth::Action,
    correlation::{Buried, NewRow, Row, Settlement},
    gateway::{
        Context, Gateway, TypeId,
        identity::{failed, not_found, unside},
        journal::{Create, Intent, Settled},
        present::MAX_ROUNDS,
        remembered::note,
        write::{again_if_overtaken, busy, keep_external_id, new_anchor, reported_anchor},
    },
    mapping::{TypeMapping, form::Need, record::Record, write::Written},
    plan::Plan,
    scim::{
        Json, Object,
        error::ScimError,
        precondition::Preconditions,
        resource::Selection,
        schema::DataType,
        validate::{self, Purpose},
    },
};

/// What was written and cannot be found may not have come yet to the server that answers now. "Not found" would be no
/// answer to who did not ask for anything that is there.
pub(super) fn unread(error: ScimError) -> ScimError {
    match error.status() {
        404 => ScimError::unavailable("What was written cannot be read yet; try again later.", 1),
        _ => error,
    }
}

/// A resource that is to be made.
struct Planned<'w> {
    wanted: &'w Object,
    written: Written,
    plan: Plan,
    /// When it was begun.
    started: OffsetDateTime,
    intent: Intent,
    /// The locks that are held.
    names: Vec<String>,
}

impl Gateway {
    /// Creates a resource and answers with it as the store then holds it.
    ///
    /// # Errors
    ///
    /// 400, 403, 409 `uniqueness`, 503.
    pub async fn create(
        &self,
        cx: &Context,
        ty: TypeId,
        body: &Json,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.permitted(cx, ty, Action::Write)?;
        let body = self.with_constant_defaults(cx, ty, body).await?;
        let wanted = self.normalised(cx, ty, &body, Purpose::Create)?;
        if let Some(taken_over) = self.adopt(cx, ty, &wanted, selection).await? {
            return Ok(taken_over);
        }
        let intent = Create::new(cx, mapping, &wanted);
        let mut names = self.claims(ty, &wanted)?;
        let digest = intent.digest();
        names.push(format!("{ty} request {digest}"));
        let create = || self.create_once(cx, ty, &wanted, (intent.clone(), names.clone()), selection);
        let mut outcome = self.settled(names.clone(), create).await;
        // It was made after all: asked once more, it is found and told.
        if let Ok(Settled::Found(_)) = outcome {
            outcome = self.settled(names.clone(), create).await;
        }
        match outcome {
            Err(error) => Err(self.refused_for_good(ty, &digest, error).await?),
            Ok(Settled::Answer(made)) => Ok(made),
            Ok(Settled::Found(_)) => Err(busy()),
        }
    }

    /// The answer to a change that is known to have happened.
    pub(super) async fn it_is(
        &self,
        cx: &Context,
        ty: TypeId,
        id: &str,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let row = self.find_id(ty, id).await?.ok_or_else(not_found)?;
        self.again(cx, ty, row, selection).await.map_err(unread)
    }

    async fn create_once(
        &self,
        cx: &Context,
        ty: TypeId,
        wanted: &Object,
        (intent, names): (Create, Vec<String>),
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.ty(ty)?;
        if let Some(made) = self.made_before(cx, ty, &intent, selection).await? {
            return Ok(made);
        }
        let nothing = Object::new();
        self.check_unique(cx, ty, &nothing, wanted, None).await?;
        let (base, started) = (Record::create(&mapping.shape), crate::ops::clock::now());
        let written = self.written(cx, ty, &base, &nothing, &nothing, wanted).await?;
        mapping.would_be_ours(&written.record, &self.answers(cx))?;
        self.check_unique_within(cx, ty, wanted, (&base, &written.record), None).await?;
        let mut plan = self.plan(cx, ty, &written).await?;
        plan.steps.extend(self.joining(ty, &plan).await?);
        // The client names no version that could fail: nothing is written, and it may try again.
        let goes_back = mapping.is_ldap() && (plan.sets_password_apart() || plan.makes_several());
        let key = new_anchor(mapping, &written.record);
        let anchor = key.clone().filter(|_| !mapping.is_ldap());
        let intent = Intent::Create(intent.planned((plan.dn.clone(), anchor), goes_back));
        let planned = Planned { wanted, written, plan, started, intent, names };
        // Somebody may be giving it away, or be going with it.
        let key = key.filter(|_| mapping.has_given_key);
        let make = self.make(cx, ty, planned, selection);
        self.at_keys((ty, None), (None, key.as_deref()), make).await
    }

    /// Makes a resource as it is planned.
    async fn make(
        &self,
        cx: &Context,
        ty: TypeId,
        planned: Planned<'_>,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.ty(ty)?;
        let Planned { wanted, written, plan, started, intent, names } = planned;
        let (name, nothing) = (&mapping.resource_type.name, Object::new());
        let ticket = self.begin(ty, (None, intent), names).await?;
        let reports = self.concluded(&ticket, self.execute(ty, &plan).await).await;
        let reports = reports.map_err(|e| if e.is_stale() { busy() } else { e })?;
        let anchor = reported_anchor(mapping, &plan, &reports, &written.record)
            .ok_or_else(|| ScimError::internal("The store did not tell the key of the new row."))?;
        let mut kept = written.side;
        keep_external_id(mapping, &mut kept, wanted);
        note(mapping, &written.record, &mut kept);
        mapping.keep_name(&mut kept);
        mapping.mark_made(&mut kept);
        let (external_id, sidecar) = unside(kept);
        let locator = plan.dn.clone().unwrap_or_else(|| anchor.clone());
        let id = mapping.new_id(self.correlation.tenant(), &anchor);
        let mut row = NewRow::new(id, anchor, locator, crate::ops::clock::now());
        row.external_id = external_id;
        row.sidecar = sidecar;
        // The last change of all ends the record.
        let row = if mapping.holds_some(wanted) {
            self.introduced(name, row, started, ticket.naming()).await?.0
        } else {
            let (row, is_ended) = self.introduced(name, row, started, ticket.making()).await?;
            if is_ended {
                ticket.is_made();
            }
            row
        };
        // Others can point at it now that it is there; if they cannot, it must not stay.
        let open = Preconditions::default();
        let pointed = again_if_overtaken(&open, || async {
            let plan = self.hold(cx, ty, &row.id, &nothing, wanted).await?;
            if plan.steps.is_empty() { Ok(()) } else { self.execute(ty, &plan).await.map(drop) }
        });
        if let Err(error) = pointed.await {
            if !error.is_passing() {
                self.delete_once(cx, ty, &row.id, &open).await?;
                self.end(&ticket).await?;
            }
            return Err(error);
        }
        self.end_making(&ticket, &row.id).await?;
        let answer = self.again(cx, ty, row, selection).await.map_err(unread)?;
        ticket.is_told();
        Ok(answer)
    }

    /// The correlation row of a resource that was just made. One that was there before is of another, which
    /// had the same key and vanished unseen.
    async fn introduced(
        &self,
        name: &str,
        new: NewRow,
        started: OffsetDateTime,
        end: Option<impl Fn(&str) -> Settlement + Clone + Send + 'static>,
    ) -> Result<(Arc<Row>, bool), ScimError> {
        let missing = || ScimError::internal("The new resource got no id.");
        let insert = |row: NewRow| async {
            let inserted = self.correlation.insert_and_end(name, row, Buried::Mint, end.clone()).await;
            inserted.map_err(|e| failed(&e))
        };
        let (mut row, mut is_over) = insert(new.clone()).await?;
        // Times are kept in microseconds.
        if row.created + Duration::microseconds(1) < started {
            let gone = self.correlation.tombstone(&row, crate::ops::clock::now()).await;
            gone.map_err(|e| failed(&e))?;
            (row, is_over) = insert(new.clone()).await?;
        }
        if is_over || (&row.external_id, &row.sidecar) == (&new.external_id, &new.sidecar) {
            return Ok((row, is_over));
        }
        // Somebody saw it first.
        let mut seen = (*row).clone();
        (seen.external_id, seen.sidecar) = (new.external_id, new.sidecar);
        let is_over = end.is_some();
        let row = self
            .correlation
            .update_and_end(seen, end.map(|end| end(&row.id)))
            .await
            .map_err(|e| failed(&e))?;
        Ok((row.ok_or_else(missing)?, is_over))
    }

    /// Adds required attributes that the client left out and that always have a value, such as
    /// `active` (D-12): what a new record without a client's values reads as.
    async fn with_constant_defaults(&self, cx: &Context, ty: TypeId, body: &Json) -> Result<Json, ScimError> {
        let mapping = self.ty(ty)?;
        let (mut answers, nothing) = (self.answers(cx), Object::new());
        let base = Record::create(&mapping.shape);
        let mut record = mapping.write(&base, &nothing, &nothing, &nothing, &answers)?.record;
        // Counters and free names are not asked for here; no boolean reads them. Rows may be looked at.
        for _ in 0..MAX_ROUNDS {
            let needs = answers.take_needs().into_iter().filter(|need| matches!(need, Need::Row { .. }));
            let needs: Vec<Need> = needs.collect();
            if needs.is_empty() {
                break;
            }
            self.resolve(cx, ty, needs, &mut answers).await?;
            record = mapping.write(&base, &nothing, &nothing, &nothing, &answers)?.record;
        }
        let empty = mapping.read(&record, &nothing, &answers, &|_| true);
        Ok(fill_required(mapping, body, &empty))
    }

    /// A request's resource in canonical form.
    pub(super) fn normalised(
        &self,
        cx: &Context,
        ty: TypeId,
        body: &Json,
        purpose: Purpose,
    ) -> Result<Object, ScimError> {
        let mapping = self.ty(ty)?;
        let body =
            body.as_object().ok_or_else(|| ScimError::invalid_syntax("The body must be a JSON object."))?;
        let rules = validate::Rules { mode: cx.mode() };
        let normalised = validate::normalise(body, &mapping.resource_type, &rules, purpose)?;
        report_ignored(normalised.ignored.len());
        Ok(normalised.resource)
    }
}

/// Says how many names of a body nobody defines (D-6); which ones is the client's business.
pub(super) fn report_ignored(count: usize) {
    if count > 0 {
        tracing::info!(scim.ignored = count, "ignored attributes that the mapping does not have");
    }
}

/// Adds the required core attributes that `body` leaves out and `known` has.
pub(super) fn fill_required(mapping: &TypeMapping, body: &Json, known: &Object) -> Json {
    let mut body = body.clone();
    let Some(object) = body.as_object_mut() else { return body };
    for attribute in mapping.resource_type.core.attributes.iter().filter(|a| a.required) {
        let is_given = object.keys().any(|k| k.eq_ignore_ascii_case(&attribute.name));
        if let (false, DataType::Boolean, Some(value)) =
            (is_given, attribute.data_type, known.get(&attribute.name))
        {
            object.insert(attribute.name.clone(), value.clone());
        }
    }
    body
}
