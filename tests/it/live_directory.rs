//! `check --live`: a mapping held against directories that it does not fit, and against those that it does.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use crate::{
    live::{check, check_as, expected, printed},
    support::{Backend, Product, Set, TestStore},
};

/// What is broken, and the account that looks at it.
struct Broken {
    product: Product,
    name: &'static str,
    account: &'static str,
    password: &'static str,
    /// So many entries below `ou=crowd` are more than the account may list.
    crowd: usize,
}

impl Broken {
    fn fixture(&self, kind: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/live");
        fs::read_to_string(folder.join(format!("{}.{kind}", self.name))).unwrap()
    }

    fn entries(&self) -> String {
        let mut ldif = self.fixture("ldif");
        if self.crowd > 0 {
            ldif.push_str("dn: ou=crowd,dc=example,dc=com\nobjectClass: organizationalUnit\nou: crowd\n\n");
        }
        for number in 0..self.crowd {
            let dn = format!("cn=d{number},ou=crowd,dc=example,dc=com");
            write!(ldif, "dn: {dn}\nobjectClass: device\ncn: d{number}\n\n").unwrap();
        }
        ldif
    }

    /// Everything that the lines of the mapping say must be found, and nothing else; twenty kinds at least.
    fn every_mistake_is_found(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/live");
        let mapping = folder.join(format!("{}.toml", self.name));
        let Some(store) = TestStore::of_entries(self.product, &self.entries(), mapping) else { return };
        let is_account = |line: &&str| !line.starts_with("bind_dn") && !line.starts_with("password");
        let all = store.settings();
        let mut settings: String = all.lines().filter(is_account).map(|line| format!("{line}\n")).collect();
        writeln!(settings, "bind_dn = \"{}\"\npassword = \"{}\"", self.account, self.password).unwrap();
        let (code, text) = check_as(&settings, store.mapping());
        assert_eq!(code, 1, "{text}");
        let (found, expected) = (printed(&text), expected(&self.fixture("toml"), Backend::OpenLdap));
        let missing: Vec<_> = expected.difference(&found).collect();
        let extra: Vec<_> = found.difference(&expected).collect();
        assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}\n{text}");
        let kinds: BTreeSet<&str> = found.iter().filter_map(|f| Some(f.split_once(": ")?.1)).collect();
        assert!(kinds.len() >= 20, "{} kinds: {kinds:?}", kinds.len());
        // Each says what to write or to do instead.
        assert!(!text.contains("help: \n"), "{text}");
    }
}

#[test]
fn every_mistake_is_found_in_openldap() {
    Broken {
        product: Product::OpenLdap,
        name: "openldap",
        account: "uid=reader,ou=services,dc=example,dc=com",
        password: "reader",
        crowd: 1100,
    }
    .every_mistake_is_found();
}

#[test]
fn every_mistake_is_found_in_389ds() {
    Broken {
        product: Product::Ds389,
        name: "389ds",
        account: "uid=reader,ou=services,dc=example,dc=com",
        password: "reader-Test1",
        crowd: 210,
    }
    .every_mistake_is_found();
}

#[test]
fn every_mistake_is_found_in_active_directory() {
    Broken {
        product: Product::ActiveDirectory,
        name: "ad",
        account: "CN=reader,OU=Staff,DC=lab,DC=example",
        password: "Reader.Test1",
        crowd: 0,
    }
    .every_mistake_is_found();
}

/// What each shipped mapping says fits the directory of its set.
#[test]
fn the_shipped_mappings_fit_their_directories() {
    for name in ["ad", "eduperson", "freeipa", "rfc2307bis"] {
        let set = Set { name, backend: Backend::OpenLdap, variant: "" };
        for people in set.people() {
            let Some(store) = set.fill(&people, &set.mapping()) else { continue };
            let (code, text) = check(&store, store.mapping());
            assert_eq!(code, 0, "{name}: {text}");
            assert!(!text.contains("error["), "{name}: {text}");
        }
    }
}

/// Only the plug-ins of the main tree are asked for, and indexes cannot be read by the account.
#[test]
fn the_shipped_mapping_fits_389ds() {
    let Some(store) = TestStore::fresh(Backend::Ds389) else { return };
    let (code, text) = check(&store, store.mapping());
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("error[") && !text.contains("entries-none"), "{text}");
}

/// Its indexes can be read by the service account of the tests, and are told apart.
#[test]
fn the_shipped_mapping_fits_openldap() {
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/openldap.toml");
    let place = "dn: ou=more,dc=example,dc=com\nobjectClass: organizationalUnit\nou: more\n";
    let Some(store) = TestStore::of_entries(Product::OpenLdap, place, mapping) else { return };
    store.directory().add(include_str!("../fixtures/ldif/openldap-seed.ldif"));
    let (code, text) = check(&store, store.mapping());
    assert_eq!(code, 0, "{text}");
    assert!(!text.contains("error[") && !text.contains("entries-none"), "{text}");
    let about = |code: &str| -> String {
        let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "│").collect();
        let text = words.join(" ");
        text.split("[").filter(|part| part.starts_with(code)).collect::<Vec<_>>().join("\n")
    };
    let unindexed = about("index-missing");
    assert!(unindexed.contains("`employeeType`") && unindexed.contains("`userType eq …`"), "{text}");
    for indexed in ["`uid`", "`mail`", "`sn`", "`entryUUID`", "`member`"] {
        assert!(!unindexed.contains(indexed), "{indexed}: {text}");
    }
}
