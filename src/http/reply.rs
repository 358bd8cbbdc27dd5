//! Answers with a resource or a message in them, and the headers that go with
//! them (RFC 7644 §3.14, RFC 9110 §13.1).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION},
    },
};

use crate::{
    http::media,
    scim::{Json, Object, error::ScimError},
};

/// A SCIM message: a list, a discovery document.
pub(crate) fn message(body: &Json) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, media::SCIM)).body(text(body))
}

/// A single resource, with `Location` and `ETag` as its `meta` says.
pub(crate) fn resource(status: StatusCode, resource: Object) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((CONTENT_TYPE, media::SCIM));
    for (name, value) in [(LOCATION, meta(&resource, "location")), (ETAG, meta(&resource, "version"))] {
        if let Some(value) = value.and_then(|v| HeaderValue::from_str(v).ok()) {
            answer.insert_header((name, value));
        }
    }
    answer.body(text(&Json::Object(resource)))
}

/// The document as text. Its own formatter would copy each piece twice.
fn text(document: &Json) -> Vec<u8> {
    // As long as most resources are; it grows for a list.
    let mut text = Vec::with_capacity(2048);
    // Fails only where a key is no text or writing fails, and neither can be here.
    if serde_json::to_writer(&mut text, document).is_err() {
        text.clear();
    }
    text
}

/// A single resource that was read: 304 if the client holds this version already.
pub(crate) fn read(headers: &HeaderMap, found: Object) -> HttpResponse {
    // A condition that cannot be read is none (RFC 9110 §13.1.2).
    let known = condition(headers, &IF_NONE_MATCH).unwrap_or_default();
    let version = meta(&found, "version");
    if let (Some(known), Some(version)) = (known, version)
        && matches(&known, version)
        && let Ok(tag) = HeaderValue::from_str(version)
    {
        return HttpResponse::NotModified().insert_header((ETAG, tag)).finish();
    }
    resource(StatusCode::OK, found)
}

/// The `If-Match` header, all lines of it in one.
///
/// # Errors
///
/// 412 if it is not text: what cannot be read cannot match.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<String>, ScimError> {
    condition(headers, &IF_MATCH)
}

fn condition(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, ScimError> {
    let mut lines = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str();
        lines.push(text.map_err(|_| ScimError::precondition_failed(format!("{name} cannot be read.")))?);
    }
    Ok((!lines.is_empty()).then(|| lines.join(", ")))
}

/// Weak comparison (RFC 9110 §8.8.3.2) of a list of entity tags with one.
fn matches(list: &str, version: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let version = opaque(version);
    list.trim() == "*" || list.split(',').any(|tag| opaque(tag) == version)
}

fn meta<'a>(resource: &'a Object, name: &str) -> Option<&'a str> {
    resource.get("meta")?.get(name)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_version_is_not_sent_again() {
        // 7644-3.14-b
        let cases = [
            (r#"W/"1""#, r#"W/"1""#, true),
            (r#""1""#, r#"W/"1""#, true),
            (r#"W/"2", W/"1""#, r#"W/"1""#, true),
            ("*", r#"W/"1""#, true),
            (r#"W/"2""#, r#"W/"1""#, false),
            (r#"W/"11""#, r#"W/"1""#, false),
            ("", r#"W/"1""#, false),
        ];
        for (sent, version, expected) in cases {
            assert_eq!(matches(sent, version), expected, "{sent} against {version}");
        }
    }

    #[test]
    fn location_and_etag_come_from_meta() {
        // 7644-3.3-d, 7644-3.14-a
        let found = serde_json::json!({"id": "1", "meta": {"location": "http://h/scim/v2/Users/1", "version": "W/\"7\""}});
        let answer = resource(StatusCode::CREATED, found.as_object().unwrap().clone());
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers().get(LOCATION).unwrap(), "http://h/scim/v2/Users/1");
        assert_eq!(answer.headers().get(ETAG).unwrap(), "W/\"7\"");
        assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), media::SCIM);
        let bare = resource(StatusCode::OK, Object::new());
        assert!(bare.headers().get(ETAG).is_none() && bare.headers().get(LOCATION).is_none());
    }
}
