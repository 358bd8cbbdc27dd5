//! A YAML text, and where everything stands in it.

use std::{collections::HashMap, ops::Range};

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use crate::store::{
    Value,
    document::{
        Unreadable,
        tree::{Key, Node},
    },
};

/// Deepest nesting.
const DEEPEST: usize = 100;

/// Most nodes, those that aliases repeat among them.
const MOST: usize = 50_000;

/// A text that was read.
pub(super) struct Source<'a> {
    pub text: &'a str,
    pub root: Mark,
    pub tree: Node,
}

/// Where a node stands.
#[derive(Debug)]
pub(super) struct Mark {
    /// Behind its anchor and tag; without, behind the `:` or `-` that it belongs to.
    pub props: usize,
    /// Where it begins, without anchor and tag.
    pub start: usize,
    /// Where it ends; for nothing, where it begins.
    pub end: usize,
    pub body: Body,
    /// True if it means more than it says: it has an anchor or is an alias, or has a type of its own.
    pub fixed: bool,
    /// True if it or something in it has an anchor.
    pub anchored: bool,
}

#[derive(Debug)]
pub(super) enum Body {
    Leaf(ScalarStyle),
    Alias,
    Many(Many),
}

/// A list or a map.
#[derive(Debug)]
pub(super) struct Many {
    /// In brackets.
    pub flow: bool,
    /// Written so that entries neither come nor go: `? key`, `[a: b]`.
    pub odd: bool,
    pub children: Vec<Child>,
}

#[derive(Debug)]
pub(super) struct Child {
    /// Where it begins: at its `-` or key.
    pub lead: usize,
    /// Its key, for entries of a map.
    pub key: Range<usize>,
    /// True if the key means more than it says.
    pub key_fixed: bool,
    /// True for `<<`, whose entries are the map's.
    pub merge: bool,
    pub mark: Mark,
}

impl<'a> Source<'a> {
    /// Reads a text of one document.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if it is no YAML, several documents, or too deep or long.
    pub(super) fn read(text: &'a str) -> Result<Self, Unreadable> {
        let bytes = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut reader =
            Reader { text, bytes, events: Parser::new_from_str(text), anchors: HashMap::new(), left: MOST };
        let mut head = reader.skip(0, false);
        let (root, tree) = loop {
            match reader.next()? {
                (Event::DocumentStart(explicit), at) => {
                    head = if explicit { at.end } else { head };
                    let (event, at) = reader.next()?;
                    break reader.node(event, at, Place { head, flow: false, depth: 0 })?;
                }
                (Event::StreamEnd, _) => {
                    return Ok(Self { text, root: Mark::nothing(text.len()), tree: Node::raw(None, "") });
                }
                _ => {}
            }
        };
        loop {
            match reader.next()?.0 {
                Event::StreamEnd => return Ok(Self { text, root, tree }),
                Event::DocumentStart(_) => return Err(Unreadable("YAML of one document")),
                _ => {}
            }
        }
    }
}

impl Mark {
    fn nothing(at: usize) -> Self {
        let body = Body::Leaf(ScalarStyle::Plain);
        Self { props: at, start: at, end: at, body, fixed: false, anchored: false }
    }
}

#[derive(Clone, Copy)]
struct Place {
    head: usize,
    flow: bool,
    depth: usize,
}

struct Reader<'a> {
    text: &'a str,
    /// Where each character begins.
    bytes: Vec<usize>,
    events: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    left: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Unreadable> {
        let Some(Ok((event, span))) = self.events.next_event() else {
            // Behind the end there is nothing to ask for.
            return Err(Unreadable("YAML"));
        };
        let byte = |at: usize| self.bytes.get(at).copied().unwrap_or(self.text.len());
        let start = byte(span.start.index());
        Ok((event, start..byte(span.end.index()).max(start)))
    }

    /// The next place that is neither blank nor comment; with `commas`, nor a comma.
    fn skip(&self, from: usize, commas: bool) -> usize {
        let mut at = from;
        while let Some(next) = self.text.get(at..).and_then(|rest| rest.chars().next()) {
            let is_apart =
                || self.text.get(..at).is_none_or(|t| t.is_empty() || t.ends_with([' ', '\t', '\n', '\r']));
            if next == '#' && (is_apart() || at == from) {
                let rest = self.text.get(at..).unwrap_or_default();
                at += rest.find('\n').unwrap_or(rest.len());
            } else if matches!(next, ' ' | '\t' | '\n' | '\r' | '\u{feff}') || (commas && next == ',') {
                at += next.len_utf8();
            } else {
                break;
            }
        }
        at
    }

    fn is(&self, at: usize, mark: char) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(mark))
    }

    fn charge(&mut self, nodes: usize) -> Result<(), Unreadable> {
        self.left = self.left.checked_sub(nodes).ok_or(Unreadable("YAML of at most 50,000 values"))?;
        Ok(())
    }

    /// Behind an anchor and a tag.
    fn props(&self, from: usize, count: usize) -> usize {
        (0..count).fold(from, |at, _| {
            let start = self.skip(at, false);
            let rest = self.text.get(start..).unwrap_or_default();
            start + rest.find([' ', '\t', '\n', '\r', ',', '[', ']', '{', '}']).unwrap_or(rest.len())
        })
    }

    fn node(&mut self, event: Event<'a>, at: Range<usize>, place: Place) -> Result<(Mark, Node), Unreadable> {
        self.charge(1)?;
        if place.depth > DEEPEST {
            return Err(Unreadable("YAML of at most 100 levels"));
        }
        let (anchor, tag, is_map) = match event {
            Event::Alias(id) => {
                let node = self.anchors.get(&id).cloned().ok_or(Unreadable("YAML"))?;
                self.charge(size(&node))?;
                let (head, start, end) = (place.head, at.start, at.end);
                let mark = Mark { props: head, start, end, body: Body::Alias, fixed: true, anchored: false };
                return Ok((mark, node));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (mark, node) = self.leaf(&text, style, (anchor, tag.as_deref()), at, place);
                self.remember(anchor, &node)?;
                return Ok((mark, node));
            }
            Event::SequenceStart(anchor, tag) => (anchor, tag, false),
            Event::MappingStart(anchor, tag) => (anchor, tag, true),
            _ => return Err(Unreadable("YAML")),
        };
        let count = usize::from(anchor > 0) + usize::from(tag.is_some());
        let props = self.props(place.head, count);
        let start = self.skip(props, place.flow && count == 0);
        let bracket = if is_map { '{' } else { '[' };
        let is_bracketed = self.is(start, bracket) && (count > 0 || !at.is_empty());
        let flow = is_bracketed || place.flow;
        let many = Many { flow, odd: place.flow && !is_bracketed, children: Vec::new() };
        let inner =
            Place { head: if is_bracketed { start + 1 } else { start }, flow, depth: place.depth + 1 };
        let (many, node, closing) = if is_map { self.map(many, inner)? } else { self.list(many, inner)? };
        let last = many.children.last().map_or(start, |child| child.mark.end.max(child.lead + 1));
        let end = if is_bracketed { closing.end } else { last };
        let anchored = anchor > 0 || many.children.iter().any(|child| child.mark.anchored || child.key_fixed);
        let fixed = anchor > 0 || tag.is_some_and(|tag| !is_plain_tag(&tag));
        let props = if count == 0 { place.head } else { props };
        self.remember(anchor, &node)?;
        Ok((Mark { props, start, end, body: Body::Many(many), fixed, anchored }, node))
    }

    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Unreadable> {
        if anchor > 0 {
            self.charge(size(node))?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    fn list(&mut self, mut many: Many, place: Place) -> Result<(Many, Node, Range<usize>), Unreadable> {
        let (mut items, mut from) = (Vec::new(), place.head);
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok((many, Node::List(items), at));
            }
            let lead = self.skip(from, place.flow);
            many.odd |= !place.flow && !self.is(lead, '-');
            let head = if place.flow { lead } else { (lead + 1).min(self.text.len()) };
            let (mark, node) = self.node(event, at, Place { head, ..place })?;
            from = mark.end.max(head);
            items.push(node);
            many.children.push(Child { lead, key: lead..lead, key_fixed: false, merge: false, mark });
        }
    }

    fn map(&mut self, mut many: Many, place: Place) -> Result<(Many, Node, Range<usize>), Unreadable> {
        let mut merged: Vec<(Key, Node)> = Vec::new();
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut from = place.head;
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                merged.retain(|(key, _)| !entries.iter().any(|(own, _)| own.name == key.name));
                merged.extend(entries);
                return Ok((many, Node::Map(merged), at));
            }
            let lead = self.skip(from, place.flow);
            many.odd |= self.is(lead, '?') && at.start != lead;
            let name = match &event {
                Event::Scalar(text, ..) => Some(text.to_string()),
                _ => None,
            };
            let is_plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, 0, None));
            let (key, _) = self.node(event, at, Place { head: lead, ..place })?;
            let colon = self.skip(key.end, false);
            let has_colon = self.is(colon, ':');
            many.odd |= !has_colon || name.is_none();
            let head = if has_colon { colon + 1 } else { key.end };
            let (event, at) = self.next()?;
            let (mark, node) = self.node(event, at, Place { head, ..place })?;
            from = mark.end.max(head);
            let source = self.text.get(key.start..key.end).unwrap_or_default();
            let merge = is_plain && name.as_deref() == Some("<<") && merge(&node, &mut merged);
            if !merge {
                let name = name.unwrap_or_else(|| source.to_owned());
                entries.push((Key { name, raw: Some(format!("{lead}:{source}")) }, node));
            }
            let key_fixed = key.fixed || key.anchored;
            many.children.push(Child { lead, key: key.start..key.end, key_fixed, merge, mark });
        }
    }

    fn leaf(
        &self,
        text: &str,
        style: ScalarStyle,
        (anchor, tag): (usize, Option<&Tag>),
        at: Range<usize>,
        place: Place,
    ) -> (Mark, Node) {
        let head = place.head;
        let fixed = anchor > 0 || tag.is_some();
        if text.is_empty() && style == ScalarStyle::Plain && !fixed {
            return (Mark::nothing(head), Node::raw(None, ""));
        }
        let start = self.skip(head, place.flow);
        let written = self.text.get(..at.end).unwrap_or_default();
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        // A text of lines ends with its last line.
        let end = if is_block || fixed { written.trim_end().len() } else { at.end };
        let end = end.max(start);
        let value = match (style, tag) {
            (ScalarStyle::Plain, None) => resolved(text),
            (_, None) => Some(Value::Text(text.to_owned())),
            (_, Some(tag)) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
                Some(Value::Text(text.to_owned()))
            }
            (_, Some(_)) => None,
        };
        let source = self.text.get(start..end).unwrap_or_default();
        let is_null = value.is_none() && !fixed;
        let raw = if is_null { String::new() } else { format!("{start}:{source}") };
        let body = Body::Leaf(style);
        (Mark { props: head, start, end, body, fixed, anchored: anchor > 0 }, Node::raw(value, &raw))
    }
}

/// Adds the entries that a `<<` takes over; false if what stands there is no map.
fn merge(node: &Node, merged: &mut Vec<(Key, Node)>) -> bool {
    let maps: Vec<&Node> = match node {
        Node::Map(_) => vec![node],
        Node::List(items) => items.iter().collect(),
        Node::Leaf(_) => return false,
    };
    if !maps.iter().all(|map| matches!(map, Node::Map(_))) {
        return false;
    }
    for map in maps {
        let Node::Map(entries) = map else { continue };
        for (key, node) in entries {
            // Earlier ones win.
            if !merged.iter().any(|(own, _)| own.name == key.name) {
                merged.push((Key { name: key.name.clone(), raw: Some("<<".to_owned()) }, node.clone()));
            }
        }
    }
    true
}

/// Tags that say no more than that it is a list or a map, of whatever class of Ruby's hashes.
fn is_plain_tag(tag: &Tag) -> bool {
    let is_core = tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "map" | "seq");
    is_core || (tag.handle == "!" && (tag.suffix == "ruby/hash" || tag.suffix.starts_with("ruby/hash:")))
}

fn size(node: &Node) -> usize {
    1 + match node {
        Node::Leaf(_) => 0,
        Node::List(items) => items.iter().map(size).sum(),
        Node::Map(entries) => entries.iter().map(|(_, node)| size(node)).sum(),
    }
}

/// What a text without quotes means.
pub(super) fn resolved(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return None,
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let has_zero = |part: &str| part.len() > 1 && part.starts_with('0');
    let number = match digits.split_once('.') {
        None if is_number(digits) && !has_zero(digits) => text.parse().ok().map(Value::Int),
        Some((whole, part))
            if is_number(whole) && is_number(part) && !has_zero(whole) && text.len() < 100 =>
        {
            text.parse().ok().map(Value::Decimal)
        }
        _ => None,
    };
    Some(number.unwrap_or_else(|| Value::Text(text.to_owned())))
}
