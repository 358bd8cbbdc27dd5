//! The JSON Schema of mapping files, for editors that complete and check TOML
//! while it is written. It is made of the compiler's own tables of keys; what
//! only the whole of a file tells (names, types of fields, cycles) is left to
//! `scimgate check`.

use serde_json::json;

use crate::{
    mapping::compile::{Grammar, grammar},
    scim::{Json, Object},
};

/// What a key holds, where one key of the record layer always holds the same.
const TYPES: &[(&str, &[&str])] = &[
    ("table", &["string"]),
    ("names", &["string", "array"]),
    ("adopt", &["string"]),
    ("scope", &["string"]),
    ("anchor", &["string"]),
    ("version", &["string"]),
    ("id", &["string"]),
    ("rename", &["string"]),
    ("like", &["string"]),
    ("use", &["string"]),
    ("find_by", &["string"]),
    ("value", &["string"]),
    ("column", &["string"]),
    ("entry", &["string"]),
    ("attribute", &["string"]),
    ("highest", &["string", "array"]),
    ("aux", &["object"]),
    ("unlink", &["object"]),
    ("gives", &["string"]),
    ("archive", &["string"]),
    ("length", &["integer"]),
    ("store", &["string"]),
    ("profile", &["string"]),
    ("extends", &["string"]),
    ("many", &["boolean"]),
    ("always", &["boolean"]),
    ("remember", &["boolean"]),
    ("floor_shown", &["boolean"]),
    ("keep", &["boolean"]),
    ("from", &["integer"]),
    ("to", &["integer"]),
    ("step", &["integer"]),
    ("base", &["string", "array"]),
    ("key", &["string", "array"]),
    ("rdn", &["string", "array"]),
    ("classes", &["string", "array"]),
    ("order", &["string", "array"]),
    ("slot", &["string", "array"]),
    ("side", &["string", "array"]),
    ("same", &["string", "array"]),
    ("where", &["object", "array"]),
    ("protect", &["object", "array"]),
    ("on", &["object"]),
    ("alias", &["object"]),
    ("initial", &["object"]),
    ("derived", &["object"]),
    ("touch", &["object"]),
    ("set", &["object"]),
    ("let", &["object"]),
    ("only", &["string", "array"]),
    ("when", &["object", "array"]),
    ("errors", &["object"]),
];

/// The schema of a mapping file.
#[must_use]
pub fn schema() -> Json {
    let keys = grammar();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A mapping of scimgate: how SCIM resources lie in a store",
        "type": "object",
        "properties": file(&keys),
        // Whatever else stands there is a resource type.
        "additionalProperties": one_of("root"),
        "$defs": {
            "session": closed(keys.session, &[]),
            "sql": closed(keys.sql, &[("session", one_of("session"))]),
            "ldap": closed(keys.ldap, &[]),
            "counter": closed(keys.counter, &[]),
            "characteristics": closed(keys.characteristics, &[
                ("subAttributes", all("attribute")),
            ]),
            "attribute": { "anyOf": [{ "type": "string" }, one_of("characteristics")] },
            "ownSchema": closed(keys.schema, &[("attributes", all("attribute"))]),
            "declaration": closed(keys.declaration, &[]),
            "root": closed(keys.root, &[
                ("part", all("part")),
                ("every_part", one_of("part")),
                ("fields", all("field")),
                ("delete", one_of("delete")),
                ("make", one_of("make")),
                ("log", all("log")),
                ("examples", json!({ "anyOf": [
                    { "type": "array", "items": { "$ref": "#/$defs/example" } }, { "const": false }
                ] })),
                ("attributes", all("lens")),
            ]),
            "part": closed(keys.part, &[]),
            "field": closed(keys.field, &[]),
            "delete": closed(keys.delete, &[]),
            "make": closed(keys.make, &[]),
            "log": closed(keys.log, &[
                ("fields", json!({ "type": ["object", "boolean"] })),
                ("events", json!({ "type": ["object", "boolean"] })),
            ]),
            "example": closed(keys.example, &[]),
            "lens": {
                "anyOf": [
                    { "type": ["string", "boolean"] },
                    { "type": "array", "items": { "$ref": "#/$defs/lens" } },
                    { "$ref": "#/$defs/lensTable" },
                ]
            },
            // A key such as `initial` means something else here than in the record layer.
            "lensTable": {
                "type": "object",
                "properties": lens(&keys),
                "additionalProperties": false,
            },
        }
    })
}

/// What a lens may have.
fn lens(keys: &Grammar) -> Json {
    let nested = ["sub", "each"];
    let property = |key: &&str| {
        let schema = if nested.contains(key) { all("lens") } else { json!(true) };
        ((*key).to_owned(), schema)
    };
    Json::Object(keys.lens.iter().map(property).collect::<Object>())
}

/// The file level; a table of a key of its own each.
fn file(keys: &Grammar) -> Json {
    let special = [
        ("sql", one_of("sql")),
        ("ldap", one_of("ldap")),
        ("next", all("counter")),
        ("schema", all("ownSchema")),
        ("type", all("declaration")),
    ];
    properties(keys.file, &special)
}

/// A table with these keys and no others. `false` removes a key of a base file, so it stands everywhere.
fn closed(keys: &[&str], special: &[(&str, Json)]) -> Json {
    json!({ "type": "object", "properties": properties(keys, special), "additionalProperties": false })
}

fn properties(keys: &[&str], special: &[(&str, Json)]) -> Json {
    let property = |key: &&str| {
        let own = special.iter().find(|(name, _)| name == key).map(|(_, schema)| schema.clone());
        let typed = TYPES.iter().find(|(name, _)| name == key).map(|(_, types)| {
            let mut types: Vec<&str> = types.iter().copied().chain(["boolean"]).collect();
            types.dedup();
            json!({ "type": types })
        });
        ((*key).to_owned(), own.or(typed).unwrap_or(json!(true)))
    };
    Json::Object(keys.iter().map(property).collect::<Object>())
}

/// One of a kind of table, or `false`.
fn one_of(name: &str) -> Json {
    json!({ "anyOf": [{ "$ref": format!("#/$defs/{name}") }, { "const": false }] })
}

/// A table whose entries, under any name, are all of one kind.
fn all(name: &str) -> Json {
    json!({ "anyOf": [{ "type": "object", "additionalProperties": one_of(name) }, { "const": false }] })
}
