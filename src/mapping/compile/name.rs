//! Field names: `column`, `part.column`, `part.slot`, `up.x`, `it`, with odd
//! segments in backticks.

use std::ops::Range;

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::{Scope, TypeDraft},
            keys::suggest,
        },
        place,
        shape::{FieldRef, PartId},
    },
    store::Value,
};

/// A segment of a name.
#[derive(Debug, PartialEq)]
struct Segment {
    text: String,
    /// It stood in backticks: it is never the name of a part.
    quoted: bool,
}

/// What a name in a COND or SET stands for.
pub(super) enum Named {
    Field(FieldRef),
    Part(PartId),
}

impl Compiler {
    /// A field or a part, as a key of a COND or SET names it.
    pub(super) fn named(&mut self, scope: Scope, name: &str, span: &Range<usize>) -> Option<Named> {
        if let Some(part) = self.types.get(scope.ty).and_then(|t| t.find_part(name)) {
            return Some(Named::Part(part));
        }
        self.field(scope, name, span).map(Named::Field)
    }

    /// The field that a name means; it is part of the shape from now on.
    pub(super) fn field(&mut self, scope: Scope, name: &str, span: &Range<usize>) -> Option<FieldRef> {
        if self.nowhere(scope, name, span) {
            return None;
        }
        let Some(segments) = split(name) else {
            let quoted = match name.split_once('.') {
                Some((part, column)) if split(part).is_some() => format!("{part}.`{column}`"),
                _ => format!("`{name}`"),
            };
            let help = match name.contains('`') {
                true => "a field name is `column`, `part.column` or `up.column`".to_owned(),
                false => format!("blanks and other odd characters stand in backticks: \"{quoted}\""),
            };
            self.diagnostics.error("bad-name", span, format!("`{name}` is no field name"), help);
            return None;
        };
        let found = self.segments(scope, name, &segments, span)?;
        self.places.note(place::Named::Field(scope.ty, found.part, found.field), span);
        self.places.note_last(place::Named::Bound(scope.ty, found.part, found.field), span);
        Some(found)
    }

    /// Reports a field name where no fields are in scope.
    fn nowhere(&mut self, scope: Scope, name: &str, span: &Range<usize>) -> bool {
        let nowhere = self.types.get(scope.ty).is_none();
        if nowhere {
            let message = format!("`{name}`: no field can be named here");
            self.diagnostics.error("unknown-name", span, message, "write a literal or `{let.name}`");
        }
        nowhere
    }

    fn segments(
        &mut self,
        scope: Scope,
        name: &str,
        list: &[Segment],
        span: &Range<usize>,
    ) -> Option<FieldRef> {
        match list {
            [one] => self.own_field(scope, name, &one.text, span),
            [first, rest @ ..] if first.text == "up" && !first.quoted => {
                if scope.part == 0 {
                    let help = "in the root a bare name is the root's own field";
                    self.diagnostics.error(
                        "unknown-name",
                        span,
                        format!("`{name}`: the root has no parent"),
                        help,
                    );
                    return None;
                }
                let parent = self.types.get(scope.ty)?.shape.part(scope.part).parent;
                self.segments(Scope { part: parent, ..scope }, name, rest, span)
            }
            [first, rest @ ..] => {
                let draft = self.types.get_mut(scope.ty)?;
                let part = draft.find_part(&first.text).filter(|_| !first.quoted);
                let Some(part) = part else {
                    if draft.shape.part(scope.part).items().is_some() {
                        return Some(path_field(draft, scope.part, list));
                    }
                    self.unknown_part(scope, name, &first.text, span);
                    return None;
                };
                self.part_field(Scope { part, ..scope }, name, rest, span)
            }
            [] => None,
        }
    }

    fn own_field(&mut self, scope: Scope, name: &str, own: &str, span: &Range<usize>) -> Option<FieldRef> {
        let draft = self.types.get_mut(scope.ty)?;
        let part = draft.shape.part(scope.part);
        if scope.part == 0 && draft.is_names {
            if own == "it" || self.in_where_of_names {
                return Some(FieldRef { part: 0, field: draft.intern(0, own), slot: None });
            }
            let message = format!("`{name}`: a resource of `names` has only the field `it`");
            let help = "write `it`, the name; a column of the table itself can be named in `where`";
            self.diagnostics.error("unknown-name", span, message, help);
            return None;
        }
        if part.items().is_some() {
            let path = [own.to_owned()];
            return Some(FieldRef {
                part: scope.part,
                field: draft.intern_path(scope.part, &path),
                slot: None,
            });
        }
        if part.opened.is_some() && own != "it" {
            let message = format!("`{name}`: a value of `{}` has only the field `it`", part.name);
            let help = format!("write `it`, or `up.{own}` for the field of the entry it lies in");
            self.diagnostics.error("unknown-name", span, message, help);
            return None;
        }
        if part.opened.is_none() && own == "it" {
            let message = format!("`it` means the value of an opened field, but `{}` has columns", part.name);
            self.diagnostics.error("unknown-name", span, message, "name the column");
            return None;
        }
        Some(FieldRef { part: scope.part, field: draft.intern(scope.part, own), slot: None })
    }

    fn part_field(
        &mut self,
        scope: Scope,
        name: &str,
        rest: &[Segment],
        span: &Range<usize>,
    ) -> Option<FieldRef> {
        let draft = self.types.get_mut(scope.ty)?;
        if draft.shape.part(scope.part).items().is_some() {
            return Some(path_field(draft, scope.part, rest));
        }
        let part = draft.shape.part(scope.part);
        if let Some(value) = part.value {
            let texts: Vec<&str> = rest.iter().map(|s| s.text.as_str()).collect();
            let alias = draft.extras.get(scope.part).and_then(|x| x.alias.get(&texts.join("."))).cloned();
            let wanted = part.slot.len();
            let slot = alias.unwrap_or_else(|| texts.iter().map(|t| Value::from(*t)).collect());
            if slot.len() != wanted {
                let message =
                    format!("`{name}` names {} slot value(s), `{}` has {wanted}", slot.len(), part.name);
                let help = "a slot value with a dot in it stands in backticks";
                self.diagnostics.error("slot-count", span, message, help);
                return None;
            }
            return Some(FieldRef { part: scope.part, field: value, slot: Some(slot) });
        }
        match rest {
            [one] => self.own_field(scope, name, &one.text, span),
            _ => {
                let message = format!("`{name}`: `{}` holds rows with columns, not a document", part.name);
                self.diagnostics.error(
                    "unknown-name",
                    span,
                    message,
                    format!("write `{}.column`", part.name),
                );
                None
            }
        }
    }

    fn unknown_part(&mut self, scope: Scope, name: &str, part: &str, span: &Range<usize>) {
        let Some(draft) = self.types.get(scope.ty).filter(|t| !t.missing.iter().any(|m| m == part)) else {
            return;
        };
        let mut names = draft.part_names();
        if scope.part != 0 {
            names.push("up");
        }
        let help = suggest(part, names.into_iter(), "parts in scope are");
        let help = format!("{help}; a column with a dot in its name stands in backticks");
        self.diagnostics.error("unknown-name", span, format!("`{name}`: no part is called `{part}`"), help);
    }
}

/// The field of a path in a document.
fn path_field(draft: &mut TypeDraft, part: PartId, path: &[Segment]) -> FieldRef {
    let path: Vec<String> = path.iter().map(|s| s.text.clone()).collect();
    FieldRef { part, field: draft.intern_path(part, &path), slot: None }
}

/// A name as it would be written for these segments.
pub(super) fn joined(path: &[String]) -> String {
    let quoted = |text: &String| match split(text).as_deref() {
        Some([one]) if one.text == *text => text.clone(),
        _ => format!("`{text}`"),
    };
    path.iter().map(quoted).collect::<Vec<_>>().join(".")
}

/// The first segment of a dotted name, where a part's name may stand.
pub(super) fn prefix(name: &str) -> Option<String> {
    let mut segments = split(name)?.into_iter();
    let first = segments.next()?;
    (segments.next().is_some() && !first.quoted).then_some(first.text)
}

/// Splits a name at its dots; `None` if a segment is empty or a backtick is not closed.
fn split(name: &str) -> Option<Vec<Segment>> {
    let mut out = Vec::new();
    let mut rest = name;
    loop {
        let (segment, after) = if let Some(quoted) = rest.strip_prefix('`') {
            let (text, after) = quoted.split_once('`')?;
            (Segment { text: text.to_owned(), quoted: true }, after)
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            let (text, after) = rest.split_at_checked(end)?;
            let odd = |c: char| c.is_whitespace() || matches!(c, '`' | '{' | '}' | '|' | '"' | '\'');
            if text.contains(odd) {
                return None;
            }
            (Segment { text: text.to_owned(), quoted: false }, after)
        };
        if segment.text.is_empty() {
            return None;
        }
        out.push(segment);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(out),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_dots_outside_backticks() {
        let texts = |n| split(n).map(|s| s.into_iter().map(|s| s.text).collect::<Vec<_>>());
        assert_eq!(texts("a.b.c"), Some(vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(texts("meta.`first.name`"), Some(vec!["meta".into(), "first.name".into()]));
        for bad in ["", "a.", ".a", "`a", "`a`b", "a b", "{a}"] {
            assert_eq!(texts(bad), None, "{bad}");
        }
    }
}
