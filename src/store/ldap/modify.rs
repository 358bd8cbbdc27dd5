//! Changes of one entry as a modify request (RFC 4511 §4.6).
//!
//! "Make sure it is there" and "make sure it is gone" are not what LDAP's add
//! and delete say: they fail if it is so already. [`slim`] takes away what needs
//! no change, given what the entry holds. Only the server knows when it takes
//! two values for the same, so how strictly values are compared is an argument.

use std::collections::HashSet;

use ldap3::Mod;

use super::{matching, syntax};
use crate::store::{FieldKind, Fold, Value, dn::normalise};

/// Sets of up to this size are sent in their order.
const ORDERED_SET: usize = 5;
/// Values of an attribute up to this number are sent in their order.
const ORDERED_VALUES: usize = 25;
/// Attempts to find a set that has the wanted order.
const ORDER_ATTEMPTS: usize = 4000;

/// What happens to an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Replace,
    Add,
    Remove,
    /// An addition that is made only if the server refuses the change without it.
    Floor,
    /// The second of two values in place of the first one, if that is still there.
    Exchange,
}

/// A change of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edit {
    pub(super) action: Action,
    pub(super) attribute: String,
    pub(super) kind: FieldKind,
    pub(super) values: Vec<Value>,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Spelled alike, or the same name.
    Strict,
    /// Perhaps the same to a directory: case, spaces and hyphens apart.
    Loose,
}

/// The modify request of some edits. Adding or removing no values is left out:
/// a delete without values would remove the whole attribute.
pub(super) fn mods(edits: &[Edit]) -> Vec<Mod<Vec<u8>>> {
    let mut mods = Vec::with_capacity(edits.len());
    for edit in edits {
        let name = || edit.attribute.clone().into_bytes();
        let octets: Vec<Vec<u8>> = edit.values.iter().map(|v| syntax::encode(v, edit.kind)).collect();
        let mut sets = ordered_sets(&octets).into_iter();
        match edit.action {
            Action::Replace => {
                mods.push(Mod::Replace(name(), sets.next().unwrap_or_default()));
                mods.extend(sets.map(|set| Mod::Add(name(), set)));
            }
            Action::Add => mods.extend(sets.map(|set| Mod::Add(name(), set))),
            Action::Remove if octets.is_empty() => {}
            Action::Floor => {}
            Action::Exchange => {
                let mut octets = octets.into_iter().map(|value| HashSet::from([value]));
                mods.extend(octets.next().map(|old| Mod::Delete(name(), old)));
                mods.extend(octets.next().map(|new| Mod::Add(name(), new)));
            }
            Action::Remove => mods.push(Mod::Delete(name(), octets.into_iter().collect())),
        }
    }
    mods
}

/// Values cut into sets that, one after the other, go out in the given order.
///
/// Attribute values are a set, but directories keep the order in which they
/// came and mappings may read meaning into it. ldap3 takes a hash set, whose
/// order is a matter of chance: so chance is given a few tries.
fn ordered_sets(values: &[Vec<u8>]) -> Vec<HashSet<Vec<u8>>> {
    if values.len() > ORDERED_VALUES {
        return vec![values.iter().cloned().collect()];
    }
    values.chunks(ORDERED_SET).map(ordered_set).collect()
}

/// One set of at most a handful of values, in their order.
pub(super) fn ordered_set(values: &[Vec<u8>]) -> HashSet<Vec<u8>> {
    let set = || values.iter().cloned().collect::<HashSet<_>>();
    let mut first = set();
    if values.len() > ORDERED_SET || first.len() < values.len() {
        return first;
    }
    for _ in 0..ORDER_ATTEMPTS {
        if first.iter().eq(values) {
            break;
        }
        first = set();
    }
    first
}

/// The edits that are still needed if the entry holds what `current` says,
/// later ones seeing the effect of earlier ones.
pub(super) fn slim(
    edits: &[Edit],
    current: &dyn Fn(&str) -> Vec<Value>,
    adding: Care,
    removing: Care,
) -> Vec<Edit> {
    let mut held: Vec<(String, Vec<Value>)> = Vec::new();
    let mut needed = Vec::new();
    for edit in edits {
        let name = edit.attribute.to_ascii_lowercase();
        let at = held.iter().position(|(n, _)| *n == name).unwrap_or_else(|| {
            held.push((name, current(&edit.attribute)));
            held.len() - 1
        });
        let Some((_, values)) = held.get_mut(at) else { continue };
        let has = |values: &[Value], v: &Value, care| values.iter().any(|h| is_same(h, v, edit.kind, care));
        let kept: Vec<Value> = match edit.action {
            Action::Replace => {
                values.clone_from(&edit.values);
                needed.push(edit.clone());
                continue;
            }
            Action::Add => edit.values.iter().filter(|v| !has(values, v, adding)).cloned().collect(),
            Action::Remove => edit.values.iter().filter(|v| has(values, v, removing)).cloned().collect(),
            Action::Floor => continue,
            Action::Exchange => {
                let [old, new] = edit.values.as_slice() else { continue };
                if has(values, old, removing) {
                    let edit = match has(values, new, adding) {
                        true => Edit { action: Action::Remove, values: vec![old.clone()], ..edit.clone() },
                        false => edit.clone(),
                    };
                    values.retain(|h| !is_same(h, old, edit.kind, removing));
                    values.push(new.clone());
                    needed.push(edit);
                }
                continue;
            }
        };
        if edit.action == Action::Add {
            values.extend(kept.iter().cloned());
        } else {
            values.retain(|h| !has(&kept, h, removing));
        }
        if !kept.is_empty() {
            needed.push(Edit { values: kept, ..edit.clone() });
        }
    }
    needed
}

fn is_same(a: &Value, b: &Value, kind: FieldKind, care: Care) -> bool {
    let squeeze = |v: &Value| v.to_text().to_lowercase().replace([' ', '-'], "");
    match (care, a, b) {
        (Care::Strict, Value::Text(x), Value::Text(y)) if kind == FieldKind::Dn => {
            x == y || normalise(x).is_some_and(|x| Some(x) == normalise(y))
        }
        (Care::Strict, a, b) => a.same(b, Fold::Exact),
        (Care::Loose, a, b) => matching::is_equal(a, b, kind) || squeeze(a) == squeeze(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(action: Action, attribute: &str, values: &[&str]) -> Edit {
        let values = values.iter().map(|v| (*v).into()).collect();
        Edit { action, attribute: attribute.into(), kind: FieldKind::Text, values }
    }

    fn order(mods: &[Mod<Vec<u8>>]) -> Vec<String> {
        let text = |v: &Vec<u8>| String::from_utf8(v.clone()).unwrap();
        mods.iter()
            .flat_map(|m| match m {
                Mod::Add(_, s) | Mod::Delete(_, s) | Mod::Replace(_, s) => {
                    s.iter().map(text).collect::<Vec<_>>()
                }
                Mod::Increment(..) => vec![],
            })
            .collect()
    }

    #[test]
    fn nothing_to_add_or_remove_is_no_modification() {
        assert!(mods(&[edit(Action::Add, "a", &[]), edit(Action::Remove, "a", &[])]).is_empty());
        assert!(
            matches!(&mods(&[edit(Action::Replace, "a", &[])])[..], [Mod::Replace(_, s)] if s.is_empty())
        );
    }

    #[test]
    fn values_go_out_in_their_order() {
        let values = ["e", "a", "d", "b", "c", "g", "f", "l", "k", "j", "i", "h"];
        for action in [Action::Replace, Action::Add] {
            let mods = mods(&[edit(action, "mail", &values)]);
            assert_eq!(order(&mods), values);
            assert_eq!(
                mods.iter().filter(|m| matches!(m, Mod::Replace(..))).count(),
                usize::from(action == Action::Replace)
            );
        }
    }

    #[test]
    fn what_is_so_already_needs_no_change() {
        let current = |name: &str| match name {
            "mail" => vec!["a@x".into(), "B@x".into()],
            _ => vec![],
        };
        let slim = |edits: &[Edit], adding, removing| slim(edits, &current, adding, removing);
        let add = [edit(Action::Add, "mail", &["a@x", "b@x", "c@x"])];
        assert_eq!(slim(&add, Care::Strict, Care::Strict), [edit(Action::Add, "mail", &["b@x", "c@x"])]);
        assert_eq!(slim(&add, Care::Loose, Care::Strict), [edit(Action::Add, "mail", &["c@x"])]);
        let remove = [edit(Action::Remove, "mail", &["A@X", "z@x"]), edit(Action::Remove, "sn", &["x"])];
        assert_eq!(slim(&remove, Care::Strict, Care::Loose), [edit(Action::Remove, "mail", &["A@X"])]);
        assert_eq!(slim(&remove, Care::Strict, Care::Strict), []);
    }

    #[test]
    fn a_value_that_is_gone_is_not_exchanged() {
        let exchange = [edit(Action::Exchange, "member", &["old", "new"])];
        let slim = |held: &'static [&str]| {
            let current = |_: &str| held.iter().map(|v| (*v).into()).collect();
            slim(&exchange, &current, Care::Strict, Care::Loose)
        };
        assert_eq!(slim(&["other", "old"]), exchange);
        assert_eq!(slim(&["old", "new"]), [edit(Action::Remove, "member", &["old"])]);
        assert_eq!(slim(&["other"]), []);
        assert_eq!(slim(&["new"]), []);
        assert_eq!(order(&mods(&exchange)), ["old", "new"]);
    }

    #[test]
    fn later_edits_see_earlier_ones() {
        let current = |_: &str| vec!["x".into()];
        let swap = [edit(Action::Remove, "mail", &["x"]), edit(Action::Add, "MAIL", &["x"])];
        assert_eq!(slim(&swap, &current, Care::Strict, Care::Loose), swap);
        let after_replace = [edit(Action::Replace, "mail", &["y"]), edit(Action::Add, "mail", &["y", "z"])];
        assert_eq!(
            slim(&after_replace, &current, Care::Strict, Care::Loose),
            [edit(Action::Replace, "mail", &["y"]), edit(Action::Add, "mail", &["z"])]
        );
    }
}
