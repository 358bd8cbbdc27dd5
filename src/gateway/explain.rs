//! What a query would do, without doing it: what the store is asked, what it
//! decides by itself, and what is left to memory.

use crate::{
    gateway::{
        Context, Gateway, TypeId, error,
        search::{Question, Reach},
    },
    scim::{error::ScimError, filter::Filter, message::SearchRequest},
    store::{Coverage, Predicate, Select},
};

/// What a query would do for the resources of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Name of the resource type.
    pub resource_type: String,
    /// The statements or searches that find the candidates, values as `?` where they are bound.
    pub statements: Vec<String>,
    /// Each condition of the filter, and how far the store answers it.
    pub conditions: Vec<(String, Coverage)>,
    /// True if nothing meets the filter, which the type or a look-up of ids alone tells.
    pub nothing: bool,
    /// True if what the store finds need not be looked at again.
    pub exact: bool,
    /// What the resources are sorted by, and whether the store's rows tell it.
    pub sort: Option<(String, bool)>,
    /// The most candidates that are examined in memory, beyond which the answer is 400 `tooMany`; `None`
    /// if there is no bound.
    pub most_candidates: Option<usize>,
}

impl Gateway {
    /// Explains a query for resources of one type.
    ///
    /// # Errors
    ///
    /// As [`Gateway::search`].
    pub async fn explain(
        &self,
        cx: &Context,
        ty: TypeId,
        query: &SearchRequest,
    ) -> Result<Explanation, ScimError> {
        let mapping = self.ty(ty)?;
        let mut explanation = Explanation {
            resource_type: mapping.resource_type.name.clone(),
            statements: Vec::new(),
            conditions: Vec::new(),
            nothing: true,
            exact: true,
            sort: None,
            most_candidates: None,
        };
        let Some(question) = self.question(cx, ty, Reach::Type, query).await? else { return Ok(explanation) };
        explanation.conditions = self.conditions(cx, &question).await?;
        explanation.nothing = question.predicate == Predicate::False;
        explanation.exact = question.exact;
        if explanation.nothing {
            return Ok(explanation);
        }
        let scanned = self.scanned(mapping, &question);
        explanation.sort = question.sort.as_ref().map(|sort| (sort.path().to_string(), scanned.is_some()));
        let is_bounded = !question.exact || scanned.is_none();
        explanation.most_candidates = is_bounded.then_some(self.limits.max_candidates);
        let select = Select {
            bag: mapping.bag().clone(),
            predicate: question.predicate.clone().and(self.unprotected(mapping)),
            fields: scanned.map_or_else(|| mapping.bag().key.clone(), |scanned| scanned.fields),
            order: Vec::new(),
            offset: 0,
            limit: is_bounded.then(|| (self.limits.max_candidates as u64).saturating_add(1)),
        };
        explanation.statements = self.store.shown(select).await.map_err(|e| error::reading(&e))?;
        Ok(explanation)
    }

    /// How far the store answers each part of a conjunction.
    async fn conditions(
        &self,
        cx: &Context,
        question: &Question,
    ) -> Result<Vec<(String, Coverage)>, ScimError> {
        let parts: &[Filter] = match &question.filter {
            None => &[],
            Some(Filter::And(parts)) => parts,
            Some(filter) => std::slice::from_ref(filter),
        };
        let mut conditions = Vec::new();
        for part in parts {
            let coverage = match self.push(cx, question.ty, part).await? {
                (_, true) => Coverage::Exact,
                (Predicate::True, false) => Coverage::None,
                (_, false) => Coverage::Superset,
            };
            conditions.push((part.to_string(), coverage));
        }
        Ok(conditions)
    }
}
