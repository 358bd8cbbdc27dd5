//! `docs/mapping.md` and `docs/cookbook` say what is so: each TOML block is
//! compiled, each block of JSON beside one is carried out, and each table of
//! keys, codecs and diagnostic codes is compared with the program.
//!
//! Examples within a file (`[[User.examples]]`) are carried out, too.
//!
//! The words behind a fence tell what a block is:
//!
//! | fence | meaning |
//! |---|---|
//! | `toml` | a whole mapping file |
//! | `toml,in=User.attributes` | lines of that table, laid over the page's first file (`,ldap`: over its second) |
//! | `toml,fails=code` | must be refused with this diagnostic, and no other |
//! | `toml,warns=code` | compiles with this warning |
//! | `toml,file=name` | also a file that `extends` can name |
//! | `json,rows` | rows of the store, by table or base DN |
//! | `json,reads` | the one user (or an array: all users) as SCIM shows it; `reads=Group` for another type |
//! | `json,post` `put` `patch` `delete` | a request; all but `post` go to the first resource |
//! | `json,answers` `refuses` | what it answers |
//! | `json,writes` | the rows of these tables now |
//! | `json,finds` | filter → names of the resources found |
//! | `json,pushes` | filter → how much of it the store is asked: `exactly`, `more`, `nothing` |
//! | `json,publishes` | path → characteristics in the published schema; `null`: not published |

mod conformance;
mod diagnostics;
mod example;
mod markdown;
mod pages;
mod words;

use std::{collections::BTreeSet, fs, io, path::Path};

use scimgate::mapping::{
    Mapping,
    codec::{Class, Codec},
    compile::compile,
    diagnostic::Diagnostics,
};

use self::{
    diagnostics::sources,
    example::Example,
    markdown::{Block, blocks, code_words, section, table},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> String {
    fs::read_to_string(root().join("docs/mapping.md")).unwrap()
}

/// The file that a block stands for.
fn source(block: &Block) -> String {
    let Some(place) = block.tag("in") else { return block.text.clone() };
    let base = if block.tag("ldap").is_some() { "directory.toml" } else { "people.toml" };
    let head = if place == "file" { String::new() } else { format!("[{place}]\n") };
    format!("extends = \"{base}\"\n{head}{}", block.text)
}

fn compile_block(block: &Block, all: &[Block]) -> Result<(Mapping, Diagnostics), Diagnostics> {
    let load = |name: &str| {
        let base = all.iter().find(|b| b.tag("file") == Some(name));
        base.map(|b| b.text.clone()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    compile(&source(block), &load)
}

fn codes(diagnostics: &Diagnostics) -> BTreeSet<&str> {
    diagnostics.0.iter().map(|d| d.code).collect()
}

#[test]
fn every_example_does_what_the_page_says() {
    run_examples(&document());
}

#[test]
fn every_recipe_does_what_the_page_says() {
    run_examples(&fs::read_to_string(root().join("docs/cookbook/sql.md")).unwrap());
}

#[test]
fn every_recipe_for_directories_does_what_the_page_says() {
    run_examples(&fs::read_to_string(root().join("docs/cookbook/ldap.md")).unwrap());
}

fn run_examples(document: &str) {
    let all = blocks(document);
    assert!(all.len() > 50, "the examples were found");
    let mut example: Option<Example> = None;
    let mut wrong = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for block in &all {
        match block.language.as_str() {
            "toml" => {
                if let Some(before) = &mut example {
                    before.settle(block.line);
                }
                example = None;
                let source = source(block);
                match (compile_block(block, &all), block.tag("fails")) {
                    (Ok((mapping, warnings)), None) => {
                        let expected: BTreeSet<&str> = block.tag("warns").into_iter().collect();
                        if codes(&warnings) != expected {
                            wrong.push(format!("line {}:\n{}", block.line, warnings.render("", &source)));
                        }
                        // What the file itself says of rows and resources must hold, too.
                        let findings = scimgate::cli::examples::run(&mapping).unwrap();
                        if findings.has_errors() {
                            wrong.push(format!("line {}:\n{}", block.line, findings.render("", &source)));
                        }
                        example = Some(Example::new(mapping));
                    }
                    (Err(diagnostics), Some(code)) if codes(&diagnostics) == BTreeSet::from([code]) => {}
                    (Err(diagnostics), _) => {
                        wrong.push(format!("line {}:\n{}", block.line, diagnostics.render("", &source)));
                    }
                    (Ok(_), Some(code)) => wrong.push(format!("line {}: no {code}", block.line)),
                }
            }
            "json" => {
                let Some(example) = &mut example else { continue };
                let run = std::panic::AssertUnwindSafe(|| runtime.block_on(example.run(block)));
                if let Err(panic) = std::panic::catch_unwind(run) {
                    let text = panic.downcast_ref::<String>().cloned();
                    wrong.push(text.unwrap_or_else(|| format!("line {}: failed", block.line)));
                }
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The keys that the program names when it finds an unknown one.
fn keys(file: &str) -> BTreeSet<String> {
    let found = compile(file, &|_| Err(io::ErrorKind::NotFound.into()));
    let diagnostics = found.err().unwrap_or_default();
    let report = diagnostics.0.iter().find(|d| d.message.contains("`zzzz`"));
    let report = report.unwrap_or_else(|| panic!("nothing is said of zzzz in\n{file}\n{diagnostics}"));
    code_words(&report.help).into_iter().collect()
}

const USER: &str = "[User]\ntable = \"t\"\nkey = \"id\"\n";

fn lens(text: &str) -> String {
    format!("{USER}[User.attributes]\nuserName = \"login\"\n{text}")
}

#[test]
fn every_key_has_its_row() {
    let in_type = |attribute: &str| {
        format!(
            "[schema.\"urn:x:y\"]\n[schema.\"urn:x:y\".attributes]\na = {{ {attribute} }}\n{}",
            lens("'urn:x:y:a' = \"a\"")
        )
    };
    let table_of = [
        ("file", "zzzz = 1\n".to_owned() + &lens("")),
        ("sql", "[sql]\nzzzz = 1\n".to_owned() + &lens("")),
        ("ldap", "[ldap]\nzzzz = 1\n".to_owned()),
        ("session", "[sql]\nsession = { zzzz = 1 }\n".to_owned()),
        ("counter", "[next.n]\nzzzz = 1\n".to_owned() + &lens("")),
        ("schema", "[schema.\"urn:x:y\"]\nzzzz = 1\n".to_owned()),
        ("characteristics", in_type("zzzz = 1")),
        ("type", "[type.User]\nzzzz = 1\n".to_owned()),
        ("root", format!("{USER}zzzz = 1\n")),
        ("part", format!("{USER}[User.part.p]\nzzzz = 1\n")),
        ("fields", format!("{USER}[User.fields]\nx = {{ zzzz = 1 }}\n")),
        ("delete", format!("{USER}delete = {{ zzzz = 1 }}\n")),
        ("log", format!("{USER}[User.log.l]\nzzzz = 1\n")),
        ("example", format!("{USER}[[User.examples]]\nzzzz = 1\n")),
        ("tests", format!("{USER}protect = {{ x = {{ zzzz = 1 }} }}\n")),
        ("assignments", format!("{USER}touch = {{ x = {{ zzzz = 1 }} }}\n")),
    ];
    let document = document();
    let mut wrong = Vec::new();
    for (name, file) in table_of {
        let mut known = keys(&file);
        if name == "file" {
            known.retain(|k| !matches!(k.as_str(), "User" | "Group"));
        }
        let rows = table(&document, name);
        let explained: BTreeSet<String> = rows.iter().flat_map(|row| code_words(&row[0])).collect();
        if explained != known {
            let missing: Vec<_> = known.difference(&explained).collect();
            let wrong_ones: Vec<_> = explained.difference(&known).collect();
            wrong.push(format!("{name}: not explained {missing:?}, explained but not there {wrong_ones:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_lens_has_its_keys() {
    let lenses = [
        ("field", "title = { field = \"a\", zzzz = 1 }"),
        ("text", "title = { text = \"{a}\", zzzz = 1 }"),
        ("read", "active = { read = { a = 1 }, true = { a = 1 }, false = { a = 0 }, zzzz = 1 }"),
        ("const", "title = { const = \"a\", zzzz = 1 }"),
        ("place", "title = { place = [\"a\"], zzzz = 1 }"),
        ("latest", "title = { latest = [\"a\"], zzzz = 1 }"),
        ("sub", "name = { sub = {}, zzzz = 1 }"),
        ("slots", "emails = { slots = { work = \"a\" }, zzzz = 1 }"),
        ("rows", "emails = { rows = \"p\", zzzz = 1 }"),
        ("ref", "'{E}:manager' = { field = \"a\", ref = \"User\", zzzz = 1 }"),
        ("tree", "'{E}:manager' = { tree = \"a\", ref = \"User\", zzzz = 1 }"),
        ("inverse", "groups = { inverse = \"Group.members\", zzzz = 1 }"),
        ("search", "emails = { search = \"a\", zzzz = 1 }"),
        ("scheme", "password = { field = \"a\", scheme = \"ssha\", zzzz = 1 }"),
    ];
    let document = document();
    let common: BTreeSet<String> =
        table(&document, "common").iter().flat_map(|row| code_words(&row[0])).collect();
    let rows = table(&document, "lenses");
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, text) in lenses {
        let known = keys(&lens(text));
        let row = rows.iter().find(|row| code_words(&row[0]).iter().any(|w| w == name));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let mut explained: BTreeSet<String> = row[0..2].iter().flat_map(|cell| code_words(cell)).collect();
        seen.extend(code_words(&row[0]));
        // "all", "none", or "all but `this`".
        if row[2].starts_with("all") {
            let without = code_words(&row[2]);
            explained.extend(common.iter().filter(|k| !without.contains(k)).cloned());
        }
        let missing: Vec<_> = known.difference(&explained).collect();
        let extra: Vec<_> = explained.difference(&known).collect();
        if !missing.is_empty() || !extra.is_empty() {
            wrong.push(format!("{name}: not explained {missing:?}, explained but not there {extra:?}"));
        }
    }
    let all = keys(&lens("title = { zzzz = 1 }"));
    assert_eq!(seen, all, "the kinds of lens");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_codec_is_explained_with_its_class() {
    let help = Codec::parse("zzzz").unwrap_err();
    let (_, list) = help.split_once("there are ").unwrap();
    let name = |text: &str| text.split(':').next().unwrap_or_default().trim().to_owned();
    let known: BTreeSet<String> = list.split(',').map(name).collect();
    let document = document();
    let rows = table(&document, "codecs");
    let explained: BTreeSet<String> = rows.iter().map(|row| name(&code_words(&row[0])[0])).collect();
    assert_eq!(explained, known);
    for row in rows {
        let codec = Codec::parse(&code_words(&row[0])[0]).unwrap();
        let class = match codec.class() {
            Class::Exact => "exact",
            Class::Normalising => "normalising",
            Class::OneWay => "one-way",
        };
        assert_eq!(row[3], class, "{}", row[0]);
        let asked = if codec.keeps_equality() { "yes" } else { "no" };
        assert_eq!(row[4], asked, "equality through {}", row[0]);
        // The second and third column hold a stored value and what SCIM shows.
        let (stored, shown) = (&code_words(&row[1]), &code_words(&row[2]));
        let text = |words: &[String]| words.first().map(|w| w.replace("\\n", "\n").replace("\\r", "\r"));
        let (Some(stored), Some(shown)) = (text(stored), text(shown)) else { continue };
        if codec.class() == Class::OneWay {
            assert_eq!(codec.encode(shown.as_str().into()).unwrap().to_text(), stored, "{}", row[0]);
            continue;
        }
        let bytes = ["hex", "base64", "guid_le", "sid"].contains(&code_words(&row[0])[0].as_str());
        let value = match bytes {
            true => scimgate::store::Value::Bytes(hex::decode(&stored).unwrap()),
            false => stored.as_str().into(),
        };
        let decoded = codec.decode(value).unwrap();
        assert_eq!(decoded.to_text(), shown, "{}", row[0]);
        if codec.class() == Class::Exact {
            assert_eq!(codec.encode(decoded).unwrap().to_text(), stored, "{}", row[0]);
        }
    }
}

#[test]
fn what_is_not_supported_is_listed() {
    let mut texts = Vec::new();
    sources(&root().join("src/mapping/compile"), &mut texts);
    let mut later: BTreeSet<String> = BTreeSet::new();
    for text in &texts {
        for mark in ["later: &[", "const LATER: &[&str] = &["] {
            for (at, _) in text.match_indices(mark) {
                let rest = &text[at + mark.len()..];
                let list = rest.split_once(']').map_or("", |(list, _)| list);
                later.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
            }
        }
    }
    assert!(!later.is_empty(), "{later:?}");
    let document = document();
    // Keys that go with other lenses are in the table of lenses.
    let listed: BTreeSet<String> =
        code_words(section(&document, "## What this version does not carry out")).into_iter().collect();
    let missing: Vec<_> = later.difference(&listed).collect();
    assert!(missing.is_empty(), "not listed: {missing:?}");
}
