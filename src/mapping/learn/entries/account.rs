//! The draft's users: whether an account is active, its password, and its groups.

use super::{
    kind::{Kind, Server},
    people::Users,
};
use crate::mapping::learn::page::{Page, quoted};

/// The password-modify extended operation (RFC 3062).
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

/// Drafts what is about accounts.
pub(super) fn draft(page: &mut Page, users: &Users<'_>, groups: Option<&Kind<'_>>) {
    active(page, users);
    password(page, users);
    page.empty();
    match (users.kind.crowd.have("memberOf"), groups) {
        (_, None) => {}
        (0, Some(_)) => page.comment("groups: nobody has a `memberOf`, so the groups are searched for."),
        (_, Some(_)) if users.kind.server == Server::FreeIpa => page.comment(
            "groups: FreeIPA's `memberOf` has the groups around a group as well, so the groups are searched for.",
        ),
        (_, Some(_)) => {
            page.why("[User.attributes.groups]", &format!("memberOf is {}", users.reason("memberOf")));
            page.line("inverse = \"Group.members\"");
            if users.kind.server == Server::Ds389 {
                page.comment("The plug-in may list the groups around a group as well: those are shown as indirect.");
                page.line("superset = true");
            }
            page.line("via = { field = \"memberOf\", by = \"dn\" }");
        }
    }
}

fn active(page: &mut Page, users: &Users<'_>) {
    let crowd = &users.kind.crowd;
    let knows = |name: &str| users.kind.directory().schema.find_attribute(name).is_some();
    match users.kind.server {
        Server::ActiveDirectory => {
            page.empty();
            page.comment(
                "A bit among others, which stay as they are, and a date. Every account has the first.",
            );
            page.line("[User.attributes.active]");
            page.line(
                "read = { userAccountControl = { no_bits = 2 }, accountExpires = [\"@none\", { gt = \"@now\" }] }",
            );
            page.line("true = { userAccountControl = { clear_bits = 2 }, accountExpires = \"@none\" }");
            page.line("false = { userAccountControl = { set_bits = 2 } }");
            page.line("required = true");
        }
        Server::Ds389 | Server::FreeIpa => {
            let (capitals, all) =
                (crowd.count(|seen| seen.all("nsAccountLock").iter().any(|v| v == "TRUE")), "nsAccountLock");
            let is_capital = capitals > 0 || users.kind.server == Server::FreeIpa && crowd.have(all) == 0;
            let (codec, open, locked) =
                if is_capital { ("upper", "FALSE", "TRUE") } else { ("lower", "false", "true") };
            page.empty();
            page.comment(&format!(
                "nsAccountLock is {}; without it an account is open. A lock that comes from a role or from wrong \
                 passwords is another thing.",
                users.kind.crowd.share(all)
            ));
            page.line("[User.attributes.active]");
            page.line("field = \"nsAccountLock\"");
            page.line(&format!("codec = {}", quoted(codec)));
            page.line(&format!(
                "map = [[\"@none\", true], [{}, true], [{}, false]]",
                quoted(open),
                quoted(locked)
            ));
            page.line("required = true");
        }
        Server::OpenLdap | Server::Other if knows("pwdAccountLockedTime") => {
            page.empty();
            page.comment(&format!(
                "pwdAccountLockedTime of the overlay ppolicy is {}. This one value locks for good; any other time is a \
                 lock-out that ends by itself.",
                crowd.share("pwdAccountLockedTime")
            ));
            page.line("[User.attributes.active]");
            page.line("field = \"pwdAccountLockedTime\"");
            page.line("map = [[\"@none\", true], [\"000001010000Z\", false]]");
            page.line("else = true");
            page.line("accept_loss = \"a temporary lock-out is not a deactivation\"");
            page.line("required = true");
        }
        Server::OpenLdap | Server::Other => {
            page.empty();
            page.decide(
                "how an account is locked. The schema has no attribute for it (the overlay ppolicy is not there), so \
                 nobody is deactivated. docs/mapping.md shows other ways, such as a place for leavers:",
            );
            page.line("# [User.attributes.active]");
            page.line("# read = { not = { container = \"ou=leavers,{let.suffix}\" } }");
            page.line(&format!(
                "# true = {{ container = {} }}",
                super::place(users.kind.survey, &users.kind.home.0)
            ));
            page.line("# false = { container = \"ou=leavers,{let.suffix}\" }");
        }
    }
}

fn password(page: &mut Page, users: &Users<'_>) {
    let directory = users.kind.directory();
    let has_operation = directory.extensions.contains(PASSWORD_MODIFY);
    let (field, scheme, why) = match users.kind.server {
        Server::ActiveDirectory => ("unicodePwd", "ad", "Windows takes it over TLS only"),
        Server::FreeIpa => {
            ("userPassword", "server", "the server checks its policy, hashes, and makes Kerberos keys")
        }
        _ if has_operation => (
            "userPassword",
            "exop",
            "the server has the password-modify operation (RFC 3062): it checks and hashes",
        ),
        _ => {
            page.empty();
            page.decide("passwords. The server has no password-modify operation (RFC 3062).");
            return;
        }
    };
    if users.kind.server != Server::ActiveDirectory && !users.made.allows(users.kind, "userPassword") {
        page.empty();
        page.decide("passwords. No class of new entries has `userPassword`.");
        return;
    }
    page.table("User.attributes.password");
    page.line(&format!("field = {}", quoted(field)));
    page.why(&format!("scheme = {}", quoted(scheme)), why);
    if !directory.encrypted {
        page.comment("The connection is not encrypted: the server may refuse passwords on it.");
    }
}
