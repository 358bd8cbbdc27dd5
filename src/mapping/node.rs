//! The mapping file as a tree of values with their positions.
//!
//! The language chooses every form by the TOML type of a value or by which key
//! is present, so the tree is read by hand: positions stay exact, and one
//! mistake does not hide the next.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::mapping::diagnostic::Diagnostics;

/// A value in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// The TOML types.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are TOML's")]
pub enum Kind {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Vec<(Key, Node)>),
}

/// A key in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its text.
    pub name: String,
    /// Where it stands.
    pub span: Range<usize>,
}

impl Node {
    /// Parses a file; syntax errors become diagnostics, and what could be read is returned.
    #[must_use]
    pub fn parse(source: &str, diagnostics: &mut Diagnostics) -> Node {
        let (table, errors) = DeTable::parse_recoverable(source);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            diagnostics.error("syntax", &span, error.message(), "correct the TOML syntax");
        }
        let span = table.span();
        Node { span, kind: table_kind(table.get_ref()) }
    }

    /// What the value is, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a string",
            Kind::Int(_) => "an integer",
            Kind::Float(_) => "a number",
            Kind::Bool(_) => "a boolean",
            Kind::Datetime(_) => "a date",
            Kind::Array(_) => "an array",
            Kind::Table(_) => "a table",
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a table.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            Kind::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The items of an array, or the value itself.
    #[must_use]
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// Finds an entry of a table.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(k, _)| k.name == name).map(|(_, v)| v)
    }

    /// Lays `over` on this tree: tables merge key by key, `false` removes a key, anything else replaces.
    pub fn merge(&mut self, over: Node) {
        match (&mut self.kind, over.kind) {
            (Kind::Table(mine), Kind::Table(theirs)) => {
                for (key, value) in theirs {
                    let found = mine.iter().position(|(k, _)| k.name == key.name);
                    match (found, &value.kind) {
                        (Some(i), Kind::Bool(false)) => drop(mine.remove(i)),
                        (Some(i), _) => {
                            if let Some((_, old)) = mine.get_mut(i) {
                                old.merge(value);
                            }
                        }
                        (None, _) => mine.push((key, value)),
                    }
                }
            }
            (_, kind) => *self = Node { span: over.span, kind },
        }
    }
}

fn table_kind(table: &DeTable<'_>) -> Kind {
    let mut entries: Vec<(Key, Node)> = table
        .iter()
        .map(|(key, value)| {
            (Key { name: key.get_ref().to_string(), span: key.span() }, node(value.span(), value.get_ref()))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    Kind::Table(entries)
}

fn node(span: Range<usize>, value: &DeValue<'_>) -> Node {
    let kind = match value {
        DeValue::String(text) => Kind::Text(text.to_string()),
        DeValue::Integer(number) => {
            let digits: String = number.as_str().chars().filter(|c| *c != '_').collect();
            i64::from_str_radix(&digits, number.radix()).map_or_else(|_| Kind::Text(digits), Kind::Int)
        }
        DeValue::Float(number) => Kind::Float(number.as_str().replace('_', "").parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Kind::Bool(*truth),
        DeValue::Datetime(when) => Kind::Datetime(when.to_string()),
        DeValue::Array(items) => {
            Kind::Array(items.iter().map(|item| node(item.span(), item.get_ref())).collect())
        }
        DeValue::Table(table) => table_kind(table),
    };
    Node { span, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syntax_error_is_reported() {
        let mut diagnostics = Diagnostics::default();
        drop(Node::parse("a = \nb = 1\nc = [1\n", &mut diagnostics));
        assert!(diagnostics.0.len() >= 2, "{diagnostics}");
    }

    #[test]
    fn tables_merge_and_false_removes() {
        let mut diagnostics = Diagnostics::default();
        let mut base = Node::parse("[a]\nx = 1\ny = 2", &mut diagnostics);
        base.merge(Node::parse("[a]\ny = false\nz = 3", &mut diagnostics));
        let names: Vec<&str> =
            base.get("a").unwrap().entries().iter().map(|(k, _)| k.name.as_str()).collect();
        assert_eq!(names, ["x", "z"]);
    }
}
