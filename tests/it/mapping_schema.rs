//! The JSON Schema of mapping files takes every mapping that the compiler takes, and refuses keys that it
//! does not know.

use std::{fs, path::Path};

use boon::{Compiler, SchemaIndex, Schemas};
use scimgate::mapping::schema::schema;
use serde_json::Value as Json;

/// The mapping files of a folder whose name begins so.
fn files(folder: &str, prefix: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn compiled() -> (Schemas, SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("mapping.json", schema()).unwrap();
    let index = compiler.compile("mapping.json", &mut schemas).unwrap();
    (schemas, index)
}

fn json(name: &str, text: &str) -> Json {
    toml::from_str(text).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn what_compiles_is_valid() {
    let (schemas, index) = compiled();
    let mut all = files("mappings", "");
    all.extend(files("tests/fixtures/mapping", "pass_"));
    all.extend(files("tests/fixtures/sql/broken", ""));
    assert!(all.len() > 8, "the files were found");
    for (name, text) in all {
        if let Err(error) = schemas.validate(&json(&name, &text), index) {
            panic!("{name}: {error:#}");
        }
    }
}

#[test]
fn unknown_keys_and_wrong_types_are_not() {
    let (schemas, index) = compiled();
    for wrong in [
        "[User]\ntabel = \"people\"",
        "[User]\nkey = 7",
        "[User]\n[User.attributes]\nuserName = { feild = \"login\" }",
        "[User]\n[User.attributes.name.sub]\ngivenName = { field = \"first\", codek = \"lower\" }",
        "[User]\n[User.part.mail]\nonn = { person = \"id\" }",
        "[User]\n[User.delete]\nkeeep = true",
        "[sql]\nstoer = \"main\"",
        "[sql.session]\nsql_mod = \"ANSI\"",
        "[next.number]\ntable = \"t\"\nstep = \"two\"",
        "extends = [1]",
    ] {
        assert!(schemas.validate(&json(wrong, wrong), index).is_err(), "{wrong}");
    }
}

#[test]
fn what_a_base_file_says_may_be_removed() {
    let (schemas, index) = compiled();
    let text = "extends = \"base.toml\"\n[sql]\nsession = false\n[User]\nwhere = false\nversion = false\n\
        [User.attributes]\ntitle = false\nactive = { map = false, initial = false }";
    schemas.validate(&json("removals", text), index).unwrap();
}
