//! The server itself, and whether what the mapping names is on it: search bases, containers.

use crate::{
    mapping::{
        StoreKind, TypeMapping,
        directory::{Against, containers, floors, listed, parts, profile_word},
        lens::Scheme,
        place::Named,
        uses::{Role, Uses},
    },
    store::{
        Source,
        dn::Dn,
        inventory::directory::{Presence, Vendor},
    },
};

/// Paged results (RFC 2696).
const PAGED: &str = "1.2.840.113556.1.4.319";
/// The password-modify operation (RFC 3062).
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

pub(super) fn check(against: &mut Against<'_>) {
    let facts = against.facts;
    let place = against.place(Named::Profile);
    let StoreKind::Ldap { profile } = &against.mapping.store else { return };
    let written = profile.word();
    if let Some(word) = profile_word(facts.vendor)
        && word != written
    {
        let message = format!("the profile is `{written}`, but the server is {}", facts.name);
        against.error("profile-mismatch", &place, message, format!("write `profile = \"{word}\"`"));
    }
    if !facts.private {
        let message = "names and passwords cross the network unencrypted";
        let help = "reach the server by `ldaps://`, or write `start_tls = true` in its settings";
        against.warn("clear-text", &place, message, help);
    }
    if !facts.controls.contains(PAGED) {
        let message = "the server knows no pages (RFC 2696), so it refuses listings beyond its size limit";
        let help = "let it load what makes pages, or raise the size limit of the service account";
        against.warn("control-missing", &place, message, help);
    }
    if facts.schema.attributes.is_empty() {
        let message = "the server shows the account no schema, so classes and attributes are not looked at";
        let help = "let the account read the entry that `subschemaSubentry` of the root DSE names";
        against.warn("schema-unread", &place, message, help);
    }
}

/// Where the entries of a type lie and go to, and how their passwords are set.
pub(super) fn check_places(against: &mut Against<'_>, ty: usize, mapping: &TypeMapping, uses: &Uses<'_>) {
    for (id, part) in parts(mapping) {
        let Source::Entries { bases, .. } = &part.bag.source else { continue };
        let place = against.place(Named::Source(ty, id));
        for base in bases {
            if !is_known(against, base) {
                let contexts = listed(against.facts.contexts.iter().map(String::as_str));
                let message = format!("`{base}` lies in no tree of the server");
                against.error("context-missing", &place, message, format!("its trees are {contexts}"));
            } else if against.facts.places.get(base) == Some(&Presence::Missing) {
                let message = format!("the base `{base}` does not exist, or the account may not see it");
                let help = "correct the DN, make the entry, or let the account read it";
                against.error("base-missing", &place, message, help);
            }
        }
    }
    for ((part, field), dn) in containers(mapping, uses) {
        if against.facts.places.get(&dn) == Some(&Presence::Missing) {
            let place = against.field_place(ty, part, field);
            let message = format!("the container `{dn}` does not exist, or the account may not see it");
            let help = "make it, or correct the DN; entries that go there are refused";
            against.error("container-missing", &place, message, help);
        }
    }
    for (part, dn) in floors(mapping) {
        let is_missing = against.facts.places.get(&dn) == Some(&Presence::Missing);
        if is_missing && against.facts.vendor == Vendor::ActiveDirectory {
            let place = against.setting_place(ty, part, "in");
            let message =
                format!("there is no entry `{dn}`, and Active Directory takes no pointer at nothing");
            let help = "name an entry that is there, or leave `floor` out: its groups may be empty";
            against.error("floor-refused", &place, message, help);
        }
    }
    passwords(against, ty, uses);
}

fn is_known(against: &Against<'_>, base: &str) -> bool {
    let Ok(base) = Dn::parse(base) else { return false };
    let mut contexts = against.facts.contexts.iter().filter_map(|context| Dn::parse(context).ok());
    against.facts.contexts.is_empty() || contexts.any(|context| base == context || base.is_below(&context))
}

fn passwords(against: &mut Against<'_>, ty: usize, uses: &Uses<'_>) {
    for used in &uses.fields {
        let Role::Password(scheme) = &used.role else { continue };
        let place = against.bound_place(ty, used.field, used.rule);
        let is_ad = against.facts.vendor == Vendor::ActiveDirectory;
        let (message, help) = match scheme {
            Scheme::Exop if !against.facts.extensions.contains(PASSWORD_MODIFY) => (
                "the server does not know the password-modify operation (RFC 3062), which `exop` asks for",
                if is_ad {
                    "write `scheme = \"ad\"`"
                } else {
                    "write `scheme = \"server\"`, or another scheme"
                },
            ),
            Scheme::Exop => continue,
            Scheme::Ad if !is_ad => {
                ("only Active Directory knows the form of `unicodePwd`", "write `scheme = \"exop\"`")
            }
            Scheme::Ad if !against.facts.encrypted => (
                "Active Directory sets passwords on encrypted connections only",
                "reach the server by `ldaps://`, or write `start_tls = true` in its settings",
            ),
            Scheme::Ad => continue,
            _ if is_ad => (
                "Active Directory takes passwords by `unicodePwd` only; what is written elsewhere lets nobody in",
                "write `scheme = \"ad\"`",
            ),
            _ => continue,
        };
        against.error("password-channel", &place, message, help);
    }
}
