//! The targets of `fuzz/`, for a bounded number of inputs: near misses of real texts, and anything.

use proptest::prelude::*;

// The functions live with the targets, so that both run the same.
#[path = "../../../fuzz/src/lib.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "written for a crate of its own, whose targets fail by panicking"
)]
mod targets;

/// A text with some of its bytes changed.
fn near(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..4u8, any::<u8>());
    (prop::sample::select(seeds), prop::collection::vec(change, 0..4)).prop_map(|(seed, changes)| {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, kind, byte) in changes {
            let at = at.index(bytes.len().max(1));
            match kind {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.truncate(at),
                _ => bytes.insert(at.min(bytes.len()), b"\"[](). :,\\{}"[usize::from(byte) % 12]),
            }
        }
        bytes
    })
}

const FILTERS: &[&str] = &[
    r#"userName eq "bjensen" and not (active eq false)"#,
    r#"emails[type eq "work" and value co "@x"].value sw "a" or title pr"#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value ne null"#,
    r#"((a.b eq "\u00e9\\\"" or meta.lastModified ge "2011-05-13T04:42:34Z"))"#,
    "userName eq bare and x le -1.5e3",
];
const PATHS: &[&str] = &[
    "userName",
    "name.familyName",
    r#"emails[type eq "work" and primary eq true].value"#,
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    r#"members[value eq "a]\"b" or value eq "c"]"#,
];
const PATCHES: &[&str] = &[
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"emails","value":[{"value":"c@x","primary":true}]}]}"#,
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","value":{"name.givenName":"A","active":"False","emails":[]}},{"op":"remove","path":"title"}]}"#,
    r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"emails[type eq \"home\"].value","value":"d@x"},{"op":"remove","path":"emails","value":[{"value":"a@x"}]}]}"#,
];
const RESOURCES: &[&str] = &[
    r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"u","name":{"givenName":"A"},"emails":[{"value":"a@x","type":"work","primary":true}],"active":true}"#,
    r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"g","members":[{"value":"1"},{"value":"2","type":"User"}]}"#,
    r#"{"userName":"u","active":"True","roles":[{"value":"{\"value\":\"r\"}"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":"m","department":null},"x":[[]]}"#,
];
const NAMES: &[&str] = &[
    "uid=ann,ou=people,dc=example,dc=com",
    r"cn=Lee\, Ann+sn=\c3\a9,dc=x",
    "1.2.3=#0403616263,o= spaced \\ ",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filters(near in near(FILTERS), any in prop::collection::vec(any::<u8>(), 0..80)) {
        targets::filter(&near);
        targets::filter(&any);
    }

    #[test]
    fn paths(near in near(PATHS), any in prop::collection::vec(any::<u8>(), 0..40)) {
        targets::path(&near);
        targets::path(&any);
    }

    #[test]
    fn documents(near in near(RESOURCES), any in prop::collection::vec(any::<u8>(), 0..80)) {
        targets::json(&near);
        targets::json(&any);
    }

    #[test]
    fn patches(near in near(PATCHES)) {
        targets::patch(&near);
    }

    #[test]
    fn resources(near in near(RESOURCES)) {
        targets::resource(&near);
    }

    #[test]
    fn names(near in near(NAMES), any in prop::collection::vec(any::<u8>(), 0..40)) {
        targets::dn(&near);
        targets::dn(&any);
    }
}
