//! What all writes share: the lenses change a record until nothing is unknown,
//! uniqueness is checked under a lock, the plan is executed, and our own
//! database is brought in step with what the store then holds.
//!
//! Order of writes: a record of the journal if there is more than one effect, the store, then the
//! correlation row together with the end of the record. What is cut short in between is brought to its end
//! by [`journal`](super::journal).

use std::sync::Arc;

use crate::{
    correlation::Row,
    gateway::{
        Context, Gateway, TypeId, error,
        identity::{Known, failed, not_found, side, unside},
        journal::{Change, Intent, Ticket, is_off},
        pending,
        present::MAX_ROUNDS,
        remembered::note,
    },
    mapping::{TypeMapping, lens::face::Reads, record::Record, write::Written},
    plan::Plan,
    scim::{Object, error::ScimError, precondition::Preconditions, resource::Selection},
    store::{Predicate, Report, Target, Value},
};

/// How often a change is worked out anew because another program was faster.
const ATTEMPTS: u32 = 20;

/// Works a change out again when a document that it writes has been changed by somebody else since it was
/// read, and the client named no version.
pub(super) async fn again_if_overtaken<T, F: Future<Output = Result<T, ScimError>>>(
    conditions: &Preconditions,
    change: impl Fn() -> F,
) -> Result<T, ScimError> {
    for _ in 0..ATTEMPTS {
        match change().await {
            Err(error) if error.is_stale() && conditions.is_empty() => {}
            done => return done,
        }
    }
    Err(busy())
}

/// Others are faster, again and again.
pub(super) fn busy() -> ScimError {
    ScimError::unavailable("Others keep changing the same data; try again later.", 1)
}

/// What a write starts from.
pub(super) struct Before {
    /// The record, its id and what we keep of it.
    pub(super) known: Known,
    /// The whole resource as it reads.
    pub(super) resource: Object,
    /// What our own database shall keep of it, beside what the change says.
    pub(super) side: Object,
}

/// A change that nothing is done of yet.
struct WorkedOut<'w> {
    before: Before,
    written: Written,
    wanted: Object,
    plan: Plan,
    /// What our own database shall keep of the resource.
    side: Object,
    /// Its anchor afterwards.
    becomes: &'w str,
}

impl Gateway {
    /// Reads everything that a change may touch.
    pub(super) async fn before(&self, cx: &Context, ty: TypeId, id: &str) -> Result<Before, ScimError> {
        let mapping = self.ty(ty)?;
        let mut reads = Reads::everything(&mapping.shape);
        reads.parts.entry(0).or_default().extend(mapping.find_root("dn"));
        let known = self.find(ty, id, &reads).await?;
        let known = self.mended(cx, ty, known, &reads).await?;
        let resource = self.resources(cx, ty, std::slice::from_ref(&known), &|_| true).await?;
        let resource = resource.into_iter().next().ok_or_else(not_found)?;
        let side = side(&known.row);
        Ok(Before { known, resource, side })
    }

    /// The changed record of a wanted resource, with everything that only I/O can tell.
    pub(super) async fn written(
        &self,
        cx: &Context,
        ty: TypeId,
        base: &Record,
        side: &Object,
        current: &Object,
        wanted: &Object,
    ) -> Result<Written, ScimError> {
        let mapping = self.ty(ty)?;
        let mut answers = self.answers(cx);
        for _ in 0..MAX_ROUNDS {
            let written = mapping.write(base, side, current, wanted, &answers);
            let needs = answers.take_needs();
            if needs.is_empty() {
                return written;
            }
            self.resolve(cx, ty, needs, &mut answers).await?;
        }
        Err(ScimError::internal("The mapping's values do not come to an end."))
    }

    /// Carries out a plan.
    pub(super) async fn execute(&self, ty: TypeId, plan: &Plan) -> Result<Vec<Report>, ScimError> {
        let mapping = self.ty(ty)?;
        self.store.apply(plan.steps.clone()).await.map_err(|e| error::writing(&e, &self.mapping, mapping))
    }

    /// The plan of a changed record, with what its references ask for at their targets.
    pub(super) async fn plan(&self, cx: &Context, ty: TypeId, written: &Written) -> Result<Plan, ScimError> {
        let mapping = self.ty(ty)?;
        let mut plan = mapping.diff(written)?;
        for first in self.asked_there(cx, ty, written).await? {
            plan.precede(first.steps);
        }
        for undone in self.undone_there(cx, ty, &written.record).await? {
            // Without transactions what is read of a membership goes last: whoever repeats a request that
            // was cut short finds the rest still to be done.
            match mapping.is_ldap() {
                true => plan.precede(undone.steps),
                false => plan.append(undone),
            }
        }
        self.replant(ty, &written.record, &mut plan).await?;
        mapping.keep_floors(&written.record, &self.answers(cx), &mut plan);
        Ok(plan)
    }

    /// Changes a resource from what it was to what is wanted, and answers with what it is then.
    pub(super) async fn change(
        &self,
        cx: &Context,
        ty: TypeId,
        before: Before,
        conditions: &Preconditions,
        wanted: Object,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let claims = self.claims(ty, &wanted)?;
        // A change may be a part of another write: its place is not the stack.
        let change = Box::pin(self.change_in_turn(cx, ty, before, conditions, wanted, selection));
        self.in_turn(claims, change).await
    }

    /// As [`Self::change`], when it is its turn with the values that it claims.
    async fn change_in_turn(
        &self,
        cx: &Context,
        ty: TypeId,
        before: Before,
        conditions: &Preconditions,
        wanted: Object,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.ty(ty)?;
        let Before { known, resource, side: base } = &before;
        let own = Some(known.row.anchor.as_str());
        self.check_unique(cx, ty, resource, &wanted, own).await?;
        let kept = side(&known.row);
        let written = self.written(cx, ty, &known.record, base, resource, &wanted).await?;
        self.check_unique_within(cx, ty, &wanted, (&known.record, &written.record), own).await?;
        let mut plan = self.plan(cx, ty, &written).await?;
        plan.id = Some(known.row.id.clone());
        // Who comes points at the resource by the name that it has now, and follows if that changes.
        plan.precede(self.hold(cx, ty, &known.row.id, resource, &wanted).await?.steps);
        let mut side = written.side.clone();
        pending::forget(&mut side);
        keep_external_id(mapping, &mut side, &wanted);
        if plan.steps.is_empty() && side == kept {
            return self.present_one(cx, ty, before.known, selection).await;
        }
        mapping.keep_name(&mut side);
        let (row, becomes) = (Arc::clone(&known.row), new_anchor(mapping, &written.record));
        let becomes = becomes.unwrap_or_else(|| row.anchor.clone());
        let keys = (Some(row.anchor.as_str()), Some(becomes.as_str()));
        let worked_out = WorkedOut { before, written, wanted, plan, side, becomes: &becomes };
        let carried_out = self.carry_out(cx, ty, worked_out, conditions);
        let row = self.at_keys((ty, Some(&row.id)), keys, carried_out).await?;
        self.again(cx, ty, row, selection).await
    }

    /// Carries out a change that is worked out. Returns the correlation row as it is then.
    async fn carry_out(
        &self,
        cx: &Context,
        ty: TypeId,
        worked_out: WorkedOut<'_>,
        conditions: &Preconditions,
    ) -> Result<Arc<Row>, ScimError> {
        let mapping = self.ty(ty)?;
        let WorkedOut { before: Before { known, resource, .. }, written, wanted, mut plan, .. } = worked_out;
        let (mut new_side, becomes) = (worked_out.side, worked_out.becomes);
        let old = known.row.anchor.as_str();
        if !plan.steps.is_empty() {
            plan.repoint(self.followers(ty, &known.record, &written.record)?);
            if mapping.is_ldap() {
                let (first, last) = self.following(cx, ty, &known.record, &written.record).await?;
                plan.precede(first);
                plan.steps.extend(last);
            }
        }
        // A password of its own may switch on who is off, and be followed by what switches off again.
        let may_activate = plan.sets_password_apart() && is_off(&resource) && is_off(&wanted);
        // One transaction, or one modify of one entry, of which our own database need not know.
        let has_more = mapping.is_ldap() && (plan.has_many_effects() || plan.dn.is_some() || may_activate);
        let ticket = match has_more || new_side != side(&known.row) || becomes != old {
            false => Ticket::none(&self.journal),
            true => {
                let change = Change::new(cx, mapping, (&resource, &wanted), (old, becomes));
                let mut names = vec![format!("{ty} id {}", known.row.id)];
                names.extend(change.key_names(ty));
                self.begin(ty, (Some(&known.row.id), Intent::Change(change)), names).await?
            }
        };
        let is_planned = !plan.steps.is_empty();
        if is_planned {
            let is_noted = self.note_names(ty, &known, &written.record, &plan).await?;
            if conditions.names_version() {
                plan.precede(mapping.expectations(&known.record, root_of(mapping, &known)));
            }
            let outcome = self.execute(ty, &plan).await;
            if is_noted && outcome.as_ref().is_err_and(|error| !error.has_unknown_outcome()) {
                self.forget_names(&known).await?;
            }
            self.concluded(&ticket, outcome).await?;
            note(mapping, &written.record, &mut new_side);
        }
        if let Some(dn) = &plan.dn {
            self.repoint(cx, ty, &known, dn).await?;
        }
        if !pending::is_settled(&known) {
            self.mend_names(cx, ty, &known, &written.record, plan.dn.as_deref()).await?;
        }
        let anchor = if is_planned { becomes } else { old };
        if anchor != old {
            // Before the row follows: whoever read the store before that finds the one or the other.
            self.journal.gave_away(ty, old, &known.row.id);
        }
        self.remember(&known.row, anchor, new_side, (plan.dn.as_deref(), &ticket)).await
    }

    /// Brings the correlation row in step.
    async fn remember(
        &self,
        row: &Row,
        anchor: &str,
        side: Object,
        (locator, ticket): (Option<&str>, &Ticket<'_>),
    ) -> Result<Arc<Row>, ScimError> {
        let (external_id, sidecar) = unside(side);
        let mut new = row.clone();
        new.anchor = anchor.to_owned();
        new.external_id = external_id;
        new.sidecar = sidecar;
        new.last_modified = crate::ops::clock::now();
        if let Some(locator) = locator {
            locator.clone_into(&mut new.locator);
        }
        let updated = self.correlation.update_and_end(new, ticket.settlement()).await;
        let row = updated.map_err(|e| failed(&e))?.ok_or_else(not_found)?;
        ticket.is_over();
        Ok(row)
    }

    /// Reads a resource again after a change.
    pub(super) async fn again(
        &self,
        cx: &Context,
        ty: TypeId,
        row: Arc<Row>,
        selection: &Selection,
    ) -> Result<Object, ScimError> {
        let mapping = self.ty(ty)?;
        let reads = mapping.reads_for(&super::present::wanted(selection));
        let predicate: Predicate = mapping.anchor_predicate(std::iter::once(row.anchor.as_str()));
        let records = self.load(ty, predicate, &reads, Some(1)).await?;
        let record = records.into_iter().next().ok_or_else(not_found)?;
        self.present_one(cx, ty, Known { record, row }, selection).await
    }
}

/// Where the root row of a resource is.
pub(super) fn root_of(mapping: &TypeMapping, known: &Known) -> Target {
    let root = known.record.row(0, 0).and_then(|d| d.was.as_ref());
    let dn = mapping.find_root("dn").filter(|_| mapping.is_ldap());
    let key = mapping.bag().key.first();
    let entry = dn.and_then(|f| root?.first(f)).zip(key.and_then(|k| root?.first(*k)));
    match entry {
        Some((dn, anchor)) => Target::Entry { dn: dn.to_text(), anchor: anchor.clone() },
        None => Target::Rows(mapping.anchor_predicate(std::iter::once(known.row.anchor.as_str()))),
    }
}

/// The client's id is ours to keep where the mapping has no place for it.
pub(super) fn keep_external_id(mapping: &TypeMapping, side: &mut Object, wanted: &Object) {
    let kept = match mapping.find_rule(None, "externalId") {
        None => true,
        Some(rule) => matches!(rule.lens, crate::mapping::lens::Lens::Side),
    };
    if !kept {
        return;
    }
    match wanted.get("externalId") {
        Some(id) => {
            side.insert("externalId".into(), id.clone());
        }
        None => {
            side.remove("externalId");
        }
    }
}

/// The anchor after a change: another one if a natural key was renamed.
pub(super) fn new_anchor(mapping: &TypeMapping, record: &Record) -> Option<String> {
    record.row(0, 0).and_then(|d| mapping.anchor(&d.now))
}

/// The anchor of a new root row: what the store reported, else what was written.
pub(super) fn reported_anchor(
    mapping: &TypeMapping,
    plan: &Plan,
    reports: &[Report],
    record: &Record,
) -> Option<String> {
    let (step, fields) = plan.root_insert.as_ref()?;
    let report = reports.get(*step)?;
    let mut row = record.row(0, 0)?.now.clone();
    for (field, values) in fields.iter().zip(report) {
        if !values.is_empty() {
            row.set(*field, values.iter().map(Value::clone).collect());
        }
    }
    mapping.anchor(&row)
}
