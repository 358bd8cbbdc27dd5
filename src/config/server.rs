//! Settings of the listener, of limits on requests, and of the log.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;
use url::Url;

use crate::config::{error::Problems, read, secret::Places};

/// Where and how requests are received.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// Addresses to listen on.
    #[serde(deserialize_with = "read::one_or_several")]
    pub listen: Vec<SocketAddr>,
    /// The address that clients see, without `/scim/v2`; `meta.location` and `$ref` start with it.
    #[serde(deserialize_with = "read::optional_text")]
    pub public_url: Option<Url>,
    /// Certificate and key; without it plain HTTP is spoken.
    pub tls: Option<TlsSettings>,
    /// Permits plain HTTP on an address that other machines reach, for a proxy that ends TLS.
    pub allow_plain_http: bool,
    /// Worker threads; without it one per processor.
    pub workers: Option<usize>,
    /// Largest request body.
    pub max_body_bytes: usize,
    /// Largest body of a bulk request.
    pub max_bulk_body_bytes: usize,
    /// Deepest nesting of a request body; of each operation's data in a bulk request.
    pub max_json_depth: usize,
    /// Requests that may be under way at once; beyond that clients are told to come back.
    pub max_requests: usize,
    /// Seconds after which a request is given up.
    pub request_timeout_secs: u64,
}

/// Certificate and key of the listener.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// PEM file of the certificate, followed by those of its issuers.
    pub certificate_file: PathBuf,
    /// PEM file of the private key.
    pub key_file: PathBuf,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            public_url: None,
            tls: None,
            allow_plain_http: false,
            workers: None,
            max_body_bytes: 2 * 1024 * 1024,
            max_bulk_body_bytes: 8 * 1024 * 1024,
            max_json_depth: 32,
            max_requests: 1000,
            request_timeout_secs: 25,
        }
    }
}

impl ServerSettings {
    pub(super) fn check(&mut self, places: &Places, problems: &mut Problems) {
        if self.listen.is_empty() {
            problems.add("server.listen", "expected at least one address such as 127.0.0.1:8080");
        }
        if let Some(tls) = &mut self.tls {
            for (key, file) in [
                ("server.tls.certificate_file", &mut tls.certificate_file),
                ("server.tls.key_file", &mut tls.key_file),
            ] {
                if file.as_os_str().is_empty() {
                    problems.add(key, "is missing");
                } else {
                    places.settle(key, file, problems);
                }
            }
        } else if !self.allow_plain_http {
            // S-01: bearer tokens must not travel unprotected.
            for address in self.listen.iter().filter(|a| !a.ip().is_loopback()) {
                problems.add(
                    "server.listen",
                    format!(
                        "expected a loopback address or [server.tls], found {address} with plain HTTP \
                         (allow_plain_http = true accepts that, for a proxy that ends TLS)"
                    ),
                );
            }
        }
        if let Some(url) = &self.public_url {
            check_public_url(url, problems);
        }
        if let Some(workers) = self.workers {
            problems.range("server.workers", workers as u64, 1, 1024);
        }
        problems.range("server.max_body_bytes", self.max_body_bytes as u64, 1024, 1 << 30);
        problems.range("server.max_bulk_body_bytes", self.max_bulk_body_bytes as u64, 1024, 1 << 30);
        problems.range("server.max_json_depth", self.max_json_depth as u64, 4, 128);
        problems.range("server.max_requests", self.max_requests as u64, 1, 100_000);
        problems.range("server.request_timeout_secs", self.request_timeout_secs, 1, 600);
    }
}

fn check_public_url(url: &Url, problems: &mut Problems) {
    let key = "server.public_url";
    if !matches!(url.scheme(), "http" | "https") {
        problems.add(key, format!("expected https://, found {}:", url.scheme()));
    }
    // S-03: every answer repeats this URL.
    if !url.username().is_empty() || url.password().is_some() {
        problems.add(key, "expected no user or password in the URL");
    }
    if url.query().is_some() || url.fragment().is_some() {
        problems.add(key, "expected neither query nor fragment");
    }
}

/// Bounds on what one request may ask for (S-21, S-22).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Most resources in one page; a larger `count` is lowered to it, or refused if a client pages by cursor.
    pub max_results: usize,
    /// Resources in a page whose request has no `count`.
    pub default_page: usize,
    /// Seconds for which the cursor of a page is good.
    pub cursor_timeout_secs: u64,
    /// Most candidates that a filter or a sort may examine in memory; beyond it the answer is 400 `tooMany`.
    pub max_candidates: usize,
    /// Longest filter, in bytes.
    pub max_filter_length: usize,
    /// Most operations of one PATCH.
    pub max_operations: usize,
    /// Most operations of one bulk request.
    pub max_bulk_operations: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            max_results: 1000,
            default_page: 100,
            cursor_timeout_secs: 3600,
            max_candidates: 10_000,
            max_filter_length: 4096,
            max_operations: 1000,
            max_bulk_operations: 1000,
        }
    }
}

impl LimitSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        // Clients ask for pages of 100 and count what comes back, so the cap is not below it.
        problems.range("limits.max_results", self.max_results as u64, 100, 100_000);
        problems.range("limits.default_page", self.default_page as u64, 1, self.max_results as u64);
        problems.range("limits.cursor_timeout_secs", self.cursor_timeout_secs, 1, 7 * 24 * 3600);
        problems.range("limits.max_candidates", self.max_candidates as u64, 100, 10_000_000);
        problems.range("limits.max_filter_length", self.max_filter_length as u64, 256, 1 << 20);
        problems.range("limits.max_operations", self.max_operations as u64, 1, 100_000);
        problems.range("limits.max_bulk_operations", self.max_bulk_operations as u64, 1, 10_000);
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Form of a line.
    pub format: LogFormat,
    /// A level, or directives such as `info,scimgate::store=debug`; empty: `info`.
    pub level: String,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}
