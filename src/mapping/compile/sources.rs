//! The file and its base files (`extends`), merged into one tree.
//!
//! Positions of a base file are moved behind the end of the file itself, so
//! that every position is unique; [`Sources::place`] turns those back into
//! readable ones at the end.

use std::{io, ops::Range};

use crate::mapping::{
    diagnostic::{Diagnostics, position},
    node::{Kind, Node},
    place::{Place, Places},
};

/// Where the texts of a merged tree came from.
pub(super) struct Sources {
    bases: Vec<Base>,
    extends: Range<usize>,
}

struct Base {
    name: String,
    start: usize,
    text: String,
}

/// Longest chain of `extends`.
const DEPTH: usize = 8;

/// Reads a file and its bases.
pub(super) fn read(
    source: &str,
    load: &dyn Fn(&str) -> io::Result<String>,
    diagnostics: &mut Diagnostics,
) -> (Node, Sources) {
    let mut sources = Sources { bases: Vec::new(), extends: 0..0 };
    let mut layers = vec![Node::parse(source, diagnostics)];
    let mut start = source.len() + 1;
    while let Some(extends) = layers.last().and_then(|l| l.get("extends")).cloned() {
        if sources.bases.is_empty() {
            sources.extends = extends.span.clone();
        }
        let Some(name) = extends.text() else {
            let found = format!("`extends` is {}", extends.type_name());
            diagnostics.error("wrong-type", &extends.span, found, "write the base file's path as a string");
            break;
        };
        if sources.bases.len() == DEPTH || sources.bases.iter().any(|b| b.name == name) {
            let help = "a base file must not lead back to itself";
            diagnostics.error("extends-cycle", &extends.span, format!("`{name}` is read again"), help);
            break;
        }
        match load(name) {
            Err(error) => {
                let message = format!("`{name}` cannot be read: {error}");
                diagnostics.error("extends-unreadable", &extends.span, message, "correct the path");
                break;
            }
            Ok(text) => {
                let mut own = Diagnostics::default();
                let mut node = Node::parse(&text, &mut own);
                shift(&mut node, start);
                for mut d in own.0 {
                    d.span = d.span.start + start..d.span.end + start;
                    diagnostics.0.push(d);
                }
                layers.push(node);
                sources.bases.push(Base { name: name.to_owned(), start, text: text.clone() });
                start += text.len() + 1;
            }
        }
    }
    let empty = Node { span: 0..0, kind: Kind::Table(Vec::new()) };
    let mut tree = layers.pop().unwrap_or(empty);
    while let Some(over) = layers.pop() {
        tree.merge(over);
    }
    (tree, sources)
}

impl Sources {
    /// Turns positions in base files into the place of `extends`, named in the message.
    pub(super) fn place(&self, mut diagnostics: Diagnostics) -> Diagnostics {
        for d in &mut diagnostics.0 {
            if let Some(base) = self.base(&d.span) {
                d.message = format!("{base}{}", d.message);
                d.span = self.extends.clone();
            }
        }
        diagnostics
    }

    /// Turns places of names in base files likewise.
    pub(super) fn place_names(&self, places: &mut Places) {
        places.all_mut().for_each(|place| self.place_one(place));
    }

    /// Turns one place in a base file likewise.
    pub(super) fn place_one(&self, place: &mut Place) {
        if let Some(base) = self.base(&place.span) {
            place.base = base;
            place.span = self.extends.clone();
        }
    }

    /// What to put before the message of a finding in a base file.
    fn base(&self, span: &Range<usize>) -> Option<String> {
        let base = self.bases.iter().rev().find(|b| span.start >= b.start)?;
        let (line, column) = position(&base.text, span.start - base.start);
        Some(format!("in {}:{line}:{column}: ", base.name))
    }
}

/// Removes what only follows from a syntax error of the same line.
pub(super) fn quieten(source: &str, diagnostics: &mut Diagnostics) {
    let line = |offset: usize| position(source, offset).0;
    let broken: Vec<usize> =
        diagnostics.0.iter().filter(|d| d.code == "syntax").map(|d| line(d.span.start)).collect();
    diagnostics.0.retain(|d| d.code == "syntax" || !broken.contains(&line(d.span.start)));
}

fn shift(node: &mut Node, by: usize) {
    node.span = node.span.start + by..node.span.end + by;
    match &mut node.kind {
        Kind::Array(items) => items.iter_mut().for_each(|i| shift(i, by)),
        Kind::Table(entries) => {
            for (key, value) in entries {
                key.span = key.span.start + by..key.span.end + by;
                shift(value, by);
            }
        }
        _ => {}
    }
}
