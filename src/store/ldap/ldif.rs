//! Requests as LDIF change records (RFC 2849), for people to read.
//!
//! A value that LDIF wants in base64 stands in clear letters in a comment above it, if it is text. Passwords are
//! never shown, and lines are not folded. What LDIF cannot say (the password-modify operation) is a comment.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ldap3::{Mod, controls::RawControl};

use super::{control, request::Request};
use crate::store::step::HIDDEN;

/// Attributes whose values are passwords, or are made of them.
const SECRET: [&str; 8] = [
    "userPassword",
    "authPassword",
    "unicodePwd",
    "dBCSPwd",
    "sambaNTPassword",
    "sambaLMPassword",
    "ipaNTHash",
    "krbPrincipalKey",
];
/// Up to this number, new values are in the order in which they are sent. What has no order is sorted.
const ORDERED: usize = 5;

/// The lines of a request with its controls.
pub(super) fn record(request: &Request<'_>, controls: &[RawControl]) -> Vec<String> {
    let mut out = Vec::new();
    let dn = match request {
        Request::Add { dn, .. }
        | Request::Modify { dn, .. }
        | Request::Delete { dn }
        | Request::Rename { dn, .. } => *dn,
        Request::Password { dn, .. } => {
            out.push(format!("# password-modify, extended operation {}", control::PASSWORD_MODIFY));
            out.push(comment(&format!("userIdentity: {dn}")));
            out.push(format!("# newPasswd: {HIDDEN}"));
            out.extend(controls.iter().filter_map(control::told).map(|told| comment(&told)));
            return out;
        }
    };
    line(&mut out, "dn", dn.as_bytes());
    for raw in controls {
        out.extend(control::told(raw).map(|told| comment(&told)));
        out.push(control_line(raw));
    }
    match request {
        Request::Add { attributes, .. } => {
            out.push("changetype: add".to_owned());
            for (name, values) in attributes {
                lines(&mut out, name, values, true);
            }
        }
        Request::Modify { mods, .. } => {
            out.push("changetype: modify".to_owned());
            mods.iter().for_each(|change| block(&mut out, change));
        }
        Request::Delete { .. } => out.push("changetype: delete".to_owned()),
        Request::Rename { rdn, superior, .. } => {
            out.push("changetype: modrdn".to_owned());
            line(&mut out, "newrdn", rdn.as_bytes());
            out.push("deleteoldrdn: 1".to_owned());
            if let Some(superior) = superior {
                line(&mut out, "newsuperior", superior.as_bytes());
            }
        }
        Request::Password { .. } => {}
    }
    out
}

/// True for attributes whose values are not to be shown.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// A comment of one line.
pub(super) fn comment(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("# {one_line}")
}

/// What is done to one attribute.
fn block(out: &mut Vec<String>, change: &Mod<Vec<u8>>) {
    let one;
    let (verb, name, values) = match change {
        Mod::Add(name, values) => ("add", name, values),
        Mod::Delete(name, values) => ("delete", name, values),
        Mod::Replace(name, values) => ("replace", name, values),
        Mod::Increment(name, by) => {
            one = HashSet::from([by.clone()]);
            ("increment", name, &one)
        }
    };
    out.push(format!("{verb}: {}", String::from_utf8_lossy(name)));
    lines(out, name, values, !matches!(change, Mod::Delete(..)));
    out.push("-".to_owned());
}

/// The values of an attribute.
fn lines(out: &mut Vec<String>, name: &[u8], values: &HashSet<Vec<u8>>, has_order: bool) {
    let name = String::from_utf8_lossy(name);
    let mut values: Vec<&Vec<u8>> = values.iter().collect();
    if !has_order || values.len() > ORDERED {
        values.sort_unstable();
    }
    for value in values {
        match is_secret(&name) || value == HIDDEN.as_bytes() {
            true => out.push(format!("{name}: {HIDDEN}")),
            false => line(out, &name, value),
        }
    }
}

/// `name: value`, or `name:: base64` below a comment.
fn line(out: &mut Vec<String>, name: &str, value: &[u8]) {
    if let Some(text) = safe(value) {
        out.push(format!("{name}: {text}"));
        return;
    }
    if let Some(text) = std::str::from_utf8(value).ok().filter(|text| !text.contains('\0')) {
        out.push(comment(&format!("{name}: {text}")));
    }
    out.push(format!("{name}:: {}", STANDARD.encode(value)));
}

/// The value as a SAFE-STRING (RFC 2849), if it is one. A space at its end would get lost on its way.
fn safe(value: &[u8]) -> Option<&str> {
    let is_safe = value.iter().all(|b| b.is_ascii() && !matches!(b, 0 | b'\n' | b'\r'));
    let starts_well = !matches!(value.first(), Some(b' ' | b':' | b'<'));
    let ends_well = value.last() != Some(&b' ');
    std::str::from_utf8(value).ok().filter(|_| is_safe && starts_well && ends_well)
}

/// `control: OID criticality[:: value]`.
fn control_line(raw: &RawControl) -> String {
    let value = raw.val.as_ref().map(|value| format!(":: {}", STANDARD.encode(value))).unwrap_or_default();
    format!("control: {} {}{value}", raw.ctype, raw.crit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[&str]) -> HashSet<Vec<u8>> {
        values.iter().map(|v| v.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_new_entry_shows_everything_but_its_password() {
        let attributes = vec![
            (b"cn".to_vec(), set(&["Ann"])),
            (b"sn".to_vec(), set(&["M\u{fc}ller"])),
            (b"description".to_vec(), set(&[" two\nlines"])),
            (b"UNICODEPWD".to_vec(), set(&["\"s3cret\""])),
            (b"note".to_vec(), set(&[HIDDEN])),
        ];
        assert_eq!(
            record(&Request::Add { dn: "cn=Ann,dc=x", attributes }, &[]),
            [
                "dn: cn=Ann,dc=x",
                "changetype: add",
                "cn: Ann",
                "# sn: Müller",
                "sn:: TcO8bGxlcg==",
                "# description:  two lines",
                "description:: IHR3bwpsaW5lcw==",
                "UNICODEPWD: <secret>",
                "note: <secret>",
            ]
        );
    }

    #[test]
    fn changes_have_a_dash_behind_each_attribute() {
        let mods = vec![
            Mod::Replace(b"title".to_vec(), set(&[])),
            Mod::Add(b"mail".to_vec(), set(&["a@x"])),
            Mod::Delete(b"mail".to_vec(), set(&[":b"])),
        ];
        let guard = control::assertion("(entryUUID=a\\2a)").unwrap();
        let shown = record(&Request::Modify { dn: "cn=Zo\u{eb},dc=x", mods }, &[guard]);
        assert_eq!(shown[..3], ["# dn: cn=Zoë,dc=x", "dn:: Y249Wm/DqyxkYz14", "# only if (entryUUID=a\\2a)"]);
        assert!(shown[3].starts_with("control: 1.3.6.1.1.12 true:: "), "{shown:?}");
        assert_eq!(
            shown[4..],
            [
                "changetype: modify",
                "replace: title",
                "-",
                "add: mail",
                "mail: a@x",
                "-",
                "delete: mail",
                "# mail: :b",
                "mail:: OmI=",
                "-",
            ]
        );
    }

    #[test]
    fn what_ldif_cannot_say_is_a_comment() {
        let shown = record(&Request::Password { dn: "cn=a,dc=x", new: "s3cret" }, &[]);
        assert!(shown.iter().all(|line| line.starts_with("# ") && !line.contains("s3cret")), "{shown:?}");
        let rename =
            Request::Rename { dn: "cn=a,dc=x", rdn: "cn=b".to_owned(), superior: Some("dc=y".into()) };
        let expected =
            ["dn: cn=a,dc=x", "changetype: modrdn", "newrdn: cn=b", "deleteoldrdn: 1", "newsuperior: dc=y"];
        assert_eq!(record(&rename, &[]), expected);
        assert_eq!(record(&Request::Delete { dn: "dc=x" }, &[]), ["dn: dc=x", "changetype: delete"]);
    }
}
