//! The edits that make a text say what a changed tree says.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::{
    align::{Kid, align},
    source::{Body, Child, Many, Mark, Source},
    spell::{At, Lead, after, block, entry, inline, is_plain, key},
};
use crate::store::{
    Value,
    document::tree::{Clash, Key, Leaf, Node},
};

struct Edits<'a> {
    text: &'a str,
    list: Vec<(Range<usize>, String)>,
}

/// The text changed so that it says what the tree says.
///
/// # Errors
///
/// [`Clash`] if what changes has an anchor, is an alias or has a type of its own, or is written in a way that
/// cannot be edited.
pub(super) fn change(source: &Source<'_>, tree: &Node) -> Result<String, Clash> {
    let text = source.text;
    let root = &source.root;
    // A document of nothing: `---`, or comments only.
    if root.start == root.end && !matches!(tree, Node::Leaf(Leaf { value: None, .. })) {
        return begin(text, tree);
    }
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut edits = Edits { text, list: Vec::new() };
    edits.node(root, &source.tree, tree, At { lead: Lead::Root, indent: 0, flow: false, newline })?;
    edits.applied()
}

/// A text that goes on with a tree.
pub(super) fn begin(text: &str, tree: &Node) -> Result<String, Clash> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let at = At { lead: Lead::Root, indent: 0, flow: false, newline: "\n" };
    let lines = if tree.is_empty() { inline(tree, ScalarStyle::Plain)? } else { block(tree, at)? };
    Ok(format!("{text}{end}{lines}\n"))
}

impl Edits<'_> {
    fn node(&mut self, mark: &Mark, old: &Node, new: &Node, at: At<'_>) -> Result<(), Clash> {
        if old == new {
            return Ok(());
        }
        if mark.fixed {
            return Err(fixed());
        }
        match (&mark.body, old, new) {
            (Body::Many(many), Node::List(old), Node::List(new)) if !old.is_empty() && !new.is_empty() => {
                fn kids(list: &[Node]) -> Vec<Kid<'_>> {
                    list.iter().map(|node| (None, node)).collect()
                }
                let children: Vec<&Child> = many.children.iter().collect();
                let inner = At { lead: Lead::Dash, flow: many.flow, ..at };
                match self.children(many, &children, &kids(old), &kids(new), inner)? {
                    true => Ok(()),
                    false => self.replace(mark, &Node::List(new.clone()), at),
                }
            }
            (Body::Many(many), Node::Map(old), Node::Map(new)) => {
                let children: Vec<&Child> = many.children.iter().filter(|child| !child.merge).collect();
                let merged = old.len() - children.len();
                // What `<<` brings lies elsewhere.
                if new.get(..merged) != old.get(..merged) {
                    return Err(fixed());
                }
                let (before, now) = (named(old, merged), named(new, merged));
                let inner = At { lead: Lead::Key, flow: many.flow, ..at };
                let is_kept = !before.is_empty()
                    && !now.is_empty()
                    && self.children(many, &children, &before, &now, inner)?;
                match is_kept {
                    true => Ok(()),
                    false if merged > 0 => Err(fixed()),
                    false => self.replace(mark, &Node::Map(new.clone()), at),
                }
            }
            _ => self.replace(mark, new, at),
        }
    }

    /// Changes, takes away and adds children; false if none of the old ones is left.
    fn children(
        &mut self,
        many: &Many,
        children: &[&Child],
        old: &[Kid<'_>],
        new: &[Kid<'_>],
        at: At<'_>,
    ) -> Result<bool, Clash> {
        let became = align(old, new)?;
        let Some(last) = became.iter().rposition(Option::is_some) else { return Ok(false) };
        let is_new = |index: &usize| !became.contains(&Some(*index));
        let added: Vec<&Kid<'_>> = (0..new.len()).filter(is_new).filter_map(|index| new.get(index)).collect();
        let goes = |index: usize| became.get(index).is_some_and(Option::is_none);
        if many.odd && (!added.is_empty() || became.iter().any(Option::is_none)) {
            return Err(Clash(
                "the YAML there is written so that nothing can be added or taken away".to_owned(),
            ));
        }
        let indent = children.first().map_or(0, |child| self.column(child.lead));
        let at = At { indent, ..at };
        for (index, child) in children.iter().enumerate() {
            let (Some(Some(to)), Some(was)) = (became.get(index), old.get(index)) else { continue };
            let Some(now) = new.get(*to) else { continue };
            if let (Some(was), Some(now)) = (was.0, now.0)
                && was.name != now.name
            {
                if child.key_fixed || many.odd {
                    return Err(fixed());
                }
                self.list.push((child.key.clone(), key(&now.name)));
            }
            self.node(&child.mark, was.1, now.1, at)?;
        }
        for (index, child) in children.iter().enumerate().filter(|(index, _)| goes(*index)) {
            if child.mark.anchored || child.key_fixed {
                return Err(fixed());
            }
            let range = if many.flow {
                self.in_flow(children, index, &goes)?
            } else {
                self.in_block(children, index, &goes)
            };
            self.list.extend(range.map(|range| (range, String::new())));
        }
        let Some(last) = children.get(last).filter(|_| !added.is_empty()) else { return Ok(true) };
        let written = added.into_iter().map(|(key, node)| match key {
            Some(key) if many.flow => Ok(format!(", {}", entry(key, node, at)?)),
            None if many.flow => Ok(format!(",{}", after(node, at)?)),
            Some(key) => Ok(format!("{}{}{}", at.newline, " ".repeat(indent), entry(key, node, at)?)),
            None => Ok(format!("{}{}-{}", at.newline, " ".repeat(indent), after(node, at)?)),
        });
        let written: Result<String, Clash> = written.collect();
        let end = last.mark.end.max(last.lead + 1);
        let end = if many.flow { end } else { self.line_end(end) };
        self.list.push((end..end, written?));
        Ok(true)
    }

    /// The text of a child that goes, in brackets; `None` if it goes with one before it.
    fn in_flow(
        &self,
        children: &[&Child],
        index: usize,
        goes: &dyn Fn(usize) -> bool,
    ) -> Result<Option<Range<usize>>, Clash> {
        let end = |index: usize| children.get(index).map(|child| child.mark.end);
        let lead = |index: usize| children.get(index).map(|child| child.lead);
        let (Some(start), Some(stop)) = (lead(index), end(index)) else { return Ok(None) };
        let is_tail = (index..children.len()).all(goes);
        let range = match lead(index + 1) {
            _ if is_tail && index > 0 && goes(index - 1) => return Ok(None),
            _ if is_tail => {
                end(index.wrapping_sub(1)).unwrap_or(start)..end(children.len() - 1).unwrap_or(stop)
            }
            Some(next) => start..next,
            None => start..stop,
        };
        let gaps = [range.start..start.max(range.start), stop.min(range.end)..range.end];
        let has_comment =
            |gap: &Range<usize>| self.text.get(gap.clone()).is_some_and(|gap| gap.contains('#'));
        match gaps.iter().any(has_comment) {
            true => Err(Clash("a comment stands there that would be lost".to_owned())),
            false => Ok(Some(range)),
        }
    }

    /// The lines of a child that goes; `None` if it goes with one before it.
    fn in_block(
        &self,
        children: &[&Child],
        index: usize,
        goes: &dyn Fn(usize) -> bool,
    ) -> Option<Range<usize>> {
        let child = children.get(index)?;
        let behind = |child: &Child| {
            let end = self.line_end(child.mark.end.max(child.lead + 1));
            let rest = self.text.get(end..).unwrap_or_default();
            end + rest
                .strip_prefix('\r')
                .unwrap_or(rest)
                .strip_prefix('\n')
                .map_or(0, |after| rest.len() - after.len())
        };
        let starts_line = |child: &Child| {
            let line = self.line_start(child.lead);
            self.text.get(line..child.lead).is_some_and(|blank| blank.trim().is_empty()).then_some(line)
        };
        // The first of a list within a list, and so on, stands behind another mark.
        let shares_line = children.first().is_some_and(|first| starts_line(first).is_none());
        let head = (0..children.len()).take_while(|index| goes(*index)).count();
        if shares_line && index < head {
            let last = children.get(head - 1).filter(|_| index == 0)?;
            let end = behind(last);
            let rest = self.text.get(end..).unwrap_or_default();
            return Some(child.lead..end + (rest.len() - rest.trim_start_matches([' ', '\t']).len()));
        }
        Some(starts_line(child).unwrap_or(child.lead)..behind(child))
    }

    /// Writes a node in the place of another.
    fn replace(&mut self, mark: &Mark, new: &Node, at: At<'_>) -> Result<(), Clash> {
        if mark.anchored || mark.fixed {
            return Err(fixed());
        }
        let gap = self.text.get(mark.props..mark.start).unwrap_or_default();
        let style = match mark.body {
            Body::Leaf(style) => style,
            _ => ScalarStyle::Plain,
        };
        let is_one_line = at.flow || new.is_empty();
        if is_one_line {
            let text = match new {
                Node::Leaf(leaf) => self.symbol(mark, leaf).map_or_else(|| inline(new, style), Ok)?,
                _ => inline(new, style)?,
            };
            let is_led = at.lead == Lead::Dash && at.flow
                || self.text.get(..mark.props).is_none_or(|t| t.is_empty() || t.ends_with([' ', '\n']));
            match gap.contains(['\n', '#']) {
                // What is there begins on this line.
                false if !gap.is_empty() => self.list.push((mark.start..mark.end, text)),
                false => {
                    self.list.push((mark.props..mark.end, if is_led { text } else { format!(" {text}") }))
                }
                true if gap.contains('#') => {
                    self.list.push((mark.props..mark.props, format!(" {text}")));
                    let line = self.line_start(mark.start).saturating_sub(1).max(mark.props);
                    self.list.push((line..mark.end, String::new()));
                }
                true => {
                    self.list.push((mark.props..mark.end, if is_led { text } else { format!(" {text}") }))
                }
            }
            return Ok(());
        }
        if gap.contains('#') {
            return self.replace(mark, new, At { flow: true, ..at });
        }
        let mut text = after(new, at)?;
        if at.lead == Lead::Root
            && self.text.get(..mark.props).is_none_or(|t| t.is_empty() || t.ends_with('\n'))
        {
            text = text.trim_start().to_owned();
        }
        self.list.push((mark.props..mark.end, text));
        Ok(())
    }

    /// A symbol of Ruby in the place of another.
    fn symbol(&self, mark: &Mark, leaf: &Leaf) -> Option<String> {
        let Some(Value::Text(text)) = &leaf.value else { return None };
        let is_symbol =
            |text: &str| text.strip_prefix(':').is_some_and(|name| is_plain(name) && !name.contains(' '));
        let old = self.text.get(mark.start..mark.end)?;
        (matches!(mark.body, Body::Leaf(ScalarStyle::Plain)) && is_symbol(old) && is_symbol(text))
            .then(|| text.clone())
    }

    fn line_start(&self, at: usize) -> usize {
        self.text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
    }

    /// Where the line ends, without its `\r`.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        at + line.strip_suffix('\r').unwrap_or(line).len()
    }

    fn column(&self, at: usize) -> usize {
        self.text.get(self.line_start(at)..at).map_or(0, |line| line.chars().count())
    }

    fn applied(mut self) -> Result<String, Clash> {
        self.list.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::new();
        let mut from = 0;
        for (range, text) in &self.list {
            let kept = self.text.get(from..range.start);
            out.push_str(
                kept.ok_or_else(|| Clash("the YAML there cannot be changed in so many places".to_owned()))?,
            );
            out.push_str(text);
            from = range.end;
        }
        out.push_str(self.text.get(from..).unwrap_or_default());
        Ok(out)
    }
}

fn named(entries: &[(Key, Node)], merged: usize) -> Vec<Kid<'_>> {
    entries.iter().skip(merged).map(|(key, node)| (Some(key), node)).collect()
}

fn fixed() -> Clash {
    Clash(
        "what stands there has an anchor, an alias or a type of its own, and would change more than this"
            .to_owned(),
    )
}
