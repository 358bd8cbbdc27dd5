//! Which entries are people, which are groups, and where they lie.

use super::place::{base_of, name_of};
use crate::{
    mapping::learn::crowd::{Crowd, commonest},
    store::{
        dn::Dn,
        inventory::{
            directory::{AttributeType, ClassKind, Directory, ObjectClass, Vendor},
            survey::{Seen, Survey},
        },
    },
};

/// Classes of people, the richest first.
const PEOPLE: [&str; 5] = ["inetOrgPerson", "organizationalPerson", "person", "posixAccount", "account"];
/// Classes of groups, and where each keeps its members.
const GROUPS: [(&str, &str); 5] = [
    ("groupOfNames", "member"),
    ("groupOfUniqueNames", "uniqueMember"),
    ("groupOfMembers", "member"),
    ("posixGroup", "memberUid"),
    ("groupOfURLs", "hasMember"),
];
/// Trees of FreeIPA that hold preserved and staged users, system accounts, and copies.
const BESIDE: [&str; 4] = ["cn=provisioning", "cn=etc", "cn=compat", "cn=sudo"];

/// What places of accounts of services are called, and those of people who are gone.
const SERVICES: [&str; 4] = ["service", "svc", "system", "robot"];
const LEAVERS: [&str; 7] = ["leaver", "inactive", "disabled", "former", "terminated", "retired", "alumni"];

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    OpenLdap,
    ActiveDirectory,
    Ds389,
    FreeIpa,
    Other,
}

impl Server {
    pub(super) fn of(survey: &Survey) -> Self {
        match survey.directory.vendor {
            Vendor::OpenLdap => Self::OpenLdap,
            Vendor::ActiveDirectory => Self::ActiveDirectory,
            Vendor::Ds389 => {
                let is_ipa =
                    |seen: &Seen| seen.is_a("ipaObject") && seen.dn.to_lowercase().contains(",cn=accounts,");
                if survey.people.iter().any(is_ipa) { Self::FreeIpa } else { Self::Ds389 }
            }
            Vendor::Other => Self::Other,
        }
    }

    pub(super) fn name(self, directory: &Directory) -> String {
        match self {
            Self::OpenLdap => "OpenLDAP".to_owned(),
            Self::ActiveDirectory => "Active Directory".to_owned(),
            Self::Ds389 => "389 Directory Server".to_owned(),
            Self::FreeIpa => "FreeIPA".to_owned(),
            Self::Other => directory.name.clone(),
        }
    }
}

/// Entries of one class.
pub(super) struct Kind<'s> {
    pub(super) survey: &'s Survey,
    pub(super) server: Server,
    /// The class that tells them.
    pub(super) class: &'static str,
    /// Where groups keep their members; empty for people.
    pub(super) members: &'static str,
    pub(super) crowd: Crowd<'s>,
    /// The place below which they lie.
    pub(super) base: Dn,
    /// Places elsewhere that are called after people who are gone: who comes back must be found there.
    pub(super) leavers: Vec<Dn>,
    /// Where most of them lie, and how many.
    pub(super) home: (String, usize),
    /// The attribute that names most of them, and how many.
    pub(super) rdn: (String, usize),
    /// Places of such entries that lie elsewhere, with how many.
    pub(super) elsewhere: Vec<(String, usize)>,
    /// Other entries that look alike, by class.
    pub(super) others: Vec<(String, usize)>,
}

impl<'s> Kind<'s> {
    /// The people: those of the richest class that hardly fewer have than any other.
    pub(super) fn of_people(survey: &'s Survey, server: Server) -> Option<Self> {
        let all: Vec<&Seen> = survey.people.iter().filter(|seen| !is_beside(seen, server)).collect();
        if server == Server::ActiveDirectory {
            return Self::new(survey, server, ("user", ""), &all);
        }
        let count = |class: &str| all.iter().filter(|seen| seen.is_a(class)).count();
        let most = PEOPLE.iter().map(|class| count(class)).max()?;
        let class = PEOPLE.iter().copied().find(|class| count(class) * 10 >= most * 6 && count(class) > 0)?;
        Self::new(survey, server, (class, ""), &all)
    }

    /// The groups: those of the class that most of them have.
    pub(super) fn of_groups(survey: &'s Survey, server: Server) -> Option<Self> {
        let is_private = |seen: &Seen| server == Server::FreeIpa && seen.is_a("mepManagedEntry");
        let is_ours = |seen: &&Seen| !is_beside(seen, server) && !is_private(seen);
        let all: Vec<&Seen> = survey.groups.iter().filter(is_ours).collect();
        match server {
            Server::ActiveDirectory => return Self::new(survey, server, ("group", "member"), &all),
            Server::FreeIpa => return Self::new(survey, server, ("ipaUserGroup", "member"), &all),
            _ => {}
        }
        let most = |(class, _): &(&str, &str)| all.iter().filter(|seen| seen.is_a(class)).count();
        // Of several that as many have, the first.
        let class = GROUPS.iter().copied().rev().max_by_key(most)?;
        Self::new(survey, server, class, &all)
    }

    fn new(
        survey: &'s Survey,
        server: Server,
        (class, members): (&'static str, &'static str),
        all: &[&'s Seen],
    ) -> Option<Self> {
        let (seen, others): (Vec<&Seen>, Vec<&Seen>) = all.iter().partition(|seen| seen.is_a(class));
        let names = || seen.iter().filter_map(|seen| name_of(seen));
        let is_called = |dn: &Dn, words: &[&str]| dn.parent().is_some_and(|place| is_called(&place, words));
        let usual: Vec<Dn> =
            names().filter(|dn| !is_called(dn, &SERVICES) && !is_called(dn, &LEAVERS)).collect();
        let base = base_of(&usual).or_else(|| base_of(&names().collect::<Vec<_>>()))?;
        let gone =
            names().filter(|dn| !dn.is_below(&base) && is_called(dn, &LEAVERS)).filter_map(|dn| dn.parent());
        let mut leavers: Vec<Dn> = Vec::new();
        for place in gone {
            if !leavers.contains(&place) {
                leavers.push(place);
            }
        }
        let is_below = |seen: &&Seen| {
            name_of(seen)
                .is_some_and(|name| name.is_below(&base) || leavers.iter().any(|place| name.is_below(place)))
        };
        let (seen, elsewhere): (Vec<&Seen>, Vec<&Seen>) = seen.into_iter().partition(is_below);
        let parent = |seen: &&Seen| name_of(seen)?.parent().map(|dn| dn.to_string());
        let rdn = |seen: &&Seen| Some(name_of(seen)?.rdn()?.avas().first()?.attribute.clone());
        let class_of = |seen: &&Seen| seen.all("objectClass").iter().rfind(|class| *class != "top").cloned();
        Some(Self {
            survey,
            server,
            class,
            members,
            home: commonest(seen.iter().filter_map(parent))?,
            rdn: commonest(seen.iter().filter_map(rdn))?,
            elsewhere: counted(elsewhere.iter().filter_map(parent)),
            others: counted(others.iter().filter_map(class_of)),
            crowd: Crowd { seen, word: "entries" },
            base,
            leavers,
        })
    }

    pub(super) fn directory(&self) -> &'s Directory {
        &self.survey.directory
    }

    pub(super) fn is_ad(&self) -> bool {
        self.server == Server::ActiveDirectory
    }

    pub(super) fn is_rdn(&self, attribute: &str) -> bool {
        self.rdn.0.eq_ignore_ascii_case(attribute)
    }

    /// Places of entries that are called after services, with how many lie there.
    pub(super) fn services(&self) -> Vec<(String, usize)> {
        let parents = self.crowd.seen.iter().filter_map(|seen| name_of(seen)?.parent());
        counted(parents.filter(|place| is_called(place, &SERVICES)).map(|dn| dn.to_string()))
    }

    /// The usual spelling of an attribute; one with options (`;lang-de`) is another attribute.
    pub(super) fn spelling(&self, attribute: &str) -> String {
        if attribute.contains(';') {
            return attribute.to_owned();
        }
        let usual = self.directory().schema.find_attribute(attribute).map(AttributeType::name);
        usual.filter(|name| !name.is_empty()).unwrap_or(attribute).to_owned()
    }

    /// Further classes of the entries, without those that the main one builds on, with how many have each.
    pub(super) fn further_classes(&self) -> Vec<(&'s ObjectClass, usize)> {
        let schema = &self.directory().schema;
        let usual = schema.with_superiors(&[self.class.to_owned()]);
        let mut counts: Vec<(&ObjectClass, usize)> = Vec::new();
        for name in self.crowd.values("objectClass") {
            let Some(class) = schema.find_class(name) else { continue };
            if class.kind == ClassKind::Abstract || usual.iter().any(|own| std::ptr::eq(*own, class)) {
                continue;
            }
            match counts.iter_mut().find(|(own, _)| std::ptr::eq(*own, class)) {
                Some((_, count)) => *count += 1,
                None => counts.push((class, 1)),
            }
        }
        counts.sort_by_key(|(class, count)| (std::cmp::Reverse(*count), class.names.first()));
        counts
    }
}

/// True if a place has one of these words in its own name.
fn is_called(place: &Dn, words: &[&str]) -> bool {
    let name = place.rdn().map(ToString::to_string).unwrap_or_default().to_lowercase();
    words.iter().any(|word| name.contains(word))
}

fn is_beside(seen: &Seen, server: Server) -> bool {
    let dn = seen.dn.to_lowercase();
    server == Server::FreeIpa && BESIDE.iter().any(|place| dn.contains(&format!(",{place},")))
}

/// Each text once, with how often it is there, the commonest first.
fn counted(texts: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for text in texts {
        match counts.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(&text)) {
            Some((_, count)) => *count += 1,
            None => counts.push((text, 1)),
        }
    }
    counts.sort_by_key(|(text, count)| (std::cmp::Reverse(*count), text.clone()));
    counts
}
