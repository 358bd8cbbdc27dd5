//! Settings of an LDAP store.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::config::{
    error::Problems,
    read,
    secret::{Places, is_loopback},
};

/// The products whose peculiarities are known. Mappings name one, for what it implies, and settings may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum DirectoryProfile {
    /// OpenLDAP's slapd.
    #[default]
    #[serde(rename = "openldap")]
    OpenLdap,
    /// Active Directory, or Samba in its place.
    #[serde(rename = "ad", alias = "active_directory")]
    ActiveDirectory,
    /// 389 Directory Server, and what is built on it.
    #[serde(rename = "389ds")]
    Ds389,
}

impl DirectoryProfile {
    /// Its word in the file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::OpenLdap => "openldap",
            Self::ActiveDirectory => "ad",
            Self::Ds389 => "389ds",
        }
    }
}

/// Ways of the service account to show who it is, beside a password (RFC 4422).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SaslMechanism {
    /// A Kerberos ticket (RFC 4752).
    Gssapi,
}

/// How a directory is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LdapSettings {
    /// Servers holding the same data, tried in this order: `ldaps://`, `ldap://` or `ldapi://` URLs.
    #[serde(deserialize_with = "read::one_or_several")]
    pub urls: Vec<String>,
    /// The domain whose name service tells the servers, in place of `urls`.
    pub domain: Option<String>,
    /// The Active Directory site that we are in: its servers come first.
    pub site: Option<String>,
    /// Name servers to ask about the domain, with their port; none: those of the system.
    #[serde(deserialize_with = "read::one_or_several")]
    pub name_servers: Vec<SocketAddr>,
    /// DN of the service account. Empty: SASL EXTERNAL (RFC 4422 appendix A), by which the server tells from
    /// the certificate, or from the process at the other end of `ldapi://`, who we are.
    pub bind_dn: String,
    /// Password of the service account.
    #[serde(deserialize_with = "read::secret_or_empty")]
    pub password: SecretString,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// A Kerberos ticket in place of `bind_dn` and a password.
    pub sasl: Option<SaslMechanism>,
    /// The Kerberos principal to be, where there are credentials for several.
    pub principal: Option<String>,
    /// PEM file of the certificate authorities to trust; without it the well-known ones.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate that we show to servers, with those that lead to its authority.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its private key.
    pub key_file: Option<PathBuf>,
    /// Upgrades an `ldap://` connection by StartTLS before anything else is sent.
    pub start_tls: bool,
    /// Lets the password travel unprotected to a host that is not this one.
    pub allow_plain_ldap: bool,
    /// Which product it is, where the root DSE does not tell, as behind a proxy.
    pub profile: Option<DirectoryProfile>,
    /// Seconds to wait for a connection.
    pub connect_timeout_secs: u64,
    /// Seconds to wait for the answer of an operation.
    pub operation_timeout_secs: u64,
    /// Connections of each worker thread.
    pub connections_per_worker: usize,
    /// Entries asked for per page of a search (RFC 2696).
    pub page_size: u32,
    /// Operations under way at once on a connection.
    pub max_in_flight: usize,
    /// Seconds after which a connection is replaced by a fresh one.
    pub recycle_secs: u64,
    /// With several servers: seconds within which one that is silent must tell that it is there, or let us in,
    /// before the next one is used.
    pub patience_secs: u64,
    /// Milliseconds for which nobody looks what became of a change whose answer was lost: the server may still be
    /// busy with it.
    pub grace_ms: u64,
    /// Seconds for which the first of several servers must have answered before it is used again after a
    /// fail-over; 0 for never.
    pub fail_back_secs: u64,
}

impl LdapSettings {
    /// How long a server may take to let us in and tell about itself before it counts as hung. Also how long one
    /// server is waited for before the next one is tried at the same time.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience_secs.max(1))
    }
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            domain: None,
            site: None,
            name_servers: Vec::new(),
            bind_dn: String::new(),
            password: SecretString::default(),
            password_file: None,
            sasl: None,
            principal: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            start_tls: false,
            allow_plain_ldap: false,
            profile: None,
            connect_timeout_secs: 5,
            operation_timeout_secs: 10,
            connections_per_worker: 2,
            page_size: 500,
            max_in_flight: 64,
            recycle_secs: 3600,
            patience_secs: 1,
            grace_ms: 500,
            fail_back_secs: 60,
        }
    }
}

impl LdapSettings {
    pub(super) fn check(&mut self, at: &str, places: &Places, problems: &mut Problems) {
        match (&self.domain, self.urls.is_empty()) {
            (None, true) => problems.add(
                format!("{at}.urls"),
                "expected at least one URL such as ldaps://ldap.example.com, or `domain`",
            ),
            (Some(_), false) => {
                problems.add(format!("{at}.domain"), "expected either urls or domain, not both");
            }
            (Some(domain), true) if !is_domain(domain) => {
                problems.add(format!("{at}.domain"), "expected a domain such as corp.example.com");
            }
            _ => {}
        }
        if self.domain.is_none() && (self.site.is_some() || !self.name_servers.is_empty()) {
            problems.add(format!("{at}.domain"), "is missing: site and name_servers need one");
        }
        if self.site.as_deref().is_some_and(|site| !is_label(site)) {
            problems.add(format!("{at}.site"), "expected the name of a site, of letters, digits and hyphens");
        }
        for url in &self.urls {
            match Url::parse(url) {
                Ok(url) => self.check_url(at, &url, problems),
                Err(e) => problems.add(format!("{at}.urls"), format!("`{url}` is no URL: {e}")),
            }
        }
        let mut password = (!self.password.expose_secret().is_empty()).then(|| self.password.clone());
        let at_password = format!("{at}.password");
        places.read_secret(&at_password, self.password_file.as_deref(), &mut password, problems);
        // RFC 4513 §5.1.2: a bind with a DN and no password would be anonymous, and succeed.
        match (self.bind_dn.is_empty(), password.is_none()) {
            (false, true) => problems.add(at_password, "is missing: bind_dn needs one"),
            (true, false) => problems.add(format!("{at}.bind_dn"), "is missing: a password needs one"),
            _ => {}
        }
        self.password = password.unwrap_or_default();
        self.check_sasl(at, problems);
        self.check_files(at, places, problems);
        problems.range(format!("{at}.connect_timeout_secs"), self.connect_timeout_secs, 1, 120);
        problems.range(format!("{at}.operation_timeout_secs"), self.operation_timeout_secs, 1, 600);
        problems.range(format!("{at}.connections_per_worker"), self.connections_per_worker as u64, 1, 64);
        problems.range(format!("{at}.page_size"), self.page_size.into(), 1, 10_000);
        problems.range(format!("{at}.max_in_flight"), self.max_in_flight as u64, 1, 10_000);
        problems.range(format!("{at}.recycle_secs"), self.recycle_secs, 1, 30 * 86_400);
        problems.range(format!("{at}.patience_secs"), self.patience_secs, 1, 60);
        problems.range(format!("{at}.grace_ms"), self.grace_ms, 0, 10_000);
        problems.range(format!("{at}.fail_back_secs"), self.fail_back_secs, 0, 86_400);
    }

    fn check_sasl(&self, at: &str, problems: &mut Problems) {
        if self.sasl.is_none() {
            if self.principal.is_some() {
                problems.add(format!("{at}.sasl"), "is missing: principal needs sasl = \"gssapi\"");
            }
            return;
        }
        if !cfg!(feature = "gssapi") {
            problems.add(
                format!("{at}.sasl"),
                "this scimgate was built without Kerberos: build with `--features full,gssapi`",
            );
        }
        if !self.bind_dn.is_empty() {
            problems.add(format!("{at}.bind_dn"), "expected either bind_dn or sasl, not both");
        }
        if !self.start_tls && self.urls.iter().any(|url| !url.starts_with("ldaps:")) {
            problems.add(
                format!("{at}.sasl"),
                "expected ldaps:// or start_tls = true: the ticket shows who we are, and protects nothing else",
            );
        }
    }

    fn check_files(&mut self, at: &str, places: &Places, problems: &mut Problems) {
        match (&self.certificate_file, &self.key_file) {
            (Some(_), None) => {
                problems.add(format!("{at}.key_file"), "is missing: certificate_file needs one");
            }
            (None, Some(_)) => {
                problems.add(format!("{at}.certificate_file"), "is missing: key_file needs one");
            }
            (Some(_), Some(_)) if !self.start_tls && !self.urls.iter().all(|u| u.starts_with("ldaps:")) => {
                problems.add(
                    format!("{at}.certificate_file"),
                    "expected ldaps:// or start_tls = true: a certificate is shown on encrypted connections only",
                );
            }
            _ => {}
        }
        let files = [
            ("ca_file", &mut self.ca_file),
            ("certificate_file", &mut self.certificate_file),
            ("key_file", &mut self.key_file),
        ];
        for (key, file) in files {
            if let Some(file) = file {
                places.settle(&format!("{at}.{key}"), file, problems);
            }
        }
    }

    fn check_url(&self, at: &str, url: &Url, problems: &mut Problems) {
        let key = format!("{at}.urls");
        // S-03: the URL is printed in logs; credentials have keys of their own.
        if !url.username().is_empty() || url.password().is_some() {
            problems.add(&key, "expected no user or password in the URL; use bind_dn and password_file");
        }
        match url.scheme() {
            "ldaps" if self.start_tls => {
                problems.add(format!("{at}.start_tls"), "expected false: ldaps is encrypted from the start");
            }
            "ldap" if !self.start_tls && !self.allow_plain_ldap && !self.bind_dn.is_empty() => {
                if !is_loopback(url) {
                    problems.add(
                        &key,
                        "expected ldaps:// or start_tls = true, since the password would travel unprotected \
                         (allow_plain_ldap = true accepts that)",
                    );
                }
            }
            "ldap" | "ldaps" | "ldapi" => {}
            other => problems.add(&key, format!("expected ldaps://, ldap:// or ldapi://, found {other}:")),
        }
    }
}

/// True for a name of several labels (RFC 1034 §3.5).
fn is_domain(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    text.len() <= 200 && text.contains('.') && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
