//! The draft's groups.

use super::{
    Draft,
    demanded::{Counters, field_of, key_of, made, meta},
    find::{column, is_made},
};
use crate::{
    mapping::learn::page::{Page, list, quoted},
    store::inventory::Holds,
};

/// Drafts `[Group]`.
pub(super) fn draft(page: &mut Page, draft: &Draft<'_>, counters: &mut Counters) {
    page.heading("groups");
    let Some(groups) = &draft.found.groups else {
        page.comment(
            "No groups were found: no table that is called after groups, teams or roles has a table of links to \
             people. Values of a column may be groups, too (docs/mapping.md, \"Resources without a row\").",
        );
        return;
    };
    let (table, link) = (groups.table, &groups.link);
    let Some(name) = column(table.name, table.facts, "group") else { return };
    page.line("[Group]");
    page.why(&format!("table = {}", quoted(table.name)), "by its name, and a table of links points at it");
    let counted = if is_made(table.key) { ", which the database makes" } else { "" };
    page.why(&format!("key = {}", quoted(&table.key.name)), &format!("the primary key{counted}"));
    page.why("side = [\"externalId\"]", "kept in scimgate's own database");
    if let Some(changed) = column(table.name, table.facts, "lastModified") {
        page.why(
            &format!("touch = {{ {} = \"@now\" }}", key_of(&changed.name)),
            "on every change, by its name",
        );
    }
    let is_natural = !is_made(table.key) && table.key.name != name.name;
    let is_text = matches!(table.key.holds, Holds::Text);
    let mut bound = vec![name.name.as_str()];
    if is_natural && is_text {
        bound.push(&table.key.name);
    }
    let made_rows = made(draft, table.name, table.facts, &bound, &[&name.name], counters);
    made_rows.draft(page, "Group");
    if is_natural && is_text {
        let length = table.key.length.unwrap_or(64).clamp(8, 60) - 4;
        let line =
            format!("{} = \"@unique:- {{{}|cut:{length}}}\"", key_of(&table.key.name), field_of(&name.name));
        if made_rows.initial.is_empty() {
            page.table("Group.initial");
            page.why(&line, "the key of a new group is made of its name, and stays");
        } else {
            page.decide(&format!("the key of a new group, as `{line}` in `[Group.initial]`."));
        }
    }
    let part = draft.part("link");
    page.table(&format!("Group.part.{part}"));
    let by = if link.is_declared { "by their foreign keys" } else { "by the names of its columns" };
    page.why(&format!("table = {}", quoted(link.name)), &format!("it ties people to groups, {by}"));
    let key_name = &table.key.name;
    page.line(&format!("on = {{ {} = {} }}", key_of(groups.column), quoted(&field_of(key_name))));
    if let Some(index) = link.facts.indexes.iter().find(|index| index.primary) {
        let key: Vec<&str> = index.columns.iter().map(|column| column.column.as_str()).collect();
        page.why(&format!("key = {}", list(&key)), "the primary key");
    }
    page.line("many = true");
    let linked = made(draft, link.name, link.facts, &[groups.column, link.column], &[], counters);
    if let Some(initial) = linked.inline() {
        page.why(&initial, "NOT NULL");
    }
    for name in linked.open() {
        page.decide(&format!(
            "`{name}` is NOT NULL without a default, and nothing here gives a new row one."
        ));
    }
    page.table("Group.attributes");
    let crowd = draft.crowd(table.name);
    let is_key = name.name == *key_name;
    let fixed = if is_key { ", mutability = \"immutable\"" } else { "" };
    let is_unique = table.facts.is_unique(&[&name.name]) || crowd.is_name(&name.name);
    let unique = if is_unique { ", unique = \"fold\"" } else { "" };
    page.why(
        &format!("displayName = {{ field = {}{fixed}{unique} }}", quoted(&field_of(&name.name))),
        &crowd.share(&name.name),
    );
    page.table("Group.attributes.members");
    page.line(&format!("rows = {}", quoted(&part)));
    page.table("Group.attributes.members.each");
    let by = match link.target == draft.found.people.key.name {
        true => String::new(),
        false => format!(", by = {}", quoted(&field_of(link.target))),
    };
    let rows = draft.crowd(link.name).len();
    page.why(
        &format!("value = {{ field = {}, ref = \"User\"{by} }}", quoted(&field_of(link.column))),
        &format!("the column that points at people; {rows} rows were looked at"),
    );
    meta(page, "Group", &table);
}
