//! A parent that is told by a path: a column that holds the names of all resources from the top down to this one
//! (`/1/4/9/`, `A.B.C`). Whoever stands before the last name is the parent; a resource that moves takes along
//! what lies below it.

use crate::{
    mapping::{
        TypeMapping,
        form::Eval,
        lens::{Reference, Write, writer::Writer},
        record::Record,
        shape::FieldRef,
    },
    scim::error::ScimError,
    store::Value,
};

/// How paths are spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelling {
    /// What stands between two names.
    pub separator: String,
    /// True: it also stands before the first.
    pub leads: bool,
    /// True: it also stands behind the last.
    pub trails: bool,
}

/// A pointer at the parent, as a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The field whose value is a resource's own name within paths.
    pub own: FieldRef,
    /// How paths are spelled.
    pub spelling: Spelling,
}

impl Spelling {
    /// The names on a path; `None` if it is not spelled so.
    #[must_use]
    pub fn names<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        let separator = self.separator.as_str();
        let path = if self.leads { path.strip_prefix(separator)? } else { path };
        let path = if self.trails { path.strip_suffix(separator)? } else { path };
        let names: Vec<&str> = path.split(separator).collect();
        (!names.iter().any(|name| name.is_empty())).then_some(names)
    }

    /// The path of these names.
    #[must_use]
    pub fn path(&self, names: &[&str]) -> String {
        let around = |is: bool| if is { self.separator.as_str() } else { "" };
        format!("{}{}{}", around(self.leads), names.join(&self.separator), around(self.trails))
    }

    /// True if a name can stand in a path.
    #[must_use]
    pub fn is_name(&self, name: &str) -> bool {
        !name.is_empty() && !name.contains(&self.separator)
    }

    /// What every path below this one begins with.
    #[must_use]
    pub fn below(&self, path: &str) -> String {
        if self.trails { path.to_owned() } else { format!("{path}{}", self.separator) }
    }

    /// A path below `old`, when what is there moves to `new`; `None` if it does not lie there. Without `new`
    /// it comes to lie at the top.
    #[must_use]
    pub fn moved(&self, path: &str, old: &str, new: Option<&str>) -> Option<String> {
        let (names, above) = (self.names(path)?, self.names(old)?);
        let rest = names.strip_prefix(above.as_slice()).filter(|rest| !rest.is_empty())?;
        let mut all = match new {
            Some(new) => self.names(new)?,
            None => Vec::new(),
        };
        all.extend(rest);
        Some(self.path(&all))
    }
}

impl Tree {
    /// The path of the parent: `None` if the path is not one of this resource, `Some(None)` at the top.
    fn parent(&self, path: &str, own: &str) -> Option<Option<String>> {
        let names = self.spelling.names(path)?;
        let (last, above) = names.split_last()?;
        (*last == own).then(|| (!above.is_empty()).then(|| self.spelling.path(above)))
    }

    /// The path of a resource below a parent.
    fn joined(&self, parent: Option<&str>, own: &str) -> Option<String> {
        let mut names = match parent {
            Some(parent) => self.spelling.names(parent)?,
            None => Vec::new(),
        };
        names.push(own);
        Some(self.spelling.path(&names))
    }
}

impl Reference {
    /// What the pointer of a row says of the target: the path of the parent.
    pub(in crate::mapping) fn parent_path(&self, tree: &Tree, eval: &Eval<'_>) -> Option<String> {
        let path = eval.values(&self.field).first()?.to_text();
        tree.parent(&path, &eval.values(&tree.own).first()?.to_text()).flatten()
    }

    /// Notes the wanted parent, by its path. The resource's own is made when its name is known.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if the parent lies below this resource, or is the resource itself.
    pub(super) fn put_parent(
        &self,
        w: &mut Writer<'_>,
        tree: &Tree,
        attribute: &str,
        parent: Option<&Value>,
    ) -> Result<(), ScimError> {
        let parent = parent.map(Value::to_text);
        let spelling = &tree.spelling;
        if let (Some(parent), Some(own)) =
            (&parent, w.eval((0, 0)).values(&self.field).first().map(Value::to_text))
        {
            let is_within = *parent == own || spelling.moved(parent, &own, None).is_some();
            if is_within {
                let text = format!("`{attribute}` names a resource that lies below this one, or is it.");
                return Err(ScimError::invalid_value(text));
            }
            if spelling.names(parent).is_none() {
                let text = format!("`{attribute}` names a resource that has no place in the tree.");
                return Err(ScimError::invalid_value(text));
            }
        }
        w.parents.insert(self.target, parent);
        Ok(())
    }
}

impl TypeMapping {
    /// The references that are paths.
    pub fn trees(&self) -> Vec<(&Reference, &Tree)> {
        let mut found = Vec::new();
        for rule in &self.rules {
            rule.lens.references(&mut |reference, _| {
                if let Some(tree) = &reference.tree {
                    found.push((reference, tree));
                }
            });
        }
        found
    }
}

/// Makes the paths of a record whose place, or whose own name, is another one.
///
/// # Errors
///
/// 400 `invalidValue` if the own name cannot stand in a path.
pub(in crate::mapping) fn grow(w: &mut Writer<'_>, base: &Record) -> Result<(), ScimError> {
    let ty = w.ty;
    let is_new = base.row(0, 0).is_none_or(|draft| draft.was.is_none());
    for (reference, tree) in ty.trees() {
        let text = |record: &Record, field: &FieldRef| {
            record.values(&ty.shape, (0, 0), field).first().map(Value::to_text)
        };
        let Some(own) = text(&w.record, &tree.own) else { continue };
        let (path, name) = (text(base, &reference.field), text(base, &tree.own));
        let kept = path.zip(name).and_then(|(path, name)| tree.parent(&path, &name).filter(|_| name != own));
        let parent = match (w.parents.get(&reference.target), kept) {
            (Some(wanted), _) => wanted.clone(),
            (None, Some(kept)) => kept,
            (None, None) if is_new && reference.common.write == Write::Yes => None,
            (None, None) => continue,
        };
        if !tree.spelling.is_name(&own) {
            let text = format!("`{own}` cannot stand in the path that tells the parent.");
            return Err(ScimError::invalid_value(text));
        }
        if let Some(path) = tree.joined(parent.as_deref(), &own) {
            w.assign((0, 0), &reference.field, vec![path.into()]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelling(separator: &str, leads: bool, trails: bool) -> Spelling {
        Spelling { separator: separator.to_owned(), leads, trails }
    }

    #[test]
    fn a_path_is_its_names_and_back() {
        for (s, path) in [
            (spelling("/", true, true), "/1/4/9/"),
            (spelling("/", true, false), "/1/4/9"),
            (spelling(".", false, false), "1.4.9"),
            (spelling("::", false, true), "1::4::9::"),
        ] {
            assert_eq!(s.names(path), Some(vec!["1", "4", "9"]), "{path}");
            assert_eq!(s.path(&["1", "4", "9"]), path);
            let top = s.path(&["4"]);
            assert_eq!(s.moved(path, &s.path(&["1"]), Some(&top)), Some(s.path(&["4", "4", "9"])));
            assert_eq!(s.moved(path, &s.path(&["1", "4"]), None), Some(s.path(&["9"])));
            assert_eq!(s.moved(path, path, None), None, "it is not below itself");
            assert_eq!(s.moved(path, &s.path(&["1", "40"]), None), None);
            assert!(path.starts_with(&s.below(&s.path(&["1", "4"]))));
            assert!(!s.path(&["1", "40"]).starts_with(&s.below(&s.path(&["1", "4"]))));
        }
        let s = spelling("/", true, true);
        for path in ["1/4", "/", "//", "/1//4/", ""] {
            assert_eq!(s.names(path), None, "{path}");
        }
        assert!(!s.is_name("a/b") && !s.is_name("") && s.is_name("a.b"));
    }
}
