//! YAML (1.2), changed in its own text: what nobody changes keeps its bytes, comments and quotes among them.
//!
//! A text is opened into a [`Node`] tree, with aliases and merge keys followed. Closing compares the changed
//! tree with that of the old text, edits that text where they differ, and reads the result again: unless it
//! says what is wanted, nothing is written.

mod align;
mod edit;
mod source;
mod spell;
#[cfg(test)]
mod tests;

use super::{
    Unreadable,
    tree::{Clash, Key, Leaf, Node},
};
use crate::store::{Fold, Value};

/// Opens a text.
pub(super) fn open(text: &str) -> Result<Node, Unreadable> {
    source::Source::read(text).map(|source| source.tree)
}

/// Closes a tree into the text that it was opened from; `None`: a text of its own.
pub(super) fn close(tree: &Node, like: Option<&str>) -> Result<String, Clash> {
    let text = match like.and_then(|text| source::Source::read(text).ok()) {
        Some(source) => edit::change(&source, tree)?,
        None => edit::begin("---\n", tree)?,
    };
    match open(&text) {
        Ok(read) if says_same(&read, tree) => Ok(text),
        _ => Err(Clash("the YAML there is written so that it cannot be changed at this place".to_owned())),
    }
}

/// True if two trees hold the same, however it is spelled.
fn says_same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (Node::Leaf(a), Node::Leaf(b)) => match (&a.value, &b.value) {
            (Some(a), Some(b)) => is_same(a, b),
            (None, None) => slice(a) == slice(b),
            _ => false,
        },
        (Node::List(a), Node::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| says_same(a, b)),
        (Node::Map(a), Node::Map(b)) => {
            // The order of entries says nothing, but for those of one name.
            let sorted = |entries: &'_ [(Key, Node)]| {
                let mut places: Vec<usize> = (0..entries.len()).collect();
                places.sort_by_key(|place| entries.get(*place).map(|(key, _)| key.name.clone()));
                places
            };
            let pairs = sorted(a).into_iter().zip(sorted(b));
            let mut pairs = pairs.filter_map(|(x, y)| Some((a.get(x)?, b.get(y)?)));
            a.len() == b.len() && pairs.all(|((k, a), (l, b))| k.name == l.name && says_same(a, b))
        }
        _ => false,
    }
}

fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(a), b) => {
            !matches!(b, Value::Int(_) | Value::Bool(_) | Value::Decimal(_)) && *a == b.to_text()
        }
        (Value::Decimal(_), Value::Decimal(_)) => a.same(b, Fold::Exact),
        _ => a == b,
    }
}

/// A leaf's own text; where it stood is told before it.
fn slice(leaf: &Leaf) -> &str {
    let raw = leaf.raw.as_deref().unwrap_or_default();
    raw.split_once(':').map_or(raw, |(_, text)| text)
}
