//! Bulk requests (RFC 7644 §3.7): the message, its operations, and the answer.
//!
//! Each operation is read by itself, so that one that makes no sense fails
//! alone. References between operations are in [`reference`](self::reference).

pub mod reference;

use serde_json::json;

use crate::scim::{Json, Object, error::ScimError, patch::PATCH_OP, text, validate::Mode};

/// URN of the request.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// URN of the answer.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// What a reference to an operation's `bulkId` begins with.
pub const PREFIX: &str = "bulkId:";

/// The method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are the methods of RFC 7644 §3.7")]
pub enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// A bulk request.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkRequest {
    /// After how many errors the rest is left; at least 1.
    pub fail_on_errors: Option<u64>,
    /// The operations, in the request's order.
    pub operations: Vec<Sent>,
}

/// An operation as it came, with what the answer repeats of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The method's name, as far as it is one.
    pub method: Option<String>,
    /// The client's name for the operation.
    pub bulk_id: Option<String>,
    /// What it means, or why it means nothing.
    pub operation: Result<Operation, ScimError>,
}

/// An operation that can be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub method: Method,
    /// Segment of the resource type's endpoint: `Users`.
    pub endpoint: String,
    /// Which resource; none for POST.
    pub target: Option<Target>,
    /// The `If-Match` of this operation.
    pub version: Option<String>,
    /// The body; for PATCH always a whole `PatchOp`. Null for DELETE.
    pub data: Json,
}

/// The resource that an operation is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The one with this id.
    Id(String),
    /// The one that the operation with this `bulkId` makes.
    Made(String),
}

impl Method {
    /// Its name in HTTP.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn find(name: &str) -> Option<Self> {
        [Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|m| m.as_str().eq_ignore_ascii_case(name))
    }
}

impl BulkRequest {
    /// Reads the body of `POST /Bulk`. `base` is the URL of the SCIM root: paths may begin with it.
    ///
    /// # Errors
    ///
    /// 400 `invalidSyntax` if the body is no bulk request, 413 if it has more than `most` operations.
    pub fn from_body(body: &Json, mode: Mode, most: usize, base: &str) -> Result<Self, ScimError> {
        let Json::Object(body) = body else {
            return Err(ScimError::invalid_syntax("The body must be an object with `Operations`."));
        };
        let is_bulk = |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(BULK_REQUEST));
        match text::find(body, "schemas") {
            Some(Json::Array(list)) if list.iter().any(is_bulk) => {}
            None | Some(Json::Null) if mode == Mode::Tolerant => {}
            _ => return Err(ScimError::invalid_syntax(format!("`schemas` must name `{BULK_REQUEST}`."))),
        }
        let fail_on_errors =
            match text::find(body, "failOnErrors") {
                None | Some(Json::Null) => None,
                Some(number) => Some(number.as_u64().map(|n| n.max(1)).ok_or_else(|| {
                    ScimError::invalid_syntax("`failOnErrors` must be a number of errors.")
                })?),
            };
        let list = match text::find(body, "Operations") {
            Some(Json::Array(list)) if !list.is_empty() => list,
            Some(Json::Array(_)) => return Err(ScimError::invalid_syntax("`Operations` is empty.")),
            _ => return Err(ScimError::invalid_syntax("`Operations` must be an array of operations.")),
        };
        if list.len() > most {
            let count = list.len();
            return Err(ScimError::too_large(format!(
                "The request has {count} operations, which exceeds maxOperations ({most})."
            )));
        }
        Ok(Self { fail_on_errors, operations: list.iter().map(|one| Sent::read(one, base)).collect() })
    }
}

impl Sent {
    fn read(sent: &Json, base: &str) -> Self {
        let object = match sent {
            Json::Object(object) => object,
            _ => &Object::new(),
        };
        let string = |name: &str| text::find(object, name).and_then(Json::as_str);
        let method = string("method");
        Self {
            method: method
                .map(|name| Method::find(name).map_or_else(|| name.to_owned(), |m| m.as_str().into())),
            bulk_id: string("bulkId").map(str::to_owned),
            operation: Operation::read(object, base),
        }
    }
}

impl Operation {
    fn read(sent: &Object, base: &str) -> Result<Self, ScimError> {
        let wrong = ScimError::invalid_syntax;
        let string = |name: &str| match text::find(sent, name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(wrong(format!("`{name}` must be a string."))),
        };
        let method = string("method")?.and_then(Method::find);
        let method = method.ok_or_else(|| wrong("`method` must be POST, PUT, PATCH or DELETE.".into()))?;
        let name = method.as_str();
        let path = string("path")?.ok_or_else(|| wrong("An operation needs a `path`.".into()))?;
        let (endpoint, id) = split(path, base).ok_or_else(|| {
            wrong("`path` must be an endpoint such as `/Users`, or a resource below it.".into())
        })?;
        match (method, &id) {
            (Method::Post, Some(_)) => {
                return Err(wrong("The path of a POST is an endpoint such as `/Users`.".into()));
            }
            (Method::Put | Method::Patch | Method::Delete, None) => {
                return Err(wrong(format!("The path of a {name} names a resource: `/Users/…`.")));
            }
            _ => {}
        }
        if method == Method::Post && string("bulkId")?.is_none_or(str::is_empty) {
            return Err(wrong("A POST needs a `bulkId`.".into()));
        }
        let data = match (method, text::find(sent, "data").filter(|data| !data.is_null())) {
            (Method::Delete, _) => Json::Null,
            (_, None) => return Err(wrong(format!("A {name} needs `data`."))),
            (Method::Patch, Some(data)) => patch_op(data),
            (_, Some(data)) => data.clone(),
        };
        let target = id.map(|id| match id.strip_prefix(PREFIX) {
            Some(bulk_id) => Target::Made(bulk_id.to_owned()),
            None => Target::Id(id),
        });
        let version = string("version")?.map(str::to_owned);
        Ok(Self { method, endpoint, target, version, data })
    }
}

/// Endpoint and id of a path below the SCIM root.
fn split(path: &str, base: &str) -> Option<(String, Option<String>)> {
    let root = base.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)));
    let relative = [base, root.unwrap_or(base)]
        .into_iter()
        .find_map(|start| path.strip_prefix(start).filter(|rest| rest.starts_with('/')))
        .unwrap_or(path);
    let relative = relative.strip_prefix('/').unwrap_or(relative);
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    let mut segments = relative.split('/').map(decode);
    let endpoint = segments.next().flatten().filter(|segment| !segment.is_empty())?;
    let id = match segments.next() {
        Some(segment) => Some(segment.filter(|id| !id.is_empty() && id != ".search")?),
        None => None,
    };
    let is_plain = relative.bytes().all(|b| b != b'?' && b != b'#') && segments.next().is_none();
    is_plain.then_some((endpoint, id))
}

/// Decodes percent signs (RFC 3986 §2.1); `None` if what follows is no text.
fn decode(segment: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16));
        let (high, low) = (digit()?, digit()?);
        octets.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(octets).ok()
}

/// The body of a PATCH: RFC 7644 §3.7.3 shows a bare list of operations, erratum 5050 wants the
/// whole message.
fn patch_op(data: &Json) -> Json {
    let operations = match data {
        Json::Array(list) => list.clone(),
        Json::Object(one) if text::find(one, "op").is_some() && text::find(one, "Operations").is_none() => {
            vec![data.clone()]
        }
        whole => return whole.clone(),
    };
    json!({ "schemas": [PATCH_OP], "Operations": operations })
}

/// What became of an operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// HTTP status, if it went well; else the error.
    pub status: Result<u16, ScimError>,
    /// URI of the resource.
    pub location: Option<String>,
    /// Its version afterwards.
    pub version: Option<String>,
}

impl Outcome {
    /// The operation's part of the answer (RFC 7644 §3.7.3, erratum 7916).
    #[must_use]
    pub fn body(&self, sent: &Sent) -> Json {
        let mut body = Object::new();
        let mut set = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.into());
            }
        };
        set("method", sent.method.as_deref());
        set("bulkId", sent.bulk_id.as_deref());
        set("location", self.location.as_deref());
        set("version", self.version.as_deref());
        let (status, response) = match &self.status {
            Ok(status) => (*status, None),
            Err(error) => (error.status(), Some(error.body())),
        };
        set("status", Some(&status.to_string()));
        if let Some(response) = response {
            body.insert("response".into(), response);
        }
        Json::Object(body)
    }
}

/// The body of the answer.
#[must_use]
pub fn response(operations: Vec<Json>) -> Json {
    json!({ "schemas": [BULK_RESPONSE], "Operations": operations })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://x.example/scim/v2";

    fn read(operations: Json) -> Vec<Sent> {
        let body = json!({ "schemas": [BULK_REQUEST], "Operations": operations });
        BulkRequest::from_body(&body, Mode::Rfc, 10, BASE).unwrap().operations
    }

    #[test]
    fn the_message_is_checked_as_a_whole() {
        // 7644-3.7-a, 7644-3.7-c, 7644-3.7.4-a
        let operation = json!({ "method": "DELETE", "path": "/Users/1" });
        let many = vec![operation.clone(); 11];
        for (body, status) in [
            (json!([]), 400),
            (json!({ "schemas": [BULK_REQUEST] }), 400),
            (json!({ "schemas": [BULK_REQUEST], "Operations": [] }), 400),
            (json!({ "schemas": [BULK_REQUEST], "Operations": {} }), 400),
            (json!({ "schemas": ["urn:x"], "Operations": [operation] }), 400),
            (json!({ "schemas": [BULK_REQUEST], "failOnErrors": "1", "Operations": [operation] }), 400),
            (json!({ "schemas": [BULK_REQUEST], "failOnErrors": -1, "Operations": [operation] }), 400),
            (json!({ "schemas": [BULK_REQUEST], "Operations": many }), 413),
        ] {
            let error = BulkRequest::from_body(&body, Mode::Rfc, 10, BASE).expect_err(&body.to_string());
            assert_eq!(error.status(), status, "{body}");
            assert!(status != 413 || error.detail().contains("maxOperations (10)"), "{error}");
        }
        let bare = json!({ "operations": [operation], "failOnErrors": 0 });
        assert!(BulkRequest::from_body(&bare, Mode::Rfc, 10, BASE).is_err());
        let read = BulkRequest::from_body(&bare, Mode::Tolerant, 10, BASE).unwrap();
        assert_eq!((read.fail_on_errors, read.operations.len()), (Some(1), 1));
    }

    #[test]
    fn an_operation_that_makes_no_sense_fails_alone() {
        // 7644-3.7-b
        let sent = read(json!([
            7,
            {},
            { "method": "GET", "path": "/Users/1" },
            { "method": "POST", "path": "/Users", "data": {} },
            { "method": "POST", "path": "/Users/1", "bulkId": "a", "data": {} },
            { "method": "PUT", "path": "/Users", "data": {} },
            { "method": "PUT", "path": "/Users/1" },
            { "method": "DELETE", "path": "/Users/1/2" },
            { "method": "DELETE", "path": "/Users/1?attributes=id" },
            { "method": "delete", "path": "/Users/1", "bulkId": "z" },
        ]));
        let (last, others) = sent.split_last().unwrap();
        for one in others {
            assert_eq!(one.operation.as_ref().unwrap_err().status(), 400, "{one:?}");
        }
        assert_eq!((last.method.as_deref(), last.bulk_id.as_deref()), (Some("DELETE"), Some("z")));
        assert_eq!(last.operation.as_ref().unwrap().target, Some(Target::Id("1".into())));
        assert_eq!(others[2].method.as_deref(), Some("GET"));
    }

    #[test]
    fn paths_are_relative_to_the_root_or_whole() {
        let found = |path: &str| split(path, BASE);
        let is = |endpoint: &str, id: Option<&str>| Some((endpoint.to_owned(), id.map(str::to_owned)));
        for path in
            ["/Users/a%20b", "Users/a b/", "/scim/v2/Users/a b", "https://x.example/scim/v2/Users/a b"]
        {
            assert_eq!(found(path), is("Users", Some("a b")), "{path}");
        }
        assert_eq!(found("/Users"), is("Users", None));
        assert_eq!(found("Users/bulkId:q"), is("Users", Some("bulkId:q")));
        for path in ["", "/", "//", "/Users//", "/Users/%zz", "/Users/%ff", "/Users/.search", "/Users/1#x"] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn the_data_of_a_patch_may_be_bare_operations() {
        // E 5050
        let operation = json!({ "op": "remove", "path": "title" });
        let whole = json!({ "schemas": [PATCH_OP], "Operations": [operation] });
        for data in [operation.clone(), json!([operation]), whole.clone()] {
            assert_eq!(patch_op(&data), whole);
        }
    }

    #[test]
    fn the_answer_repeats_what_was_sent_and_carries_errors() {
        // 7644-3.7-e, E 7916
        let sent = &read(json!([{ "method": "post", "path": "/Users", "bulkId": "a", "data": {} }]))[0];
        let made = Outcome { status: Ok(201), location: Some("l".into()), version: Some("W/\"1\"".into()) };
        let expected = json!({ "method": "POST", "bulkId": "a", "location": "l", "version": "W/\"1\"", "status": "201" });
        assert_eq!(made.body(sent), expected);
        let error = ScimError::uniqueness("`userName` is in use already.");
        let failed = Outcome { status: Err(error.clone()), location: None, version: None };
        let expected = json!({ "method": "POST", "bulkId": "a", "status": "409", "response": error.body() });
        assert_eq!(failed.body(sent), expected);
    }
}
