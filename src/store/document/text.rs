//! Small formats: delimited lists, bits of an integer, tags and numbered fields.

use super::{
    Unreadable,
    tree::{Clash, Key, Leaf, Node, Seg},
};
use crate::store::Value;

/// Opens a list. An item without text is none.
pub(super) fn open_list(text: &str, separator: &str) -> Node {
    Node::List(text.split(separator).map(item).collect())
}

fn item(raw: &str) -> Node {
    let text = raw.trim();
    Node::raw((!text.is_empty()).then(|| Value::from(text)), raw)
}

/// Closes a list. Items of ours stand as far from the separator as the others do. An item that comes to stand
/// first loses the blanks that kept it from the separator; one that stood first in the `old` text keeps its own.
pub(super) fn close_list(tree: &Node, separator: &str, old: Option<&str>) -> Result<String, Clash> {
    let Node::List(items) = tree else { return Err(Clash("it is no list".to_owned())) };
    let is_spaced =
        |node: &Node| matches!(node, Node::Leaf(Leaf { raw: Some(raw), .. }) if raw.starts_with(' '));
    let first = old.and_then(|text| text.split(separator).next());
    let blank = if items.iter().any(is_spaced) { " " } else { "" };
    let mut out = Vec::new();
    for (place, node) in items.iter().enumerate() {
        out.push(match (spelled(node, separator)?, place) {
            (text, 0) if Some(text.as_str()) == first => text,
            (text, 0) => text.trim_start().to_owned(),
            (text, _) if is_spaced(node) => text,
            (text, _) if matches!(node, Node::Leaf(Leaf { raw: None, .. })) => format!("{blank}{text}"),
            (text, _) => text,
        });
    }
    Ok(out.join(separator))
}

/// The text of a leaf, which must not hold the separator.
fn spelled(node: &Node, separator: &str) -> Result<String, Clash> {
    let Node::Leaf(leaf) = node else { return Err(Clash("an item is no single value".to_owned())) };
    if let Some(raw) = &leaf.raw {
        return Ok(raw.clone());
    }
    let text = leaf.value.as_ref().map(Value::to_text).unwrap_or_default();
    let name = if separator == "\n" { "a line break" } else { separator };
    if text.contains(separator) {
        return Err(Clash(format!("a text with `{name}` in it cannot stand between separators")));
    }
    Ok(text)
}

/// Opens an integer: the numbers of its bits.
pub(super) fn open_bits(text: &str) -> Result<Node, Unreadable> {
    let text = text.trim();
    // An unsigned column may use the highest bit.
    let bits = text.parse::<i64>().map(i64::cast_unsigned).or_else(|_| text.parse::<u64>());
    let bits = bits.map_err(|_| Unreadable("integer"))?;
    let set = (0..64_i64).filter(|bit| bits >> bit & 1 == 1);
    Ok(Node::List(set.map(|bit| Node::leaf(Value::Int(bit))).collect()))
}

/// Closes an integer.
pub(super) fn close_bits(tree: &Node) -> Result<i64, Clash> {
    match tree {
        Node::List(items) => items.iter().filter_map(Node::value).try_fold(0, |all, v| Ok(all | bit(v)?)),
        _ => Ok(0),
    }
}

/// The integer with one bit set.
pub(super) fn bit(number: &Value) -> Result<i64, Clash> {
    let number: Option<u32> = number.to_text().trim().parse().ok().filter(|n| *n < 64);
    let bit = number.and_then(|n| 1_u64.checked_shl(n)).map(u64::cast_signed);
    bit.ok_or_else(|| Clash("bits have the numbers 0 to 63".to_owned()))
}

/// Opens `tag separator value`; without a separator there is no tag.
pub(super) fn open_tag(text: &str, separator: &str) -> Node {
    let entry = |name: &str, text: &str| (Key::new(name), Node::leaf(Value::from(text)));
    Node::Map(match text.split_once(separator) {
        Some((tag, value)) => vec![entry("tag", tag), entry("it", value)],
        None => vec![entry("it", text)],
    })
}

/// Closes a tagged text; nothing without a value.
pub(super) fn close_tag(tree: &Node, separator: &str) -> Result<String, Clash> {
    let text = |name: &str| Some(tree.at(&[Seg::Name(name.to_owned())])?.value()?.to_text());
    match (text("tag"), text("it")) {
        (_, None) => Ok(String::new()),
        (Some(tag), Some(_)) if tag.contains(separator) => {
            Err(Clash(format!("a tag with `{separator}` in it cannot be told from the value")))
        }
        (Some(tag), Some(value)) => Ok(format!("{tag}{separator}{value}")),
        (None, Some(value)) if value.contains(separator) => {
            Err(Clash(format!("a text with `{separator}` in it needs a tag")))
        }
        (None, Some(value)) => Ok(value),
    }
}

/// Opens numbered fields.
pub(super) fn open_fields(text: &str, separator: &str) -> Node {
    open_list(text, separator)
}

/// Closes numbered fields.
pub(super) fn close_fields(tree: &Node, separator: &str) -> Result<String, Clash> {
    match tree {
        Node::List(items) => {
            let texts: Result<Vec<String>, Clash> = items.iter().map(|i| spelled(i, separator)).collect();
            Ok(texts?.join(separator))
        }
        _ => Err(Clash("it has no numbered fields".to_owned())),
    }
}
