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
        StoreError::Protected { .. } => "protected",
        StoreError::Unavailable(_) => "unavailable",
        StoreError::Timeout(_) => "timeout",
        StoreError::Unsure(_) => "unsure",
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
        (
            53,
            Operation::Modify,
            "00000005: SvcErr: DSID-031A1254, problem 5003 (WILL_NOT_PERFORM), data 0",
            "denied",
        ),
        (80, Operation::Add, "", "unavailable"),
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
        (
            19,
            "000021C8: AtrErr: DSID-03200BBA, #1:\n\t0: 000021C8: DSID-03200BBA, problem 1005 \
              (CONSTRAINT_ATT_TYPE), data 0, Att 90290 (userPrincipalName)",
            "userPrincipalName",
        ),
        (68, "00000524: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS), data 0", "sAMAccountName"),
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
        (19, "modify breaks constraint on mail", "mail"),
        (19, "add breaks constraint on mail", "mail"),
        (20, "telephoneNumber: value #0 provided more than once", "telephoneNumber"),
        (20, "modify/add: description: value #0 already exists", "description"),
        (16, "modify/delete: description;lang-de: no such value", "description;lang-de"),
        (16, "0000200A: nosuch was not found in the schema!", ""),
        (16, "acl_modify: attribute 'nosuch' on entry 'CN=a' was not found in the schema!", "nosuch"),
        (
            21,
            "0000200B: objectclass_attrs: attribute 'sn' on entry 'CN=a' contains at least one invalid value!",
            "sn",
        ),
        (20, "0000200D: SINGLE-VALUE attribute displayName on CN=a specified more than once", "displayName"),
        (21, "Element displayName has empty attribute in ldb message (CN=a)!", "displayName"),
        (
            19,
            "0000202F: objectclass_attrs: attribute 'objectGUID' on entry 'CN=a' can only be modified as system",
            "objectGUID",
        ),
        (
            53,
            "00002035: objectclass_attrs: attribute 'memberOf' on entry 'CN=a' must not be modified directly, \
              it is a linked attribute",
            "memberOf",
        ),
        (
            65,
            "00002014: objectclass_attrs: attribute 'groupType' on entry 'CN=x' does not exist in the specified \
              objectclasses!",
            "groupType",
        ),
        (67, "00002016: Modify of RDN 'CN' on CN=a not permitted, must use 'rename' operation instead", "CN"),
        (
            19,
            "00002082: AtrErr: DSID-03151D51, #1:\n\t0: 00002082: DSID-03151D51, problem 1005 \
              (CONSTRAINT_ATT_TYPE), data 0, Att 3 (cn):len 140",
            "cn",
        ),
        (19, "000020B5: Referenced object not found at extended_dn_store.c:357", ""),
        (80, "00002095: objectclass: Cannot rename CN=a, parent does not exist!", "container"),
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
        "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0",
        "00002035: setup_io: it's not allowed to set the NT hash password directly'",
    ] {
        for operation in [Operation::Add, Operation::Modify, Operation::Password] {
            let code = if text.contains("5003") || text.contains("setup_io") { 53 } else { 19 };
            match error(code, operation, text) {
                StoreError::ConstraintViolated { constraint, reason } => {
                    let is_ad = text.starts_with("0000");
                    assert_eq!(constraint, if is_ad { "unicodePwd" } else { "userPassword" });
                    assert!(reason.contains(text), "the server's words are kept");
                }
                other => panic!("{text}: {other}"),
            }
        }
    }
}
