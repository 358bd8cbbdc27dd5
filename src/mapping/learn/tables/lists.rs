//! The draft's users: mail addresses, telephone numbers, postal addresses, look-ups, and rows of name and value, in
//! columns or in tables of their own.

use super::{
    demanded::{Counters, field_of, key_of, made},
    find::{Child, column},
    people::Users,
    words::{bare, base, is_secret, words},
};
use crate::{
    mapping::learn::page::{Page, list, quoted},
    store::inventory::{ColumnFacts, Holds},
};

/// Kinds of mail addresses and telephone numbers, and the words for them.
const KINDS: [(&str, &[&str]); 6] = [
    ("work", &["w", "work", "business", "office", "dienst"]),
    ("home", &["h", "home", "private", "privat"]),
    ("mobile", &["m", "mobile", "cell", "handy"]),
    ("fax", &["f", "fax"]),
    ("pager", &["p", "pager"]),
    ("other", &["o", "other", "sonst"]),
];
const ADDRESS: [&str; 5] = ["streetAddress", "locality", "region", "postalCode", "country"];
/// Columns that hold names of values, and those that hold the values.
const SLOTS: [&str; 7] = ["metakey", "attributename", "fieldname", "configkey", "code", "name", "key"];
const VALUES: [&str; 6] = ["metavalue", "attributevalue", "fieldvalue", "configvalue", "value", "attribute"];

/// Drafts them.
pub(super) fn draft(users: &mut Users<'_, '_>, counters: &mut Counters) {
    let found = &users.draft.found;
    let (people, children) = (found.people, found.children.clone());
    let mut has = (false, false, false, false);
    for child in &children {
        let is_single = child.facts.is_unique(&[child.column]);
        if !is_single && !has.0 {
            has.0 = rows(users, child, Rows::Emails, counters);
        }
        if !is_single && !has.1 {
            has.1 = rows(users, child, Rows::Phones, counters);
        }
        if is_single && !has.2 {
            has.2 = place(users, child);
        }
        if !is_single && !has.3 {
            has.3 = slots(users, child);
        }
    }
    if !has.0 {
        let slots: Vec<(&str, &ColumnFacts)> = [("work", "email"), ("home", "email.home")]
            .into_iter()
            .filter_map(|(kind, path)| {
                // A mail address that is the login, too, is shown as both.
                let is_login =
                    column(people.name, people.facts, path).is_some_and(|c| c.name == users.login.name);
                if is_login { None } else { Some((kind, users.take(path)?)) }
            })
            .collect();
        columns(users, "emails", &slots);
    }
    if !has.1 {
        let kinds = [
            ("work", "phone.work"),
            ("mobile", "phone.mobile"),
            ("fax", "phone.fax"),
            ("home", "phone.home"),
        ];
        let slots: Vec<(&str, &ColumnFacts)> =
            kinds.into_iter().filter_map(|(kind, path)| Some((kind, users.take(path)?))).collect();
        columns(users, "phoneNumbers", &slots);
    }
    if !has.2 {
        let subs: Vec<(&str, &ColumnFacts)> =
            ADDRESS.into_iter().filter_map(|path| Some((path, users.take(path)?))).collect();
        if subs.len() > 1 {
            users.lists.table("User.attributes.addresses");
            users.lists.line("rest = \"@side\"");
            users.lists.table("User.attributes.addresses.slots.work.sub");
            for (path, column) in subs {
                let reason = users.reason(column);
                users.lists.why(&format!("{path} = {}", quoted(&field_of(&column.name))), &reason);
            }
        }
    }
    look_ups(users);
}

/// A fixed element for each column.
fn columns(users: &mut Users<'_, '_>, path: &str, slots: &[(&str, &ColumnFacts)]) {
    if slots.is_empty() {
        return;
    }
    users.lists.table(&format!("User.attributes.{path}"));
    if path == "emails" {
        let kinds: Vec<&str> = slots.iter().map(|(kind, _)| *kind).collect();
        users.lists.line(&format!("primary = {}", list(&kinds)));
    }
    users.lists.why("rest = \"@side\"", "elements of other kinds are kept in our own database");
    users.lists.table(&format!("User.attributes.{path}.slots"));
    for (kind, column) in slots {
        let reason = users.reason(column);
        users.lists.why(&format!("{kind} = {}", quoted(&field_of(&column.name))), &reason);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rows {
    Emails,
    Phones,
}

impl Rows {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Emails => &["mail", "email"],
            Self::Phones => &["phone", "tel", "telephone"],
        }
    }

    fn values(self) -> &'static [&'static str] {
        match self {
            Self::Emails => &["email", "mail", "address", "value", "val", "emailaddress"],
            Self::Phones => &["phone", "number", "phonenumber", "value", "val", "telephone"],
        }
    }

    fn path(self) -> (&'static str, &'static str) {
        match self {
            Self::Emails => ("emails", "email"),
            Self::Phones => ("phoneNumbers", "phone"),
        }
    }
}

/// A table of one address or number a row; false if it is none.
fn rows(users: &mut Users<'_, '_>, child: &Child<'_>, rows: Rows, counters: &mut Counters) -> bool {
    let crowd = users.draft.crowd(child.name);
    let is_word = |text: &str| rows.words().iter().any(|word| bare(text).contains(word));
    let texts = || child.facts.columns.iter().filter(|c| matches!(c.holds, Holds::Text | Holds::Anything));
    let value = rows.values().iter().find_map(|name| {
        texts().find(|column| {
            let own = bare(&column.name);
            own == *name || own.ends_with(name) && is_word(&own)
        })
    });
    // The table says what its rows are, or one of its columns does, row by row.
    let named = words(child.name).iter().any(|word| is_word(word));
    let mut told = child.facts.columns.iter().filter_map(|column| {
        let values = values_of(users, child, column, None);
        let word = values.iter().find(|value| rows.words().contains(&value.to_lowercase().as_str()))?;
        (values.len() < 8).then(|| (column.name.clone(), word.clone()))
    });
    let told = if named { None } else { told.next() };
    let Some(value) = value.filter(|_| named || told.is_some()) else { return false };
    let (path, part) = rows.path();
    let part = &users.draft.part(part);
    let primary_key = child.facts.indexes.iter().find(|index| index.primary);
    let page = &mut Page::default();
    page.table(&format!("User.part.{part}"));
    let by = if child.is_declared { "its foreign key" } else { "the name of its column" };
    page.why(
        &format!("table = {}", quoted(child.name)),
        &format!("it points at people by {by}, and holds {}", path),
    );
    page.line(&on(child));
    if let Some(index) = primary_key {
        let key: Vec<&str> = index.columns.iter().map(|column| column.column.as_str()).collect();
        page.line(&format!("key = {}", list(&key)));
    }
    page.line("many = true");
    if let Some((column, word)) = &told {
        page.why(
            &format!("where = {{ {} = {} }}", key_of(column), quoted(word)),
            "the value that tells these rows from the others",
        );
    }
    let kind = kind_of(users, child, told.as_ref(), rows);
    let primary = child.facts.columns.iter().find(|column| {
        ["isprimary", "primary", "main", "ismain", "isdefault", "preferred"]
            .contains(&bare(&column.name).as_str())
    });
    let mut bound: Vec<&str> = vec![child.column, &value.name];
    bound.extend(told.iter().map(|(column, _)| column.as_str()));
    let made = made(users.draft, child.name, child.facts, &bound, &[], counters);
    let mut initial: Vec<String> = made
        .initial
        .iter()
        .map(|(line, _)| line.clone())
        .filter(|line| {
            let starts = |column: &ColumnFacts| line.starts_with(&format!("{} = ", key_of(&column.name)));
            !kind.as_ref().is_some_and(|(column, _)| starts(column)) && !primary.is_some_and(starts)
        })
        .collect();
    if let Some((column, map)) = &kind {
        let other = map.iter().find(|(_, kind)| *kind == "other").or(map.first());
        initial.extend(other.map(|(stored, _)| format!("{} = {}", key_of(&column.name), quoted(stored))));
    }
    if let Some(column) = primary {
        let no = if column.holds == Holds::Bool { "false" } else { "0" };
        initial.push(format!("{} = {no}", key_of(&column.name)));
    }
    if !initial.is_empty() {
        page.why(&format!("initial = {{ {} }}", initial.join(", ")), "for what a client leaves out");
    }
    let is_open = |name: &&String| {
        kind.as_ref().is_none_or(|(column, _)| column.name != **name)
            && primary.is_none_or(|c| c.name != **name)
    };
    for name in made.open().iter().filter(is_open) {
        page.decide(&format!(
            "`{name}` is NOT NULL without a default, and nothing here gives a new row one."
        ));
    }
    users.parts.0.push_str(&page.0);
    let page = &mut users.lists;
    page.table(&format!("User.attributes.{path}"));
    page.line(&format!("rows = {}", quoted(part)));
    page.table(&format!("User.attributes.{path}.each"));
    page.why(&format!("value = {}", quoted(&field_of(&value.name))), &crowd.share(&value.name));
    match &kind {
        Some((column, map)) => {
            let pairs: Vec<String> =
                map.iter().map(|(stored, kind)| format!("[{}, {}]", quoted(stored), quoted(kind))).collect();
            page.why(
                &format!(
                    "type = {{ field = {}, map = [{}] }}",
                    quoted(&field_of(&column.name)),
                    pairs.join(", ")
                ),
                "the values that are there or allowed",
            );
        }
        None => page.line("type = { const = \"work\", refuse = \"ignore\" }"),
    }
    if let Some(column) = primary {
        let field = quoted(&field_of(&column.name));
        match column.holds {
            Holds::Bool => page.line(&format!("primary = {field}")),
            _ => page.line(&format!("primary = {{ field = {field}, map = [[1, true], [0, false]] }}")),
        }
    }
    true
}

fn on(child: &Child<'_>) -> String {
    format!("on = {{ {} = {} }}", key_of(child.column), quoted(&field_of(child.target)))
}

/// The values of a column: those that are allowed, or those that are there, if all of them are short words.
///
/// Of rows of several kinds, only those that `told` tells are looked at.
fn values_of(
    users: &Users<'_, '_>,
    child: &Child<'_>,
    column: &ColumnFacts,
    told: Option<&(String, String)>,
) -> Vec<String> {
    if let Some(allowed) = &column.allowed {
        return allowed.clone();
    }
    let is_text = matches!(column.holds, Holds::Text | Holds::Other | Holds::Anything);
    if !is_text || is_secret(&column.name) {
        return Vec::new();
    }
    let mut crowd = users.draft.crowd(child.name);
    if let Some((column, word)) = told {
        crowd.seen.retain(|seen| seen.all(column).contains(word));
    }
    // What a new row gets by itself is a value, too.
    let default = column.default.as_deref().map(|default| default.split('\'').nth(1).unwrap_or(default));
    let mut values: Vec<String> = Vec::new();
    for value in crowd.values(&column.name).chain(default.filter(|default| *default != "NULL")) {
        if values.len() > 12 || value.len() > 12 {
            return Vec::new();
        }
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values.sort();
    values
}

/// The column of kinds, with what its values mean; all of them must be known words.
fn kind_of<'i>(
    users: &Users<'_, '_>,
    child: &Child<'i>,
    told: Option<&(String, String)>,
    rows: Rows,
) -> Option<(&'i ColumnFacts, Vec<(String, &'static str)>)> {
    child.facts.columns.iter().filter(|column| told.is_none_or(|(own, _)| *own != column.name)).find_map(
        |column| {
            let values = values_of(users, child, column, told);
            let meaning = |value: &String| {
                let word = value.to_lowercase();
                let kind = KINDS.iter().find(|(_, words)| words.contains(&word.as_str()))?;
                if rows == Rows::Emails && ["mobile", "fax", "pager"].contains(&kind.0) {
                    return None;
                }
                Some((value.clone(), kind.0))
            };
            let map: Option<Vec<_>> = values.iter().map(meaning).collect();
            Some((column, map.filter(|map| !map.is_empty())?))
        },
    )
}

/// A table with one postal address a row; false if it is none.
fn place(users: &mut Users<'_, '_>, child: &Child<'_>) -> bool {
    let subs: Vec<(&str, &ColumnFacts)> =
        ADDRESS.into_iter().filter_map(|path| Some((path, column(child.name, child.facts, path)?))).collect();
    if subs.len() < 3 {
        return false;
    }
    let part = users.draft.part("place");
    users.parts.table(&format!("User.part.{part}"));
    users
        .parts
        .why(&format!("table = {}", quoted(child.name)), "one row for each of the people, with an address");
    users.parts.line(&on(child));
    if subs.iter().any(|(_, column)| !column.nullable) {
        users.parts.why("nothing = [\"\", \"@none\"]", "NOT NULL: an empty text stands for nothing");
    }
    let crowd = users.draft.crowd(child.name);
    users.lists.table("User.attributes.addresses");
    users.lists.line("rest = \"@side\"");
    users.lists.table("User.attributes.addresses.slots.work.sub");
    for (path, column) in subs {
        let field = format!("{part}.{}", field_of(&column.name));
        users.lists.why(&format!("{path} = {}", quoted(&field)), &crowd.share(&column.name));
    }
    true
}

/// Rows of name and value; false if the table is none of such, or none of the names says anything.
fn slots(users: &mut Users<'_, '_>, child: &Child<'_>) -> bool {
    let texts = || {
        child.facts.columns.iter().filter(|c| matches!(c.holds, Holds::Text | Holds::Other | Holds::Anything))
    };
    let find =
        |names: &[&str]| names.iter().find_map(|name| texts().find(|column| bare(&column.name) == *name));
    let (Some(slot), Some(value)) = (find(&SLOTS), find(&VALUES)) else { return false };
    if slot.name == value.name {
        return false;
    }
    let crowd = users.draft.crowd(child.name);
    // Names that several rows have are names of things; one that one row has might be anything, so only known words
    // among those are told.
    let mut names: Vec<(String, usize)> = Vec::new();
    for name in crowd.values(&slot.name) {
        match names.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => names.push((name.to_owned(), 1)),
        }
    }
    names.retain(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)));
    names.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), name.clone()));
    let part = users.draft.part("meta");
    let mut lines: Vec<(&str, String)> = Vec::new();
    for path in [
        "name.givenName",
        "name.middleName",
        "name.familyName",
        "nickName",
        "title",
        "locale",
        "preferredLanguage",
        "timezone",
    ] {
        let found = super::words::names_of(path)
            .iter()
            .find_map(|word| names.iter().find(|(name, _)| bare(name) == *word));
        let own = path.trim_start_matches("name.");
        let is_bound =
            [&users.singles, &users.names].iter().any(|page| page.0.contains(&format!("{own} = ")));
        let Some((name, count)) = found.filter(|_| !is_bound) else { continue };
        lines.push((
            path,
            format!("{own} = {} # {count} rows have this name", quoted(&format!("{part}.{name}"))),
        ));
    }
    if lines.is_empty() {
        return false;
    }
    let left: Vec<&str> =
        names.iter().filter(|(_, count)| *count > 2).map(|(name, _)| name.as_str()).take(30).collect();
    let page = &mut users.parts;
    page.table(&format!("User.part.{part}"));
    page.why(
        &format!("table = {}", quoted(child.name)),
        "rows of name and value; of several with one name the first counts",
    );
    page.line(&on(child));
    if let Some([column]) =
        child.facts.indexes.iter().find(|index| index.primary).map(|index| index.columns.as_slice())
    {
        page.line(&format!("key = {}", quoted(&column.column)));
        page.line(&format!("order = {}", quoted(&column.column)));
    }
    page.line(&format!("slot = {}", quoted(&slot.name)));
    page.line(&format!("value = {}", quoted(&value.name)));
    page.line("nothing = [\"@none\", \"\"]");
    if !left.is_empty() {
        page.comment(&format!("Names that several rows have: {}.", left.join(", ")));
    }
    for (path, line) in lines {
        let page = if path.starts_with("name.") { &mut users.names } else { &mut users.singles };
        page.line(&line);
    }
    true
}

/// Small tables that people point at, and whose names people speak of.
fn look_ups(users: &mut Users<'_, '_>) {
    let draft = users.draft;
    let people = draft.found.people;
    for key in &people.facts.foreign_keys {
        let ([own], Some(facts)) = (key.columns.as_slice(), draft.inventory.tables.get(&key.table)) else {
            continue;
        };
        let thing = words(base(&key.table)).join(" ");
        let is = |all: &[&str]| all.iter().any(|word| thing.contains(word) || bare(own).contains(word));
        let (path, part) = if is(&["depart", "dept", "unit"]) {
            ("department", "dept")
        } else if is(&["organi", "compan"]) {
            ("organization", "company")
        } else if is(&["employment", "kind", "categor", "usertype"]) {
            ("userType", "kind")
        } else {
            continue;
        };
        let part = draft.part(part);
        let is_taken = users.parts.0.contains(&format!("[User.part.{part}]"));
        let named = ["name", "title", "label", "description"];
        let name = named.iter().find_map(|word| {
            facts.columns.iter().find(|c| {
                bare(&c.name).ends_with(word) && facts.is_unique(&[&c.name]) && c.holds == Holds::Text
            })
        });
        let target = key.targets.first().filter(|target| !target.is_empty()).cloned().or_else(|| {
            let primary = facts.indexes.iter().find(|index| index.primary)?;
            primary.columns.first().map(|column| column.column.clone())
        });
        let (Some(name), Some(target), false) = (name, target, is_taken) else { continue };
        if people.key.name == *own || key.table == people.name {
            continue;
        }
        users.parts.table(&format!("User.part.{part}"));
        users.parts.why(
            &format!("table = {}", quoted(&key.table)),
            "a foreign key of people; its rows have names of their own",
        );
        users.parts.line(&format!("on = {{ {} = {} }}", key_of(&target), quoted(&field_of(own))));
        users.parts.why("use = \"find\"", "an unknown name is refused; with \"find_or_add\" it is added");
        users.bound.push(own.clone());
        let line = format!("{path} = {}", quoted(&format!("{part}.{}", field_of(&name.name))));
        let why = draft.crowd(people.name).share(own);
        match path {
            "userType" => users.singles.why(&line, &why),
            _ => users.enterprise.why(&line, &why),
        }
    }
}
