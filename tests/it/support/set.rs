//! The people of an application: where its statements or entries are, whose they are, and the mapping for them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Backend, Product, TestStore};

/// An application, and a store of the kind that it keeps its people in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Set {
    /// Folder of the statements or entries, and name of the shipped mapping.
    pub(crate) name: &'static str,
    /// The engine; [`Backend::OpenLdap`] for every directory.
    pub(crate) backend: Backend,
    /// What the names of the files of statements have before `.sql`, as in `schema.sqlite.sql`.
    pub(crate) variant: &'static str,
}

/// A folder of people.
#[derive(Debug)]
pub(crate) struct People {
    /// Where they are.
    pub(crate) folder: PathBuf,
    /// True for the project's own.
    pub(crate) own: bool,
}

impl Set {
    /// The shipped mapping.
    pub(crate) fn mapping(&self) -> PathBuf {
        if self.product() == Product::ActiveDirectory {
            return project().join("mappings/active-directory.toml");
        }
        let of = |before: &str| project().join(format!("mappings/{before}{}.toml", self.name));
        if self.is_directory() && of("openldap-").exists() { of("openldap-") } else { of("") }
    }

    /// The project's own people, and the given ones if they are there: in the folder that the environment names,
    /// else beside the project.
    pub(crate) fn people(&self) -> Vec<People> {
        let given = std::env::var_os("SCIMGATE_SCHEMAS")
            .map_or_else(|| project().join("../shared/schemas"), PathBuf::from);
        let (kind, before) = if self.is_directory() { ("ldap", "ldap-") } else { ("sql", "") };
        let own = project().join("tests/fixtures").join(kind).join(self.name);
        let given = given.join(format!("{before}{}", self.name));
        let mut people = vec![People { folder: own, own: true }];
        people.extend(given.exists().then_some(People { folder: given, own: false }));
        people
    }

    /// Makes a store of some people; `None` if its server is not there, which has been said.
    pub(crate) fn fill(&self, people: &People, mapping: &Path) -> Option<TestStore> {
        if self.is_directory() {
            return TestStore::of_set(self.product(), &people.folder, mapping.to_owned());
        }
        let schema = if people.own { "schema" } else { "ddl" };
        let read = |name: &str| people.read(&format!("{name}{}.sql", self.variant));
        let statements = format!("{}\n{}", read(schema), read("seed"));
        TestStore::of_statements(self.backend, &statements, mapping.to_owned())
    }

    fn product(&self) -> Product {
        match self.name {
            "ad" => Product::ActiveDirectory,
            "freeipa" => Product::Ds389,
            _ => Product::OpenLdap,
        }
    }

    fn is_directory(&self) -> bool {
        self.backend == Backend::OpenLdap
    }
}

impl People {
    /// A file of the folder.
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.folder.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
