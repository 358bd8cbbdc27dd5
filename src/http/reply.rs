//! Answers with a resource or a message in them, and the headers that go with
//! them (RFC 7644 §3.14, RFC 9110 §13.1).

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError as _,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION},
    },
};

use crate::{
    http::{error::Failure, media},
    scim::{
        Json, Object,
        error::ScimError,
        precondition::{Preconditions, Tags, version_of},
    },
};

/// A SCIM message: a list, a discovery document.
pub(crate) fn message(body: &Json) -> HttpResponse {
    document(HttpResponse::Ok(), body)
}

/// What the client wants to see of a resource.
pub(crate) trait Project: FnOnce(Object) -> Result<Object, ScimError> {}

impl<P: FnOnce(Object) -> Result<Object, ScimError>> Project for P {}

/// A single resource, with `Location` and `ETag` as its `meta` says, whether or not it is shown.
pub(crate) fn resource(
    status: StatusCode,
    resource: Object,
    project: impl Project,
) -> Result<HttpResponse, ScimError> {
    let mut answer = HttpResponse::build(status);
    let location = resource.get("meta").and_then(|meta| meta.get("location")).and_then(Json::as_str);
    for (name, value) in [(LOCATION, location), (ETAG, version_of(&resource))] {
        if let Some(value) = value.and_then(|v| HeaderValue::from_str(v).ok()) {
            answer.insert_header((name, value));
        }
    }
    Ok(document(answer, &Json::Object(project(resource)?)))
}

/// Ends an answer with a document. Its own formatter would copy each piece twice.
fn document(mut answer: HttpResponseBuilder, document: &Json) -> HttpResponse {
    // As long as most resources are; it grows for a list.
    let mut text = Vec::with_capacity(2048);
    if let Err(error) = serde_json::to_writer(&mut text, document) {
        tracing::error!(%error, "an answer cannot be written as JSON");
        return Failure::from(ScimError::internal("The answer cannot be written.")).error_response();
    }
    answer.insert_header((CONTENT_TYPE, media::SCIM)).body(text)
}

/// A single resource that was read: 304 if the client holds this version already.
///
/// # Errors
///
/// 412 if it has another version than `If-Match` names.
pub(crate) fn read(
    conditions: &Preconditions,
    found: Object,
    project: impl Project,
) -> Result<HttpResponse, ScimError> {
    let Preconditions { if_match, if_none_match } = conditions;
    Preconditions { if_match: if_match.clone(), if_none_match: None }.check(&found)?;
    let version = version_of(&found);
    if if_none_match.as_ref().is_some_and(|known| known.matches(version)) {
        let mut answer = HttpResponse::NotModified();
        if let Some(tag) = version.and_then(|version| HeaderValue::from_str(version).ok()) {
            answer.insert_header((ETAG, tag));
        }
        return Ok(answer.finish());
    }
    resource(StatusCode::OK, found, project)
}

/// The conditions on the version, all lines of a header in one. A line that is no text names no version.
pub(crate) fn conditions(headers: &HeaderMap) -> Preconditions {
    let tags = |name: HeaderName| {
        let lines: Vec<&str> = headers.get_all(name).map(|line| line.to_str().unwrap_or_default()).collect();
        (!lines.is_empty()).then(|| Tags::parse(&lines.join(", ")))
    };
    Preconditions { if_match: tags(IF_MATCH), if_none_match: tags(IF_NONE_MATCH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_may_take_several_lines() {
        // 7644-3.14-b, 7644-3.14-c
        let mut headers = HeaderMap::new();
        assert_eq!(conditions(&headers), Preconditions::default());
        for line in ["W/\"1\"", "\"2\""] {
            headers.append(IF_MATCH, HeaderValue::from_static(line));
        }
        headers.append(IF_NONE_MATCH, HeaderValue::from_bytes(b"\"\xff\"").unwrap());
        let tags = |list: &[&str]| Some(Tags::List(list.iter().map(|t| (*t).to_owned()).collect()));
        let expected = Preconditions { if_match: tags(&["1", "2"]), if_none_match: tags(&[]) };
        assert_eq!(conditions(&headers), expected);
    }

    #[test]
    fn location_and_etag_come_from_meta() {
        // 7644-3.3-d, 7644-3.14-a
        let found = serde_json::json!({"id": "1", "meta": {"location": "http://h/scim/v2/Users/1", "version": "W/\"7\""}});
        let found = found.as_object().unwrap().clone();
        let hide = |mut found: Object| {
            found.remove("meta");
            Ok(found)
        };
        let answer = resource(StatusCode::CREATED, found, hide).unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers().get(LOCATION).unwrap(), "http://h/scim/v2/Users/1");
        assert_eq!(answer.headers().get(ETAG).unwrap(), "W/\"7\"");
        assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), media::SCIM);
        let bare = resource(StatusCode::OK, Object::new(), Ok).unwrap();
        assert!(bare.headers().get(ETAG).is_none() && bare.headers().get(LOCATION).is_none());
    }
}
