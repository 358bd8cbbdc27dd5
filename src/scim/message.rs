//! Messages around resources: query parameters, `SearchRequest` and
//! `ListResponse` (RFC 7644 §3.4.2, §3.4.3; RFC 9865 §2).

use serde_json::json;

use crate::scim::{
    Json, Object,
    attribute::AttrPath,
    error::ScimError,
    filter::{
        Filter,
        parse::{FilterRules, parse},
    },
    text,
    validate::Mode,
};

/// URN of [`ListResponse`].
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// URN of the body of `POST …/.search`.
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The answer to every query.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListResponse {
    /// How many resources meet the query, on this page or not.
    pub total_results: usize,
    /// Which page this is.
    pub page: Page,
    /// The resources of this page.
    pub resources: Vec<Object>,
}

/// Where a page stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Index of its first resource; the first of all is 1.
    Index(usize),
    /// The cursors of the pages beside it (RFC 9865 §2).
    Cursor {
        /// `None` on the last page.
        next: Option<String>,
        /// `None` on the first page.
        previous: Option<String>,
    },
}

impl Default for Page {
    fn default() -> Self {
        Self::Index(1)
    }
}

impl ListResponse {
    /// The body. `Resources` is there even if it is empty: clients stumble over its absence.
    #[must_use]
    pub fn body(self) -> Json {
        let items = self.resources.len();
        let resources: Vec<Json> = self.resources.into_iter().map(Json::Object).collect();
        let mut body = json!({
            "schemas": [LIST_RESPONSE],
            "totalResults": self.total_results,
            "itemsPerPage": items,
            "Resources": resources,
        });
        let mut set = |name: &str, value: Json| {
            if let Json::Object(body) = &mut body {
                body.insert(name.to_owned(), value);
            }
        };
        match self.page {
            Page::Index(start) => set("startIndex", start.into()),
            Page::Cursor { next, previous } => {
                for (name, cursor) in [("nextCursor", next), ("previousCursor", previous)] {
                    if let Some(cursor) = cursor {
                        set(name, cursor.into());
                    }
                }
            }
        }
        body
    }
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of RFC 7644 §3.4.2.3")]
pub enum SortOrder {
    #[default]
    Ascending,
    Descending,
}

/// A query, from a URL or from the body of `POST …/.search`.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Which resources are wanted.
    pub filter: Option<Filter>,
    /// Names for [`Selection::parse`](crate::scim::resource::Selection::parse).
    pub attributes: Option<String>,
    /// Names for [`Selection::parse`](crate::scim::resource::Selection::parse).
    pub excluded_attributes: Option<String>,
    /// What the resources are sorted by.
    pub sort_by: Option<AttrPath>,
    /// In which direction.
    pub sort_order: SortOrder,
    /// Index of the first resource wanted; at least 1.
    pub start_index: i64,
    /// How many are wanted at most; at least 0.
    pub count: Option<i64>,
    /// Cursor of the page wanted, instead of `start_index`; empty for the first page.
    pub cursor: Option<String>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            filter: None,
            attributes: None,
            excluded_attributes: None,
            sort_by: None,
            sort_order: SortOrder::default(),
            start_index: 1,
            count: None,
            cursor: None,
        }
    }
}

impl SearchRequest {
    /// Reads the decoded parameters of a URL. Unknown parameters are ignored.
    ///
    /// # Errors
    ///
    /// 400 `invalidFilter` for the filter, 400 `invalidValue` for anything
    /// else that cannot be read or is given twice.
    pub fn from_query(pairs: &[(String, String)], rules: &FilterRules) -> Result<Self, ScimError> {
        let get = |name: &str| {
            let mut values =
                pairs.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
            match (values.next(), values.next()) {
                (_, Some(_)) => Err(ScimError::invalid_value(format!("`{name}` is given twice."))),
                (value, None) => Ok(value),
            }
        };
        let number = |name: &str| -> Result<Option<i64>, ScimError> {
            get(name)?.map(|text| text.trim().parse().map_err(|_| not_integer(name))).transpose()
        };
        let cursor = get("cursor")?.map(str::to_owned);
        one_kind_of_page(cursor.is_some(), get("startIndex")?.is_some())?;
        Ok(Self {
            filter: get("filter")?.map(|text| parse(text, rules)).transpose()?,
            attributes: get("attributes")?.map(str::to_owned),
            excluded_attributes: get("excludedAttributes")?.map(str::to_owned),
            sort_by: get("sortBy")?.map(sort_by).transpose()?,
            sort_order: get("sortOrder")?.map(sort_order).transpose()?.unwrap_or_default(),
            start_index: number("startIndex")?.unwrap_or(1).max(1),
            count: number("count")?.map(|count| count.max(0)),
            cursor,
        })
    }

    /// Reads the body of `POST …/.search`. Unknown keys are ignored.
    ///
    /// # Errors
    ///
    /// 400 `invalidSyntax` if the body is not a `SearchRequest`, otherwise as [`SearchRequest::from_query`].
    pub fn from_body(body: &Json, mode: Mode, rules: &FilterRules) -> Result<Self, ScimError> {
        let Json::Object(body) = body else {
            return Err(ScimError::invalid_syntax("The body must be an object."));
        };
        let get = |name: &str| text::find(body, name).filter(|value| !value.is_null());
        let is_search = |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(SEARCH_REQUEST));
        match get("schemas") {
            Some(Json::Array(list)) if list.iter().any(is_search) => {}
            None if mode == Mode::Tolerant => {}
            _ => return Err(ScimError::invalid_syntax(format!("`schemas` must name `{SEARCH_REQUEST}`."))),
        }
        let string = |name: &str| match get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(ScimError::invalid_value(format!("`{name}` must be a string."))),
        };
        let number = |name: &str| match get(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| not_integer(name)),
        };
        let names = |name: &str| get(name).map(|value| names(name, value)).transpose();
        let cursor = string("cursor")?.map(str::to_owned);
        one_kind_of_page(cursor.is_some(), get("startIndex").is_some())?;
        Ok(Self {
            filter: string("filter")?.map(|text| parse(text, rules)).transpose()?,
            attributes: names("attributes")?,
            excluded_attributes: names("excludedAttributes")?,
            sort_by: string("sortBy")?.map(sort_by).transpose()?,
            sort_order: string("sortOrder")?.map(sort_order).transpose()?.unwrap_or_default(),
            start_index: number("startIndex")?.unwrap_or(1).max(1),
            count: number("count")?.map(|count| count.max(0)),
            cursor,
        })
    }
}

/// A page is named by a cursor or by an index (RFC 9865 §2).
fn one_kind_of_page(has_cursor: bool, has_index: bool) -> Result<(), ScimError> {
    if has_cursor && has_index {
        return Err(ScimError::invalid_value(
            "`cursor` and `startIndex` exclude each other; give one of them.",
        ));
    }
    Ok(())
}

fn not_integer(name: &str) -> ScimError {
    ScimError::invalid_value(format!("`{name}` must be an integer."))
}

/// Names in an array, or separated by commas as in a URL.
fn names(name: &str, value: &Json) -> Result<String, ScimError> {
    let wrong = || ScimError::invalid_value(format!("`{name}` must be an array of attribute names."));
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Array(list) => {
            let names: Option<Vec<&str>> = list.iter().map(Json::as_str).collect();
            Ok(names.ok_or_else(wrong)?.join(","))
        }
        _ => Err(wrong()),
    }
}

fn sort_by(text: &str) -> Result<AttrPath, ScimError> {
    let wrong = || ScimError::invalid_value(format!("`sortBy` must name an attribute; `{text}` does not."));
    AttrPath::parse(text).ok_or_else(wrong)
}

fn sort_order(text: &str) -> Result<SortOrder, ScimError> {
    if text.eq_ignore_ascii_case("ascending") {
        Ok(SortOrder::Ascending)
    } else if text.eq_ignore_ascii_case("descending") {
        Ok(SortOrder::Descending)
    } else {
        Err(ScimError::invalid_value("`sortOrder` must be `ascending` or `descending`."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<SearchRequest, ScimError> {
        let pairs = text.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        SearchRequest::from_query(&pairs.collect::<Vec<_>>(), &FilterRules::tolerant())
    }

    #[test]
    fn an_empty_list_has_all_its_parts() {
        // 7644-3.4.2-b, 7644-3.4.2-c, 7644-3.4.2-d
        let body = ListResponse::default().body();
        let expected = json!({"schemas": [LIST_RESPONSE], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []});
        assert_eq!(body, expected);
        let page =
            ListResponse { total_results: 9, page: Page::Index(4), resources: vec![Object::new(); 2] }.body();
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(9), &json!(2)));
        assert_eq!(page["startIndex"], json!(4));
    }

    #[test]
    fn a_page_names_the_pages_beside_it() {
        // 9865-c, 9865-d
        let page = |next: Option<&str>, previous: Option<&str>| {
            let page = Page::Cursor { next: next.map(str::to_owned), previous: previous.map(str::to_owned) };
            ListResponse { total_results: 3, page, resources: Vec::new() }.body()
        };
        let body = page(Some("n"), Some("p"));
        assert_eq!((&body["nextCursor"], &body["previousCursor"]), (&json!("n"), &json!("p")));
        assert!(body.get("startIndex").is_none());
        let only = page(None, None);
        assert!(only.get("nextCursor").is_none() && only.get("previousCursor").is_none());
    }

    #[test]
    fn the_first_page_has_an_empty_cursor() {
        // 9865-b, 9865-k
        for text in ["cursor", "cursor=", "count=5&CURSOR="] {
            assert_eq!(query(text).unwrap().cursor.as_deref(), Some(""), "{text}");
        }
        assert_eq!(query("cursor=abc").unwrap().cursor.as_deref(), Some("abc"));
        assert_eq!(query("count=5").unwrap().cursor, None);
        let read = |body: Json| SearchRequest::from_body(&body, Mode::Tolerant, &FilterRules::default());
        assert_eq!(read(json!({"cursor": ""})).unwrap().cursor.as_deref(), Some(""));
        assert_eq!(read(json!({"cursor": null, "startIndex": 1})).unwrap().cursor, None);
        for error in [
            query("cursor&startIndex=1").unwrap_err(),
            query("cursor=abc&cursor=def").unwrap_err(),
            read(json!({"cursor": "", "startIndex": 1})).unwrap_err(),
            read(json!({"cursor": 5})).unwrap_err(),
        ] {
            assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, "invalidValue"));
        }
    }

    #[test]
    fn parameters_are_read_and_unknown_ones_ignored() {
        // 7644-3.4.2-a, 7644-3.4.2.4-a, 7644-3.4.2.4-b, E-02
        assert_eq!(query("aadOptscim062020=&unknown=1"), Ok(SearchRequest::default()));
        let request = query(
            "filter=userName eq \"a\"&attributes=id,name&SORTBY=name.familyName&sortOrder=Descending&startIndex=5&count=10",
        )
        .unwrap();
        assert_eq!(request.filter.unwrap().to_string(), "userName eq \"a\"");
        assert_eq!(request.attributes.as_deref(), Some("id,name"));
        assert_eq!(request.sort_by, Some(AttrPath::new("name.familyName")));
        assert_eq!(
            (request.sort_order, request.start_index, request.count),
            (SortOrder::Descending, 5, Some(10))
        );
        for (text, start, count) in
            [("startIndex=0&count=-1", 1, Some(0)), ("startIndex=-7&count=0", 1, Some(0))]
        {
            let request = query(text).unwrap();
            assert_eq!((request.start_index, request.count), (start, count), "{text}");
        }
    }

    #[test]
    fn parameters_that_make_no_sense_are_refused() {
        // 7644-3.4.2.3-c, 7644-3.4.2.4-a
        for (text, kind) in [
            ("startIndex=x", "invalidValue"),
            ("count=1.5", "invalidValue"),
            ("count=", "invalidValue"),
            ("sortOrder=up", "invalidValue"),
            ("sortBy=a b", "invalidValue"),
            ("count=1&Count=2", "invalidValue"),
            ("filter=", "invalidFilter"),
            ("filter=userName bad \"x\"", "invalidFilter"),
        ] {
            let error = query(text).expect_err(text);
            assert_eq!((error.status(), error.scim_type().unwrap().as_str()), (400, kind), "{text}");
        }
    }

    #[test]
    fn a_search_request_says_the_same_in_a_body() {
        // 7644-3.4.3-a
        let read = |body: Json, mode| SearchRequest::from_body(&body, mode, &FilterRules::default());
        let body = json!({
            "schemas": [SEARCH_REQUEST], "filter": "userName eq \"a\"", "attributes": ["id", "name"],
            "sortBy": "name.familyName", "sortOrder": "descending", "startIndex": 5, "count": 10, "other": {},
        });
        let same = query(
            "filter=userName eq \"a\"&attributes=id,name&sortBy=name.familyName&sortOrder=descending&startIndex=5&count=10",
        );
        assert_eq!(read(body, Mode::Rfc), same);
        assert_eq!(read(json!({"filter": null}), Mode::Tolerant), Ok(SearchRequest::default()));
        for (body, kind) in [
            (json!({}), "invalidSyntax"),
            (json!([]), "invalidSyntax"),
            (json!({"schemas": ["urn:x"]}), "invalidSyntax"),
            (json!({"schemas": [SEARCH_REQUEST], "count": "5"}), "invalidValue"),
            (json!({"schemas": [SEARCH_REQUEST], "attributes": [5]}), "invalidValue"),
            (json!({"schemas": [SEARCH_REQUEST], "filter": 5}), "invalidValue"),
            (json!({"schemas": [SEARCH_REQUEST], "filter": "x"}), "invalidFilter"),
        ] {
            let error = read(body.clone(), Mode::Rfc).expect_err(&body.to_string());
            assert_eq!(error.scim_type().unwrap().as_str(), kind, "{body}");
        }
    }
}
