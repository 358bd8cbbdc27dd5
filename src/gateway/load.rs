//! Reading records: root rows by a predicate, then the rows of each needed
//! part in one batch for all of them.

use std::collections::HashMap;

use crate::{
    gateway::{
        Gateway, TypeId, error,
        remembered::{is_chosen, with_remembered},
    },
    mapping::{
        TypeMapping,
        form::{Answers, Eval},
        lens::face::Reads,
        record::Record,
        shape::{Part, PartId},
    },
    scim::error::ScimError,
    store::{FieldId, FieldKind, Fold, Predicate, Row, Select, Test, Value, Way, dn},
};

/// Most values in one batched look-up.
const BATCH: usize = 1000;

impl Gateway {
    /// The records whose root row meets a predicate, without protected ones. `limit` bounds the root rows.
    pub(super) async fn load(
        &self,
        ty: TypeId,
        predicate: Predicate,
        reads: &Reads,
        limit: Option<u64>,
    ) -> Result<Vec<Record>, ScimError> {
        if predicate == Predicate::False {
            return Ok(Vec::new());
        }
        let mapping = self.ty(ty)?;
        let reads = with_remembered(mapping, with_protection(mapping, reads));
        let select = self.selection(mapping, predicate, &reads, limit);
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        self.records(mapping, rows, &reads).await
    }

    /// As [`Self::load`], of what is found in a way that not every store has; `None`: this one has not.
    pub(super) async fn load_by(
        &self,
        ty: TypeId,
        way: Way,
        reads: &Reads,
    ) -> Result<Option<Vec<Record>>, ScimError> {
        let mapping = self.ty(ty)?;
        let reads = with_remembered(mapping, with_protection(mapping, reads));
        let select = self.selection(mapping, Predicate::True, &reads, None);
        match self.store.select_by(select, way).await.map_err(|e| error::reading(&e))? {
            Some(rows) => self.records(mapping, rows, &reads).await.map(Some),
            None => Ok(None),
        }
    }

    /// Asks for root rows.
    fn selection(
        &self,
        mapping: &TypeMapping,
        predicate: Predicate,
        reads: &Reads,
        limit: Option<u64>,
    ) -> Select {
        let mut fields: Vec<FieldId> = reads.parts.get(&0).into_iter().flatten().copied().collect();
        fields.extend(&mapping.bag().key);
        fields.extend(mapping.find_root("dn").filter(|_| mapping.is_ldap()));
        fields.extend(mapping.version);
        fields.sort_unstable();
        fields.dedup();
        Select {
            bag: mapping.bag().clone(),
            predicate: predicate.and(self.unprotected(mapping)),
            fields,
            order: Vec::new(),
            offset: 0,
            limit,
        }
    }

    /// The records of root rows.
    async fn records(
        &self,
        mapping: &TypeMapping,
        rows: Vec<Row>,
        reads: &Reads,
    ) -> Result<Vec<Record>, ScimError> {
        let mut records: Vec<Record> =
            rows.into_iter().map(|row| Record::stored(&mapping.shape, row)).collect();
        self.load_parts(mapping, &mut records, reads).await?;
        let answers = Answers::new(crate::ops::clock::now(), "");
        if let Some(protect) = &mapping.protect {
            records.retain(|record| {
                !protect.holds(&Eval { shape: &mapping.shape, record, at: (0, 0), answers: &answers })
            });
        }
        Ok(records)
    }

    /// The predicate that leaves out protected rows.
    pub(super) fn unprotected(&self, mapping: &TypeMapping) -> Predicate {
        let Some(protect) = &mapping.protect else { return Predicate::True };
        let answers = Answers::new(crate::ops::clock::now(), "");
        let record = Record::create(&mapping.shape);
        let eval = Eval { shape: &mapping.shape, record: &record, at: (0, 0), answers: &answers };
        Predicate::Not(Box::new(protect.to_predicate(0, &eval)))
    }

    async fn load_parts(
        &self,
        mapping: &TypeMapping,
        records: &mut [Record],
        reads: &Reads,
    ) -> Result<(), ScimError> {
        let remembered = self.remembered(mapping, records).await?;
        for (part, fields) in reads.parts.iter().filter(|(part, _)| **part != 0) {
            let layout = mapping.shape.part(*part);
            if layout.opened.is_some() || layout.on.is_empty() {
                continue;
            }
            let parents = parents_by_link(mapping, *part, records);
            let links: Vec<&Vec<Value>> = parents.values().map(|(values, _)| values).collect();
            let mut rows = Vec::new();
            for batch in links.chunks(BATCH) {
                let select = Select {
                    bag: layout.bag.clone(),
                    predicate: link_predicate(layout, batch),
                    fields: fields.iter().copied().filter(|f| !layout.is_borrowed(*f)).collect(),
                    order: Vec::new(),
                    offset: 0,
                    limit: None,
                };
                rows.extend(self.store.select(select).await.map_err(|e| error::reading(&e))?);
            }
            sort(layout, &mut rows);
            let is_one = |index: usize, row: &Row| is_chosen(layout, remembered.get(index), row);
            attach(mapping, *part, rows, (&parents, &is_one), records);
        }
        records.iter_mut().for_each(|record| record.name_slots(&mapping.shape));
        Ok(())
    }
}

impl TypeMapping {
    /// True if the root's rows are entries.
    #[must_use]
    pub(super) fn is_ldap(&self) -> bool {
        matches!(self.bag().source, crate::store::Source::Entries { .. })
    }
}

fn with_protection(mapping: &TypeMapping, reads: &Reads) -> Reads {
    let mut reads = reads.clone();
    if let Some(protect) = &mapping.protect {
        reads.cond(&mapping.shape, protect);
    }
    reads
}

/// Link values → where their rows belong: (record, row of the parent part).
type Parents = HashMap<Vec<String>, (Vec<Value>, Vec<(usize, usize)>)>;

fn parents_by_link(mapping: &TypeMapping, part: PartId, records: &[Record]) -> Parents {
    let layout = mapping.shape.part(part);
    let mut parents = Parents::new();
    for (index, record) in records.iter().enumerate() {
        for (row, draft) in record.rows(layout.parent).iter().enumerate() {
            if !mapping.shape.hangs_on(part, &draft.now) {
                continue;
            }
            let beside = layout.beside.iter().map(|(_, other)| {
                record.values(&mapping.shape, (layout.parent, row), other).first().cloned()
            });
            let above = layout.on.iter().map(|(_, above)| draft.now.first(*above).cloned());
            let values: Option<Vec<Value>> = above.chain(beside).collect();
            let Some(values) = values else { continue };
            let key = layout.ties().zip(&values).map(|(own, v)| comparable(layout, own, v)).collect();
            parents.entry(key).or_insert_with(|| (values, Vec::new())).1.push((index, row));
        }
    }
    parents
}

/// Text under which equal values of a field are equal.
fn comparable(layout: &Part, field: FieldId, value: &Value) -> String {
    let text = value.to_text();
    match layout.bag.fields.get(field).map(|f| f.kind) {
        Some(FieldKind::Dn) => dn::normalise(&text).unwrap_or(text),
        _ => text,
    }
}

fn link_predicate(layout: &Part, links: &[&Vec<Value>]) -> Predicate {
    let ties: Vec<FieldId> = layout.ties().collect();
    if let [own] = ties.as_slice() {
        let values = links.iter().filter_map(|v| v.first().cloned()).collect();
        return Predicate::Field(*own, Test::OneOf(values, Fold::Exact));
    }
    Predicate::Any(
        links
            .iter()
            .map(|values| {
                ties.iter().zip(values.iter()).fold(Predicate::True, |all, (own, value)| {
                    all.and(Predicate::equals(*own, value.clone()))
                })
            })
            .collect(),
    )
}

/// Rows in the part's order, by key where it says nothing.
fn sort(layout: &Part, rows: &mut [Row]) {
    let by_key: Vec<(FieldId, bool)> = layout.bag.key.iter().map(|f| (*f, false)).collect();
    rows.sort_by(|a, b| {
        for (field, descending) in layout.order.iter().chain(&by_key) {
            let order = match (a.first(*field), b.first(*field)) {
                (Some(x), Some(y)) => {
                    x.compare(y, Fold::Exact).unwrap_or_else(|| x.to_text().cmp(&y.to_text()))
                }
                (x, y) => x.is_none().cmp(&y.is_none()),
            };
            let order = if *descending { order.reverse() } else { order };
            if order.is_ne() {
                return order;
            }
        }
        std::cmp::Ordering::Equal
    });
}

/// Whether a row may be one of a record's.
type IsOne<'a> = &'a dyn Fn(usize, &Row) -> bool;

fn attach(
    mapping: &TypeMapping,
    part: PartId,
    rows: Vec<Row>,
    (parents, is_one): (&Parents, IsOne<'_>),
    records: &mut [Record],
) {
    let layout = mapping.shape.part(part);
    for row in rows {
        let key: Option<Vec<String>> =
            layout.ties().map(|own| row.first(own).map(|v| comparable(layout, own, v))).collect();
        let Some((_, places)) = key.and_then(|k| parents.get(&k)) else { continue };
        for (index, parent) in places {
            let Some(record) = records.get_mut(*index).filter(|_| is_one(*index, &row)) else { continue };
            // Without `many` and slots only the first row counts.
            let single = !layout.many && layout.slot.is_empty();
            if single && record.rows(part).iter().any(|d| d.parent == *parent) {
                continue;
            }
            record.attach(&mapping.shape, part, row.clone(), *parent);
        }
    }
}
