//! What servers say that none of the tests' servers says.

use super::*;
use crate::{
    mapping::{compile::compile, directory::compare},
    store::{
        Row,
        inventory::directory::{AttributeType, Looked, Sampled, Schema},
    },
};

const PAGED: &str = "1.2.840.113556.1.4.319";
const ANN: &str = "uid=ann,ou=people,dc=example,dc=com";

fn mapping() -> Mapping {
    let source = include_str!("../../../mappings/openldap.toml");
    compile(source, &|_| Err(std::io::ErrorKind::NotFound.into())).unwrap().0
}

/// An attribute of the schema, of which nothing is known but its name.
fn attribute(name: &str) -> AttributeType {
    AttributeType { names: vec![name.to_owned()], ..AttributeType::default() }
}

/// A server about which there is little to say, with one entry.
fn fine(mapping: &Mapping) -> Directory {
    let people = &mapping.types[mapping.find_type("User").unwrap()];
    let mut row = Row::new(people.bag());
    for (field, of) in people.bag().fields.iter().enumerate() {
        if ["entryUUID", "entryCSN"].contains(&of.name.as_str()) {
            row.set(field, vec!["x".into()]);
        }
    }
    let ann = Sampled { dn: ANN.to_owned(), classes: vec!["inetOrgPerson".to_owned()], row };
    let mut looked = vec![None; parts(people).count()];
    looked[0] = Some(Looked { sample: vec![ann], count: 1, ..Looked::default() });
    Directory {
        vendor: Vendor::OpenLdap,
        name: "OpenLDAP".to_owned(),
        private: true,
        encrypted: true,
        controls: [PAGED.to_owned()].into(),
        schema: Schema::new(Vec::new(), vec![attribute("entryUUID"), attribute("entryCSN")]),
        looked,
        ..Directory::default()
    }
}

/// What is found beside what is found of [`fine`].
fn found(change: impl FnOnce(&mut Directory, &Mapping)) -> Vec<String> {
    let mapping = mapping();
    let codes = |facts: &Directory| -> Vec<String> {
        let found = compare(&mapping, facts, &Questions::default(), &[]);
        found.0.iter().map(|d| d.code.to_owned()).collect()
    };
    let usual = codes(&fine(&mapping));
    let mut facts = fine(&mapping);
    change(&mut facts, &mapping);
    let mut found = codes(&facts);
    found.retain(|code| !usual.contains(code));
    found.dedup();
    found
}

fn people(facts: &mut Directory) -> &mut Looked {
    facts.looked[0].as_mut().unwrap()
}

#[test]
fn what_others_can_listen_to_is_told() {
    assert_eq!(found(|facts, _| facts.private = false), ["clear-text"]);
}

#[test]
fn a_server_without_pages_is_told() {
    assert_eq!(found(|facts, _| facts.controls.clear()), ["control-missing"]);
}

#[test]
fn a_schema_that_is_not_shown_is_told_and_not_taken_for_an_empty_one() {
    assert_eq!(found(|facts, _| facts.schema = Schema::default()), ["schema-unread"]);
}

#[test]
fn entries_without_a_mark_of_their_version_are_told() {
    let found = found(|facts, mapping| {
        let bag = mapping.types[mapping.find_type("User").unwrap()].bag();
        let version = bag.find_field("entryCSN").unwrap();
        people(facts).sample[0].row.set(version, Vec::new());
    });
    assert_eq!(found, ["version-missing"]);
}

#[test]
fn values_that_were_not_read_are_told() {
    let found = found(|facts, _| {
        let looked = people(facts);
        (looked.count, looked.partly, looked.values) = (200_000, true, vec![vec!["a".to_owned()]]);
    });
    assert_eq!(found, ["values-partly-read"]);
}
