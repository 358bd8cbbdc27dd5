//! The grammar of filters (RFC 7644 §3.4.2.2), its limits and its errors.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn strict(text: &str) -> Result<Filter, FilterError> {
    parse(text, &FilterRules::default())
}

fn tolerant(text: &str) -> Result<Filter, FilterError> {
    parse(text, &FilterRules::tolerant())
}

/// Checks the tree by its text form, which brackets every nested `and` and `or`.
fn check(text: &str, tree: &str) {
    assert_eq!(strict(text).map(|f| f.to_string()), Ok(tree.to_owned()), "{text}");
}

#[test]
fn and_binds_tighter_than_or() {
    // 7644-3.4.2.2-c
    check("a pr or b pr and c pr", "a pr or (b pr and c pr)");
    check("a pr and b pr or c pr", "(a pr and b pr) or c pr");
    check("(a pr or b pr) and c pr", "(a pr or b pr) and c pr");
    check("not (a pr) and b pr", "not (a pr) and b pr");
}

#[test]
fn words_and_operators_have_no_case() {
    // 7644-3.4.2.2-b
    check(
        r#"userName Eq "x" AND NOT (active eq false) OR title PR"#,
        r#"(userName eq "x" and not (active eq false)) or title pr"#,
    );
}

#[test]
fn not_stands_with_and_without_a_space() {
    check("not(active eq true)", "not (active eq true)");
    check("not  ( active eq true )", "not (active eq true)");
    check("not pr", "not pr");
}

#[test]
fn the_attribute_follows_the_last_colon() {
    // 7644-3.10-a
    let filter = strict(r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "1""#);
    let Ok(Filter::Compare(path, CompareOp::Eq, _)) = filter else { panic!("{filter:?}") };
    assert_eq!(path.urn.as_deref(), Some(crate::scim::ENTERPRISE));
    assert!(path.is("manager", Some("value")));
}

#[test]
fn a_condition_after_a_value_path_joins_the_element() {
    // E-11
    check(r#"emails[type eq "work"].value eq "x""#, r#"emails[type eq "work" and value eq "x"]"#);
    check(r#"a[b pr or c pr].d pr"#, "a[(b pr or c pr) and d pr]");
    assert!(strict(r#"emails[type eq "work"].value"#).is_err());
    assert!(strict(r#"a[b[c pr]]"#).is_err(), "no value path in a value path");
}

#[test]
fn escapes_are_those_of_json() {
    let filter = strict(r#"name.familyName co "O'\"\\\u00e9""#).unwrap();
    assert_eq!(filter, Filter::Compare(AttrPath::new("name.familyName"), CompareOp::Co, json!("O'\"\\é")));
    for bad in [r#"a eq "\a""#, r#"a eq "\ud800""#, "a eq \"\u{1}\"", r#"a eq "x"#] {
        assert!(strict(bad).is_err(), "{bad}");
    }
}

#[test]
fn bare_words_are_text_in_tolerant_mode_only() {
    // E-05, 7644-3.4.2.2-l
    let value = |text: &str| match tolerant(text) {
        Ok(Filter::Compare(_, _, value)) => value,
        other => panic!("{other:?}"),
    };
    assert!(strict("externalId eq jyoung").is_err());
    assert_eq!(value("externalId eq jyoung"), json!("jyoung"));
    assert_eq!(value("externalId eq 007"), json!("007"));
    assert_eq!(value("externalId eq 42"), json!(42));
    assert_eq!(value("active eq True"), json!(true));
    assert!(tolerant("userName eq 'x'").is_err());
    assert_eq!(tolerant("(externalId eq x)").unwrap().to_string(), r#"externalId eq "x""#);
}

#[test]
fn errors_name_their_position() {
    let error = strict(r#"userName eq "a" or title bad "x""#).unwrap_err();
    assert_eq!(error.to_string(), "The filter is not valid at position 25: `bad` is not an operator.");
    let error = strict("userName eq bjensen").unwrap_err();
    assert_eq!(error.at, 12);
    let scim = ScimError::from(error);
    assert_eq!((scim.status(), scim.scim_type().unwrap().as_str()), (400, "invalidFilter"));
}

#[test]
fn limits_hold() {
    // S-21
    let nested = |n: usize| format!("{}a pr{}", "(".repeat(n), ")".repeat(n));
    assert!(strict(&nested(50)).is_ok());
    assert!(strict(&nested(51)).unwrap_err().problem.contains("50 levels"));
    assert!(strict(&"(".repeat(10_000)).is_err());
    assert!(strict(&"not(".repeat(4_000)).is_err());
    assert!(strict(&vec!["a pr"; 251].join(" or ")).unwrap_err().problem.contains("250 comparisons"));
    assert!(strict(&"a".repeat(20_000)).unwrap_err().problem.contains("longer"));
}

#[test]
fn collected_expressions() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vectors/filters-syntax.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let list = vectors["filters"].as_array().unwrap();
    assert_eq!(list.len(), 409);
    let mut wrong = Vec::new();
    for vector in list {
        let (text, verdict) = (vector["expr"].as_str().unwrap(), vector["verdict"].as_str().unwrap());
        let (strictly, tolerantly) = (strict(text), tolerant(text));
        let fine = match verdict {
            "valid" => strictly.is_ok() && tolerantly.is_ok(),
            // What tolerant mode adds is text without quotes.
            "invalid" => strictly.is_err() && (tolerantly.is_err() || text == "userName eq bjensen"),
            _ => true,
        };
        if !fine {
            wrong.push(format!("{verdict}: {text}: {strictly:?}, {tolerantly:?}"));
        }
        if let Ok(filter) = strictly {
            assert_eq!(strict(&filter.to_string()), Ok(filter), "{text}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z][a-zA-Z0-9_-]{0,6}",
        Just("not".to_owned()),
        Just("pr".to_owned()),
        Just("$ref".to_owned())
    ]
}

fn path() -> impl Strategy<Value = AttrPath> {
    (prop::option::of("urn:[a-z]{1,5}:[0-9.]{1,3}:[A-Z]{1,3}"), name(), prop::option::of(name()))
        .prop_map(|(urn, name, sub)| AttrPath { urn, name, sub })
}

fn scalar() -> impl Strategy<Value = Json> {
    prop_oneof![
        any::<String>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<bool>().prop_map(Json::from),
        (-1000i32..1000).prop_map(|n| Json::from(f64::from(n) / 8.0)),
        Just(Json::Null),
    ]
}

/// Filters as the parser makes them; value paths only where it allows them.
fn filter(place: Place) -> BoxedStrategy<Filter> {
    let compare = (path(), prop::sample::select(&CompareOp::ALL[..]), scalar())
        .prop_map(|(path, op, value)| Filter::Compare(path, op, value));
    let leaf = prop_oneof![path().prop_map(Filter::Present), compare].boxed();
    let leaf = match place {
        Place::Element => leaf,
        Place::Resource => {
            let element = (path(), filter(Place::Element)).prop_map(|(p, f)| Filter::Element(p, Box::new(f)));
            prop_oneof![3 => leaf, 1 => element].boxed()
        }
    };
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            inner.prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
    .boxed()
}

proptest! {
    #[test]
    fn the_text_of_a_filter_reads_back(filter in filter(Place::Resource)) {
        prop_assert_eq!(strict(&filter.to_string()), Ok(filter));
    }

    #[test]
    fn no_text_panics(text in r#"[a-c()\[\]". eqorandpnt\\:]{0,60}"#) {
        if let Ok(filter) = tolerant(&text) {
            prop_assert_eq!(tolerant(&filter.to_string()).unwrap().to_string(), filter.to_string());
        }
    }
}
