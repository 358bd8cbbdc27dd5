//! Does a document hold what a test expects?

use serde_json::Value as Json;

/// Every way in which `actual` does not hold `expected`, one line each.
///
/// Objects: the named members must match, others are free; `null` means that the member is missing.
/// Arrays: as many elements, each expected one matched by an element of its own, in any order.
/// The text `$any` matches everything that is there.
pub(crate) fn mismatches(expected: &Json, actual: &Json) -> Vec<String> {
    let mut out = Vec::new();
    compare("", expected, Some(actual), &mut out);
    out
}

fn compare(path: &str, expected: &Json, actual: Option<&Json>, out: &mut Vec<String>) {
    let actual = match (expected, actual) {
        (Json::Null, None | Some(Json::Null)) => return,
        (Json::Null, Some(found)) => return out.push(format!("{path}: expected nothing, found {found}")),
        (_, None) => return out.push(format!("{path}: expected {expected}, found nothing")),
        (_, Some(found)) => found,
    };
    match (expected, actual) {
        (Json::String(any), _) if any == "$any" => {}
        (Json::Object(members), Json::Object(found)) => {
            for (name, value) in members {
                compare(&format!("{path}/{name}"), value, found.get(name), out);
            }
        }
        (Json::Array(wanted), Json::Array(found)) => {
            if wanted.len() != found.len() {
                return out.push(format!("{path}: expected {} elements, found {actual}", wanted.len()));
            }
            let mut free: Vec<&Json> = found.iter().collect();
            for element in wanted {
                match free.iter().position(|candidate| mismatches(element, candidate).is_empty()) {
                    Some(index) => drop(free.remove(index)),
                    None => out.push(format!("{path}: no element matches {element} in {actual}")),
                }
            }
        }
        _ if expected == actual => {}
        _ => out.push(format!("{path}: expected {expected}, found {actual}")),
    }
}

#[test]
fn expectations_match_what_they_should() {
    use serde_json::json;
    for (expected, actual, matches) in [
        (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
        (json!({"a": 1}), json!({"a": "1"}), false),
        (json!({"a": null}), json!({"b": 2}), true),
        (json!({"a": null}), json!({"a": false}), false),
        (json!({"a": "$any"}), json!({"a": [1]}), true),
        (json!({"a": "$any"}), json!({}), false),
        (json!([{"x": 1}, {"x": 2}]), json!([{"x": 2, "y": 0}, {"x": 1}]), true),
        (json!([{"x": 1}, {"x": 1}]), json!([{"x": 1}, {"x": 2}]), false),
        (json!([{"x": 1}]), json!([{"x": 1}, {"x": 2}]), false),
    ] {
        assert_eq!(mismatches(&expected, &actual).is_empty(), matches, "{expected} in {actual}");
    }
}
