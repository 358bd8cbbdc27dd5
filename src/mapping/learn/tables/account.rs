//! The draft's users: whether they are active, whether rows are only marked as deleted, and passwords.

use super::{
    demanded::{field_of, key_of},
    people::Users,
    words::{bare, is_password, words},
};
use crate::{
    mapping::learn::page::{Page, quoted},
    store::inventory::{ColumnFacts, Holds},
};

/// Words for a truth: somebody may log in; somebody may not.
const OPEN: [&str; 4] = ["active", "enabled", "aktiv", "isopen"];
const CLOSED: [&str; 8] =
    ["disabled", "locked", "blocked", "suspended", "inactive", "deactivated", "archived", "banned"];
/// Values of a status.
const OPEN_VALUES: [&str; 12] =
    ["a", "active", "aktiv", "enabled", "e", "1", "y", "yes", "open", "ok", "normal", "current"];
const CLOSED_VALUES: [&str; 22] = [
    "d",
    "disabled",
    "i",
    "inactive",
    "x",
    "t",
    "terminated",
    "left",
    "b",
    "blocked",
    "locked",
    "suspended",
    "s",
    "deleted",
    "closed",
    "0",
    "n",
    "no",
    "former",
    "retired",
    "archived",
    "gone",
];

/// Drafts `active` and `password`.
pub(super) fn draft(users: &mut Users<'_, '_>) {
    let people = users.draft.found.people;
    let mut page = Page::default();
    match active(users, &mut page) {
        Some(name) => users.bound.push(name),
        None => {
            page.empty();
            page.decide(
                "how an account is deactivated: no column is called so. docs/mapping.md, \"a state\", shows the ways.",
            );
        }
    }
    for column in
        people.facts.columns.iter().filter(|column| is_password(&column.name) && column.holds == Holds::Text)
    {
        page.empty();
        page.decide(&format!(
            "passwords. By its name `{}` holds them; it was not read. Which form they have is known to the application \
             (docs/mapping.md, \"Passwords\"):",
            column.name
        ));
        page.line("# [User.attributes.password]");
        page.line(&format!("# field = {}", quoted(&field_of(&column.name))));
        page.line("# scheme = \"argon2\"");
    }
    users.lists.0.push_str(&page.0);
}

/// `where` and `delete` of rows that are marked instead of deleted.
pub(super) fn deleted(page: &mut Page, users: &Users<'_, '_>) {
    if let Some(column) = mark(users) {
        let key = key_of(&column.name);
        page.why(&format!("where = {{ {key} = \"@none\" }}"), "rows are marked as deleted, by its name");
        page.line(&format!("delete = {{ keep = true, set = {{ {key} = \"@now\" }} }}"));
    }
}

/// The column that marks a deleted row.
fn mark<'i>(users: &Users<'_, 'i>) -> Option<&'i ColumnFacts> {
    let people = users.draft.found.people;
    people.facts.columns.iter().find(|column| {
        let is_time = matches!(column.holds, Holds::Instant | Holds::Time);
        is_time && column.nullable && bare(&column.name).contains("deleted")
    })
}

fn active(users: &Users<'_, '_>, page: &mut Page) -> Option<String> {
    let people = users.draft.found.people;
    let columns = || people.facts.columns.iter().filter(|column| !users.bound.contains(&column.name));
    let is_flag = |column: &&ColumnFacts| matches!(column.holds, Holds::Bool | Holds::Int);
    let called = |column: &ColumnFacts, names: &[&str]| {
        let words = words(&column.name);
        words.len() < 3 && words.iter().any(|word| names.contains(&word.as_str()))
    };
    for (names, is_open) in [(&OPEN[..], true), (&CLOSED[..], false)] {
        let Some(column) = columns().filter(is_flag).find(|column| called(column, names)) else { continue };
        let (yes, no) = if column.holds == Holds::Bool { ("true", "false") } else { ("1", "0") };
        let (open, closed) = if is_open { (yes, no) } else { (no, yes) };
        page.table("User.attributes.active");
        page.why(&format!("field = {}", quoted(&field_of(&column.name))), "a truth of that name");
        page.line(&format!("map = [[{open}, true], [{closed}, false]]"));
        page.why(&format!("initial = {open}"), "a new account is active unless the client says no");
        page.line("required = true");
        return Some(column.name.clone());
    }
    let is_status = |column: &&ColumnFacts| {
        let words = words(&column.name);
        words.first().is_some_and(|w| w == "status" || w == "state")
            || words.last().is_some_and(|w| w == "status")
    };
    for column in columns().filter(is_status) {
        let values = values(users, column);
        let is = |known: &[&str], value: &String| known.contains(&value.to_lowercase().as_str());
        let open: Vec<&String> = values.iter().filter(|value| is(&OPEN_VALUES, value)).collect();
        let closed: Vec<&String> = values.iter().filter(|value| is(&CLOSED_VALUES, value)).collect();
        let (Some(first), false) = (open.first(), closed.is_empty()) else { continue };
        let other: Vec<&String> =
            values.iter().filter(|v| !open.contains(v) && !closed.contains(v)).collect();
        let written = |value: &str| match column.holds {
            Holds::Int => value.to_owned(),
            _ => quoted(value),
        };
        let pair = |(value, truth): (&&String, bool)| format!("[{}, {truth}]", written(value));
        let pairs = open.iter().map(|v| (v, true)).chain(other.iter().map(|v| (v, true)));
        let pairs: Vec<String> = pairs.chain(closed.iter().map(|v| (v, false))).map(pair).collect();
        page.table("User.attributes.active");
        page.why(
            &format!("field = {}", quoted(&field_of(&column.name))),
            "a status, by its name and its values",
        );
        if !other.is_empty() {
            let told: Vec<&str> = other.iter().map(|value| value.as_str()).collect();
            page.decide(&format!("what {} means; it is taken for active.", told.join(", ")));
        }
        page.line(&format!("map = [{}]", pairs.join(", ")));
        page.why(
            &format!("initial = {}", written(first)),
            "a new account is active unless the client says no",
        );
        page.line("required = true");
        return Some(column.name.clone());
    }
    let is_time = |column: &&ColumnFacts| {
        matches!(column.holds, Holds::Instant | Holds::Time) && column.nullable && called(column, &CLOSED)
    };
    let column = columns().find(is_time)?;
    let key = key_of(&column.name);
    page.table("User.attributes.active");
    page.why(&format!("read = {{ {key} = \"@none\" }}"), "a time of that name: whoever has none is active");
    page.line(&format!("true = {{ {key} = \"@none\" }}"));
    page.line(&format!("false = {{ {key} = \"@now\" }}"));
    page.line("required = true");
    Some(column.name.clone())
}

/// The values of a status: those that are allowed, or those that several rows have.
fn values(users: &Users<'_, '_>, column: &ColumnFacts) -> Vec<String> {
    if let Some(allowed) = &column.allowed {
        return allowed.clone();
    }
    let mut values: Vec<(String, usize)> = Vec::new();
    for value in users.draft.crowd(users.draft.found.people.name).values(&column.name) {
        match values.iter_mut().find(|(known, _)| known == value) {
            Some((_, count)) => *count += 1,
            None => values.push((value.to_owned(), 1)),
        }
    }
    // A column of very many values is no status.
    if values.len() > 10 { Vec::new() } else { values.into_iter().map(|(value, _)| value).collect() }
}
