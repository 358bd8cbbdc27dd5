//! Texts of named pieces: `{url} {label}|{url}`.

use super::{
    Unreadable,
    tree::{Clash, Key, Node, Seg},
};
use crate::store::Value;

/// Alternatives of pieces; the first that fits is taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Vec<Vec<Piece>>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Hole(String),
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// A sentence for a diagnostic.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let alternatives: Result<Vec<Vec<Piece>>, String> = text.split('|').map(pieces).collect();
        Ok(Self(alternatives?))
    }

    /// The names of its holes.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let pieces = self.0.iter().flatten();
        pieces.filter_map(|p| if let Piece::Hole(name) = p { Some(name.as_str()) } else { None }).collect()
    }

    /// Takes a text apart: a hole reaches to the next literal, the last one to the end.
    pub(super) fn open(&self, text: &str) -> Result<Node, Unreadable> {
        let found = self.0.iter().find_map(|pieces| split(pieces, text));
        let entries = found.ok_or(Unreadable("text of this pattern"))?;
        let node = |(name, text): (&str, &str)| (Key::new(name), Node::leaf(Value::from(text)));
        Ok(Node::Map(entries.into_iter().map(node).collect()))
    }

    /// Puts a text together by the first alternative that has a place for all there is, and all of whose
    /// holes are there.
    pub(super) fn close(&self, tree: &Node) -> Result<String, Clash> {
        let there: Vec<&str> = self.names().into_iter().filter(|n| named(tree, n).is_some()).collect();
        if there.is_empty() {
            return Ok(String::new());
        }
        let fits = |pieces: &&Vec<Piece>| {
            let holes: Vec<&str> = pieces
                .iter()
                .filter_map(|p| if let Piece::Hole(n) = p { Some(n.as_str()) } else { None })
                .collect();
            holes.iter().all(|h| there.contains(h)) && there.iter().all(|t| holes.contains(t))
        };
        let Some(pieces) = self.0.iter().find(fits) else {
            return Err(Clash("the text has no form with just these pieces".to_owned()));
        };
        let text: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Hole(name) => named(tree, name).unwrap_or_default(),
            })
            .collect();
        match self.open(&text) {
            Ok(again) if there.iter().all(|n| named(&again, n) == named(tree, n)) => Ok(text),
            _ => Err(Clash("the pieces could not be told apart again".to_owned())),
        }
    }
}

/// The text of an entry.
pub(super) fn named(tree: &Node, name: &str) -> Option<String> {
    let value = tree.at(&[Seg::Name(name.to_owned())])?.value()?;
    Some(value.to_text()).filter(|text| !text.is_empty())
}

fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or("a hole of the pattern is not closed")?;
            if matches!(out.last(), Some(Piece::Hole(_))) {
                return Err("two holes of a pattern need a text between them".to_owned());
            }
            out.push(Piece::Hole(name.to_owned()));
            rest = after;
        } else {
            let end = rest.find('{').unwrap_or(rest.len());
            let (literal, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            out.push(Piece::Text(literal.to_owned()));
            rest = after;
        }
    }
    if out.iter().any(|p| matches!(p, Piece::Hole(_))) {
        Ok(out)
    } else {
        Err("a pattern has holes".to_owned())
    }
}

fn split<'a>(pieces: &'a [Piece], text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut out = Vec::new();
    let mut rest = text;
    let mut open: Option<&str> = None;
    for piece in pieces {
        match piece {
            Piece::Hole(name) => open = Some(name),
            Piece::Text(literal) => {
                let (before, after) = match open {
                    Some(_) => rest.split_once(literal.as_str())?,
                    None => ("", rest.strip_prefix(literal.as_str())?),
                };
                out.extend(open.take().map(|name| (name, before)));
                rest = after;
            }
        }
    }
    match open {
        Some(name) => out.push((name, rest)),
        None if rest.is_empty() => {}
        None => return None,
    }
    out.iter().all(|(_, text)| !text.is_empty()).then_some(out)
}
