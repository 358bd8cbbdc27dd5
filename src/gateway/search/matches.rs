//! Finding what meets a query, and in which order.

use super::question::{Question, is_selective, rules_of};
use crate::{
    gateway::{
        Context, Gateway, error,
        identity::Known,
        listing::{Match, Matches},
        present::wanted,
    },
    mapping::{
        TypeMapping,
        lens::{Lens, Rule, face::Reads},
        record::Record,
        shape::Shape,
    },
    scim::{
        Object,
        attribute::AttrPath,
        error::ScimError,
        filter::eval,
        message::{SearchRequest, SortOrder},
        sort::{Key, Sort},
    },
    store::{Coverage, FieldId, Predicate, Row, Select},
};

/// A read of the root's rows alone.
pub(in crate::gateway) struct Scan<'q> {
    /// Fields that are read.
    pub(in crate::gateway) fields: Vec<FieldId>,
    /// What the rows are sorted by, and the rule that reads it.
    sort: Option<(&'q Sort, &'q Rule)>,
}

impl Gateway {
    /// The common look-up by a key, a login or a client id: one read of whole records instead of
    /// two. `None` if the query does not look selective, or matches more than a page.
    pub(super) async fn few(
        &self,
        cx: &Context,
        question: &Question,
        order: SortOrder,
        count: usize,
    ) -> Result<Option<Vec<(Match, Known)>>, ScimError> {
        if question.predicate == Predicate::False {
            return Ok(Some(Vec::new()));
        }
        if !is_selective(&question.predicate) {
            return Ok(None);
        }
        let mapping = self.ty(question.ty)?;
        let in_answer = wanted(&question.selection);
        let in_query = rules_of(mapping, &query_paths(question));
        let reads = mapping.reads_for(&|rule| in_answer(rule) || in_query(rule));
        let most = count.max(20);
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let records = self.load(question.ty, question.predicate.clone(), &reads, Some(limit)).await?;
        if records.len() > most {
            return Ok(None);
        }
        let known = self.correlate(question.ty, records).await?;
        let kept = self.residual(cx, question, known).await?;
        let matches = self.matches_of(cx, question, &kept).await?;
        let mut found: Vec<(Match, Known)> = matches.into_iter().zip(kept).collect();
        found.sort_by(|(a, _), (b, _)| a.compare(b, order));
        Ok(Some(found))
    }

    /// All matches, in the order of the listing.
    pub(super) async fn matches(
        &self,
        cx: &Context,
        questions: &[Question],
        query: &SearchRequest,
    ) -> Result<Matches, ScimError> {
        let mut all = Vec::new();
        for question in questions {
            let mut found = self.matches_in(cx, question).await?;
            found.sort_unstable_by(|a, b| a.anchor.cmp(&b.anchor));
            found.dedup_by(|a, b| a.anchor == b.anchor);
            all.append(&mut found);
        }
        if query.sort_by.is_some() {
            all.sort_unstable_by(|a, b| a.compare(b, query.sort_order));
        }
        Ok(all.into())
    }

    /// The matches of one type, in no order.
    async fn matches_in(&self, cx: &Context, question: &Question) -> Result<Vec<Match>, ScimError> {
        if question.predicate == Predicate::False {
            return Ok(Vec::new());
        }
        let mapping = self.ty(question.ty)?;
        if let Some(scan) = self.scanned(mapping, question)
            && let Some(found) = self.scan(cx, mapping, question, scan).await?
        {
            return Ok(found);
        }
        self.examine(cx, question).await
    }

    /// What a scan of the root's rows reads, if it tells all matches and their order.
    pub(in crate::gateway) fn scanned<'q>(
        &self,
        mapping: &'q TypeMapping,
        question: &'q Question,
    ) -> Option<Scan<'q>> {
        if !question.exact || !self.protection_is_exact(mapping) {
            return None;
        }
        let mut fields = mapping.bag().key.clone();
        let mut sort = None;
        if let Some(by) = &question.sort {
            let rule = mapping.find_rule(by.path().urn.as_deref(), &by.path().name)?;
            let mut reads = Reads::default();
            reads.part(&mapping.shape, 0);
            rule.lens.reads(mapping, &mut reads);
            fields.extend(root_fields(&mapping.shape, &reads).filter(|_| is_stored(&rule.lens))?);
            sort = Some((by, rule));
        }
        fields.sort_unstable();
        fields.dedup();
        Some(Scan { fields, sort })
    }

    /// Reads the keys of all matches, and the fields that they are sorted by, of which a store need not
    /// hold more than a page at once. `None` if not every row tells its place in the order.
    async fn scan(
        &self,
        cx: &Context,
        mapping: &TypeMapping,
        question: &Question,
        Scan { fields, sort }: Scan<'_>,
    ) -> Result<Option<Vec<Match>>, ScimError> {
        let select = Select {
            bag: mapping.bag().clone(),
            predicate: question.predicate.clone().and(self.unprotected(mapping)),
            fields,
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let answers = self.answers(cx);
        let text = |row: &Row| {
            let mut text = mapping.anchor(row)?;
            if let Some((sort, rule)) = sort {
                // Its length in front tells where the key begins.
                text.insert_str(0, &format!("{}:", text.len()));
                let record = Record::stored(&mapping.shape, row.clone());
                let resource = mapping.read(&record, &Object::new(), &answers, &|r| std::ptr::eq(r, rule));
                if let Some(key) = sort.key(&resource, &mapping.resource_type) {
                    text.push_str(&key.to_text());
                }
            }
            Some(text.into_boxed_str())
        };
        let texts = self.store.select_texts(select, &text).await.map_err(|e| error::reading(&e))?;
        if !answers.take_needs().is_empty() {
            return Ok(None);
        }
        let found = texts.into_iter().filter_map(|text| match sort {
            None => Some(Match { key: None, ty: question.ty, anchor: text }),
            Some(_) => split(&text, question.ty),
        });
        let found: Vec<Match> = found.collect();
        // What the store does not tell of times and versions is ours to tell.
        let is_ours = sort.is_some_and(|(sort, _)| is_meta(sort)) && found.iter().any(|m| m.key.is_none());
        Ok((!is_ours).then_some(found))
    }

    /// Decides, or sorts, in memory over a bounded number of candidates.
    async fn examine(&self, cx: &Context, question: &Question) -> Result<Vec<Match>, ScimError> {
        let mapping = self.ty(question.ty)?;
        let reads: Reads = mapping.reads_for(&rules_of(mapping, &query_paths(question)));
        let most = self.limits.max_candidates;
        let bounded = !question.exact || question.sort.is_some();
        let limit = bounded.then(|| u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1));
        let records: Vec<Record> = self.load(question.ty, question.predicate.clone(), &reads, limit).await?;
        if bounded && records.len() > most {
            return Err(too_many(question, most));
        }
        let mut out = Vec::new();
        let mut rest = records.into_iter();
        loop {
            let batch: Vec<Record> = rest.by_ref().take(500).collect();
            if batch.is_empty() {
                return Ok(out);
            }
            let known = self.correlate(question.ty, batch).await?;
            let kept = self.residual(cx, question, known).await?;
            out.extend(self.matches_of(cx, question, &kept).await?);
        }
    }

    /// The records of which the filter is true.
    async fn residual(
        &self,
        cx: &Context,
        question: &Question,
        known: Vec<Known>,
    ) -> Result<Vec<Known>, ScimError> {
        let Some(filter) = question.filter.as_ref().filter(|_| !question.exact) else { return Ok(known) };
        let mapping = self.ty(question.ty)?;
        let rules = rules_of(mapping, &question.residual_paths());
        let resources: Vec<Object> = self.resources(cx, question.ty, &known, &rules).await?;
        let kept = known.into_iter().zip(resources);
        Ok(kept.filter(|(_, r)| eval::matches(filter, &mapping.resource_type, r)).map(|(k, _)| k).collect())
    }

    /// Records as matches, with what they are sorted by.
    async fn matches_of(
        &self,
        cx: &Context,
        question: &Question,
        known: &[Known],
    ) -> Result<Vec<Match>, ScimError> {
        let mut keys: Vec<Option<Key>> = vec![None; known.len()];
        if let Some(sort) = &question.sort {
            let mapping = self.ty(question.ty)?;
            let rules = rules_of(mapping, &question.sort_paths());
            let resources = self.resources(cx, question.ty, known, &rules).await?;
            keys = resources.iter().map(|r| sort.key(r, &mapping.resource_type)).collect();
        }
        let matches = known.iter().zip(keys).map(|(known, key)| Match {
            key: key.map(Box::new),
            ty: question.ty,
            anchor: known.row.anchor.as_str().into(),
        });
        Ok(matches.collect())
    }

    /// True if protected rows can be left out by the store alone.
    pub(in crate::gateway) fn protection_is_exact(&self, mapping: &TypeMapping) -> bool {
        self.store.coverage(mapping.bag(), &self.unprotected(mapping)) == Coverage::Exact
    }
}

/// 7644-3.4.2.1-c, D-17.
fn too_many(question: &Question, most: usize) -> ScimError {
    ScimError::too_many(if question.exact {
        format!(
            "The order cannot be told by the store and would examine more than {most} resources; \
             add a filter that narrows it, or sort by another attribute."
        )
    } else {
        format!(
            "The filter cannot be answered by an index and would examine more than {most} resources; \
             add a condition that narrows it."
        )
    })
}

/// Every attribute that must be read to decide and to sort.
fn query_paths(question: &Question) -> Vec<AttrPath> {
    question.residual_paths().into_iter().chain(question.sort_paths()).collect()
}

/// The fields of the root that are read, if nothing but the root is.
fn root_fields(shape: &Shape, reads: &Reads) -> Option<Vec<FieldId>> {
    // The rows of an opened part are values of the row above it.
    let is_within = |part: &usize| *part == 0 || shape.part(*part).opened.is_some();
    reads.parts.keys().all(is_within).then(|| reads.parts.get(&0).into_iter().flatten().copied().collect())
}

/// True if a lens reads nothing but fields: neither other resources nor our own database.
fn is_stored(lens: &Lens) -> bool {
    match lens {
        Lens::Scalar(_) => true,
        Lens::Complex(subs) => subs.iter().all(|s| is_stored(&s.lens)),
        Lens::Rows(rows) => rows.each.iter().all(|s| is_stored(&s.lens)),
        Lens::Slots(slots) => {
            !slots.rest_side && slots.slots.iter().flat_map(|(_, subs)| subs).all(|s| is_stored(&s.lens))
        }
        Lens::First(list) | Lens::Union(list) => list.iter().all(is_stored),
        Lens::Guarded(guarded) => is_stored(&guarded.lens),
        Lens::Reference(_) | Lens::Pointers(_) | Lens::Inverse(_) | Lens::Search(_) => false,
        Lens::Password(_) | Lens::Side => false,
    }
}

fn is_meta(sort: &Sort) -> bool {
    sort.path().urn.is_none() && sort.path().name == "meta"
}

/// A match from the text of a scan.
fn split(text: &str, ty: usize) -> Option<Match> {
    let (length, rest) = text.split_once(':')?;
    let (anchor, key) = rest.split_at_checked(length.parse().ok()?)?;
    Some(Match { key: Key::parse(key).map(Box::new), ty, anchor: anchor.into() })
}
