//! Media types: which representation the client takes, and which it sent
//! (RFC 7644 §3.8, RFC 9110 §12.5.1).
//!
//! SCIM documents are `application/scim+json`, sent without a charset because
//! some clients compare the header literally. Plain JSON is understood, and is
//! sent back to clients that accept nothing else of the two.

use actix_web::{
    Error, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue},
    },
    middleware::Next,
};

use crate::{http::error::Failure, scim::error::ScimError};

/// The media type of SCIM documents.
pub(crate) const SCIM: &str = "application/scim+json";
/// The media type of JSON.
pub(crate) const JSON: &str = "application/json";

/// Answers in the representation that the client takes, and lets nobody store it (S-17).
///
/// A DELETE has no document to answer with, so its `Accept` does not matter.
pub(crate) async fn represent(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut media = negotiate(request.headers());
    if request.method() == Method::DELETE {
        media = media.or(Ok(SCIM));
    }
    let (mut answer, media) = match media {
        Ok(media) => (next.call(request).await?.map_into_boxed_body(), media),
        Err(error) => (request.into_response(Failure::from(error).error_response()), SCIM),
    };
    let headers = answer.headers_mut();
    if headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Chooses the representation to answer with: [`SCIM`] or [`JSON`].
///
/// # Errors
///
/// 406 if the client takes neither.
pub(crate) fn negotiate(headers: &HeaderMap) -> Result<&'static str, ScimError> {
    let lines: Vec<&str> = headers.get_all(ACCEPT).filter_map(|v| v.to_str().ok()).collect();
    if lines.iter().all(|line| line.trim().is_empty()) {
        return Ok(SCIM);
    }
    let (scim, json) = (quality(&lines, SCIM), quality(&lines, JSON));
    if scim == 0 && json == 0 {
        return Err(ScimError::not_acceptable(format!("Answers are available as {SCIM} and {JSON} only.")));
    }
    Ok(if json > scim { JSON } else { SCIM })
}

/// Which bodies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// SCIM and JSON, and a body without a media type (7644-3.8-c).
    ScimAndJson,
    /// Nothing but SCIM, as the interoperability profile has it.
    ScimOnly,
}

/// Refuses a body of a media type that is not accepted.
///
/// # Errors
///
/// 415.
pub(crate) fn check_body(headers: &HeaderMap, accepted: Accepted) -> Result<(), ScimError> {
    let coded =
        headers.get(CONTENT_ENCODING).is_some_and(|v| !v.as_bytes().eq_ignore_ascii_case(b"identity"));
    if coded {
        return Err(ScimError::unsupported_media_type("The body must not be compressed."));
    }
    let takes_json = accepted == Accepted::ScimAndJson;
    let known = headers.get(CONTENT_TYPE).map_or(Ok(""), |value| value.to_str()).is_ok_and(|text| {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let is_json = takes_json && essence.eq_ignore_ascii_case(JSON);
        let is_missing = takes_json && !headers.contains_key(CONTENT_TYPE);
        (essence.eq_ignore_ascii_case(SCIM) || is_json || is_missing) && parts.all(is_utf8)
    });
    if known {
        return Ok(());
    }
    let wanted = if takes_json { format!("{SCIM} or {JSON}") } else { SCIM.to_owned() };
    Err(ScimError::unsupported_media_type(format!("The body must be {wanted}, in UTF-8.")))
}

/// False for a `charset` parameter other than UTF-8 (RFC 7644 §3.8); other parameters do not matter.
fn is_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return true };
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8"].iter().any(|u| value.trim().trim_matches('"').eq_ignore_ascii_case(u))
}

/// How much the client likes a media type, in thousandths: the most specific range decides.
fn quality(lines: &[&str], media: &str) -> u16 {
    let wildcard = media.split_once('/').map_or_else(String::new, |(kind, _)| format!("{kind}/*"));
    let mut best: Option<(u8, u16)> = None;
    for range in lines.iter().flat_map(|line| line.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default();
        let specificity = match essence {
            e if e.eq_ignore_ascii_case(media) => 3,
            e if e.eq_ignore_ascii_case(&wildcard) => 2,
            "*/*" | "*" => 1,
            _ => continue,
        };
        let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        let weight = weight.map_or(1000, thousandths);
        if best.is_none_or(|(s, w)| (specificity, weight) > (s, w)) {
            best = Some((specificity, weight));
        }
    }
    best.map_or(0, |(_, weight)| weight)
}

/// A quality value in thousandths; what cannot be read counts as 1.
fn thousandths(text: &str) -> u16 {
    let value = text.trim().parse::<f32>().unwrap_or(1.0).clamp(0.0, 1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the value lies between 0 and 1000"
    )]
    let scaled = (value * 1000.0).round() as u16;
    scaled
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(name.clone(), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn accept_chooses_the_representation() {
        // 7644-3.8-b
        let cases: &[(&[&str], Option<&str>)] = &[
            (&[], Some(SCIM)),
            (&[""], Some(SCIM)),
            (&["*/*"], Some(SCIM)),
            (&["application/*"], Some(SCIM)),
            (&["application/scim+json"], Some(SCIM)),
            (&["Application/SCIM+JSON"], Some(SCIM)),
            (&["application/json"], Some(JSON)),
            (&["application/json; charset=utf-8"], Some(JSON)),
            (&["application/json, application/scim+json"], Some(SCIM)),
            (&["application/json", "application/scim+json"], Some(SCIM)),
            (&["application/scim+json;q=0.5, application/json"], Some(JSON)),
            (&["application/json, */*;q=0.1"], Some(JSON)),
            (&["text/html, application/json;q=0.9"], Some(JSON)),
            (&["application/scim+json;q=0, */*"], Some(JSON)),
            (&["text/html"], None),
            (&["*/*;q=0"], None),
            (&["application/xml"], None),
        ];
        for (accept, expected) in cases {
            let got = negotiate(&headers(ACCEPT, accept));
            assert_eq!(got.as_ref().ok().copied(), *expected, "{accept:?}");
            if let Err(error) = got {
                assert_eq!(error.status(), 406, "{accept:?}");
            }
        }
    }

    #[test]
    fn bodies_are_scim_or_json_in_utf8() {
        // 7644-3.8-c
        let cases = [
            (&[][..], true),
            (&["application/scim+json"][..], true),
            (&["application/scim+json; charset=utf-8"], true),
            (&["application/json;charset=\"UTF-8\""], true),
            (&["APPLICATION/JSON"], true),
            (&["application/json; odata.metadata=none"], true),
            (&["application/json; charset=iso-8859-1"], false),
            (&["text/plain"], false),
            (&["application/x-www-form-urlencoded"], false),
            (&["application/jsonp"], false),
            (&[""], false),
        ];
        for (types, fine) in cases {
            let got = check_body(&headers(CONTENT_TYPE, types), Accepted::ScimAndJson);
            assert_eq!(got.is_ok(), fine, "{types:?}");
        }
        let coded = |coding| check_body(&headers(CONTENT_ENCODING, &[coding]), Accepted::ScimAndJson);
        assert!(coded("gzip").is_err() && coded("identity").is_ok());
        for (types, fine) in [
            (&["application/scim+json"][..], true),
            (&["application/scim+json; charset=utf-8"], true),
            (&["application/json"], false),
            (&[], false),
        ] {
            let got = check_body(&headers(CONTENT_TYPE, types), Accepted::ScimOnly);
            assert_eq!(got.is_ok(), fine, "{types:?}");
        }
    }
}
