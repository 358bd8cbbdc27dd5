//! What a server is and can do, as its root DSE tells (RFC 4512 §5.1).
//!
//! An optional control is sent only if it is advertised: Samba answers an
//! unknown critical one in a way that kills the connection. The one exception
//! is OpenLDAP's permissive modify, which works without being advertised.

use std::collections::{HashMap, HashSet};

use super::control;
use crate::config::ldap::DirectoryProfile;

/// Attributes of the root DSE that are read.
pub(super) const ROOT_DSE: [&str; 8] = [
    "objectClass",
    "supportedControl",
    "supportedExtension",
    "supportedCapabilities",
    "vendorName",
    "vendorVersion",
    "subschemaSubentry",
    "defaultNamingContext",
];

/// The capability that Active Directory and Samba advertise.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";

/// Whose server it is, where that changes what we do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    OpenLdap,
    ActiveDirectory,
    Ds389,
    Other,
}

/// A server's abilities.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) vendor: Vendor,
    name: String,
    controls: HashSet<String>,
    extensions: HashSet<String>,
    subschema: String,
    domain: String,
}

/// How permissive modify may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permissive {
    /// On every modify that needs it.
    Always,
    /// As a second attempt, which the server may refuse.
    Attempt,
    /// Not at all.
    Never,
}

impl Server {
    /// Reads the attributes of a root DSE, by lower-case name.
    pub(super) fn from_root_dse(mut dse: HashMap<String, Vec<String>>) -> Self {
        let mut take = |name: &str| dse.remove(&name.to_ascii_lowercase()).unwrap_or_default();
        let capabilities = take("supportedCapabilities");
        let classes = take("objectClass");
        let told = [take("vendorName"), take("vendorVersion")].concat().join(" ");
        let vendor = if capabilities.iter().any(|c| c == ACTIVE_DIRECTORY) {
            Vendor::ActiveDirectory
        } else if classes.iter().any(|c| c.eq_ignore_ascii_case("OpenLDAProotDSE")) {
            Vendor::OpenLdap
        } else if told.contains("389") {
            Vendor::Ds389
        } else {
            Vendor::Other
        };
        let name = match (told.is_empty(), vendor) {
            (false, _) => told,
            (true, Vendor::OpenLdap) => "OpenLDAP".to_owned(),
            (true, Vendor::ActiveDirectory) => "Active Directory".to_owned(),
            (true, Vendor::Ds389 | Vendor::Other) => "an unknown LDAP server".to_owned(),
        };
        Self {
            vendor,
            name,
            controls: take("supportedControl").into_iter().collect(),
            extensions: take("supportedExtension").into_iter().collect(),
            subschema: take("subschemaSubentry").into_iter().next().unwrap_or_default(),
            domain: take("defaultNamingContext").into_iter().next().unwrap_or_default(),
        }
    }

    /// The server as the settings say it is, if they do.
    pub(super) fn known_as(mut self, profile: Option<DirectoryProfile>) -> Self {
        self.vendor = match profile {
            None => self.vendor,
            Some(DirectoryProfile::OpenLdap) => Vendor::OpenLdap,
            Some(DirectoryProfile::ActiveDirectory) => Vendor::ActiveDirectory,
            Some(DirectoryProfile::Ds389) => Vendor::Ds389,
        };
        self
    }

    /// What it calls itself.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The entry that holds the schema; empty if the server does not say.
    pub(super) fn subschema(&self) -> &str {
        &self.subschema
    }

    /// Active Directory: the domain that it serves.
    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    pub(super) fn has_control(&self, oid: &str) -> bool {
        self.controls.contains(oid)
    }

    /// True if a write may carry the assertion control. OpenLDAP's overlays copy the control into
    /// operations of their own on other entries, where it fails: memberof then leaves `memberOf`
    /// as it was without a word, and unique refuses the write (seen with 2.5.13).
    pub(super) fn asserts_safely(&self) -> bool {
        self.vendor != Vendor::OpenLdap && self.has_control(control::ASSERTION)
    }

    pub(super) fn can_set_passwords(&self) -> bool {
        self.extensions.contains(control::PASSWORD_MODIFY)
    }

    pub(super) fn permissive(&self) -> Permissive {
        if self.has_control(control::PERMISSIVE_MODIFY) {
            Permissive::Always
        } else if self.vendor == Vendor::OpenLdap {
            Permissive::Attempt
        } else {
            Permissive::Never
        }
    }

    /// True if only one paged search may be under way on a connection.
    pub(super) fn pages_one_at_a_time(&self) -> bool {
        matches!(self.vendor, Vendor::OpenLdap | Vendor::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(pairs: &[(&str, &str)]) -> Server {
        let mut dse: HashMap<String, Vec<String>> = HashMap::new();
        for (name, value) in pairs {
            dse.entry(name.to_ascii_lowercase()).or_default().push((*value).into());
        }
        Server::from_root_dse(dse)
    }

    #[test]
    fn servers_are_told_apart() {
        let openldap = server(&[
            ("objectClass", "top"),
            ("objectClass", "OpenLDAProotDSE"),
            ("supportedControl", control::ASSERTION),
        ]);
        assert!(openldap.has_control(control::ASSERTION) && !openldap.asserts_safely());
        assert_eq!((openldap.vendor, openldap.name()), (Vendor::OpenLdap, "OpenLDAP"));
        assert_eq!(openldap.permissive(), Permissive::Attempt);
        let samba = server(&[
            ("vendorName", "Samba Team (https://www.samba.org)"),
            ("supportedCapabilities", ACTIVE_DIRECTORY),
            ("supportedControl", control::PERMISSIVE_MODIFY),
            ("supportedControl", control::PERMISSIVE_MODIFY),
        ]);
        assert_eq!(samba.vendor, Vendor::ActiveDirectory);
        assert_eq!(samba.permissive(), Permissive::Always);
        assert!(!samba.can_set_passwords() && !samba.asserts_safely());
        let ds389 = server(&[
            ("vendorName", "389 Project"),
            ("vendorVersion", "389-Directory/2.3.1"),
            ("supportedControl", control::ASSERTION),
        ]);
        assert!(ds389.asserts_safely());
        assert_eq!((ds389.vendor, ds389.name()), (Vendor::Ds389, "389 Project 389-Directory/2.3.1"));
        assert_eq!(ds389.permissive(), Permissive::Never);
        assert_eq!(server(&[]).vendor, Vendor::Other);
        assert_eq!(server(&[]).known_as(Some(DirectoryProfile::Ds389)).vendor, Vendor::Ds389);
        assert_eq!(ds389.known_as(None).vendor, Vendor::Ds389);
    }
}
