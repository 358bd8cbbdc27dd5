//! Reading tables by key: what may stand there, of which type, and what was
//! probably meant by something else.

use std::ops::Range;

use crate::mapping::{
    compile::Compiler,
    node::{Kind, Node},
};

/// Keys a table may have, and keys of the language that this version does not carry out.
pub(super) struct Keys<'a> {
    /// The table, for messages: "a part".
    pub(super) what: &'a str,
    /// Keys that are carried out.
    pub(super) known: &'a [&'a str],
    /// Keys that are not.
    pub(super) later: &'a [&'a str],
}

impl Compiler {
    /// Reports every key that may not stand in a table.
    pub(super) fn check_keys(&mut self, node: &Node, keys: &Keys<'_>) {
        for (key, value) in node.entries() {
            let name = key.name.as_str();
            if keys.known.contains(&name) {
                continue;
            }
            if keys.later.contains(&name) {
                self.unsupported(&key.span, &format!("`{name}` in {}", keys.what));
                continue;
            }
            let message = format!("`{name}` is no key of {}", keys.what);
            let mut help = suggest(name, keys.known.iter().copied(), "keys here are");
            if matches!(value.kind, Kind::Table(_)) && value.entries().len() == 1 && name.contains('.') {
                help = format!("{help}; a name with a dot is quoted");
            }
            self.diagnostics.error("unknown-key", &key.span, message, help);
        }
    }

    /// Reports something of the language that this version does not carry out.
    pub(super) fn unsupported(&mut self, span: &Range<usize>, what: &str) {
        let message = format!("{what} is not supported by this version");
        self.diagnostics.error(
            "unsupported",
            span,
            message,
            "leave it out, or say it with other keys: docs/mapping.md lists at its end what is reserved",
        );
    }

    /// Reports a value of the wrong type.
    pub(super) fn wrong_type(&mut self, node: &Node, what: &str, expected: &str) {
        let message = format!("{what} is {}, not {expected}", node.type_name());
        self.error("wrong-type", node, message, format!("write {expected}"));
    }

    /// True if the node is a table; else reports it.
    pub(super) fn is_table(&mut self, node: &Node, what: &str) -> bool {
        let is = matches!(node.kind, Kind::Table(_));
        if !is {
            self.wrong_type(node, what, "a table");
        }
        is
    }

    /// The text of a string, with its `{let.…}` holes filled.
    pub(super) fn text_key(&mut self, table: &Node, key: &str) -> Option<String> {
        let node = table.get(key)?;
        self.plain(node, &format!("`{key}`"))
    }

    /// The texts of a string or an array of strings; empty if the key is missing.
    pub(super) fn texts_key(&mut self, table: &Node, key: &str) -> Vec<(String, Range<usize>)> {
        let Some(node) = table.get(key) else { return Vec::new() };
        let what = format!("`{key}`");
        node.items().iter().filter_map(|i| Some((self.plain(i, &what)?, i.span.clone()))).collect()
    }

    /// A boolean.
    pub(super) fn bool_key(&mut self, table: &Node, key: &str) -> Option<bool> {
        let node = table.get(key)?;
        match node.kind {
            Kind::Bool(truth) => Some(truth),
            _ => {
                self.wrong_type(node, &format!("`{key}`"), "true or false");
                None
            }
        }
    }

    /// An integer.
    pub(super) fn int_key(&mut self, table: &Node, key: &str) -> Option<i64> {
        let node = table.get(key)?;
        self.int(node, &format!("`{key}`"))
    }

    /// An integer.
    pub(super) fn int(&mut self, node: &Node, what: &str) -> Option<i64> {
        match node.kind {
            Kind::Int(number) => Some(number),
            _ => {
                self.wrong_type(node, what, "an integer");
                None
            }
        }
    }

    /// One of several words.
    pub(super) fn word_key<T: Copy>(&mut self, table: &Node, key: &str, words: &[(&str, T)]) -> Option<T> {
        let node = table.get(key)?;
        let Some(text) = node.text() else {
            self.wrong_type(node, &format!("`{key}`"), "a string");
            return None;
        };
        let found = words.iter().find(|(w, _)| *w == text);
        if found.is_none() {
            let help = suggest(text, words.iter().map(|(w, _)| *w), "it takes one of");
            self.error("bad-value", node, format!("`{key}` cannot be `{text}`"), help);
        }
        found.map(|(_, t)| *t)
    }
}

/// The name that is meant, if one is close.
pub(in crate::mapping) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = name.to_lowercase();
    let best = known.map(|k| (distance(&folded, &k.to_lowercase()), k)).min();
    best.filter(|(d, _)| *d <= (name.len() / 3).max(1)).map(|(_, k)| k)
}

/// A help text: "did you mean …?" if something is close, and what there is.
pub(in crate::mapping) fn suggest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str>,
    intro: &str,
) -> String {
    let mut known: Vec<&str> = known.collect();
    known.dedup();
    let list = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    if list.is_empty() {
        return "there is none to choose from".to_owned();
    }
    match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? {intro} {list}"),
        None => format!("{intro} {list}"),
    }
}

/// Edit distance with transpositions of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&last, j + 1) + 1).min(at(&row, j) + 1).min(at(&last, j) + usize::from(x != y));
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested() {
        for (a, b, d) in
            [("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("filed", "field", 1), ("a", "bcd", 3)]
        {
            assert_eq!(distance(a, b), d, "{a} {b}");
        }
        assert!(suggest("filed", ["field", "map"].into_iter(), "keys").contains("did you mean `field`?"));
        assert!(!suggest("zebra", ["field", "map"].into_iter(), "keys").contains("did you mean"));
    }
}
