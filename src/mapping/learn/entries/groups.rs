//! The draft's groups.

use std::collections::HashSet;

use super::{
    Counter,
    demanded::{Made, counts},
    kind::{Kind, Server},
    people::{draft_anchor, draft_base, draft_container, draft_rdn, left_out, login},
    place,
};
use crate::mapping::learn::page::{Page, number, quoted};

/// Drafts `[Group]`.
pub(super) fn draft(page: &mut Page, people: &Kind<'_>, groups: &Kind<'_>, counters: &mut Vec<Counter>) {
    let members = groups.members;
    page.heading("groups");
    page.line("[Group]");
    draft_base(page, groups);
    let known = ["objectClass", "cn", members, groups.rdn.0.as_str()];
    let mut made = Made::of(groups, &known, &["cn"]);
    if groups.is_ad() {
        made = Made { classes: vec![groups.class.to_owned()], ..Made::default() };
    }
    made.draft_classes(page, groups);
    match groups.server {
        Server::ActiveDirectory => {
            page.comment("Neither shown nor touched: privileged groups, and Windows' own.");
            page.line("protect = [{ adminCount = 1 }, { isCriticalSystemObject = \"TRUE\" }]");
        }
        Server::FreeIpa => {
            page.comment("The private groups of users are not shown.");
            page.line(
                "where = { objectClass = \"ipaUserGroup\", not = { objectClass = \"mepManagedEntry\" } }",
            );
            page.why("protect = { cn = \"admins\" }", "whoever is in it may do everything");
            draft_rdn(page, groups);
        }
        _ => draft_rdn(page, groups),
    }
    draft_anchor(page, groups);
    page.why("side = [\"externalId\"]", "kept in scimgate's own database");
    page.table("Group.initial");
    draft_container(page, groups);
    if groups.is_ad() {
        page.why("groupType = -2147483646", "TODO decide: a global security group; 2 is a distribution list");
        page.line("sAMAccountName = \"@unique:- {cn|cut:250|sam}\"");
    }
    made.initial.iter().for_each(|(line, why)| page.why(line, why));
    if !made.derived.is_empty() {
        page.table("Group.derived");
        made.derived.iter().for_each(|(line, why)| page.why(line, why));
    }
    counters.extend(
        made.counters
            .into_iter()
            .filter(|new| !counters.iter().any(|c| c.attribute == new.attribute))
            .collect::<Vec<_>>(),
    );
    draft_members(page, people, groups, &made.classes);
    left_out(page, groups);
    if !groups.others.is_empty() {
        page.empty();
        page.comment(&format!("Groups of other classes are not in this draft: {}.", counts(&groups.others)));
    }
}

fn draft_members(page: &mut Page, people: &Kind<'_>, groups: &Kind<'_>, classes: &[String]) {
    let (members, crowd) = (groups.members, &groups.crowd);
    let is_demanded = groups.musts(classes).iter().any(|own| own.eq_ignore_ascii_case(members));
    if is_demanded {
        let why = match &groups.survey.placeholder {
            Some(_) => "It is in every group, and it is nobody.",
            None => "TODO decide: no value is in every group, so this one is made up.",
        };
        page.empty();
        page.comment(&format!(
            "{} must have a {members}: the floor stays in when a group would be empty, and is never shown. {why}",
            groups.class
        ));
        page.line("[Group.part.link]");
        page.line(&format!("in = {}", quoted(members)));
        page.line("many = true");
        let floor = match &groups.survey.placeholder {
            Some(dn) => place(groups.survey, dn),
            None => "\"cn=nobody,{let.suffix}\"".to_owned(),
        };
        page.line(&format!("floor = {floor}"));
    }
    page.table("Group.attributes");
    page.why("displayName = { field = \"cn\", unique = \"fold\" }", &crowd.share("cn"));
    let rows = if is_demanded { "link" } else { members };
    if members == "memberUid" || !crowd.holds_names(members) {
        let by = login(people);
        page.why(
            &format!(
                "members = {{ rows = {}, ref = \"User\", by = {}, dangling = \"hide\" }}",
                quoted(rows),
                quoted(&by)
            ),
            &format!("{}: logins, no DNs", crowd.share(members)),
        );
        return;
    }
    let names: HashSet<String> = crowd.seen.iter().map(|group| group.dn.to_lowercase()).collect();
    let nested = crowd.values(members).filter(|value| names.contains(&value.to_lowercase())).count();
    let of = if nested > 0 {
        format!("{} members are groups", number(nested))
    } else {
        "no member is a group".to_owned()
    };
    page.comment(&format!(
        "{}: DNs; {of}. Pointers at nothing, and at others, are left alone.",
        crowd.share(members)
    ));
    page.line(&format!(
        "members = {{ rows = {}, ref = [\"User\", \"Group\"], dangling = \"hide\" }}",
        quoted(rows)
    ));
}
