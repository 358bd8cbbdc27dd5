//! Result codes of real servers, and the errors they become.

use super::*;

fn error(code: u32, operation: Operation, text: &str) -> StoreError {
    let refusal = Refusal { code: code.into(), matched: String::new(), text: text.into() };
    to_error(&refusal, operation, "User", "uid")
}

fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotFound { .. } => "not found",
        StoreError::NoSuchRow { .. } => "no such row",
        StoreError::AlreadyExists { .. } => "exists",
        StoreError::ConstraintViolated { .. } => "violated",
        StoreError::PreconditionFailed => "precondition",
        StoreError::LimitExceeded(_) => "limit",
        StoreError::Denied(_) => "denied",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Timeout(_) => "timeout",
        StoreError::Unsupported(_) => "unsupported",
        StoreError::Corrupt(_) => "corrupt",
    }
}

#[test]
fn every_code_has_its_meaning() {
    let table: &[(&str, &[u32])] = &[
        ("corrupt", &[0, 5, 6, 14, 33, 36, 54]),
        ("unavailable", &[1, 51, 52, 80, 118, 119, 120, 121]),
        ("unsupported", &[2, 10, 12, 18, 71, 9, 4096]),
        ("limit", &[3, 4, 11]),
        ("denied", &[7, 8, 13, 48, 49, 50, 123]),
        ("violated", &[16, 17, 19, 20, 21, 34, 53, 64, 65, 66, 67, 69]),
        ("not found", &[32]),
        ("exists", &[68]),
        ("precondition", &[122]),
    ];
    for (expect, codes) in table {
        for code in *codes {
            assert_eq!(kind(&error(*code, Operation::Modify, "")), *expect, "code {code}");
        }
    }
    let listed: Vec<u32> = table.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
    for code in KNOWN {
        assert!(listed.contains(code), "code {code} is in no row of this table");
    }
}

#[test]
fn the_operation_matters() {
    for (code, operation, text, expect) in [
        (32, Operation::Add, "", "violated"),
        (32, Operation::Delete, "", "not found"),
        (32, Operation::Modify, "00000525: specified dn doesn't exist", "violated"),
        (49, Operation::Bind, "", "denied"),
        (53, Operation::Bind, "Account inactivated. Contact system administrator.", "denied"),
        (53, Operation::Add, "shadow context; no update referral", "unavailable"),
        (53, Operation::Modify, "operation restricted", "unavailable"),
    ] {
        assert_eq!(kind(&error(code, operation, text)), expect, "{code} {text}");
    }
}

#[test]
fn a_value_in_use_names_its_attribute() {
    for (code, text, constraint) in [
        (19, "non-unique attributes found with (|(uid=u1))", "uid"),
        (19, "non-unique attributes found with (|(mail=a@b)(mail=c@d))", "mail"),
        (19, "Another entry with the same attribute value already exists (attribute: \"uid \")", "uid"),
        (68, "00002071: samldb: samAccountName 'u1' already in use!", "samAccountName"),
        (19, "0000202F: samldb: userPrincipalName 'u1@lab' is already in use", "userPrincipalName"),
        (68, "", "uid"),
        (68, "Entry cn=u1,dc=x already exists", "uid"),
    ] {
        let expect = StoreError::AlreadyExists { constraint: constraint.into() };
        assert_eq!(error(code, Operation::Add, text), expect, "{text}");
    }
}

#[test]
fn a_broken_rule_names_its_attribute() {
    for (code, text, attribute) in [
        (65, "object class 'inetOrgPerson' requires attribute 'sn'", "sn"),
        (65, "missing attribute \"sn\" required by object class \"person\"\n", "sn"),
        (65, "attribute 'uidNumber' not allowed", "uidNumber"),
        (65, "attribute \"nosuchattr\" not allowed\n", "nosuchattr"),
        (17, "nosuchattr: attribute type undefined", "nosuchattr"),
        (21, "mail: value #0 invalid per syntax", "mail"),
        (21, "mail: value #0 invalid per syntax\n", "mail"),
        (19, "displayName: multiple values provided", "displayName"),
        (19, "entryUUID: no user modification allowed", "entryUUID"),
        (20, "telephoneNumber: value #0 provided more than once", "telephoneNumber"),
        (20, "modify/add: description: value #0 already exists", "description"),
        (16, "modify/delete: description;lang-de: no such value", "description;lang-de"),
        (16, "0000200A: nosuch was not found in the schema!", ""),
        (65, "", ""),
    ] {
        match error(code, Operation::Modify, text) {
            StoreError::ConstraintViolated { constraint, .. } => assert_eq!(constraint, attribute, "{text}"),
            other => panic!("{text}: {other}"),
        }
    }
}

#[test]
fn a_refused_password_is_told_from_other_values() {
    for text in [
        "Password fails quality checking policy",
        "Password is in history of old passwords",
        "Password is not being changed from existing value",
        "invalid password syntax - password must be at least 8 characters long",
        "password in history",
        "0000052D: Constraint violation - check_password_restrictions: the password is too short",
    ] {
        for operation in [Operation::Add, Operation::Modify, Operation::Password] {
            match error(19, operation, text) {
                StoreError::ConstraintViolated { constraint, reason } => {
                    let is_ad = text.starts_with("0000052D");
                    assert_eq!(constraint, if is_ad { "unicodePwd" } else { "userPassword" });
                    assert!(reason.contains(text), "the server's words are kept");
                }
                other => panic!("{text}: {other}"),
            }
        }
    }
}
