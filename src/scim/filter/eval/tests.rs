//! Filters evaluated on resources (RFC 7644 §3.4.2.2).

use serde_json::json;

use super::*;
use crate::scim::{
    ENTERPRISE, USER,
    filter::parse::{FilterRules, parse},
    schemas::user_type,
};

fn read(text: &str) -> Filter {
    parse(text, &FilterRules::tolerant()).unwrap()
}

fn babs() -> Object {
    let babs = json!({
        "id": "Ab1", "externalId": "X", "userName": "BJensen", "title": "Tour Guide", "active": true,
        "name": {"familyName": "O'Malley", "givenName": "Émile"},
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@home.example", "type": "home"},
        ],
        "x509Certificates": [{"value": "aGVsbG8="}],
        "meta": {"resourceType": "User", "created": "2011-05-13T04:42:34Z", "location": "https://x.example/v2/Users/Ab1"},
        ENTERPRISE: {"department": "Sales", "manager": {"value": "m1", "$ref": "../Users/m1"}},
    });
    babs.as_object().unwrap().clone()
}

/// Checks that these filters give this answer for Babs, as written and resolved.
fn check_all(expected: bool, filters: &[&str]) {
    let (ty, resource) = (user_type(), babs());
    for text in filters {
        let filter = read(text);
        assert_eq!(matches(&filter, &ty, &resource), expected, "{text}");
        let resolved = resolve(&filter, &ty).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(matches(&resolved, &ty, &resource), expected, "{text} as {resolved}");
    }
}

#[test]
fn strings_honour_case_exact() {
    // 7644-3.4.2.2-g
    check_all(
        true,
        &[
            r#"userName eq "bjensen""#,
            r#"USERNAME sw "BJ""#,
            r#"name.givenName eq "éMILE""#,
            r#"name.familyName co "o'm""#,
            r#"userName ew "SEN""#,
            r#"emails.value eq "BJENSEN@example.com""#,
            r#"id eq "Ab1""#,
            r#"meta.location sw "https://x""#,
            r#"title gt "Tour" and title lt "U""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b""#,
        ],
    );
    check_all(false, &[r#"id eq "ab1""#, r#"externalId eq "x""#, r#"meta.location sw "HTTPS""#]);
}

#[test]
fn several_values_match_if_any_does() {
    // 7644-3.4.2.2-e, 7644-3.4.2.2-f, 7644-3.4.2.2-i, D-2
    check_all(
        true,
        &[
            r#"emails co "home""#,
            r#"emails.type eq "work" and emails.value co "babs""#,
            r#"emails[type eq "work" and value co "bjensen"]"#,
            r#"emails[type eq "work"].value eq "bjensen@example.com""#,
            r#"emails[not (type eq "work")]"#,
            r#"emails ne "bjensen@example.com""#,
            r#"name[givenName pr]"#,
        ],
    );
    check_all(false, &[r#"emails[type eq "work" and value co "babs"]"#, r#"phoneNumbers[value pr]"#]);
}

#[test]
fn absent_values() {
    // D-1, 7644-3.4.2.2-k
    check_all(
        true,
        &[
            r#"nickName ne "x""#,
            r#"not (nickName eq "x")"#,
            r#"phoneNumbers ne "1""#,
            "nickName eq null",
            "title ne null",
            "title pr",
            "emails pr",
            "name pr",
            "emails[primary eq false]",
            r#"emails[type eq "home" and primary ne true]"#,
        ],
    );
    check_all(
        false,
        &[
            r#"nickName eq "x""#,
            "nickName pr",
            "title eq null",
            r#"nickName gt "a""#,
            r#"emails[type eq "home" and primary pr]"#,
            r#"emails[type eq "home" and primary eq true]"#,
        ],
    );
    let ty = user_type();
    let empty = json!({"userName": "x", "title": "", "emails": [], "name": {}});
    for text in ["title pr", "emails pr", "name pr"] {
        assert!(!matches(&read(text), &ty, empty.as_object().unwrap()), "{text}");
    }
}

#[test]
fn types_compare_by_value() {
    // 7643-2.3.2-a, 7643-2.3.5-a, 7643-2.3.6-a, 7643-2.3.7-a, 7644-3.4.2.2-j, 7644-3.10-a
    check_all(
        true,
        &[
            "active eq true",
            r#"active eq "True""#,
            "active ne false",
            r#"meta.created eq "2011-05-13T06:42:34+02:00""#,
            r#"meta.created ge "2011-05-13T04:42:34Z""#,
            r#"meta.created lt "2011-05-13T04:42:34.5Z""#,
            r#"x509Certificates.value eq "aGVsbG8""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "sales""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager eq "m1""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref eq "https://x/v2/Users/m1""#,
            "externalId ne 42",
        ],
    );
    check_all(false, &[r#"meta.created gt "2011-05-13T04:42:34Z""#, r#"schemas eq "urn:x""#]);
}

#[test]
fn numbers_are_numeric() {
    // 7643-2.3.3-a
    let mut ty = user_type();
    let number =
        |name: &str, data_type| SchemaAttribute { name: name.into(), data_type, ..Default::default() };
    ty.core.attributes.push(number("quota", DataType::Decimal));
    ty.core.attributes.push(number("uid", DataType::Integer));
    let resource = json!({"quota": 9.5, "uid": 1000});
    let resource = resource.as_object().unwrap();
    for text in
        ["quota lt 10", "quota gt 2e0", "uid eq 1000.0", "uid gt 999.5", r#"uid eq "1000""#, "quota ne 9"]
    {
        assert!(super::check(&read(text), &ty).is_ok(), "{text}");
        assert!(matches(&read(text), &ty, resource), "{text}");
    }
}

#[test]
fn filters_that_make_no_sense_are_refused() {
    // 7644-3.4.2.2-d, D-7, D-9
    let cases = [
        ("unknown eq 1", "Attribute `unknown` is not known here."),
        ("name.unknown pr", "Attribute `name.unknown` is not known here."),
        (r#"password eq "x""#, "Attribute `password` cannot be used in a filter."),
        ("password pr", "Attribute `password` cannot be used in a filter."),
        ("active gt true", "Attribute `active` cannot be compared with `gt`: its values are booleans."),
        (r#"active co "t""#, "Attribute `active` cannot be compared with `co`: its values are booleans."),
        (r#"active eq "yes""#, "Attribute `active` compares with a boolean, not with \"yes\"."),
        (
            r#"x509Certificates.value gt "a""#,
            "Attribute `x509Certificates.value` cannot be compared with `gt`: its values are binary.",
        ),
        (
            r#"meta.created gt "2011-05-13""#,
            "Attribute `meta.created` compares with a date and time such as `2011-05-13T04:42:34Z`, not with \"2011-05-13\".",
        ),
        (
            r#"name eq "x""#,
            "Attribute `name` cannot be compared with `eq`: its values are complex, and no sub-attribute is named.",
        ),
        (r#"userName[value eq "x"]"#, "Attribute `userName` has no sub-attributes."),
        (r#"emails[name eq "x"]"#, "Attribute `name` is not known here."),
        ("title gt null", "`gt` cannot compare with null."),
    ];
    for (text, detail) in cases {
        let error = super::check(&read(text), &user_type()).expect_err(text);
        assert_eq!((error.status(), error.detail()), (400, detail), "{text}");
        assert_eq!(error.scim_type().unwrap().as_str(), "invalidFilter");
    }
}

#[test]
fn resolving_brings_filters_into_one_form() {
    let cases = [
        (r#"USERNAME Eq "x""#, r#"userName eq "x""#),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:EMAILS co "x""#, r#"emails.value co "x""#),
        (r#"active eq "True""#, "active eq true"),
        ("externalId eq 42", r#"externalId eq "42""#),
        ("title eq null", "not (title pr)"),
        (r#"Emails[TYPE eq "work"].Value eq "x""#, r#"emails[type eq "work" and value eq "x"]"#),
        (r#"roles[primary eq "True"]"#, "roles[primary eq true]"),
    ];
    for (text, form) in cases {
        assert_eq!(resolve(&read(text), &user_type()).unwrap().to_string(), form, "{text}");
    }
}

#[test]
fn unknown_attributes_have_no_value() {
    // 7644-3.4.2.1-b
    let (ty, resource) = (user_type(), babs());
    for (text, expected) in [("members pr", false), (r#"members eq "x""#, false), (r#"members ne "x""#, true)]
    {
        assert_eq!(matches(&read(text), &ty, &resource), expected, "{text}");
    }
}

#[test]
fn paths_are_full() {
    let filter = read(&format!(
        r#"emails[type eq "work" and value pr] or not (title pr) or {USER}:title eq "x" or title pr"#
    ));
    let found: Vec<String> = paths(&filter).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["emails.type", "emails.value", "title", &format!("{USER}:title")]);
}
