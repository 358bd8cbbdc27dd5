//! Drafts a mapping from what a store holds: `scimgate map learn`.
//!
//! A draft is a text with comments, made to be read and corrected: each guess says what it rests on, in numbers.
//! No value of anybody's stands in it. No I/O; the sample comes from the caller.

mod crowd;
mod groups;
mod users;

use crowd::{Crowd, number};

use crate::store::inventory::{directory::Vendor, survey::Survey};

/// Drafts the mapping of a directory.
#[must_use]
pub fn draft(survey: &Survey, store: &str) -> String {
    let directory = &survey.directory;
    let mut out = Lines::default();
    out.comment(&format!(
        "A draft, learnt from {} people and {} groups of {}. Read it before it is used: what it rests on stands \
         above each line, and `scimgate check --live` says what does not fit. docs/mapping.md explains the language.",
        number(survey.people.len()),
        number(survey.groups.len()),
        directory.name
    ));
    if survey.people.len() >= survey.most || survey.groups.len() >= survey.most {
        out.comment(&format!("There are more: only {} of each were looked at.", number(survey.most)));
    }
    out.empty();
    out.line("[ldap]");
    if store != "main" {
        out.line(&format!("store = {}", quoted(store)));
    }
    let profile = match directory.vendor {
        Vendor::OpenLdap => Some("openldap"),
        Vendor::ActiveDirectory => Some("ad"),
        Vendor::Ds389 => Some("389ds"),
        Vendor::Other => None,
    };
    match profile {
        Some(profile) => {
            out.comment("The root DSE tells the product; the profile knows its identity, version and times.");
            out.line(&format!("profile = {}", quoted(profile)));
        }
        None => out.comment("The root DSE does not tell which product this is: no profile."),
    }
    let people = Crowd::of_people(survey);
    let groups = Crowd::of_groups(survey);
    match &people {
        Some(people) => users::draft(&mut out, survey, people, groups.is_some()),
        None => out.comment("Nobody was found: no entry has a class of people. Try --base."),
    }
    match (&people, &groups) {
        (Some(people), Some(groups)) => groups::draft(&mut out, survey, people, groups),
        _ => {
            out.empty();
            out.comment("No groups were found.");
        }
    }
    out.0
}

/// A text as it grows.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn empty(&mut self) {
        self.0.push('\n');
    }

    /// A comment, folded at a width that people read.
    fn comment(&mut self, text: &str) {
        let mut line = String::from("#");
        for word in text.split_whitespace() {
            if line.chars().count() + word.chars().count() > 108 {
                self.line(&line);
                line = String::from("#");
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    fn heading(&mut self, name: &str) {
        self.empty();
        self.line(&format!("# {} {name}", "-".repeat(106 - name.len())));
        self.empty();
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A DN within a template: braces of its own would be holes.
fn quoted_name(name: &str) -> String {
    quoted(&name.replace('{', "{{").replace('}', "}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_and_comments_folded() {
        assert_eq!(quoted("a\"b\\c\u{1}"), "\"a\\\"b\\\\c\\u0001\"");
        let mut out = Lines::default();
        out.comment(&"word ".repeat(40));
        assert!(out.0.lines().count() == 2 && out.0.lines().all(|l| l.starts_with("# word") && l.len() <= 108));
    }
}
