//! Who points at resources: the inverse of a reference, in one batch for all that are asked for.

use std::collections::{BTreeSet, HashMap};

use super::{BATCH, Wanted, field_predicate};
use crate::{
    gateway::{Context, Gateway, TypeId, error},
    mapping::{
        form::{Answers, Need, Pointed},
        lens::Inverse,
    },
    scim::error::ScimError,
    store::{FieldId, Fold, Predicate, Row, Select, Test, Value},
};

impl Gateway {
    /// Resources → those that point at them.
    pub(super) async fn invert(
        &self,
        _cx: &Context,
        ty: TypeId,
        index: usize,
        wanted: Vec<Wanted>,
        answers: &mut Answers,
    ) -> Result<(), ScimError> {
        let Some(inverse) = self.ty(ty)?.inverses.get(index).cloned() else { return Ok(()) };
        let all: Vec<String> =
            wanted.iter().flat_map(|(by, _)| by).collect::<BTreeSet<_>>().into_iter().cloned().collect();
        let mut found: Vec<(String, Pointed)> = match &inverse.via {
            Some((_, holders)) => self.find_by_field(inverse.holder, holders, &all).await?,
            None => self.holders(&inverse, &all).await?,
        };
        // Who is in a list and found by a search is a direct member.
        for (text, pointed) in self.finders(ty, &inverse, &all).await? {
            if !found.iter().any(|(known, other)| *known == text && other.id == pointed.id) {
                found.push((text, pointed));
            }
        }
        let mut by_text: HashMap<&str, Vec<&Pointed>> = HashMap::new();
        for (text, pointed) in &found {
            by_text.entry(text).or_default().push(pointed);
        }
        let nesting = match &inverse.nested {
            Some(nested) => Some(self.nesting(nested, &found, wanted.len() == 1).await?),
            None => None,
        };
        let own: Vec<String> =
            wanted.iter().flat_map(|(_, own)| own).collect::<BTreeSet<_>>().into_iter().cloned().collect();
        let close: Vec<(String, Pointed)> =
            if inverse.superset { self.holders(&inverse, &own).await? } else { Vec::new() };
        for (by, direct) in wanted {
            let mut list: Vec<Pointed> = Vec::new();
            for pointed in by.iter().filter_map(|t| by_text.get(t.as_str())).flatten() {
                if !list.contains(pointed) {
                    list.push((*pointed).clone());
                }
            }
            if let Some(nesting) = &nesting {
                nesting.extend(&mut list);
            }
            if inverse.superset {
                let is_close = |p: &Pointed| close.iter().any(|(t, c)| direct.contains(t) && c.id == p.id);
                list.iter_mut().for_each(|p| p.indirect = !is_close(p));
            }
            list.sort_by(|a, b| (&a.display, &a.id).cmp(&(&b.display, &b.id)));
            answers.lists.insert(Need::Inverse { inverse: index, by, direct }, list);
        }
        Ok(())
    }

    /// The holders whose pointer leads to one of these values.
    pub(in crate::gateway) async fn holders(
        &self,
        inverse: &Inverse,
        wanted: &[String],
    ) -> Result<Vec<(String, Pointed)>, ScimError> {
        if inverse.codecs.is_empty() {
            return self.holders_of(inverse, wanted).await;
        }
        let stored: HashMap<String, &String> =
            wanted.iter().filter_map(|by| Some((inverse.stored(by)?, by))).collect();
        let texts: Vec<String> = stored.keys().cloned().collect();
        let found = self.holders_of(inverse, &texts).await?.into_iter();
        Ok(found.filter_map(|(text, pointed)| Some(((*stored.get(&text)?).clone(), pointed))).collect())
    }

    /// The holders whose pointer is stored as one of these texts.
    async fn holders_of(
        &self,
        inverse: &Inverse,
        wanted: &[String],
    ) -> Result<Vec<(String, Pointed)>, ScimError> {
        // The pointer is a field of the holder itself, not of a list.
        if inverse.part == 0 {
            let mut found = self.find_by_field(inverse.holder, &inverse.pointer, wanted).await?;
            for pointer in &inverse.more {
                found.extend(self.find_by_field(inverse.holder, pointer, wanted).await?);
            }
            return Ok(found);
        }
        let mapping = self.ty(inverse.holder)?;
        let layout = mapping.shape.part(inverse.part);
        let mut out = Vec::new();
        if layout.items().is_some() {
            let values = wanted.iter().map(|text| Value::Text(text.clone())).collect();
            let test = Test::OneOf(values, Fold::Exact);
            let predicate = field_predicate(&mapping.shape, &inverse.pointer, test);
            let mut reads = mapping.reads_for(&|_| false);
            reads.field(&mapping.shape, &inverse.pointer);
            // What the store finds of documents is more than what points here.
            for (known, pointed) in self.pointed(inverse.holder, predicate, reads).await? {
                let rows = known.record.rows(inverse.part).iter();
                let pointers = rows.filter_map(|d| d.now.first(inverse.pointer.field)).map(Value::to_text);
                let here = pointers.filter(|text| wanted.contains(text)).map(|text| (text, pointed.clone()));
                out.extend(here);
            }
            return Ok(out);
        }
        if layout.opened.is_some() {
            // The values of a list cannot be read one by one: one search per resource, without the list.
            for text in wanted {
                let test = Test::OneOf(vec![Value::Text(text.clone())], Fold::Exact);
                let predicate = field_predicate(&mapping.shape, &inverse.pointer, test);
                let reads = mapping.reads_for(&|_| false);
                let found = self.pointed(inverse.holder, predicate, reads).await?;
                out.extend(found.into_iter().map(|(_, pointed)| (text.clone(), pointed)));
            }
            return Ok(out);
        }
        for batch in wanted.chunks(BATCH) {
            out.extend(self.holders_by_rows(inverse, batch).await?);
        }
        Ok(out)
    }

    /// As [`holders`](Self::holders), where the pointers are rows of a table: those rows, then their holders.
    async fn holders_by_rows(
        &self,
        inverse: &Inverse,
        wanted: &[String],
    ) -> Result<Vec<(String, Pointed)>, ScimError> {
        let mapping = self.ty(inverse.holder)?;
        let layout = mapping.shape.part(inverse.part);
        let Some((own, above)) = layout.on.first().copied().filter(|_| layout.parent == 0) else {
            return Ok(Vec::new());
        };
        let values = wanted.iter().map(|t| Value::Text(t.clone())).collect();
        let select = Select {
            bag: layout.bag.clone(),
            predicate: Predicate::Field(inverse.pointer.field, Test::OneOf(values, Fold::Exact)),
            fields: layout.on.iter().map(|(own, _)| *own).chain([inverse.pointer.field]).collect(),
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        let keys: BTreeSet<String> = rows.iter().filter_map(|r| r.first(own).map(Value::to_text)).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let test = Test::OneOf(keys.into_iter().map(Value::Text).collect(), Fold::Exact);
        let mut reads = mapping.reads_for(&|_| false);
        for (_, above) in &layout.on {
            reads.field(&mapping.shape, &mapping.root_field(*above));
        }
        let holders = self.pointed(inverse.holder, Predicate::Field(above, test), reads).await?;
        let link = |row: &Row, fields: &mut dyn Iterator<Item = FieldId>| -> Option<Vec<String>> {
            fields.map(|field| row.first(field).map(Value::to_text)).collect()
        };
        let mut by_link: HashMap<Vec<String>, Pointed> = HashMap::new();
        for (known, pointed) in holders {
            let row = known.record.row(0, 0).map(|d| &d.now);
            if let Some(key) = row.and_then(|row| link(row, &mut layout.on.iter().map(|(_, above)| *above))) {
                by_link.insert(key, pointed);
            }
        }
        let pairs = rows.iter().filter_map(|row| {
            let pointer = row.first(inverse.pointer.field)?.to_text();
            let key = link(row, &mut layout.on.iter().map(|(own, _)| *own))?;
            Some((pointer, by_link.get(&key)?.clone()))
        });
        Ok(pairs.collect())
    }
}
