//! JSON (RFC 8259), with every value that nobody changes in its own spelling.

use super::{
    Unreadable,
    tree::{Key, Leaf, Node},
};
use crate::store::Value;

/// Opens a text.
pub(super) fn open(text: &str) -> Result<Node, Unreadable> {
    // Whether it is JSON, and not too deep, is known from here on.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| Unreadable("JSON"))?;
    Scan { rest: text }.node().ok_or(Unreadable("JSON"))
}

struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, mark: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn token(&mut self) -> Option<&'a str> {
        self.skip();
        let end = if self.rest.starts_with('"') {
            let mut escaped = false;
            let close = self.rest.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            close?.0 + 1
        } else {
            self.rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len())
        };
        let (token, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(token)
    }

    fn node(&mut self) -> Option<Node> {
        if self.take('[') {
            let mut items = Vec::new();
            while !self.take(']') {
                items.push(self.node()?);
                self.take(',');
            }
            return Some(Node::List(items));
        }
        if self.take('{') {
            let mut entries = Vec::new();
            while !self.take('}') {
                let raw = self.token()?;
                let name = serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
                self.take(':').then_some(())?;
                entries.push((Key { name, raw: Some(raw.to_owned()) }, self.node()?));
                self.take(',');
            }
            return Some(Node::Map(entries));
        }
        let token = self.token()?;
        Some(Node::raw(value(token), token))
    }
}

fn value(token: &str) -> Option<Value> {
    match token {
        "null" => None,
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ if token.starts_with('"') => serde_json::from_str(token).ok().map(Value::Text),
        _ => token.parse().map(Value::Int).ok().or_else(|| {
            let is_plain = !token.contains(['e', 'E']) && token.len() < 100;
            is_plain.then(|| token.parse().ok().map(Value::Decimal)).flatten()
        }),
    }
}

/// Closes a tree, with blanks where `like` has them.
pub(super) fn close(tree: &Node, like: &str) -> String {
    let has_blanks = like
        .match_indices("\":")
        .next()
        .is_some_and(|(at, _)| like.get(at + 2..).is_some_and(|after| after.starts_with(' ')));
    let marks = if has_blanks { (", ", ": ") } else { (",", ":") };
    let mut out = String::new();
    write(tree, marks, &mut out);
    out
}

fn write(node: &Node, marks: (&str, &str), out: &mut String) {
    match node {
        Node::Leaf(Leaf { raw: Some(raw), .. }) => out.push_str(raw),
        Node::Leaf(Leaf { value, .. }) => out.push_str(&spelled(value.as_ref())),
        Node::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { marks.0 });
                write(item, marks, out);
            }
            out.push(']');
        }
        Node::Map(entries) => {
            out.push('{');
            for (place, (key, node)) in entries.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { marks.0 });
                match &key.raw {
                    Some(raw) => out.push_str(raw),
                    None => out.push_str(&quoted(&key.name)),
                }
                out.push_str(marks.1);
                write(node, marks, out);
            }
            out.push('}');
        }
    }
}

fn spelled(value: Option<&Value>) -> String {
    match value {
        None => "null".to_owned(),
        Some(value @ (Value::Int(_) | Value::Bool(_) | Value::Decimal(_))) => value.to_text(),
        Some(value) => quoted(&value.to_text()),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
