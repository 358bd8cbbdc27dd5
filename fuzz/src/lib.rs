//! What must hold for any input at all: one function for each target. `tests/it/fuzz/words.rs` runs
//! them for a bounded number of inputs, `cargo fuzz` for as long as one likes.

use scimgate::{
    dialect,
    scim::{
        filter, json,
        message::SearchRequest,
        patch::{self, PatchRules},
        path::PatchPath,
        schemas::{group_type, user_type},
        validate::{Mode, Purpose, Rules, normalise},
    },
    store::dn::Dn,
};
use serde_json::json;

const MODES: [Mode; 3] = [Mode::Tolerant, Mode::Rfc, Mode::Strict];

fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// A filter that is read is written so that it reads as itself.
pub fn filter(data: &[u8]) {
    for mode in MODES {
        let rules = PatchRules::of(mode).filter;
        let Ok(read) = filter::parse::parse(&text(data), &rules) else { continue };
        let written = read.to_string();
        // What is written may be longer than what may be read.
        if written.len() < rules.max_length {
            let again = filter::parse::parse(&written, &rules).expect(&written);
            assert_eq!(again.to_string(), written);
        }
        let mut query = SearchRequest { filter: Some(read), ..SearchRequest::default() };
        dialect::adapt_search(&mut query, &[&user_type()]);
        // One that is about attributes that users have is in its last form then.
        let adapted = query.filter.expect("it was put there");
        if let Ok(resolved) = filter::eval::resolve(&adapted, &user_type()) {
            assert_eq!(filter::eval::resolve(&resolved, &user_type()).ok(), Some(resolved));
        }
    }
}

/// A path that is read is written so that it reads as itself.
pub fn path(data: &[u8]) {
    for ty in [user_type(), group_type()] {
        for mode in MODES {
            let rules = PatchRules::of(mode).filter;
            let Ok(read) = PatchPath::parse(&text(data), &ty, &rules) else { continue };
            let written = read.to_string();
            if written.len() < rules.max_length {
                let again = PatchPath::parse(&written, &ty, &rules).expect(&written);
                assert_eq!(again.to_string(), written);
            }
        }
    }
}

/// A body is read as JSON has it, or refused.
pub fn json(data: &[u8]) {
    if let Ok(read) = json::parse(data, 32) {
        let plain = data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(plain).ok(), Some(read));
    }
}

/// A PATCH that fails changes nothing; one that succeeds leaves the id, and one primary e-mail address.
pub fn patch(data: &[u8]) {
    let Ok(body) = json::parse(data, 32) else { return };
    let before = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "bob", "title": "Boss",
        "emails": [{ "value": "a@x", "type": "work", "primary": true }, { "value": "b@x", "type": "home" }],
    });
    let serde_json::Value::Object(before) = before else { return };
    let ty = user_type();
    for mode in MODES {
        let rules = PatchRules::of(mode);
        let mut body = body.clone();
        if mode == Mode::Tolerant {
            dialect::adapt_patch(&mut body, &ty);
        }
        let Ok(request) = patch::parse_request(&body, &ty, &rules) else { continue };
        let mut after = before.clone();
        match patch::apply(&request.operations, &ty, &mut after, &rules) {
            Err(_) => assert_eq!(after, before),
            Ok(changed) => assert_eq!(changed, after != before),
        }
        assert_eq!(after["id"], "1");
        assert!(after["userName"].as_str().is_some_and(|name| !name.is_empty()));
        let primaries = after.get("emails").and_then(|list| list.as_array()).into_iter().flatten();
        assert!(primaries.filter(|email| email["primary"] == true).count() <= 1);
    }
}

/// What is taken in once is taken in as it is the second time.
pub fn resource(data: &[u8]) {
    let Ok(body) = json::parse(data, 32) else { return };
    for ty in [user_type(), group_type()] {
        for mode in MODES {
            let mut body = body.clone();
            if mode == Mode::Tolerant {
                dialect::adapt_resource(&mut body, &ty);
            }
            let Some(body) = body.as_object() else { continue };
            let rules = Rules { mode };
            let Ok(taken) = normalise(body, &ty, &rules, Purpose::Create) else { continue };
            let again = normalise(&taken.resource, &ty, &rules, Purpose::Create).expect("it was fine before");
            assert_eq!(again.resource, taken.resource);
            assert!(again.ignored.is_empty());
        }
    }
}

/// A DN that is read is written so that it reads as the same name.
pub fn dn(data: &[u8]) {
    let Ok(read) = Dn::parse(&text(data)) else { return };
    let again = Dn::parse(&read.to_string()).expect("what we write is a DN");
    assert_eq!(again.normal(), read.normal());
    assert_eq!(Dn::parse(&read.normal()).map(|dn| dn.normal()).ok(), Some(read.normal()));
}
