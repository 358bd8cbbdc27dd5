//! Finds what pure computations need: resources behind references, holders of
//! inverse references, counters, free names. Each kind of need is answered in
//! one batch, never one search per member.

mod holders;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    gateway::{
        Context, Gateway, TypeId,
        identity::{Known, failed},
    },
    mapping::{
        TypeMapping,
        form::{Answers, Eval, Need, Pointed, cond::slot_test},
        lens::{Dangling, Rule, face::Reads},
        record::Record,
        shape::{FieldRef, PartId, Shape},
    },
    scim::error::ScimError,
    store::{FieldId, FieldKind, Fold, Predicate, Row, Select, Test, Value, Way, dn},
};

/// Most values in one batched look-up.
const BATCH: usize = 1000;

/// What pointers at one resource hold: all of them, and, where a shortcut lists more, the direct ones.
type Wanted = (Vec<String>, Vec<String>);

/// A value that our own database keeps of more resources than this tells too little to ask the store for them.
const MOST_ANCHORS: usize = 1000;

impl Gateway {
    /// Answers needs of computations about resources of type `ty`.
    pub(super) async fn resolve(
        &self,
        cx: &Context,
        ty: TypeId,
        needs: Vec<Need>,
        answers: &mut Answers,
    ) -> Result<(), ScimError> {
        let mut pointers: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut ids: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut inverses: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
        for need in needs {
            match need {
                Need::ByToId { reference, by } => pointers.entry(reference).or_default().push(by),
                Need::IdToBy { reference, id } => ids.entry(reference).or_default().push(id),
                Need::Inverse { inverse, by, direct } => {
                    inverses.entry(inverse).or_default().push((by, direct));
                }
                Need::Anchors { ref attribute, ref value } => {
                    let found = self.anchors(ty, attribute, value).await?;
                    if attribute.as_str() != "id" && found.len() > MOST_ANCHORS {
                        answers.unbounded.insert(need);
                    } else {
                        answers.lists.insert(need, found);
                    }
                }
                Need::Row { part, ref holds } => {
                    let found = self.looked_up(ty, part, holds).await?;
                    answers.rows.insert(need, found);
                }
                Need::Search { ref types, ref url } => {
                    let found = self.found(types, url).await?;
                    answers.lists.insert(need, found);
                }
                Need::Next { ref counter, .. } => {
                    let value = self.next(counter, given(answers, counter)).await?;
                    answers.values.insert(need, Some(value));
                }
                Need::Unique { part, field, ref stem, ref separator, ref container } => {
                    let place = (part, field, container.as_deref());
                    let value = self.free_name(ty, place, stem, separator).await?;
                    answers.values.insert(need, Some(Value::Text(value)));
                }
            }
        }
        for (reference, by) in pointers {
            self.follow(cx, ty, reference, by, answers).await?;
        }
        for (reference, ids) in ids {
            self.point(ty, reference, ids, answers).await?;
        }
        for (inverse, wanted) in inverses {
            self.invert(cx, ty, inverse, wanted, answers).await?;
        }
        Ok(())
    }

    /// The row of a looked-up part whose fields hold these texts; of several the first by key.
    async fn looked_up(
        &self,
        ty: TypeId,
        part: PartId,
        holds: &[(FieldId, String)],
    ) -> Result<Option<Row>, ScimError> {
        let bag = self.ty(ty)?.shape.part(part).bag.clone();
        let tests = holds.iter().map(|(field, text)| Predicate::equals(*field, Value::Text(text.clone())));
        let select = Select {
            predicate: tests.fold(Predicate::True, Predicate::and),
            fields: (0..bag.fields.len()).collect(),
            order: bag.key.clone(),
            offset: 0,
            limit: Some(1),
            bag,
        };
        let rows = self.store.select(select).await.map_err(|e| super::error::reading(&e))?;
        Ok(rows.into_iter().next())
    }

    /// Stored pointers → resources.
    async fn follow(
        &self,
        _cx: &Context,
        ty: TypeId,
        reference: usize,
        by: Vec<String>,
        answers: &mut Answers,
    ) -> Result<(), ScimError> {
        let targets = self.ty(ty)?.references.get(reference).map(|t| t.types.clone()).unwrap_or_default();
        let mut left: BTreeSet<String> = by.into_iter().collect();
        for (target, field) in targets {
            if left.is_empty() {
                break;
            }
            let wanted: Vec<String> = left.iter().cloned().collect();
            for (key, pointed) in self.find_by_field(target, &field, &wanted).await? {
                if left.remove(&key) {
                    answers.pointed.insert(Need::ByToId { reference, by: key }, Some(pointed));
                }
            }
        }
        self.follow_moved(ty, reference, &mut left, answers).await?;
        let target = self.ty(ty)?.references.get(reference);
        if target.is_some_and(|t| t.dangling == Dangling::Reject) && !left.is_empty() {
            let name = self.ty(ty)?.resource_type.name.as_str();
            tracing::warn!(
                scim.resource_type = name,
                count = left.len(),
                "stored references point at nobody"
            );
        }
        for by in left {
            answers.pointed.insert(Need::ByToId { reference, by }, None);
        }
        Ok(())
    }

    /// Names that were read before their entries were renamed lead to the entries.
    async fn follow_moved(
        &self,
        ty: TypeId,
        reference: usize,
        left: &mut BTreeSet<String>,
        answers: &mut Answers,
    ) -> Result<(), ScimError> {
        let moved: HashMap<String, String> =
            left.iter().filter_map(|by| Some((self.moves.now(by)?, by.clone()))).collect();
        let targets = self.ty(ty)?.references.get(reference).map(|t| t.types.clone()).unwrap_or_default();
        for (target, field) in targets.into_iter().filter(|_| !moved.is_empty()) {
            let wanted: Vec<String> = moved.keys().cloned().collect();
            for (key, pointed) in self.find_by_field(target, &field, &wanted).await? {
                if let Some(by) = moved.get(&key).filter(|by| left.remove(*by)) {
                    answers.pointed.insert(Need::ByToId { reference, by: by.clone() }, Some(pointed));
                }
            }
        }
        Ok(())
    }

    /// The resources of a type whose field holds one of these texts, by the text as asked.
    pub(super) async fn find_by_field(
        &self,
        target: TypeId,
        field: &FieldRef,
        wanted: &[String],
    ) -> Result<Vec<(String, Pointed)>, ScimError> {
        let mapping = self.ty(target)?;
        let mut by_form: HashMap<String, Vec<&String>> = HashMap::new();
        for text in wanted {
            by_form.entry(comparable(&mapping.shape, field, text)).or_default().push(text);
        }
        let mut out = Vec::new();
        for batch in wanted.chunks(BATCH) {
            let values = batch.iter().map(|t| Value::Text(t.clone())).collect();
            let mut reads = mapping.reads_for(&|_| false);
            reads.field(&mapping.shape, field);
            let predicate = field_predicate(&mapping.shape, field, Test::OneOf(values, Fold::Exact));
            for (known, pointed) in self.pointed(target, predicate, reads).await? {
                for value in values_of(mapping, &known.record, field) {
                    let form = comparable(&mapping.shape, field, &value.to_text());
                    for text in by_form.get(&form).into_iter().flatten() {
                        out.push(((*text).clone(), pointed.clone()));
                    }
                }
            }
        }
        Ok(out)
    }

    /// The resources of a type that meet a predicate, as references show them.
    pub(super) async fn pointed(
        &self,
        target: TypeId,
        predicate: Predicate,
        mut reads: Reads,
    ) -> Result<Vec<(Known, Pointed)>, ScimError> {
        reads_name(self.ty(target)?, &mut reads);
        let records = self.load(target, predicate, &reads, None).await?;
        self.shown(target, records).await
    }

    /// As [`Self::pointed`], of what is found in a way that not every store has; `None`: this one has not.
    pub(super) async fn pointed_by(
        &self,
        target: TypeId,
        way: Way,
    ) -> Result<Option<Vec<(Known, Pointed)>>, ScimError> {
        let mapping = self.ty(target)?;
        let mut reads = mapping.reads_for(&|_| false);
        reads_name(mapping, &mut reads);
        match self.load_by(target, way, &reads).await? {
            Some(records) => self.shown(target, records).await.map(Some),
            None => Ok(None),
        }
    }

    /// Records as references show them.
    async fn shown(&self, target: TypeId, records: Vec<Record>) -> Result<Vec<(Known, Pointed)>, ScimError> {
        let mapping = self.ty(target)?;
        let display = mapping.find_rule(None, "displayName");
        let known = self.correlate(target, records).await?;
        let shown = known.into_iter().map(|known| {
            let name = display.and_then(|rule| mapping.display_of(rule, &known.record));
            let pointed = Pointed {
                resource_type: mapping.resource_type.name.clone(),
                endpoint: mapping.resource_type.endpoint.clone(),
                id: known.row.id.clone(),
                display: name,
                indirect: false,
            };
            (known, pointed)
        });
        Ok(shown.collect())
    }

    /// SCIM ids → what a reference stores. The target must exist: a stale row of ours is no target.
    async fn point(
        &self,
        ty: TypeId,
        reference: usize,
        ids: Vec<String>,
        answers: &mut Answers,
    ) -> Result<(), ScimError> {
        let targets = self.ty(ty)?.references.get(reference).map(|t| t.types.clone()).unwrap_or_default();
        let mut left: BTreeSet<String> = ids.into_iter().collect();
        for (target, field) in targets {
            let mapping = self.ty(target)?;
            let wanted: Vec<String> = left.iter().cloned().collect();
            for batch in wanted.chunks(BATCH) {
                let rows = self.rows_by_ids(target, batch).await?;
                let anchors: Vec<&str> = rows.iter().map(|r| r.anchor.as_str()).collect();
                let mut reads = mapping.reads_for(&|_| false);
                reads.field(&mapping.shape, &field);
                let predicate = mapping.anchor_predicate(anchors.into_iter());
                for record in self.load(target, predicate, &reads, None).await? {
                    let Some(anchor) = mapping.anchor_of(&record) else { continue };
                    let Some(row) = rows.iter().find(|r| r.anchor == anchor) else { continue };
                    let Some(value) = values_of(mapping, &record, &field).first().cloned() else { continue };
                    left.remove(&row.id);
                    answers.values.insert(Need::IdToBy { reference, id: row.id.clone() }, Some(value));
                }
            }
        }
        for id in left {
            answers.values.insert(Need::IdToBy { reference, id }, None);
        }
        Ok(())
    }

    /// The anchors of the resources with this id or client id, or that may have a value kept by us.
    async fn anchors(&self, ty: TypeId, attribute: &str, value: &str) -> Result<Vec<Pointed>, ScimError> {
        let resource_type = &self.ty(ty)?.resource_type;
        let name = &resource_type.name;
        let rows = match attribute {
            "id" => self.rows_by_ids(ty, &[value.to_owned()]).await?,
            "externalId" => {
                self.correlation.find_by_external_id(name, value).await.map_err(|e| failed(&e))?
            }
            path => self.correlation.find_by_kept(name, path, value).await.map_err(|e| failed(&e))?,
        };
        let pointed = rows.iter().map(|row| Pointed {
            resource_type: resource_type.name.clone(),
            endpoint: resource_type.endpoint.clone(),
            id: row.anchor.clone(),
            display: None,
            indirect: false,
        });
        Ok(pointed.collect())
    }
}

impl TypeMapping {
    /// What `displayName` reads as in the store.
    fn display_of(&self, rule: &Rule, record: &Record) -> Option<String> {
        let answers = Answers::new(crate::ops::clock::now(), "");
        let eval = Eval { shape: &self.shape, record, at: (0, 0), answers: &answers };
        let name = rule.lens.get_at(self, &eval, 0)?;
        name.as_str().map(str::to_owned)
    }
}

/// Adds what the name is made of that references show.
fn reads_name(mapping: &TypeMapping, reads: &mut Reads) {
    if let Some(rule) = mapping.find_rule(None, "displayName") {
        rule.lens.reads(mapping, reads);
    }
}

/// A test of a field, as a predicate on root rows.
pub(super) fn field_predicate(shape: &Shape, field: &FieldRef, test: Test) -> Predicate {
    shape.lift(field.part, 0, slot_test(shape, field).and(Predicate::Field(field.field, test)))
}

/// Text under which equal values of a field are equal.
pub(super) fn comparable(shape: &Shape, field: &FieldRef, text: &str) -> String {
    match shape.part(field.part).bag.fields.get(field.field).map(|f| f.kind) {
        Some(FieldKind::Dn) => dn::normalise(text).unwrap_or_else(|| text.to_owned()),
        _ => text.to_owned(),
    }
}

pub(super) fn values_of(mapping: &TypeMapping, record: &Record, field: &FieldRef) -> Vec<Value> {
    let answers = Answers::new(crate::ops::clock::now(), "");
    Eval { shape: &mapping.shape, record, at: (0, 0), answers: &answers }.values(field).to_vec()
}

/// The largest value that a counter gave to this request.
fn given(answers: &Answers, name: &str) -> Option<i64> {
    let values = answers.values.iter().filter_map(|(need, value)| match (need, value) {
        (Need::Next { counter, .. }, Some(Value::Int(value))) if counter == name => Some(*value),
        _ => None,
    });
    values.max()
}
