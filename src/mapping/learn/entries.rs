//! The draft of a directory's mapping.

mod account;
mod attributes;
mod demanded;
mod groups;
mod kind;
mod people;
mod place;

use self::{
    kind::{Kind, Server},
    place::quoted_place,
};
use super::page::{Page, number, quoted};
use crate::store::{
    dn::Dn,
    inventory::{
        directory::Vendor,
        survey::{Seen, Survey},
    },
};

/// Drafts the mapping of a directory, for the store of this name in the settings.
#[must_use]
pub fn draft(survey: &Survey, store: &str) -> String {
    let server = Server::of(survey);
    let people = Kind::of_people(survey, server);
    let groups = Kind::of_groups(survey, server);
    let mut counters = Vec::new();
    let mut body = Page::default();
    match &people {
        Some(people) => people::draft(&mut body, people, groups.as_ref(), &mut counters),
        None => {
            body.empty();
            body.comment("Nobody was found: no entry has a class of people. Try --base.");
        }
    }
    match (&people, &groups) {
        (Some(people), Some(groups)) => groups::draft(&mut body, people, groups, &mut counters),
        _ => {
            body.heading("groups");
            body.comment("No groups were found.");
        }
    }
    let mut page = Page::default();
    head(&mut page, survey, server, store);
    for counter in &counters {
        counter.draft(&mut page);
    }
    page.0 + &body.0
}

/// Numbers for new entries: the largest in use plus one.
struct Counter {
    attribute: String,
    base: String,
    /// What the numbers in use have in common: a round one below them.
    from: i64,
}

impl Counter {
    fn draft(&self, page: &mut Page) {
        page.table(&format!("next.{}", self.attribute));
        page.why(
            &format!("highest = {}", quoted(&self.attribute)),
            "every value is a number of its own: a new one is the largest plus one",
        );
        page.line(&format!("base = {}", self.base));
        page.why(&format!("from = {}", self.from), "TODO decide: the range of numbers that is yours to give");
    }
}

fn head(page: &mut Page, survey: &Survey, server: Server, store: &str) {
    let directory = &survey.directory;
    page.comment(&format!(
        "A draft, learnt from {} people and {} groups of {}. Read it before it is used: what a line rests on stands \
         beside it, what only you know is marked with TODO, and `scimgate check --live` says what does not fit. \
         docs/mapping.md explains the language.",
        number(survey.people.len()),
        number(survey.groups.len()),
        server.name(directory)
    ));
    if survey.people.len() >= survey.most || survey.groups.len() >= survey.most {
        page.comment(&format!(
            "There are more: of each, {} were looked at. --sample takes another number.",
            number(survey.most)
        ));
    }
    page.table("ldap");
    if store != "main" {
        page.line(&format!("store = {}", quoted(store)));
    }
    let (profile, why) = match directory.vendor {
        Vendor::OpenLdap => {
            ("openldap", "the root DSE says so; it brings identity (entryUUID), version and times")
        }
        Vendor::ActiveDirectory => {
            ("ad", "the root DSE says so; it brings identity (objectGUID), version and times")
        }
        Vendor::Ds389 => {
            ("389ds", "the root DSE says so; it brings identity (nsUniqueId), version and times")
        }
        Vendor::Other => {
            ("openldap", "TODO decide: the root DSE does not tell the product; this one is the nearest")
        }
    };
    page.why(&format!("profile = {}", quoted(profile)), why);
    if let Some(suffix) = suffix(survey) {
        page.table("let");
        page.why(
            &format!("suffix = {}", quoted(suffix)),
            "where was looked; another directory needs another line",
        );
    }
}

/// Of the places where was looked, the one that holds most people.
fn suffix(survey: &Survey) -> Option<&str> {
    let below = |base: &&String| {
        let base = Dn::parse(base).unwrap_or_default();
        let is_below = |seen: &&Seen| Dn::parse(&seen.dn).is_ok_and(|dn| dn.is_below(&base));
        survey.people.iter().filter(is_below).count()
    };
    // Of several that hold as many, the first.
    survey.bases.iter().rev().max_by_key(below).map(String::as_str)
}

/// A DN of the draft, below the suffix if it is.
fn place(survey: &Survey, dn: &str) -> String {
    quoted_place(dn, suffix(survey))
}
