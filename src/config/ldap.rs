//! Settings of an LDAP store: where the directory is and how patient we are.
//!
//! Nothing here says what lies in the directory; that is the mapping's part.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

/// How to reach a directory.
///
/// The password never stands in this table: whoever loads the settings fills
/// [`password`](Self::password) from a file or a credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LdapSettings {
    /// Servers holding the same data, tried in this order: `ldap://`, `ldaps://` or `ldapi://` URLs.
    pub urls: Vec<String>,
    /// DN of the service account. Empty on `ldapi://`: SASL EXTERNAL.
    pub bind_dn: String,
    /// Its password; an empty one is refused.
    #[serde(skip)]
    pub password: SecretString,
    /// PEM file of the certificate authorities to trust; none: the public ones.
    pub ca_file: Option<PathBuf>,
    /// True: `ldap://` connections are upgraded by StartTLS before anything else is said.
    pub start_tls: bool,
    /// Longest time to connect, agree on TLS and bind.
    pub connect_timeout_secs: u64,
    /// Longest time for one operation, or one page of a listing.
    pub operation_timeout_secs: u64,
    /// Connections of each worker thread: one for point operations, the others for listings.
    pub connections_per_worker: usize,
    /// Entries per page of a listing.
    pub page_size: u32,
    /// Operations in flight on one connection; OpenLDAP closes connections that ask too much at once.
    pub max_in_flight: usize,
    /// Age at which a connection is replaced by a new one.
    pub recycle_secs: u64,
}

impl Default for LdapSettings {
    fn default() -> Self {
        Self {
            urls: Vec::new(),
            bind_dn: String::new(),
            password: SecretString::default(),
            ca_file: None,
            start_tls: false,
            connect_timeout_secs: 5,
            operation_timeout_secs: 10,
            connections_per_worker: 2,
            page_size: 500,
            max_in_flight: 64,
            recycle_secs: 3600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_apply_and_unknown_keys_do_not() {
        let settings: LdapSettings =
            toml::from_str("urls = [\"ldaps://a.example\"]\nbind_dn = \"cn=x\"\npage_size = 100").unwrap();
        assert_eq!((settings.connect_timeout_secs, settings.page_size), (5, 100));
        assert!(toml::from_str::<LdapSettings>("password = \"in the open\"").is_err());
        assert!(toml::from_str::<LdapSettings>("pagesize = 1").is_err());
    }

    #[test]
    fn debug_hides_the_password() {
        let settings = LdapSettings { password: "hush-hush".to_owned().into(), ..Default::default() };
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
