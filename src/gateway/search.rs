//! Queries (RFC 7644 §3.4.2): the filter is pushed to the store as far as its
//! lenses allow, the rest is decided in memory over a bounded set of
//! candidates; the store's collation or matching rule never has the last word.

use crate::{
    auth::Action,
    gateway::{
        Context, Gateway, TypeId, error,
        identity::Known,
        listing::{Anchors, ListingKey},
        present::{MAX_ROUNDS, wanted},
    },
    mapping::{TypeMapping, lens::Rule, lens::face::Reads, query::Pushed, record::Record},
    scim::{
        Json, Object,
        error::ScimError,
        filter::{Filter, eval},
        message::{ListResponse, SearchRequest},
        resource::Selection,
    },
    store::{Coverage, Predicate, Row, Select, Test},
};

/// A filter, made ready for a type.
struct Prepared<'f> {
    filter: Option<&'f Filter>,
    predicate: Predicate,
    /// True if the predicate alone decides.
    exact: bool,
}

impl Gateway {
    /// Answers a query with a page of resources.
    ///
    /// # Errors
    ///
    /// 400 `invalidFilter` or `tooMany`, 403, 503.
    pub async fn search(&self, cx: &Context, ty: TypeId, query: &SearchRequest) -> Result<Json, ScimError> {
        let mapping = self.permitted(cx, ty, Action::Read)?;
        let filter = match &query.filter {
            Some(filter) => {
                eval::check(filter, &mapping.resource_type)?;
                Some(eval::resolve(filter, &mapping.resource_type)?)
            }
            None => None,
        };
        let selection = Selection::parse(
            query.attributes.as_deref(),
            query.excluded_attributes.as_deref(),
            &mapping.resource_type,
        )?;
        let prepared = self.prepare(cx, ty, filter.as_ref()).await?;
        let count = self.page_size(query);
        let start = usize::try_from(query.start_index.saturating_sub(1)).unwrap_or(0);
        if let Some(found) = self.small(cx, ty, &prepared, &selection, count).await? {
            return self.answer_small(cx, ty, found, start, count, &selection).await;
        }
        let key = ListingKey {
            client: cx.principal.client.clone(),
            ty,
            filter: filter.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let anchors = match self.listings.resume(&key, start) {
            Some(anchors) => anchors,
            None => self.matches(cx, ty, &prepared).await?,
        };
        let end = start.saturating_add(count).min(anchors.len());
        let page: Vec<&str> = anchors.get(start..end).unwrap_or_default().iter().map(|a| &**a).collect();
        let resources = self.page(cx, ty, &page, &selection).await?;
        if count > 0 {
            self.listings.keep(key, (start, end), &anchors);
        }
        Ok(ListResponse { total_results: anchors.len(), start_index: start + 1, resources }.body())
    }

    fn page_size(&self, query: &SearchRequest) -> usize {
        let asked = query.count.map_or(self.limits.default_page, |c| usize::try_from(c).unwrap_or(0));
        asked.min(self.limits.max_results)
    }

    async fn prepare<'f>(
        &self,
        cx: &Context,
        ty: TypeId,
        filter: Option<&'f Filter>,
    ) -> Result<Prepared<'f>, ScimError> {
        let mapping = self.ty(ty)?;
        let Some(filter) = filter else {
            return Ok(Prepared { filter: None, predicate: Predicate::True, exact: true });
        };
        let mut answers = self.answers(cx);
        for _ in 0..MAX_ROUNDS {
            let pushed = mapping.push(filter, &answers);
            let needs = answers.take_needs();
            if needs.is_empty() {
                let Pushed { predicate, exact } = pushed;
                let coverage = self.store.coverage(mapping.bag(), &predicate);
                return Ok(Prepared {
                    filter: Some(filter),
                    exact: exact && coverage == Coverage::Exact,
                    predicate: predicate.answerable(self.store.as_ref(), mapping.bag()),
                });
            }
            self.resolve(cx, ty, needs, &mut answers).await?;
        }
        Err(ScimError::internal("The filter's references do not come to an end."))
    }

    /// The common look-up by a key, a login or a client id: one read of whole records instead of
    /// two. `None` if the query does not look selective, or matches more than a page.
    async fn small(
        &self,
        cx: &Context,
        ty: TypeId,
        prepared: &Prepared<'_>,
        selection: &Selection,
        count: usize,
    ) -> Result<Option<Vec<Known>>, ScimError> {
        if prepared.predicate == Predicate::False {
            return Ok(Some(Vec::new()));
        }
        if !is_selective(&prepared.predicate) {
            return Ok(None);
        }
        let mapping = self.ty(ty)?;
        let in_answer = wanted(selection);
        let in_filter = filter_rules(mapping, prepared.filter);
        let reads = mapping.reads_for(&|rule| in_answer(rule) || in_filter(rule));
        let most = count.max(20);
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let records = self.load(ty, prepared.predicate.clone(), &reads, Some(limit)).await?;
        if records.len() > most {
            return Ok(None);
        }
        let known = self.correlate(ty, records).await?;
        let mut kept = self.residual(cx, ty, prepared, known).await?;
        kept.sort_by(|a, b| a.row.anchor.cmp(&b.row.anchor));
        Ok(Some(kept))
    }

    async fn answer_small(
        &self,
        cx: &Context,
        ty: TypeId,
        found: Vec<Known>,
        start: usize,
        count: usize,
        selection: &Selection,
    ) -> Result<Json, ScimError> {
        let total = found.len();
        let page: Vec<Known> = found.into_iter().skip(start).take(count).collect();
        let resources = self.present(cx, ty, &page, selection).await?;
        Ok(ListResponse { total_results: total, start_index: start + 1, resources }.body())
    }

    /// The records of which the filter is true.
    async fn residual(
        &self,
        cx: &Context,
        ty: TypeId,
        prepared: &Prepared<'_>,
        known: Vec<Known>,
    ) -> Result<Vec<Known>, ScimError> {
        let Some(filter) = prepared.filter.filter(|_| !prepared.exact) else { return Ok(known) };
        let mapping = self.ty(ty)?;
        let resources: Vec<Object> =
            self.resources(cx, ty, &known, &filter_rules(mapping, Some(filter))).await?;
        let kept = known.into_iter().zip(resources);
        Ok(kept.filter(|(_, r)| eval::matches(filter, &mapping.resource_type, r)).map(|(k, _)| k).collect())
    }

    /// The anchors of all matches, in a total and stable order.
    async fn matches(&self, cx: &Context, ty: TypeId, prepared: &Prepared<'_>) -> Result<Anchors, ScimError> {
        let mapping = self.ty(ty)?;
        let mut anchors: Vec<Box<str>> = if prepared.exact && self.protection_is_exact(mapping) {
            let select = Select {
                bag: mapping.bag().clone(),
                predicate: prepared.predicate.clone().and(self.unprotected(mapping)),
                fields: mapping.bag().key.clone(),
                order: Vec::new(),
                offset: 0,
                limit: None,
            };
            let anchor = |row: &Row| mapping.anchor(row).map(String::into_boxed_str);
            self.store.select_texts(select, &anchor).await.map_err(|e| error::reading(&e))?
        } else {
            self.examine(cx, ty, prepared).await?
        };
        anchors.sort_unstable();
        anchors.dedup();
        Ok(anchors.into())
    }

    /// Decides in memory over a bounded number of candidates.
    async fn examine(
        &self,
        cx: &Context,
        ty: TypeId,
        prepared: &Prepared<'_>,
    ) -> Result<Vec<Box<str>>, ScimError> {
        let mapping = self.ty(ty)?;
        let in_filter = filter_rules(mapping, prepared.filter.filter(|_| !prepared.exact));
        let reads: Reads = mapping.reads_for(&in_filter);
        let most = self.limits.max_candidates;
        let bounded = !prepared.exact;
        let limit = bounded.then(|| u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1));
        let records: Vec<Record> = self.load(ty, prepared.predicate.clone(), &reads, limit).await?;
        if bounded && records.len() > most {
            return Err(ScimError::too_many(format!(
                "The filter cannot be answered by an index and would examine more than {most} resources; \
                 add a condition that narrows it."
            )));
        }
        let mut out = Vec::new();
        let mut rest = records.into_iter();
        loop {
            let batch: Vec<Record> = rest.by_ref().take(500).collect();
            if batch.is_empty() {
                return Ok(out);
            }
            let known = self.correlate(ty, batch).await?;
            let kept = self.residual(cx, ty, prepared, known).await?;
            out.extend(kept.into_iter().map(|k| k.row.anchor.clone().into_boxed_str()));
        }
    }

    /// True if protected rows can be left out by the store alone.
    fn protection_is_exact(&self, mapping: &TypeMapping) -> bool {
        self.store.coverage(mapping.bag(), &self.unprotected(mapping)) == Coverage::Exact
    }

    /// The resources with these anchors, in this order; one that vanished meanwhile is left out.
    async fn page(
        &self,
        cx: &Context,
        ty: TypeId,
        anchors: &[&str],
        selection: &Selection,
    ) -> Result<Vec<Object>, ScimError> {
        if anchors.is_empty() {
            return Ok(Vec::new());
        }
        let mapping = self.ty(ty)?;
        let reads = mapping.reads_for(&wanted(selection));
        let predicate = mapping.anchor_predicate(anchors.iter().copied());
        let records = self.load(ty, predicate, &reads, None).await?;
        let mut known = self.correlate(ty, records).await?;
        let place: std::collections::HashMap<&str, usize> =
            anchors.iter().enumerate().map(|(i, a)| (*a, i)).collect();
        known.sort_by_key(|k| place.get(k.row.anchor.as_str()).copied().unwrap_or(usize::MAX));
        self.present(cx, ty, &known, selection).await
    }
}

/// The rules that a filter reads. Which `schemas` a resource has shows in its extensions' attributes, and
/// without a change marker the version is made of all attributes.
fn filter_rules<'a>(mapping: &'a TypeMapping, filter: Option<&Filter>) -> impl Fn(&Rule) -> bool + use<'a> {
    let paths = filter.map(eval::paths).unwrap_or_default();
    let names: Vec<&str> = paths
        .iter()
        .filter_map(|p| mapping.find_rule(p.urn.as_deref(), &p.name))
        .map(|r| r.name.as_str())
        .collect();
    let extensions = paths.iter().any(|p| p.urn.is_none() && p.name == "schemas");
    let whole =
        mapping.version.is_none() && paths.iter().any(|p| p.urn.is_none() && p.is("meta", Some("version")));
    move |rule| whole || names.contains(&rule.name.as_str()) || (extensions && rule.urn.is_some())
}

/// True if some conjunct asks for certain values, so that few rows are to be expected.
fn is_selective(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Field(_, Test::OneOf(values, _)) => values.len() <= 50,
        Predicate::All(list) => list.iter().any(is_selective),
        Predicate::Any(list) => list.len() <= 10 && list.iter().all(is_selective),
        Predicate::Exists(related) => is_selective(&related.predicate),
        _ => false,
    }
}
