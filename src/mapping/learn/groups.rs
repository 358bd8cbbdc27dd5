//! The draft's groups.

use super::{
    Lines,
    crowd::{Crowd, number},
    quoted, quoted_name,
};
use crate::store::inventory::{directory::Vendor, survey::Survey};

/// Drafts `[Group]`.
pub(super) fn draft(out: &mut Lines, survey: &Survey, people: &Crowd<'_>, groups: &Crowd<'_>) {
    let is_ad = survey.directory.vendor == Vendor::ActiveDirectory;
    out.heading("groups");
    out.line("[Group]");
    out.comment(&format!("All {} lie below this place.", number(groups.len())));
    out.line(&format!("base = {}", quoted_name(&groups.base.to_string())));
    out.comment(&format!(
        "{} of {} groups are {}.",
        number(groups.len()),
        number(survey.groups.len()),
        groups.class
    ));
    out.line(&format!("classes = [{}]", quoted(groups.class)));
    if is_ad {
        out.line("protect = [{ adminCount = 1 }, { isCriticalSystemObject = \"TRUE\" }]");
    } else {
        out.line(&format!("rdn = {}", quoted(&groups.rdn.0)));
    }
    out.line("side = [\"externalId\"]");
    out.empty();
    out.line("[Group.initial]");
    out.comment(&format!("New groups come here, where {} of {} are.", number(groups.home.1), number(groups.len())));
    out.line(&format!("container = {}", quoted_name(&groups.home.0)));
    if is_ad {
        out.comment("To decide: a global security group; 2 is a distribution list.");
        out.line("groupType = -2147483646");
        out.line("sAMAccountName = \"@unique:- {cn|cut:250|sam}\"");
    } else if groups.class == "posixGroup" {
        out.comment("To decide: a number for new groups (`gidNumber`), by a counter: docs/mapping.md, \"Counters\".");
    }
    let members = groups.members;
    let class = survey.directory.schema.find_class(groups.class);
    let demands = class.is_some_and(|class| class.must.iter().any(|own| own.eq_ignore_ascii_case(members)));
    if demands {
        out.empty();
        let floor = groups.shared_value(members);
        out.comment(&format!(
            "{} must have a {members}: this value stays in when a group would be empty, and is never shown. {}",
            groups.class,
            match floor {
                Some(_) => "It is in every group already.",
                None => "To decide: no value is in every group, so it is made up.",
            }
        ));
        out.line("[Group.part.link]");
        out.line(&format!("in = {}", quoted(members)));
        out.line("many = true");
        let made_up = || survey.bases.first().map(|base| format!("cn=nobody,{base}")).unwrap_or_default();
        out.line(&format!("floor = {}", quoted_name(&floor.cloned().unwrap_or_else(made_up))));
    }
    out.empty();
    out.line("[Group.attributes]");
    out.comment(&groups.share("cn"));
    out.line("displayName = { field = \"cn\", unique = \"fold\" }");
    let rows = if demands { "link" } else { members };
    if members == "memberUid" || !groups.holds_names(members) {
        let by = if people.is_name("uid") { "uid" } else { &people.rdn.0 };
        out.comment(&format!("{members}: {}. No DNs: logins of people, it seems.", groups.share(members)));
        out.line(&format!("members = {{ rows = {}, ref = \"User\", by = {} }}", quoted(rows), quoted(by)));
        return;
    }
    let nested = groups.seen.iter().flat_map(|group| group.all(members));
    let names: std::collections::HashSet<String> = groups.seen.iter().map(|g| g.dn.to_lowercase()).collect();
    let nested = nested.filter(|value| names.contains(&value.to_lowercase())).count();
    let of = if nested > 0 { format!("{} members are groups", number(nested)) } else { "no member is a group".to_owned() };
    out.comment(&format!("{members}: {}. DNs of {}; {of}.", groups.share(members), people.class));
    out.line(&format!("members = {{ rows = {}, ref = [\"User\", \"Group\"], dangling = \"hide\" }}", quoted(rows)));
}
