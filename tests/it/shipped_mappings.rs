//! The shipped mapping files: they compile without a word of warning, and those for stores of one's own bind
//! what Microsoft Entra provisions by default. What those for applications bind is tested in `sets`.

use std::{fs, path::Path};

use scimgate::{
    mapping::{Mapping, compile::compile, diagnostic::Severity},
    scim::schema::SchemaAttribute,
};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// The files whose tables somebody else designed.
const APPLICATIONS: [&str; 5] =
    ["drupal.toml", "koha.toml", "nextcloud.toml", "ofbiz.toml", "wordpress.toml"];

fn shipped() -> Vec<(String, Mapping)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let load = |name: &str| fs::read_to_string(folder.join(name));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let compiled = names.into_iter().map(|name| {
        let source = load(&name).unwrap();
        match compile(&source, &load) {
            Ok((mapping, warnings)) => {
                let only_notes = warnings.0.iter().all(|d| d.severity == Severity::Note);
                assert!(only_notes, "{}", warnings.render(&name, &source));
                (name, mapping)
            }
            Err(diagnostics) => panic!("{}", diagnostics.render(&name, &source)),
        }
    });
    compiled.collect()
}

/// The attribute at a path of names; extension attributes follow the short name `ENT`.
fn published<'a>(mapping: &'a Mapping, path: &str) -> Option<&'a SchemaAttribute> {
    let user = &mapping.types[mapping.find_type("User")?].resource_type;
    let (schema, path) = match path.strip_prefix("ENT.") {
        Some(rest) => (&user.extensions.iter().find(|(s, _)| s.id == ENTERPRISE)?.0, rest),
        None => (&user.core, path),
    };
    let mut names = path.split('.');
    let first = names.next()?;
    let mut found = schema.attributes.iter().find(|a| a.name == first)?;
    for name in names {
        found = found.sub_attributes.iter().find(|a| a.name == name)?;
    }
    Some(found)
}

#[test]
fn every_file_binds_what_entra_sends_by_default() {
    let shipped = shipped();
    assert!(shipped.len() >= 4, "the files were found");
    let mut missing = Vec::new();
    for (name, mapping) in shipped.iter().filter(|(name, _)| !APPLICATIONS.contains(&name.as_str())) {
        for path in [
            "userName",
            "active",
            "displayName",
            "title",
            "preferredLanguage",
            "externalId",
            "emails.value",
            "emails.type",
            "name.givenName",
            "name.familyName",
            "name.formatted",
            "addresses.type",
            "addresses.streetAddress",
            "addresses.locality",
            "addresses.region",
            "addresses.postalCode",
            "addresses.country",
            "phoneNumbers.value",
            "phoneNumbers.type",
            "ENT.employeeNumber",
            "ENT.department",
            "ENT.manager.value",
            "ENT.costCenter",
            "ENT.division",
            "ENT.organization",
            "password",
            "groups.value",
            "nickName",
            "roles.value",
            "locale",
            "timezone",
        ] {
            if published(mapping, path).is_none() {
                missing.push(format!("{name}: {path}"));
            }
        }
        let types = published(mapping, "phoneNumbers.type").unwrap();
        for kind in ["work", "mobile", "fax"] {
            assert!(types.canonical_values.iter().any(|v| v == kind), "{name}: phoneNumbers of type {kind}");
        }
        assert!(mapping.find_type("Group").is_some(), "{name}: groups");
    }
    assert!(missing.is_empty(), "not bound:\n{}", missing.join("\n"));
}

/// What a person reads in one go: without comments and blank lines, no shipped mapping is longer.
#[test]
fn no_shipped_mapping_is_long() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let says = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let lines = text.lines().filter(says).count();
        assert!(lines <= 150, "{}: {lines} lines", path.display());
    }
}

/// A directory calls a single address by the first name, whatever a client calls it: it says no other one.
#[test]
fn a_directory_suggests_the_type_that_it_keeps() {
    for (name, mapping) in shipped() {
        if !["openldap.toml", "389ds.toml"].contains(&name.as_str()) {
            continue;
        }
        let users = &mapping.types.iter().find(|ty| ty.resource_type.name == "User").unwrap().resource_type;
        let emails = users.core.attributes.iter().find(|a| a.name == "emails").unwrap();
        assert_eq!(emails.find_sub("type").unwrap().canonical_values, ["work"], "{name}");
    }
}
