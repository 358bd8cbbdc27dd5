//! How an answer is asked for: in which order, and page by page.

use std::{cmp::Ordering, fmt};

use scimgate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    filter::Filter,
    message::{SearchRequest, SortOrder},
    schema::ResourceType,
    sort::{self, Sort},
};

use super::Subject;

/// A query.
#[derive(Debug, Clone, Default)]
pub(super) struct Ask {
    /// Which resources.
    pub(super) filter: Option<Filter>,
    /// Sorted by what.
    pub(super) sort: Option<(AttrPath, SortOrder)>,
    /// In how many pieces.
    pub(super) pages: Pages,
}

/// How the pages of an answer are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Pages {
    /// All at once.
    #[default]
    One,
    /// By `startIndex`.
    ByIndex,
    /// By cursor (RFC 9865).
    ByCursor,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(filter) = &self.filter {
            write!(f, "filter: {filter}")?;
        }
        if let Some((by, order)) = &self.sort {
            write!(f, "\nsorted by {by}, {order:?}")?;
        }
        write!(f, "\npages: {:?}", self.pages)
    }
}

impl Ask {
    /// Everything that meets a filter, at once.
    pub(super) fn all(filter: Filter) -> Self {
        Self { filter: Some(filter), ..Self::default() }
    }

    /// Brings resources that are in the order of an unsorted listing into the order that is asked for.
    pub(super) fn sort<'r>(&self, resources: &mut [&'r Object], ty: &ResourceType) {
        let Some((by, order)) = &self.sort else { return };
        let sort = Sort::resolve(by, ty).unwrap().unwrap();
        let compare = |a: &&'r Object, b: &&'r Object| -> Ordering {
            sort::compare(*order, sort.key(a, ty).as_ref(), sort.key(b, ty).as_ref())
        };
        resources.sort_by(compare);
    }
}

impl Subject {
    /// Asks for one page.
    fn page(&self, segment: &str, request: &SearchRequest) -> Result<Json, ScimError> {
        let ty = self.gateway.ty(segment);
        self.wait(self.gateway.gateway.search(&self.gateway.context, ty, request))
    }

    /// The resources of all pages; with a filter only their ids.
    pub(super) fn search(&self, segment: &str, ask: &Ask) -> Result<Vec<Object>, ScimError> {
        let attributes = ask.filter.is_some().then(|| "id".to_owned());
        let (sort_by, sort_order) =
            ask.sort.clone().map_or((None, SortOrder::default()), |(by, o)| (Some(by), o));
        let mut request = SearchRequest {
            filter: ask.filter.clone(),
            attributes,
            sort_by,
            sort_order,
            ..SearchRequest::default()
        };
        request.count = Some(match ask.pages {
            Pages::One => 1000,
            Pages::ByIndex => 17,
            Pages::ByCursor => 23,
        });
        if matches!(ask.pages, Pages::ByCursor) {
            request.cursor = Some(String::new());
        }
        let mut all = Vec::new();
        loop {
            let page = self.page(segment, &request)?;
            let found = page["Resources"].as_array().unwrap();
            all.extend(found.iter().map(|r| r.as_object().unwrap().clone()));
            let total = page["totalResults"].as_u64().unwrap() as usize;
            assert_eq!(page["itemsPerPage"], found.len());
            assert!(all.len() <= total, "{ask}: {} of {total}", all.len());
            match &mut request.cursor {
                Some(cursor) => match page["nextCursor"].as_str() {
                    Some(next) => next.clone_into(cursor),
                    None => {
                        assert_eq!(all.len(), total, "{ask}");
                        return Ok(all);
                    }
                },
                None if all.len() == total => return Ok(all),
                None => {
                    assert!(!found.is_empty(), "{ask}: an empty page before the end");
                    request.start_index = i64::try_from(all.len()).unwrap() + 1;
                }
            }
        }
    }
}
