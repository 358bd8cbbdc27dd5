//! What a query asks of the resources of one type, and of its store.

use crate::{
    gateway::{Context, Gateway, TypeId, present::MAX_ROUNDS},
    mapping::{TypeMapping, lens::Rule, query::Pushed},
    scim::{
        attribute::AttrPath,
        error::ScimError,
        filter::{
            Filter, eval,
            narrow::{Narrowed, narrow},
        },
        message::SearchRequest,
        resource::Selection,
        schema::ResourceType,
        sort::Sort,
    },
    store::{Coverage, Predicate, Test},
};

/// What a query is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) enum Reach {
    /// One type: a name that it does not define is an error (D-7).
    Type,
    /// All types: a name that a type does not define has no value there (RFC 7644 §3.4.2.1).
    Everything,
}

/// A query, made ready for a type.
pub(in crate::gateway) struct Question {
    /// The type.
    pub(in crate::gateway) ty: TypeId,
    /// What is shown.
    pub(in crate::gateway) selection: Selection,
    /// What the resources must meet.
    pub(in crate::gateway) filter: Option<Filter>,
    /// What the store is asked instead.
    pub(in crate::gateway) predicate: Predicate,
    /// True if the predicate alone decides.
    pub(in crate::gateway) exact: bool,
    /// What they are sorted by.
    pub(in crate::gateway) sort: Option<Sort>,
}

impl Gateway {
    /// The query's questions; a type that the filter leaves out is not asked.
    pub(super) async fn questions(
        &self,
        cx: &Context,
        types: &[TypeId],
        reach: Reach,
        query: &SearchRequest,
    ) -> Result<Vec<Question>, ScimError> {
        let mut questions = Vec::new();
        for ty in types {
            questions.extend(self.question(cx, *ty, reach, query).await?);
        }
        Ok(questions)
    }

    /// The query's question to one type; `None` if the type alone decides that nothing meets the filter.
    pub(in crate::gateway) async fn question(
        &self,
        cx: &Context,
        ty: TypeId,
        reach: Reach,
        query: &SearchRequest,
    ) -> Result<Option<Question>, ScimError> {
        let resource_type = &self.ty(ty)?.resource_type;
        let (attributes, excluded) = (query.attributes.as_deref(), query.excluded_attributes.as_deref());
        let selection = Selection::parse(attributes, excluded, resource_type)?;
        let sort = match &query.sort_by {
            None => None,
            Some(by) => match Sort::resolve(by, resource_type)? {
                None if reach == Reach::Type => {
                    return Err(ScimError::invalid_value(format!(
                        "`sortBy` names `{by}`, which is no attribute of {} resources.",
                        resource_type.name
                    )));
                }
                sort => sort,
            },
        };
        let mut filter = None;
        if let Some(asked) = &query.filter {
            if reach == Reach::Type {
                eval::check(asked, resource_type)?;
            }
            match narrow(asked, resource_type) {
                Narrowed::Nothing => return Ok(None),
                Narrowed::Everything => {}
                Narrowed::Filter(left) => filter = Some(eval::resolve(&left, resource_type)?),
            }
            if let Some(filter) = &filter {
                check_searchable(filter, resource_type)?;
            }
        }
        let (predicate, exact) = match &filter {
            Some(filter) => self.push(cx, ty, filter).await?,
            None => (Predicate::True, true),
        };
        Ok(Some(Question { ty, selection, filter, predicate, exact, sort }))
    }

    /// What the store can be asked for a filter, and whether that decides.
    pub(in crate::gateway) async fn push(
        &self,
        cx: &Context,
        ty: TypeId,
        filter: &Filter,
    ) -> Result<(Predicate, bool), ScimError> {
        let mapping = self.ty(ty)?;
        let mut answers = self.answers(cx);
        for _ in 0..MAX_ROUNDS {
            let pushed = mapping.push(filter, &answers);
            let needs = answers.take_needs();
            if needs.is_empty() {
                let Pushed { mut predicate, mut exact } = pushed;
                if mapping.is_ldap() {
                    let says_the_same;
                    (predicate, says_the_same) = self.without_joins(predicate).await?;
                    exact &= says_the_same;
                }
                let coverage = self.store.coverage(mapping.bag(), &predicate);
                let exact = exact && coverage == Coverage::Exact;
                return Ok((predicate.answerable(self.store.as_ref(), mapping.bag()), exact));
            }
            self.resolve(cx, ty, needs, &mut answers).await?;
        }
        Err(ScimError::internal("The filter's references do not come to an end."))
    }
}

impl Question {
    /// The attributes that only memory decides.
    pub(super) fn residual_paths(&self) -> Vec<AttrPath> {
        self.filter.as_ref().filter(|_| !self.exact).map(eval::paths).unwrap_or_default()
    }

    /// The attribute that the order needs.
    pub(super) fn sort_paths(&self) -> Vec<AttrPath> {
        self.sort.iter().map(|sort| sort.path().clone()).collect()
    }
}

/// The rules that attributes are read by. Which `schemas` a resource has shows in its extensions'
/// attributes, and without a change marker the version is made of all attributes.
pub(super) fn rules_of<'a>(mapping: &'a TypeMapping, paths: &[AttrPath]) -> impl Fn(&Rule) -> bool + use<'a> {
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

/// Refuses what the mapping says that clients cannot filter by (D-8).
fn check_searchable(filter: &Filter, ty: &ResourceType) -> Result<(), ScimError> {
    let unsearchable = eval::paths(filter).into_iter().find(|path| {
        let found = ty.resolve(path);
        found.is_some_and(|found| found.attribute.unsearchable || found.leaf().unsearchable)
    });
    match unsearchable {
        None => Ok(()),
        Some(path) => {
            Err(ScimError::invalid_filter(format!("Attribute `{path}` cannot be filtered by here.")))
        }
    }
}

/// True if some conjunct asks for certain values, so that few rows are to be expected.
pub(super) fn is_selective(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Field(_, Test::OneOf(values, _)) => values.len() <= 50,
        Predicate::All(list) => list.iter().any(is_selective),
        Predicate::Any(list) => list.len() <= 10 && list.iter().all(is_selective),
        Predicate::Exists(related) => is_selective(&related.predicate),
        _ => false,
    }
}
