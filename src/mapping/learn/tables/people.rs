//! The draft's users.

use super::{
    Draft, account,
    demanded::{Counters, field_of, key_of, made, meta},
    find::{column, is_demanded, is_made},
    is_looked_at, lists,
    words::{self, is_password, is_secret},
};
use crate::{
    mapping::learn::page::{Page, list, quoted},
    store::inventory::{ColumnFacts, ForeignKey, Holds},
};

const SINGLE: [&str; 8] = [
    "displayName",
    "nickName",
    "title",
    "profileUrl",
    "preferredLanguage",
    "locale",
    "timezone",
    "externalId",
];
/// Logins that installations make for themselves.
const OWN: [&str; 4] = ["admin", "root", "administrator", "system"];
const NAMES: [&str; 4] = ["name.givenName", "name.middleName", "name.familyName", "name.honorificPrefix"];
const ENTERPRISE: [&str; 5] = ["employeeNumber", "costCenter", "organization", "division", "department"];
/// What a column of somebody's superior is called.
const BOSSES: [&str; 5] = ["manager", "boss", "supervisor", "reportsto", "superior"];
/// So many columns that are left out are named.
const LEFT_OUT: usize = 40;

/// Users under way.
pub(super) struct Users<'d, 'i> {
    pub(super) draft: &'d Draft<'i>,
    pub(super) login: &'i ColumnFacts,
    /// Columns that are bound already; each is bound once.
    pub(super) bound: Vec<String>,
    /// Parts.
    pub(super) parts: Page,
    /// Lines of `[User.attributes]`.
    pub(super) singles: Page,
    /// Lines of `name` and of the enterprise extension.
    pub(super) names: Page,
    pub(super) enterprise: Page,
    /// Attributes with tables of their own.
    pub(super) lists: Page,
}

/// Drafts `[User]`.
pub(super) fn draft(page: &mut Page, draft: &Draft<'_>, counters: &mut Counters) {
    let people = draft.found.people;
    page.heading("users");
    let Some(login) = login(draft) else {
        page.comment(&format!("`{}` looks like people, but none of its columns like a login.", people.name));
        return;
    };
    let mut users = Users {
        draft,
        login,
        bound: vec![login.name.clone()],
        parts: Page::default(),
        singles: Page::default(),
        names: Page::default(),
        enterprise: Page::default(),
        lists: Page::default(),
    };
    users.attributes();
    lists::draft(&mut users, counters);
    users.enterprise();
    account::draft(&mut users);
    page.line("[User]");
    page.why(&format!("table = {}", quoted(people.name)), "by its name and its columns");
    if !draft.found.others.is_empty() {
        page.decide(&format!("these tables look like people, too: {}.", draft.found.others.join(", ")));
    }
    let counted =
        if is_made(people.key) { "the primary key, which the database makes" } else { "the primary key" };
    page.why(&format!("key = {}", quoted(&people.key.name)), counted);
    let crowd = draft.crowd(people.name);
    let own: Vec<&str> =
        OWN.into_iter().filter(|own| crowd.values(&login.name).any(|value| value == *own)).collect();
    match own.as_slice() {
        [] => page.decide(&format!(
            "rows that nobody may see or touch, as `protect = {{ {} = [\"…\"] }}`.",
            key_of(&login.name)
        )),
        own => {
            let line = format!("protect = {{ {} = {} }}", key_of(&login.name), list(own));
            page.why(&line, "TODO decide: by its login an account of the installation's own; further ones");
        }
    }
    page.why("side = \"*\"", "what no column fits is kept in scimgate's own database");
    account::deleted(page, &users);
    if let Some(changed) = column(people.name, people.facts, "lastModified") {
        page.why(
            &format!("touch = {{ {} = \"@now\" }}", key_of(&changed.name)),
            "on every change, by its name",
        );
    }
    let bound: Vec<&str> = users.bound.iter().map(String::as_str).collect();
    let made = made(draft, people.name, people.facts, &bound, &[&login.name], counters);
    made.draft(page, "User");
    users.fields(page);
    page.0.push_str(&users.parts.0);
    page.table("User.attributes");
    page.0.push_str(&users.singles.0);
    for (name, lines) in [("name", &users.names), ("'{E}'", &users.enterprise)] {
        if !lines.0.is_empty() {
            page.table(&format!("User.attributes.{name}.sub"));
            page.0.push_str(&lines.0);
        }
    }
    page.0.push_str(&users.lists.0);
    meta(page, "User", &people);
    users.left_out(page);
}

/// The login: a column of that name that everybody has and nobody shares, else the mail address.
fn login<'i>(draft: &Draft<'i>) -> Option<&'i ColumnFacts> {
    let people = draft.found.people;
    let crowd = draft.crowd(people.name);
    let is_name =
        |column: &&ColumnFacts| people.facts.is_unique(&[&column.name]) || crowd.is_name(&column.name);
    let by_name = column(people.name, people.facts, "userName").filter(is_name);
    by_name
        .or_else(|| column(people.name, people.facts, "email").filter(is_name))
        .or_else(|| column(people.name, people.facts, "userName"))
}

impl<'i> Users<'_, 'i> {
    /// Why a column was chosen.
    pub(super) fn reason(&self, column: &ColumnFacts) -> String {
        self.draft.crowd(self.draft.found.people.name).share(&column.name)
    }

    /// The column of an attribute, if it is not bound yet.
    pub(super) fn take(&mut self, path: &str) -> Option<&'i ColumnFacts> {
        let people = self.draft.found.people;
        let column = column(people.name, people.facts, path)?;
        let is_free =
            !self.bound.contains(&column.name) && column.name != people.key.name && !is_secret(&column.name);
        is_free.then(|| {
            self.bound.push(column.name.clone());
            column
        })
    }

    /// The line of an attribute, if a column is called so.
    fn single(&mut self, path: &str, name: &str) -> Page {
        let mut page = Page::default();
        if let Some(column) = self.take(path) {
            page.why(&format!("{name} = {}", quoted(&field_of(&column.name))), &self.reason(column));
        }
        page
    }

    fn attributes(&mut self) {
        let people = self.draft.found.people;
        let is_key = self.login.name == people.key.name;
        let fixed = if is_key { ", mutability = \"immutable\"" } else { "" };
        let unique = match people.facts.is_unique(&[&self.login.name]) {
            true => "unique by an index",
            false => "no two rows share one, but no index says so for all",
        };
        let key = if is_key { "; the key, so it does not change" } else { "" };
        let reason = format!("{}, {unique}{key}", self.reason(self.login));
        let field = quoted(&field_of(&self.login.name));
        self.singles.why(&format!("userName = {{ field = {field}{fixed}, unique = \"fold\" }}"), &reason);
        self.singles.decide("whether this is the login that your provider sends.");
        for path in NAMES {
            let line = self.single(path, path.trim_start_matches("name."));
            self.names.0.push_str(&line.0);
        }
        for path in SINGLE {
            let line = self.single(path, path);
            self.singles.0.push_str(&line.0);
        }
    }

    /// The enterprise extension.
    fn enterprise(&mut self) {
        let has_department = self.enterprise.0.contains("department = ");
        for path in ENTERPRISE.into_iter().filter(|path| !has_department || *path != "department") {
            let line = self.single(path, path);
            self.enterprise.0.push_str(&line.0);
        }
        let people = self.draft.found.people;
        let is_own =
            |key: &&ForeignKey| key.table.eq_ignore_ascii_case(people.name) && key.columns.len() == 1;
        let declared = people.facts.foreign_keys.iter().filter(is_own).find_map(|key| key.columns.first());
        let named = people.facts.columns.iter().find(|column| {
            let name = words::bare(&column.name);
            column.holds == people.key.holds && BOSSES.iter().any(|word| name.contains(word))
        });
        if let Some(name) = declared.or(named.map(|column| &column.name)) {
            let why = if declared.is_some() { "a foreign key at the same table" } else { "by its name" };
            let why = format!("{why}; {}", self.draft.crowd(people.name).share(name));
            let field = quoted(&field_of(name));
            self.enterprise.why(&format!("manager = {{ field = {field}, ref = \"User\" }}"), &why);
            self.bound.push(name.clone());
        }
    }

    /// Texts that cannot be NULL hold an empty text instead.
    fn fields(&self, page: &mut Page) {
        let people = self.draft.found.people;
        let texts = people.facts.columns.iter().filter(|column| {
            !column.nullable
                && matches!(column.holds, Holds::Text)
                && column.allowed.is_none()
                && column.name != self.login.name
                && column.name != people.key.name
                && self.bound.contains(&column.name)
        });
        let lines: Vec<String> =
            texts.map(|column| format!("{} = {{ nothing = \"\" }}", key_of(&column.name))).collect();
        if !lines.is_empty() {
            page.table("User.fields");
            page.comment("NOT NULL: an empty text stands for nothing.");
            lines.iter().for_each(|line| page.line(line));
        }
    }

    fn left_out(&self, page: &mut Page) {
        let people = self.draft.found.people;
        let told = page.0.clone();
        let is_told = |column: &&ColumnFacts| {
            told.contains(&format!("\"{}\"", column.name)) || told.contains(&format!("{} = ", column.name))
        };
        let left: Vec<&ColumnFacts> = people.facts.columns.iter().filter(|column| !is_told(column)).collect();
        if !left.is_empty() {
            page.empty();
            page.comment(&format!("Columns of `{}` that are not in this draft:", people.name));
        }
        for column in left.iter().take(LEFT_OUT) {
            let why = match (is_password(&column.name), is_secret(&column.name), is_demanded(column)) {
                (true, ..) => "passwords, which were not read".to_owned(),
                (_, true, _) => "perhaps a secret, which was not read".to_owned(),
                (_, _, true) => "NOT NULL".to_owned(),
                _ if !is_looked_at(column) => "its values were not looked at".to_owned(),
                _ => self.reason(column),
            };
            page.line(&format!("#   {} ({}): {why}", column.name, column.type_name));
        }
        let tables = self.draft.found.children.iter().map(|child| child.name);
        let tables: Vec<&str> =
            tables.filter(|name| !told.contains(&format!("\"{name}\""))).take(LEFT_OUT).collect();
        if !tables.is_empty() {
            page.comment(&format!(
                "Not in this draft, though they point at people: the tables {}.",
                tables.join(", ")
            ));
        }
    }
}
