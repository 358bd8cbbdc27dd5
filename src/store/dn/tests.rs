//! Names as servers and people write them (RFC 4514).

use proptest::prelude::*;

use super::*;

fn dn(text: &str) -> Dn {
    Dn::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn equal_names_are_equal() {
    let cases = [
        ("uid=Ann,ou=People,dc=example,dc=com", "UID=ann, OU=people ; DC=Example , dc=COM"),
        ("cn=Ann  B,dc=x", "cn=ann b,dc=x"),
        ("cn=\\ Ann\\ ,dc=x", "cn=ann,dc=x"),
        ("cn=a+uid=b,dc=x", "uid=B + cn=A,dc=x"),
        ("cn=\"a, b\",dc=x", "cn=a\\, b,dc=x"),
        ("cn=a\\2cb,dc=x", "cn=a\\,b,dc=x"),
        ("cn=Lu\\C4\\8Di\\C4\\87,dc=x", "cn=Lučić,dc=x"),
        ("cn=E\u{301}cole,dc=x", "cn=école,dc=x"),
        ("2.5.4.3=a,0.9.2342.19200300.100.1.25=x", "cn=a,dc=x"),
        ("OID.2.5.4.11=a", "organizationalUnitName=A"),
        ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"),
        ("", "  "),
    ];
    for (a, b) in cases {
        assert_eq!(dn(a), dn(b), "{a} and {b}");
        assert_eq!(normalise(a), normalise(b), "{a} and {b}");
    }
}

#[test]
fn different_names_differ() {
    for (a, b) in [
        ("cn=a,dc=x", "cn=b,dc=x"),
        ("cn=a\\,dc=x", "cn=a,dc=x"),
        ("cn=a+uid=b", "cn=a,uid=b"),
        ("cn=a\\+uid\\=b", "cn=a+uid=b"),
        ("cn=straße", "cn=strasse"),
    ] {
        assert_ne!(dn(a), dn(b), "{a} and {b}");
    }
}

#[test]
fn text_that_is_no_name_is_refused() {
    for text in [
        "cn",
        "=a",
        "cn=a,",
        "cn=a,,dc=x",
        "cn=a\\",
        "cn=a\\g0",
        "cn=#",
        "cn=#0",
        "cn=\"a",
        "cn=a<b",
        "cn=\\ff",
        "cn=\"a\"b",
    ] {
        assert!(Dn::parse(text).is_err(), "{text}");
        assert_eq!(normalise(text), None);
    }
    assert_eq!(Dn::parse("cn=a,b").unwrap_err(), DnError { at: 6, expected: "'='" });
}

#[test]
fn values_are_escaped_where_the_rules_ask_for_it() {
    let base = dn("dc=x");
    for (value, expect) in [
        ("plain = text", "cn=plain \\= text,dc=x"),
        (",+\"\\<>;", "cn=\\,\\+\\\"\\\\\\<\\>\\;,dc=x"),
        (" a ", "cn=\\ a\\ ,dc=x"),
        ("  ", "cn=\\ \\ ,dc=x"),
        (" ", "cn=\\ ,dc=x"),
        ("#1", "cn=\\#1,dc=x"),
        ("a#1", "cn=a#1,dc=x"),
        ("a\0b\n", "cn=a\\00b\\0a,dc=x"),
        ("Zoë 🦊", "cn=Zoë 🦊,dc=x"),
        ("*)(uid=*", "cn=*)(uid\\=*,dc=x"),
    ] {
        let child = base.child(&[("cn", value)]);
        assert_eq!(child.to_string(), expect);
        assert_eq!(dn(&child.to_string()).rdn().unwrap().single(), Some(("cn", value)));
    }
    assert_eq!(base.child(&[("cn", "a"), ("uid", "b,c")]).to_string(), "cn=a+uid=b\\,c,dc=x");
}

#[test]
fn family_relations() {
    let base = dn("ou=People,dc=example,dc=com");
    let ann = dn("uid=ann,OU=people,dc=example,dc=com");
    assert_eq!(ann.parent(), Some(base.clone()));
    assert!(ann.is_below(&base) && !base.is_below(&base) && !base.is_below(&ann));
    assert!(!dn("uid=ann,ou=xpeople,dc=example,dc=com").is_below(&base));
    assert_eq!(dn("uid=ann").join(&base), ann);
    assert!(ann.is_below(&Dn::default()));
    assert_eq!(Dn::default().parent(), None);
}

proptest! {
    #[test]
    fn what_is_written_reads_back(values in proptest::collection::vec("\\PC{1,12}|[ #,+\"\\\\<>;=\\x00-\\x20]{1,8}", 1..4)) {
        let built = values.iter().fold(Dn::default(), |base, v| base.child(&[("cn", v)]));
        let read = dn(&built.to_string());
        for (rdn, value) in read.rdns().iter().zip(values.iter().rev()) {
            prop_assert_eq!(rdn.single(), Some(("cn", value.as_str())));
        }
        prop_assert_eq!(&read, &built);
        prop_assert_eq!(dn(&read.normal()), read);
    }

    #[test]
    fn whatever_reads_can_be_written(text in "\\PC{0,40}|[cn=,+\"\\\\#a0 ]{0,20}") {
        if let Ok(read) = Dn::parse(&text) {
            prop_assert_eq!(Dn::parse(&read.to_string()), Ok(read));
        }
    }
}
