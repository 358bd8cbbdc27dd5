//! The draft's users: names, addresses, and what else clients see.

use super::people::Users;
use crate::mapping::learn::page::{Page, quoted};

/// Single attributes of the core schema, and where they may lie.
const SINGLE: [(&str, &[&str]); 4] = [
    ("title", &["title"]),
    ("userType", &["employeeType"]),
    ("preferredLanguage", &["preferredLanguage"]),
    ("profileUrl", &["wWWHomePage"]),
];
const PHONES: [(&str, &str); 5] = [
    ("work", "telephoneNumber"),
    ("mobile", "mobile"),
    ("fax", "facsimileTelephoneNumber"),
    ("pager", "pager"),
    ("home", "homePhone"),
];
const ADDRESS: [(&str, &[&str]); 5] = [
    ("streetAddress", &["street", "streetAddress"]),
    ("locality", &["l"]),
    ("region", &["st"]),
    ("postalCode", &["postalCode"]),
    ("country", &["c"]),
];
const ENTERPRISE: [(&str, &[&str]); 4] = [
    ("employeeNumber", &["employeeNumber", "employeeID"]),
    ("department", &["departmentNumber", "department"]),
    ("organization", &["o", "company"]),
    ("division", &["division", "ou"]),
];

/// What may be done with an attribute.
enum Access {
    /// New entries may have it.
    Full,
    /// No class that new entries get has it.
    Read,
}

/// Drafts `[User.attributes]` up to what is about accounts.
pub(super) fn draft(page: &mut Page, users: &Users<'_>) {
    let crowd = &users.kind.crowd;
    page.table("User.attributes");
    let login = &users.login;
    let sure = match crowd.is_name(login) {
        true => "and no two the same",
        false => "not everybody has one of his own: who has none is not shown",
    };
    page.why(
        &format!("userName = {{ field = {}, unique = \"fold\" }}", quoted(login)),
        &format!("{}, {sure}", crowd.share(login)),
    );
    page.decide("whether this is the login that your provider sends.");
    match users.shown.filter(|shown| shown != login) {
        Some(shown) => single(page, users, "displayName", &[shown]),
        None => page.comment("displayName: no attribute for it was seen."),
    }
    SINGLE.iter().for_each(|(path, names)| single(page, users, path, names));
    page.table("User.attributes.name.sub");
    single(page, users, "givenName", &["givenName"]);
    single(page, users, "familyName", &["sn"]);
    single(page, users, "honorificPrefix", &["personalTitle"]);
    single(page, users, "honorificSuffix", &["generationQualifier"]);
    page.why("formatted = \"@side\"", "kept in our own database");
    page.line("middleName = \"@side\"");
    emails(page, users);
    phones(page, users);
    if ADDRESS.iter().any(|(_, names)| crowd.first_in_use(names).is_some()) {
        page.table("User.attributes.addresses");
        page.why("rest = \"@side\"", "the directory has one address of everybody");
        page.table("User.attributes.addresses.slots.work.sub");
        ADDRESS.iter().for_each(|(path, names)| single(page, users, path, names));
        if users.kind.is_ad() && crowd.have("c") > 0 {
            page.comment(
                "Windows keeps `co` and `countryCode` beside it: mappings/active-directory.toml shows how.",
            );
        }
    }
    let manager = crowd.have("manager") > 0 && crowd.holds_names("manager");
    if manager || ENTERPRISE.iter().any(|(_, names)| crowd.first_in_use(names).is_some()) {
        page.table("User.attributes.'{E}'.sub");
        ENTERPRISE.iter().for_each(|(path, names)| single(page, users, path, names));
        if manager {
            page.why(
                "manager = { field = \"manager\", ref = \"User\" }",
                &format!("{}: a DN", crowd.share("manager")),
            );
        }
    }
}

/// A line for one attribute, in comment if nobody has it.
fn single(page: &mut Page, users: &Users<'_>, path: &str, names: &[&str]) {
    let crowd = &users.kind.crowd;
    let mut names = names.to_vec();
    if users.kind.is_ad() {
        // Its own names stand last.
        names.reverse();
    }
    if let Some(name) = crowd.first_in_use(&names) {
        match users.access(name) {
            Access::Full => page.why(&format!("{path} = {}", quoted(name)), &users.reason(name)),
            Access::Read => page.why(
                &format!("{path} = {{ field = {}, write = \"no\" }}", quoted(name)),
                &format!("{}; no class of new entries has it, so it is only read", users.reason(name)),
            ),
        }
    } else if let Some(name) = names.iter().find(|name| users.made.allows(users.kind, name)) {
        page.line(&format!("# {path} = {} # entries may have it, none has", quoted(name)));
    }
}

fn emails(page: &mut Page, users: &Users<'_>) {
    let crowd = &users.kind.crowd;
    if users.kind.is_ad() && crowd.have("proxyAddresses") > 0 {
        return addresses_with_tags(page, users);
    }
    if crowd.have("mail") == 0 {
        page.empty();
        page.comment("emails: nobody has a `mail`.");
        return;
    }
    if matches!(users.access("mail"), Access::Read) {
        page.empty();
        page.comment("No class of new entries has `mail`, so it is only read.");
        page.why("[User.attributes.emails]", &users.reason("mail"));
        page.line("slots = { work = { field = \"mail\", write = \"no\" } }");
        return;
    }
    page.empty();
    page.why("[User.attributes.emails]", &users.reason("mail"));
    if users.is_single("mail") {
        page.line("slots = { work = \"mail\" }");
        page.line("rest = \"@side\"");
        return;
    }
    page.line("rows = \"mail\"");
    page.comment(
        "The directory knows no kinds of addresses: the first is for work, whatever a client calls the others.",
    );
    page.line("type = { place = [\"work\", \"other\"], refuse = \"ignore\" }");
}

/// Active Directory's list of addresses with tags, of which capitals mark the main one.
fn addresses_with_tags(page: &mut Page, users: &Users<'_>) {
    let tagged: Vec<&str> = users.kind.crowd.values("proxyAddresses").collect();
    let is_mail = |value: &&&str| value.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("smtp:"));
    let (mails, all) = (tagged.iter().filter(is_mail).count(), tagged.len());
    page.empty();
    page.comment(&format!(
        "{mails} of {all} values of proxyAddresses ({}) are mail addresses, the main one in capitals; others are left alone.",
        users.reason("proxyAddresses")
    ));
    page.line("[User.part.proxy]");
    page.line("in = \"proxyAddresses\"");
    page.line("codec = \"tag::\"");
    page.line("many = true");
    page.line("where = { tag = [\"SMTP\", \"smtp\"] }");
    page.decide(
        "`mail` is left alone; mappings/active-directory.toml shows how it follows the main address.",
    );
    page.table("User.attributes.emails");
    page.line("rows = \"proxy\"");
    page.line("each = { value = \"it\" }");
    page.line("accept_loss = \"the directory knows a main address and others, and no further types\"");
    page.table("User.attributes.emails.kinds");
    page.line("field = \"tag\"");
    page.line("map = [[\"SMTP\", { type = \"work\", primary = true }], [\"smtp\", { type = \"other\" }]]");
    page.line("one = \"SMTP\"");
    page.line("else = \"smtp\"");
}

fn phones(page: &mut Page, users: &Users<'_>) {
    let has = |name: &&(&str, &str)| users.kind.crowd.have(name.1) > 0;
    let used: Vec<_> = PHONES.iter().filter(has).collect();
    if used.is_empty() {
        return;
    }
    page.table("User.attributes.phoneNumbers");
    page.why("rest = \"@side\"", "numbers of other kinds are kept in our own database");
    page.table("User.attributes.phoneNumbers.slots");
    for (kind, name) in used {
        single(page, users, kind, &[name]);
    }
}

impl Users<'_> {
    pub(super) fn is_single(&self, name: &str) -> bool {
        self.kind.directory().schema.find_attribute(name).is_some_and(|of| of.single)
    }

    /// How many have it, and what the schema says.
    pub(super) fn reason(&self, name: &str) -> String {
        let single = if self.is_single(name) { ", single-valued in the schema" } else { "" };
        format!("{}{single}", self.kind.crowd.share(name))
    }

    fn access(&self, name: &str) -> Access {
        let schema = &self.kind.directory().schema;
        let is_known = self.made.classes.iter().all(|class| schema.find_class(class).is_some());
        match !is_known || self.kind.is_ad() || self.made.allows(self.kind, name) {
            true => Access::Full,
            false => Access::Read,
        }
    }
}
