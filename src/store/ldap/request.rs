//! What is asked of a directory: searches and changes, and the line in the log that each of them leaves.

use std::{collections::HashSet, sync::Arc};

use ldap3::{Mod, Scope, controls::RawControl};

/// An attribute description and its values, as octets.
pub(super) type Attribute = (Vec<u8>, HashSet<Vec<u8>>);

/// A search.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) base: String,
    pub(super) scope: Scope,
    pub(super) filter: String,
    pub(super) attributes: Arc<[String]>,
    /// Most entries to take.
    pub(super) limit: Option<usize>,
    /// True: page by page. False: at once, the limit being the server's too.
    pub(super) paged: bool,
    /// True: attributes that come in ranges are read to their end.
    pub(super) is_whole: bool,
    /// Further controls of the request.
    pub(super) controls: Vec<RawControl>,
    /// If given, what is taken are not the entries found but those that this attribute of theirs names, with what a
    /// dereference control (one of `controls`) shows of them.
    pub(super) through: Option<String>,
}

impl Query {
    /// Reads one entry by its DN.
    pub(super) fn base(dn: &str, filter: &str, attributes: &[&str]) -> Self {
        Self {
            base: dn.to_owned(),
            scope: Scope::Base,
            filter: filter.to_owned(),
            attributes: attributes.iter().map(|a| (*a).to_owned()).collect(),
            limit: None,
            paged: false,
            is_whole: true,
            controls: Vec::new(),
            through: None,
        }
    }
}

/// Why a password of Active Directory is not sent.
pub(super) const UNICODE_PWD_IN_THE_CLEAR: &str = "Active Directory takes passwords over TLS only, and this connection is not \
     encrypted: write an ldaps:// URL in `urls`, or `start_tls = true`";

/// The password of Active Directory.
pub(super) const UNICODE_PWD: &str = "unicodePwd";

/// A change.
#[derive(Debug)]
pub(super) enum Request<'a> {
    Add { dn: &'a str, attributes: Vec<Attribute> },
    Modify { dn: &'a str, mods: Vec<Mod<Vec<u8>>> },
    Delete { dn: &'a str },
    Rename { dn: &'a str, rdn: String, superior: Option<String> },
    Password { dn: &'a str, new: &'a str },
}

/// A request as the log shows it: names and numbers.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) operation: &'static str,
    /// Attributes that were asked for or changed.
    pub(super) attributes: String,
    /// Entries that came.
    pub(super) entries: usize,
    /// Values that came or were sent.
    pub(super) values: usize,
}

/// Writes the line when the request is over, however it ends.
pub(super) struct AsRequested(pub(super) Asked);

impl Drop for AsRequested {
    fn drop(&mut self) {
        let Asked { operation, attributes, entries, values } = &self.0;
        tracing::debug!(
            ldap.operation = operation,
            ldap.attributes = attributes,
            ldap.entries = entries,
            ldap.values = values,
            "A request to the directory."
        );
    }
}

impl Request<'_> {
    pub(super) fn asked(&self) -> Asked {
        let of = |operation, parts: &mut dyn Iterator<Item = (&[u8], usize)>| {
            let mut asked = Asked { operation, ..Asked::default() };
            for (name, values) in parts {
                let comma = if asked.attributes.is_empty() { "" } else { "," };
                asked.attributes.push_str(comma);
                asked.attributes.push_str(&String::from_utf8_lossy(name));
                asked.values += values;
            }
            asked
        };
        match self {
            Self::Add { attributes, .. } => {
                of("add", &mut attributes.iter().map(|(name, values)| (name.as_slice(), values.len())))
            }
            Self::Modify { mods, .. } => of(
                "modify",
                &mut mods.iter().map(|m| match m {
                    Mod::Add(name, values) | Mod::Delete(name, values) | Mod::Replace(name, values) => {
                        (name.as_slice(), values.len())
                    }
                    Mod::Increment(name, _) => (name.as_slice(), 1),
                }),
            ),
            Self::Delete { .. } => Asked { operation: "delete", ..Asked::default() },
            Self::Rename { .. } => Asked { operation: "rename", ..Asked::default() },
            Self::Password { .. } => Asked { operation: "password", ..Asked::default() },
        }
    }

    /// True if it tells Active Directory a password.
    pub(super) fn holds_unicode_pwd(&self) -> bool {
        let is_it = |name: &[u8]| name.eq_ignore_ascii_case(UNICODE_PWD.as_bytes());
        match self {
            Self::Add { attributes, .. } => attributes.iter().any(|(name, _)| is_it(name)),
            Self::Modify { mods, .. } => mods.iter().any(|m| match m {
                Mod::Add(name, _)
                | Mod::Delete(name, _)
                | Mod::Replace(name, _)
                | Mod::Increment(name, _) => is_it(name),
            }),
            Self::Delete { .. } | Self::Rename { .. } | Self::Password { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_active_directory_is_noticed_in_whatever_carries_it() {
        let values = || HashSet::from([b"x".to_vec()]);
        let add = |name: &str| Request::Add { dn: "cn=a", attributes: vec![(name.into(), values())] };
        let modify =
            |name: &str| Request::Modify { dn: "cn=a", mods: vec![Mod::Replace(name.into(), values())] };
        assert!(add("UNICODEPWD").holds_unicode_pwd());
        assert!(modify("unicodePwd").holds_unicode_pwd());
        assert!(!add("cn").holds_unicode_pwd());
        assert!(!modify("userPassword").holds_unicode_pwd());
        assert!(!Request::Delete { dn: "cn=a" }.holds_unicode_pwd());
    }
}
