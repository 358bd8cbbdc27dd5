//! The draft's users.

use super::{
    Lines,
    crowd::{Crowd, number},
    quoted, quoted_name,
};
use crate::store::inventory::{directory::Vendor, survey::Survey};

/// The password-modify extended operation (RFC 3062).
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
/// Logins, the likeliest first.
const LOGINS: [&str; 4] = ["uid", "userPrincipalName", "sAMAccountName", "mail"];
/// Single attributes of the core schema, and where they may lie.
const SINGLE: [(&str, &[&str]); 5] = [
    ("title", &["title"]),
    ("userType", &["employeeType"]),
    ("preferredLanguage", &["preferredLanguage"]),
    ("nickName", &["eduPersonNickname"]),
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
    ("division", &["division"]),
];
/// What a draft need not mention: names of the server's own, and what the profile and the classes tell.
const SILENT: [&str; 12] = [
    "objectclass", "entryuuid", "nsuniqueid", "memberof", "ismemberof", "modifytimestamp", "objectguid",
    "objectsid", "distinguishedname", "name", "instancetype", "objectcategory",
];
/// So many attributes that are left out are named.
const LEFT_OUT: usize = 40;

/// Drafts `[User]`.
pub(super) fn draft(out: &mut Lines, survey: &Survey, people: &Crowd<'_>, has_groups: bool) {
    let of = Users { survey, people, is_ad: survey.directory.vendor == Vendor::ActiveDirectory };
    out.heading("users");
    let login = of.login();
    let shown = of.display_name();
    of.record(out, login, shown);
    of.attributes(out, login, shown);
    of.account(out, has_groups);
    of.left_out(out);
}

struct Users<'s> {
    survey: &'s Survey,
    people: &'s Crowd<'s>,
    is_ad: bool,
}

impl Users<'_> {
    fn login(&self) -> &str {
        let order: &[&str] = if self.is_ad { &["userPrincipalName", "sAMAccountName"] } else { &LOGINS };
        let mut names = order.iter().copied().chain([self.people.rdn.0.as_str()]);
        let fitting = names.find(|name| self.people.is_name(name));
        fitting.unwrap_or(if self.is_ad { "sAMAccountName" } else { &self.people.rdn.0 })
    }

    fn display_name(&self) -> Option<&'static str> {
        self.people.first_in_use(&["displayName", "cn", "gecos"])
    }

    fn is_rdn(&self, attribute: &str) -> bool {
        self.people.rdn.0.eq_ignore_ascii_case(attribute)
    }

    /// Attributes that the class demands.
    fn must(&self) -> Vec<String> {
        let classes = self.survey.directory.schema.with_superiors(&[self.people.class.to_owned()]);
        let mut all: Vec<String> = classes.iter().flat_map(|class| class.must.iter().cloned()).collect();
        all.sort_unstable_by_key(|name| name.to_lowercase());
        all.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        all
    }

    fn record(&self, out: &mut Lines, login: &str, shown: Option<&str>) {
        let people = self.people;
        out.line("[User]");
        out.comment(&format!(
            "All {} lie below this place. Another base, or several, would show fewer of them.",
            number(people.len())
        ));
        out.line(&format!("base = {}", quoted_name(&people.base.to_string())));
        out.comment(&format!("{} of {} people are {}.", number(people.len()), number(self.survey.people.len()), people.class));
        let others = self.other_classes();
        if !others.is_empty() {
            out.comment(&format!(
                "Some have further classes: {}. To decide: whether new people get them, too; then give values to \
                 what those classes demand.",
                others.join(", ")
            ));
        }
        out.line(&format!("classes = [{}]", quoted(people.class)));
        if self.is_ad {
            out.comment("By its classes a computer is a user, too.");
            out.line("where = { objectClass = \"user\", not = { objectClass = \"computer\" } }");
            out.comment(
                "Whoever is, or was, in a privileged group, and what Windows itself made, is neither shown nor \
                 touched. To decide: containers of service accounts, as `{ container = \"OU=…\" }`.",
            );
            out.line("protect = [{ adminCount = 1 }, { isCriticalSystemObject = \"TRUE\" }]");
        } else {
            out.comment(&format!(
                "{} of {} are named by it. To decide: accounts of services, as `protect = [{{ uid = [\"…\"] }}]`.",
                number(people.rdn.1),
                number(people.len())
            ));
            out.line(&format!("rdn = {}", quoted(&people.rdn.0)));
        }
        out.comment("What a client sends and the directory has no place for is kept in scimgate's own database.");
        out.line("side = [\"externalId\"]");
        out.empty();
        out.line("[User.initial]");
        out.comment(&format!(
            "New people come here, where {} of {} are.",
            number(people.home.1),
            number(people.len())
        ));
        out.line(&format!("container = {}", quoted_name(&people.home.0)));
        let name = match shown.filter(|shown| !self.is_rdn(shown) && *shown != "cn") {
            Some(shown) => format!("{shown} or {login}"),
            None => login.to_owned(),
        };
        if self.is_ad {
            out.line("userAccountControl = 512 # a normal account");
            if login != "sAMAccountName" {
                out.comment("The name for old programs. It stays when the userName changes.");
                out.line(&format!("sAMAccountName = \"@unique: {{{login}|before:@|cut:18|sam}}\""));
            }
            out.empty();
            out.line("[User.derived]");
            out.comment("The entry's own name. Who gets another display name is renamed, and every group follows.");
            out.line(&format!("cn = \"@unique:- {{{name}|cut:60}}\""));
            out.empty();
            out.line("[User.fields]");
            out.comment("100 nanoseconds since 1601. Two numbers mean \"never\".");
            out.line("accountExpires = { codec = \"filetime\", type = \"int\", nothing = [9223372036854775807, 0] }");
            out.line("userAccountControl = { type = \"int\" }");
            return;
        }
        let must = self.must();
        let demands = |name: &str| must.iter().any(|own| own.eq_ignore_ascii_case(name));
        if demands("cn") && shown != Some("cn") && login != "cn" && !self.is_rdn("cn") {
            out.comment("The class demands a `cn`.");
            out.line(&format!("cn = \"{{{name}}}\""));
        }
        let known = ["objectClass", "cn", "sn", login];
        for name in must.iter().filter(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name))) {
            if !self.is_rdn(name) {
                out.comment(&format!(
                    "To decide: the class demands `{name}`, and nothing here gives a new entry one."
                ));
            }
        }
        if self.is_rdn("cn") && shown != Some("cn") && login != "cn" {
            out.empty();
            out.line("[User.derived]");
            out.comment("The entry's own name.");
            out.line(&format!("cn = \"@unique:- {{{name}|cut:60}}\""));
        }
        if demands("sn") {
            out.empty();
            out.line("[User.fields]");
            out.comment("The class demands a family name, and SCIM does not: a dash stands for none.");
            out.line("sn = { nothing = \"-\" }");
        }
    }

    /// Further classes, with how many have each.
    fn other_classes(&self) -> Vec<String> {
        let schema = &self.survey.directory.schema;
        let usual: Vec<&String> =
            schema.with_superiors(&[self.people.class.to_owned()]).iter().flat_map(|c| &c.names).collect();
        let mut counts: Vec<(String, usize)> = Vec::new();
        for class in self.people.seen.iter().flat_map(|seen| seen.all("objectClass")) {
            if usual.iter().any(|own| own.eq_ignore_ascii_case(class)) {
                continue;
            }
            match counts.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(class)) {
                Some((_, count)) => *count += 1,
                None => counts.push((class.clone(), 1)),
            }
        }
        counts.sort_unstable_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.into_iter().map(|(class, count)| format!("{} {class}", number(count))).collect()
    }

    fn attributes(&self, out: &mut Lines, login: &str, shown: Option<&str>) {
        let people = self.people;
        out.empty();
        out.line("[User.attributes]");
        let sure = match people.is_name(login) {
            true => "and no two the same",
            false => "not everybody has one of his own: somebody without one is not shown",
        };
        out.comment(&format!("{}, {sure}. To decide: whether this is the login of your provider.", people.share(login)));
        out.line(&format!("userName = {{ field = {}, unique = \"fold\" }}", quoted(login)));
        if let Some(shown) = shown.filter(|shown| *shown != login) {
            out.comment(&people.share(shown));
            out.line(&format!("displayName = {}", quoted(shown)));
        }
        for (path, candidates) in SINGLE {
            self.single(out, path, candidates);
        }
        out.empty();
        out.line("[User.attributes.name.sub]");
        self.single(out, "givenName", &["givenName"]);
        self.single(out, "familyName", &["sn"]);
        out.line("formatted = \"@side\"");
        self.emails(out);
        self.phones_and_addresses(out);
        let manager = people.have("manager") > 0;
        if manager || ENTERPRISE.iter().any(|(_, names)| people.first_in_use(names).is_some()) {
            out.empty();
            out.line("[User.attributes.'{E}'.sub]");
            for (path, candidates) in ENTERPRISE {
                self.single(out, path, candidates);
            }
            if manager {
                out.comment(&format!("{}: the manager's DN.", people.share("manager")));
                out.line("manager = { field = \"manager\", ref = \"User\" }");
            }
        }
    }

    fn single(&self, out: &mut Lines, path: &str, candidates: &[&str]) {
        let Some(name) = self.people.first_in_use(candidates) else { return };
        out.comment(&self.people.share(name));
        out.line(&format!("{path} = {}", quoted(name)));
    }

    fn emails(&self, out: &mut Lines) {
        let people = self.people;
        let is_single = self.survey.directory.schema.find_attribute("mail").is_some_and(|mail| mail.single);
        if people.have("mail") == 0 {
            return;
        }
        out.empty();
        out.comment(&people.share("mail"));
        if is_single {
            if people.have("proxyAddresses") > 0 {
                out.comment(&format!(
                    "Further addresses are in `proxyAddresses` ({}): mappings/active-directory.toml shows how to keep both.",
                    people.share("proxyAddresses")
                ));
            }
            out.line("[User.attributes.emails]");
            out.line("slots = { work = \"mail\" }");
            out.line("rest = \"@side\"");
            return;
        }
        out.line("[User.attributes.emails]");
        out.line("rows = \"mail\"");
        out.empty();
        out.comment("The directory knows no kinds of addresses: all are work addresses.");
        out.line("[User.attributes.emails.each]");
        out.line("value = \"it\"");
        out.line("type = { const = \"work\", refuse = \"ignore\" }");
    }

    fn phones_and_addresses(&self, out: &mut Lines) {
        let people = self.people;
        let phones: Vec<_> = PHONES.into_iter().filter(|(_, name)| people.have(name) > 0).collect();
        if !phones.is_empty() {
            out.empty();
            for (_, name) in &phones {
                out.comment(&format!("{name}: {}", people.share(name)));
            }
            let slots: Vec<String> = phones.iter().map(|(kind, name)| format!("{kind} = {}", quoted(name))).collect();
            out.line("[User.attributes.phoneNumbers]");
            out.line(&format!("slots = {{ {} }}", slots.join(", ")));
            out.line("rest = \"@side\"");
        }
        if ADDRESS.iter().any(|(_, names)| people.first_in_use(names).is_some()) {
            out.empty();
            out.line("[User.attributes.addresses]");
            out.line("rest = \"@side\"");
            out.empty();
            out.line("[User.attributes.addresses.slots.work.sub]");
            for (path, candidates) in ADDRESS {
                self.single(out, path, candidates);
            }
        }
    }

    /// Whether an account is active, its password, and its groups.
    fn account(&self, out: &mut Lines, has_groups: bool) {
        let directory = &self.survey.directory;
        let knows = |name: &str| directory.schema.find_attribute(name).is_some();
        let share = |name: &str| self.people.share(name);
        out.empty();
        if self.is_ad {
            out.comment("A bit among others, which stay as they are, and a date.");
            out.line("[User.attributes.active]");
            out.line("read = { userAccountControl = { no_bits = 2 }, accountExpires = [\"@none\", { gt = \"@now\" }] }");
            out.line("true = { userAccountControl = { clear_bits = 2 }, accountExpires = \"@none\" }");
            out.line("false = { userAccountControl = { set_bits = 2 } }");
            out.line("required = true");
        } else if directory.vendor == Vendor::Ds389 && knows("nsAccountLock") {
            out.comment(&format!("nsAccountLock: {}. Accounts that are locked by a role are not seen.", share("nsAccountLock")));
            out.line("[User.attributes.active]");
            out.line("field = \"nsAccountLock\"");
            out.line("map = [[\"@none\", true], [\"true\", false]]");
            out.line("else = true");
            out.line("accept_loss = \"another word than true is no lock\"");
            out.line("required = true");
        } else if directory.vendor == Vendor::OpenLdap && knows("pwdAccountLockedTime") {
            out.comment(&format!(
                "pwdAccountLockedTime of the overlay ppolicy: {}. This one value locks for good; any other time is a \
                 lock-out that ends by itself.",
                share("pwdAccountLockedTime")
            ));
            out.line("[User.attributes.active]");
            out.line("field = \"pwdAccountLockedTime\"");
            out.line("map = [[\"@none\", true], [\"000001010000Z\", false]]");
            out.line("else = true");
            out.line("accept_loss = \"a temporary lock-out is not a deactivation\"");
            out.line("required = true");
        } else {
            out.comment("To decide: how an account is locked. Nothing in the schema tells; everybody is active.");
            out.line("[User.attributes.active]");
            out.line("const = true");
        }
        out.empty();
        if self.is_ad {
            out.comment("Set over TLS only.");
            out.line("[User.attributes.password]");
            out.line("field = \"unicodePwd\"");
            out.line("scheme = \"ad\"");
        } else if directory.extensions.contains(PASSWORD_MODIFY) {
            out.comment("The server has the password-modify operation (RFC 3062): it checks its rules and hashes.");
            out.line("[User.attributes.password]");
            out.line("field = \"userPassword\"");
            out.line("scheme = \"exop\"");
        } else {
            out.comment("To decide: passwords. The server has no password-modify operation (RFC 3062).");
        }
        if has_groups && self.people.have("memberOf") > 0 {
            out.empty();
            out.comment(&format!("memberOf: {}. The server keeps it, so showing groups needs no search.", share("memberOf")));
            out.line("[User.attributes.groups]");
            out.line("inverse = \"Group.members\"");
            out.line("via = { field = \"memberOf\", by = \"dn\" }");
        }
    }

    /// What is in use and not in the draft.
    fn left_out(&self, out: &mut Lines) {
        let text = out.0.to_lowercase();
        let is_told = |name: &str| {
            let word = format!("\"{name}\"");
            text.contains(&word) || SILENT.contains(&name) || text.contains(&format!("{name}:"))
        };
        let schema = &self.survey.directory.schema;
        let is_fixed = |name: &str| schema.find_attribute(name).is_some_and(|of| of.fixed || of.operational);
        let mut left: Vec<(&str, usize)> =
            self.people.in_use().into_iter().filter(|(name, _)| !is_told(name) && !is_fixed(name)).collect();
        left.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        if left.is_empty() {
            return;
        }
        let told: Vec<String> = left
            .iter()
            .take(LEFT_OUT)
            .map(|(name, count)| {
                let usual = schema.find_attribute(name).map_or(*name, |of| of.name());
                format!("{usual} ({})", number(*count))
            })
            .collect();
        out.empty();
        out.comment(&format!("In use, and not in this draft: {}.", told.join(", ")));
    }
}
