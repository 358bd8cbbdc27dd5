//! The draft's users: their rows.

use super::{
    Counter, account, attributes,
    demanded::{Made, counts},
    kind::{Kind, Server},
    place,
};
use crate::mapping::learn::page::{Page, list, number, quoted};

/// Logins, the likeliest first.
const LOGINS: [&str; 4] = ["uid", "userPrincipalName", "sAMAccountName", "mail"];
/// What the core schema has and most directories have not.
const SIDE: [&str; 10] = [
    "externalId",
    "nickName",
    "profileUrl",
    "locale",
    "timezone",
    "ims",
    "photos",
    "entitlements",
    "roles",
    "x509Certificates",
];

/// Users under way.
pub(super) struct Users<'s> {
    pub(super) kind: &'s Kind<'s>,
    pub(super) login: String,
    /// Where the name for people lies.
    pub(super) shown: Option<&'static str>,
    pub(super) made: Made,
}

/// Drafts `[User]`.
pub(super) fn draft(
    page: &mut Page,
    kind: &Kind<'_>,
    groups: Option<&Kind<'_>>,
    counters: &mut Vec<Counter>,
) {
    let login = login(kind);
    let crowd = &kind.crowd;
    let shown = if crowd.is_most(crowd.have("displayName"), 50) {
        Some("displayName")
    } else {
        crowd.first_in_use(&["cn", "displayName", "gecos"])
    };
    let known = ["objectClass", "cn", "sn", login.as_str(), kind.rdn.0.as_str()];
    let sources = [login.as_str(), "uidNumber", "displayName", "givenName"];
    let made = match kind.is_ad() {
        true => Made { classes: vec![kind.class.to_owned()], ..Made::default() },
        false => Made::of(kind, &known, &sources),
    };
    let mut users = Users { kind, login, shown, made };
    page.heading("users");
    users.record(page);
    users.new_entries(page);
    counters.append(&mut users.made.counters);
    attributes::draft(page, &users);
    account::draft(page, &users, groups);
    left_out(page, kind);
}

/// The login of a kind of people.
pub(super) fn login(kind: &Kind<'_>) -> String {
    let order: &[&str] = if kind.is_ad() { &["userPrincipalName", "sAMAccountName"] } else { &LOGINS };
    let mut names = order.iter().copied().chain([kind.rdn.0.as_str()]);
    let name = names.find(|name| kind.crowd.is_name(name));
    kind.spelling(name.unwrap_or(if kind.is_ad() { "sAMAccountName" } else { &kind.rdn.0 }))
}

impl Users<'_> {
    fn record(&self, page: &mut Page) {
        let kind = self.kind;
        page.line("[User]");
        draft_base(page, kind);
        self.made.draft_classes(page, kind);
        if kind.is_ad() {
            page.comment("By its classes a computer is a user, too.");
            page.line("where = { objectClass = \"user\", not = { objectClass = \"computer\" } }");
            page.comment(
                "Neither shown nor touched: whoever is, or was, in a privileged group, and Windows' own.",
            );
            let own = ["{ adminCount = 1 }", "{ isCriticalSystemObject = \"TRUE\" }"].map(str::to_owned);
            self.protect(page, own.into());
        } else {
            draft_rdn(page, kind);
            match kind.server {
                Server::FreeIpa => {
                    page.why("protect = { uid = \"admin\" }", "the installation's administrator")
                }
                _ => self.protect(page, Vec::new()),
            }
        }
        draft_anchor(page, kind);
        let bound = if kind.crowd.have("wWWHomePage") > 0 { "profileUrl" } else { "" };
        let side: Vec<&str> = SIDE.into_iter().filter(|path| *path != bound).collect();
        page.comment("No attribute for these is known, so they are kept in scimgate's own database.");
        page.line(&format!("side = {}", list(&side)));
    }

    /// Accounts that are neither shown nor touched.
    fn protect(&self, page: &mut Page, mut tests: Vec<String>) {
        let services = self.kind.services();
        if services.is_empty() {
            let login = &self.login;
            page.decide(&format!(
                "further accounts that nobody may see or touch: `{{ {login} = [\"…\"] }}` in `protect`."
            ));
        }
        for (dn, count) in services {
            page.comment(&format!(
                "By its name this place holds accounts of services: {}.",
                self.kind.crowd.part(count)
            ));
            tests.push(format!("{{ container = {} }}", place(self.kind.survey, &dn)));
        }
        if !tests.is_empty() {
            page.line(&format!("protect = [{}]", tests.join(", ")));
        }
    }

    fn new_entries(&self, page: &mut Page) {
        let kind = self.kind;
        page.table("User.initial");
        draft_container(page, kind);
        let name = self.name();
        if kind.is_ad() {
            page.why("userAccountControl = 512", "a normal account; bit 2 disables it");
            if self.login != "sAMAccountName" {
                page.comment("The name for old programs. It stays when the userName changes.");
                page.line(&format!("sAMAccountName = \"@unique: {{{}|before:@|cut:18|sam}}\"", self.login));
            }
            page.table("User.derived");
            page.comment(
                "The entry's own name. Who gets another display name is renamed, and every group follows.",
            );
            page.line(&format!("cn = \"@unique:- {{{name}|cut:60}}\""));
            page.table("User.fields");
            page.comment("100 nanoseconds since 1601. Two numbers mean \"never\".");
            page.line("accountExpires = { codec = \"filetime\", type = \"int\", nothing = [9223372036854775807, 0] }");
            page.line("userAccountControl = { type = \"int\" }");
            return;
        }
        let must = kind.musts(&self.made.classes);
        let demands = |name: &str| must.iter().any(|own| own.eq_ignore_ascii_case(name));
        let mut derived = self.made.derived.clone();
        self.made.initial.iter().for_each(|(line, why)| page.why(line, why));
        if self.login != "cn" && (demands("cn") || kind.is_rdn("cn")) {
            let crowd = &kind.crowd;
            let same = crowd.count(|seen| seen.all("cn").first() == seen.all("displayName").first());
            if self.shown == Some("cn") {
                page.why(
                    &format!("cn = \"{{{}}}\"", self.login),
                    "demanded; for whoever comes without a display name",
                );
            } else if kind.is_rdn("cn") {
                page.comment("The entry's own name: it stays when the display name changes.");
                page.line(&format!("cn = \"@unique:- {{{name}|cut:60}}\""));
            } else if crowd.is_most(same, 90) {
                let why = format!("demanded; it is the display name {}", crowd.part(same));
                derived.push((format!("cn = \"{{{name}}}\""), why));
            } else {
                let why = format!("demanded; it is the display name {} only, so it stays", crowd.part(same));
                page.why(&format!("cn = \"{{{name}}}\""), &why);
            }
        }
        if !derived.is_empty() {
            page.table("User.derived");
            derived.iter().for_each(|(line, why)| page.why(line, why));
        }
        if demands("sn") {
            page.table("User.fields");
            page.why(
                "sn = { nothing = \"-\" }",
                "demanded, and SCIM does not demand it: a dash stands for none",
            );
        }
    }

    /// The hole that gives somebody a name.
    fn name(&self) -> String {
        match self.shown.filter(|shown| !self.kind.is_rdn(shown) && *shown != "cn" && *shown != self.login) {
            Some(shown) => format!("{shown} or {}", self.login),
            None => self.login.clone(),
        }
    }
}

/// `base`, and who lies elsewhere.
pub(super) fn draft_base(page: &mut Page, kind: &Kind<'_>) {
    let why = format!("{} {} lie below it", number(kind.crowd.len()), kind.class);
    let mut bases = vec![place(kind.survey, &kind.base.to_string())];
    bases.extend(kind.leavers.iter().map(|dn| place(kind.survey, &dn.to_string())));
    if let [base] = bases.as_slice() {
        page.why(&format!("base = {base}"), &why);
    } else {
        page.comment(&format!(
            "{why}. By their names the further places hold people who are gone and may come back."
        ));
        page.line(&format!("base = [{}]", bases.join(", ")));
    }
    if !kind.elsewhere.is_empty() {
        page.decide(&format!(
            "others lie elsewhere and are not shown: {}. A list shows them, too: `base = [\"…\", \"…\"]`.",
            counts(&kind.elsewhere)
        ));
    }
}

/// `rdn`.
pub(super) fn draft_rdn(page: &mut Page, kind: &Kind<'_>) {
    let why = format!("they are named by it {}", kind.crowd.part(kind.rdn.1));
    page.why(&format!("rdn = {}", quoted(&kind.spelling(&kind.rdn.0))), &why);
}

/// `anchor` and `version`, where the profile's are not there.
pub(super) fn draft_anchor(page: &mut Page, kind: &Kind<'_>) {
    let crowd = &kind.crowd;
    let is_everywhere = |name: &str| crowd.is_most(crowd.have(name), 100) && crowd.is_unique(name);
    if kind.server == Server::FreeIpa && is_everywhere("ipaUniqueID") {
        page.why(
            "anchor = \"ipaUniqueID\"",
            "FreeIPA's own id, in every entry; it stays when somebody is preserved",
        );
    }
    if matches!(kind.server, Server::Ds389 | Server::FreeIpa) && crowd.have("entryusn") == 0 {
        page.why("version = \"modifyTimestamp\"", "the plug-in USN is off: no entry has `entryusn`");
    }
    if kind.server == Server::Other {
        let anchor =
            ["entryUUID", "nsUniqueId", "ibm-entryUuid", "GUID"].into_iter().find(|name| is_everywhere(name));
        match anchor {
            Some(anchor) => {
                page.why(&format!("anchor = {}", quoted(anchor)), "every entry has one of its own")
            }
            None => page.decide("`anchor`: an attribute that identifies an entry for good. None was seen."),
        }
        page.why("version = \"modifyTimestamp\"", "whole seconds, which is better than nothing");
    }
}

/// `container`, if not all lie directly below the base.
pub(super) fn draft_container(page: &mut Page, kind: &Kind<'_>) {
    let (home, count) = &kind.home;
    let all = number(kind.crowd.len());
    let why = format!("new ones come here, where {} of {all} are", number(*count));
    page.why(&format!("container = {}", place(kind.survey, home)), &why);
}

/// What is in use and not in the draft.
pub(super) fn left_out(page: &mut Page, kind: &Kind<'_>) {
    let text = page.0.to_lowercase();
    let start = text.rfind("\n# ----").unwrap_or(0);
    let told = text.get(start..).unwrap_or_default();
    let is_told = |name: &str| {
        told.contains(&format!("\"{name}\""))
            || told.contains(&format!("\n{name} = "))
            || told.contains(&format!("{{{name}"))
            || told.contains(&format!(" {name} = {{"))
    };
    let schema = &kind.directory().schema;
    let is_fixed = |name: &str| schema.find_attribute(name).is_some_and(|of| of.fixed || of.operational);
    let names = kind.crowd.in_use().into_iter();
    let left: Vec<&str> =
        names.filter(|name| !is_told(name) && !is_fixed(name) && !SILENT.contains(name)).collect();
    if left.is_empty() {
        return;
    }
    page.empty();
    page.comment("In use, and not in this draft; SCIM clients neither see nor change it:");
    for name in left.iter().take(LEFT_OUT) {
        page.line(&format!("#   {}: {}", kind.spelling(name), kind.crowd.share(name)));
    }
    if left.len() > LEFT_OUT {
        page.line(&format!("#   and {} more", number(left.len() - LEFT_OUT)));
    }
}

/// Names of the server's own, and what the profile and the classes tell.
const SILENT: [&str; 23] = [
    "objectclass",
    "entryuuid",
    "nsuniqueid",
    "entryusn",
    "memberof",
    "modifytimestamp",
    "objectguid",
    "objectsid",
    "distinguishedname",
    "name",
    "instancetype",
    "objectcategory",
    "creatorsname",
    "modifiersname",
    "samaccounttype",
    "badpasswordtime",
    "badpwdcount",
    "codepage",
    "lastlogoff",
    "lastlogon",
    "logoncount",
    "primarygroupid",
    "pwdlastset",
];
/// So many attributes that are left out are named.
const LEFT_OUT: usize = 40;
