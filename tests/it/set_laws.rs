//! The laws of lenses and filters for the mapping of each application, in front of its real database,
//! filled with the project's own people and, if they are there, with the given ones.
//!
//! - *PutGet*: a PUT reads back as it was sent. Unit: one attribute of one PUT.
//! - *GetPut*: sending back what was read asks the store for no write. Unit: one attribute.
//! - *Refused*: a PUT that is refused leaves every resource as it was. Unit: one PUT.
//! - *Frame*: every other resource reads as before, and tables that the mapping does not name stay byte for
//!   byte. Unit: one resource beside one PUT; one row.
//! - *FilterRead*: random filters find what they find in memory. Unit: filter and resource.
//!
//! What is put are values that somebody has already and awkward texts. Every run makes the same choices, unless
//! `SET_LAW_SEED` gives another number to begin with.

mod look;
mod round;

use self::look::Look;
use self::round::Rounds;
use crate::{
    filter_law::Subject,
    in_process::Counted,
    support::{Backend, Set, TestStore},
};

/// Attributes that are put and read, at least, for each set and its people.
const ATTRIBUTES: usize = 1000;
/// Filters per resource type.
const FILTERS: u32 = 250;

/// Whose people are put and read, and what their lenses may lose.
struct Subjects {
    of: Of,
    /// Attributes whose lens accepts a loss, or that the store fills itself.
    lossy: &'static [&'static str],
    /// Parts of the DNs of what is hidden though it has the classes of resources.
    hidden: &'static [&'static str],
}

/// What a store is filled with.
enum Of {
    /// An application, with each people of it that are there.
    Set(Set),
    /// The company of the test directories, on the server that all tests share.
    Company(Backend),
}

const fn subjects(name: &'static str, backend: Backend, lossy: &'static [&'static str]) -> Subjects {
    Subjects { of: Of::Set(Set { name, backend, variant: "" }), lossy, hidden: &[] }
}

impl Subjects {
    /// A store of each people that are there.
    fn stores(&self) -> Vec<(String, TestStore)> {
        let set = match self.of {
            Of::Set(set) => set,
            Of::Company(backend) => {
                return TestStore::fresh(backend)
                    .map(|s| (backend.name().to_owned(), s))
                    .into_iter()
                    .collect();
            }
        };
        let filled = set.people().into_iter().filter_map(|people| {
            let whose = if people.own { "own" } else { "given" };
            let store = set.fill(&people, &set.mapping())?;
            Some((format!("{}, {whose} people", set.name), store))
        });
        filled.collect()
    }

    fn filters_find_what_they_find_in_memory(&self) {
        for (name, store) in self.stores() {
            let subject = Subject::new(Counted::over(&store), store.mapping());
            subject.obeys_over_what_is_there(&name, FILTERS, seed());
        }
    }

    fn what_is_put_is_read(&self) {
        for (name, store) in self.stores() {
            let mut rounds = Rounds::new(&store, self.lossy, seed());
            let before = Look::at(&store, &rounds, self.hidden);
            while rounds.tally.attributes < ATTRIBUTES {
                rounds.one().unwrap_or_else(|e| panic!("{name}, SET_LAW_SEED={}: {e}", rounds.seed));
            }
            assert_eq!(
                Look::at(&store, &rounds, self.hidden).touched(&before),
                None,
                "{name}: what nobody maps"
            );
            rounds.tell(&name, before.count());
        }
    }
}

/// Where the random choices of a run begin.
fn seed() -> u64 {
    std::env::var("SET_LAW_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Branch and category are required: where a client takes them away, the mapping's own come back.
const KOHA: Subjects = subjects("koha", Backend::MariaDb, &["addresses", "division", "userType"]);
/// The manager is the first of a list: when it goes, the next one takes its place.
const NEXTCLOUD: Subjects = subjects("nextcloud", Backend::Sqlite, &["manager"]);
/// A department moves the entry; the first label of a page is kept, whatever the page is.
const RFC2307BIS: Subjects = subjects("rfc2307bis", Backend::OpenLdap, &[]);
/// `displayName` names whoever is named by `cn`.
const EDUPERSON: Subjects = subjects("eduperson", Backend::OpenLdap, &[]);
const OFBIZ: Subjects = subjects("ofbiz", Backend::Postgres, &[]);
const WORDPRESS: Subjects = subjects("wordpress", Backend::MariaDb, &[]);

/// Of addresses only the main one is told from the others.
const ACTIVE_DIRECTORY: Subjects =
    Subjects { hidden: &["OU=Service Accounts,"], ..subjects("ad", Backend::OpenLdap, &["emails"]) };
/// All addresses are work addresses.
const DS389: Subjects = Subjects { of: Of::Company(Backend::Ds389), lossy: &["emails"], hidden: &[] };

/// Private groups, preserved leavers and the administrator are nobody's business.
const FREEIPA: Subjects =
    Subjects { hidden: &["cn=deleted users,", "uid=admin,"], ..subjects("freeipa", Backend::OpenLdap, &[]) };

#[test]
fn active_directory_filters() {
    ACTIVE_DIRECTORY.filters_find_what_they_find_in_memory();
}

#[test]
fn active_directory_lenses() {
    ACTIVE_DIRECTORY.what_is_put_is_read();
}

#[test]
fn ds389_filters() {
    DS389.filters_find_what_they_find_in_memory();
}

#[test]
fn ds389_lenses() {
    DS389.what_is_put_is_read();
}

#[test]
fn eduperson_filters() {
    EDUPERSON.filters_find_what_they_find_in_memory();
}

#[test]
fn eduperson_lenses() {
    EDUPERSON.what_is_put_is_read();
}

#[test]
fn freeipa_filters() {
    FREEIPA.filters_find_what_they_find_in_memory();
}

#[test]
fn freeipa_lenses() {
    FREEIPA.what_is_put_is_read();
}

#[test]
fn koha_filters() {
    KOHA.filters_find_what_they_find_in_memory();
}

#[test]
fn koha_lenses() {
    KOHA.what_is_put_is_read();
}

#[test]
fn nextcloud_filters() {
    NEXTCLOUD.filters_find_what_they_find_in_memory();
}

#[test]
fn nextcloud_lenses() {
    NEXTCLOUD.what_is_put_is_read();
}

#[test]
fn ofbiz_filters() {
    OFBIZ.filters_find_what_they_find_in_memory();
}

#[test]
fn ofbiz_lenses() {
    OFBIZ.what_is_put_is_read();
}

#[test]
fn rfc2307bis_filters() {
    RFC2307BIS.filters_find_what_they_find_in_memory();
}

#[test]
fn rfc2307bis_lenses() {
    RFC2307BIS.what_is_put_is_read();
}

#[test]
fn wordpress_filters() {
    WORDPRESS.filters_find_what_they_find_in_memory();
}

#[test]
fn wordpress_lenses() {
    WORDPRESS.what_is_put_is_read();
}
