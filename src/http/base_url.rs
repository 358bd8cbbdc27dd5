//! The base URL that resources and references are published under.
//!
//! An operator who runs behind a proxy sets `public_url`. Without it the
//! request's own `Host` counts, after a check that nothing but a host and a
//! port stands in it. `Forwarded` and `X-Forwarded-*` are not believed: any
//! client can write them, and the URL ends up in other systems' databases.

use actix_web::{HttpRequest, http::header::HOST};

use crate::scim::error::ScimError;

/// The path of the SCIM root.
pub const ROOT: &str = "/scim/v2";

/// The SCIM root as the client reaches it, without a trailing slash; `public_url` is
/// the part before [`ROOT`].
///
/// # Errors
///
/// 400 if no URL is configured and the `Host` header is missing or malformed.
pub(crate) fn base_url(public_url: Option<&str>, request: &HttpRequest) -> Result<String, ScimError> {
    if let Some(url) = public_url {
        return Ok(format!("{}{ROOT}", url.trim_end_matches('/')));
    }
    let header = request.headers().get(HOST).and_then(|v| v.to_str().ok());
    // HTTP/2 carries the host in the URI.
    let host = header.or_else(|| request.uri().authority().map(|a| a.as_str()));
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    host.filter(|h| is_host(h))
        .map(|h| format!("{scheme}://{h}{ROOT}"))
        .ok_or_else(|| ScimError::invalid_syntax("The Host header is missing or malformed."))
}

/// True for `name`, `name:port`, `1.2.3.4:port` and `[::1]:port`; no user, no path.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port),
            _ => return false,
        },
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let name_is_fine = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    let port_is_fine = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
    name_is_fine && port_is_fine
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn hosts_are_names_with_a_port_and_nothing_else() {
        for fine in ["idm.example.com", "idm:8880", "127.0.0.1:80", "[::1]:8443", "[::1]"] {
            assert!(is_host(fine), "{fine}");
        }
        for bad in ["", "a b", "u:p@h", "h/x", "h:99999", "h:", "h:1:2", "[::1", "[x]:1", "h\"><", "[::1]x"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn the_configured_url_wins_and_forwarded_headers_do_not_count() {
        let request = TestRequest::default()
            .insert_header((HOST, "inside:1"))
            .insert_header(("X-Forwarded-Host", "evil.example"))
            .insert_header(("Forwarded", "host=evil.example;proto=https"))
            .to_http_request();
        assert_eq!(base_url(None, &request).unwrap(), "http://inside:1/scim/v2");
        assert_eq!(base_url(Some("https://x/idm/"), &request).unwrap(), "https://x/idm/scim/v2");
        let none = TestRequest::default().insert_header((HOST, "a@b")).to_http_request();
        assert_eq!(base_url(None, &none).unwrap_err().status(), 400);
    }
}
