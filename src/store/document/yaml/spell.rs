//! How values are written in YAML, so that readers of 1.1 and 1.2 read the same.

use saphyr_parser::ScalarStyle;

use crate::store::{
    Value,
    document::tree::{Clash, Key, Leaf, Node},
};

/// What a node stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Nothing: the document.
    Root,
    /// `key:`
    Key,
    /// `-`
    Dash,
}

/// Where a node is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub lead: Lead,
    /// The column of what leads it.
    pub indent: usize,
    /// Within brackets.
    pub flow: bool,
    pub newline: &'a str,
}

/// What stands behind a `:` or `-`.
pub(super) fn after(node: &Node, at: At<'_>) -> Result<String, Clash> {
    if at.flow || node.is_empty() {
        return Ok(format!(" {}", inline(node, ScalarStyle::Plain)?));
    }
    let indent = match (at.lead, node) {
        (Lead::Root, _) => 0,
        (Lead::Key, Node::List(_)) => at.indent,
        _ => at.indent + 2,
    };
    let block = block(node, At { indent, ..at })?;
    Ok(match at.lead {
        Lead::Dash => format!(" {}", block.trim_start()),
        _ => format!("{}{block}", at.newline),
    })
}

/// The lines of a list or a map that is not empty, each at the column, without an end of the last line.
pub(super) fn block(node: &Node, at: At<'_>) -> Result<String, Clash> {
    let blanks = " ".repeat(at.indent);
    let lines: Result<Vec<String>, Clash> = match node {
        Node::Leaf(_) => Ok(vec![format!("{blanks}{}", inline(node, ScalarStyle::Plain)?)]),
        Node::List(items) => items
            .iter()
            .map(|item| Ok(format!("{blanks}-{}", after(item, At { lead: Lead::Dash, ..at })?)))
            .collect(),
        Node::Map(entries) => {
            entries.iter().map(|(k, node)| Ok(format!("{blanks}{}", entry(k, node, at)?))).collect()
        }
    };
    Ok(lines?.join(at.newline))
}

/// `key: value`
pub(super) fn entry(name: &Key, node: &Node, at: At<'_>) -> Result<String, Clash> {
    Ok(format!("{}:{}", key(&name.name), after(node, At { lead: Lead::Key, ..at })?))
}

/// A node on one line.
pub(super) fn inline(node: &Node, style: ScalarStyle) -> Result<String, Clash> {
    match node {
        Node::Leaf(leaf) => scalar(leaf, style),
        Node::List(items) => {
            let items: Result<Vec<String>, Clash> =
                items.iter().map(|i| inline(i, ScalarStyle::Plain)).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        Node::Map(entries) => {
            let one = |(name, node): &(Key, Node)| {
                Ok(format!("{}: {}", key(&name.name), inline(node, ScalarStyle::Plain)?))
            };
            let entries: Result<Vec<String>, Clash> = entries.iter().map(one).collect();
            Ok(format!("{{{}}}", entries?.join(", ")))
        }
    }
}

fn scalar(leaf: &Leaf, style: ScalarStyle) -> Result<String, Clash> {
    match &leaf.value {
        None if leaf.raw.as_deref().unwrap_or_default().is_empty() => Ok("null".to_owned()),
        None => Err(Clash("the document holds something there that is no text, number or truth".to_owned())),
        Some(value @ (Value::Int(_) | Value::Bool(_) | Value::Decimal(_))) => Ok(value.to_text()),
        Some(value) => Ok(text(&value.to_text(), style)),
    }
}

/// The name of an entry.
pub(super) fn key(name: &str) -> String {
    // What Ruby writes for a symbol.
    match name.strip_prefix(':') {
        Some(symbol) if is_plain(symbol) && !symbol.contains(' ') => name.to_owned(),
        _ => text(name, ScalarStyle::Plain),
    }
}

/// A text, in the style of the one whose place it takes if that can hold it.
pub(super) fn text(text: &str, style: ScalarStyle) -> String {
    let is_printed = text.chars().all(is_printed);
    match style {
        ScalarStyle::Plain if is_plain(text) => text.to_owned(),
        ScalarStyle::DoubleQuoted => quoted(text),
        _ if is_printed => format!("'{}'", text.replace('\'', "''")),
        _ => quoted(text),
    }
}

/// True if readers take a text without quotes for itself.
pub(super) fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];
    let is_inner = |c: char| c.is_alphanumeric() || " _-./@+'".contains(c);
    text.starts_with(char::is_alphabetic)
        && text.chars().all(is_inner)
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_lowercase().as_str())
}

fn is_printed(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printed(c) => out.push(c),
            c if u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
