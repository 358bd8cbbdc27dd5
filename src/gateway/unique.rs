//! Uniqueness where the mapping asks for it, and free names.

use crate::{
    gateway::{Context, Gateway, TypeId, error, resolve::field_predicate},
    mapping::{
        TypeMapping,
        lens::{Common, Lens, Rule, face::Reads, face::side_value},
    },
    scim::{Json, Object, error::ScimError},
    store::{Fold, Predicate, Select, Test},
};

/// The attributes of a type that are unique, with how they fold.
fn unique_rules(mapping: &TypeMapping) -> impl Iterator<Item = (&Rule, Fold)> {
    fn fold(lens: &Lens) -> Option<Fold> {
        match lens {
            Lens::Scalar(scalar) => scalar.common.unique,
            Lens::First(list) => list.iter().find_map(fold),
            _ => None,
        }
    }
    mapping.rules.iter().filter_map(|r| fold(&r.lens).map(|f| (r, f)))
}

/// Every unique slot value is claimed by the element's lens; the common keys of a slot's `value`.
fn slot_commons(lens: &Lens) -> Vec<(&str, &Common, &Lens)> {
    match lens {
        Lens::Slots(slots) => slots
            .slots
            .iter()
            .flat_map(|(kind, subs)| subs.iter().map(move |s| (kind.as_str(), s)))
            .filter_map(|(kind, sub)| match &sub.lens {
                Lens::Scalar(scalar) if scalar.common.unique.is_some() => {
                    Some((kind, &scalar.common, &sub.lens))
                }
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

impl Gateway {
    /// Names of the locks that keep two requests from claiming one value at once.
    pub(super) fn claims(&self, ty: TypeId, wanted: &Object) -> Result<Vec<String>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut names = Vec::new();
        for (rule, fold) in unique_rules(mapping) {
            if let Some(value) = side_value(wanted, rule.urn.as_deref(), &rule.attribute) {
                names.push(format!("{ty} {} {}", rule.name, comparable(value, fold)));
            }
        }
        Ok(names)
    }

    /// Refuses a unique value that another resource has. `own` is the anchor of the one that is changed.
    pub(super) async fn check_unique(
        &self,
        cx: &Context,
        ty: TypeId,
        current: &Object,
        wanted: &Object,
        own: Option<&str>,
    ) -> Result<(), ScimError> {
        let mapping = self.ty(ty)?;
        for (rule, fold) in unique_rules(mapping) {
            let value = |of: &Object| side_value(of, rule.urn.as_deref(), &rule.attribute).cloned();
            let (Some(new), old) = (value(wanted), value(current)) else { continue };
            if Some(&new) == old.as_ref() {
                continue;
            }
            if self.is_taken(cx, ty, rule, &new, fold, own).await? {
                return Err(ScimError::uniqueness(format!("`{}` is in use already.", rule.attribute)));
            }
        }
        for rule in &mapping.rules {
            for (kind, common, lens) in slot_commons(&rule.lens) {
                let value = |of: &Object| slot_value(of, rule, kind);
                let (Some(new), old) = (value(wanted), value(current)) else { continue };
                if Some(&new) == old.as_ref() {
                    continue;
                }
                let probe = Rule { lens: lens.clone(), ..rule.clone() };
                if self.is_taken(cx, ty, &probe, &new, common.unique.unwrap_or_default(), own).await? {
                    return Err(ScimError::uniqueness(format!("`{}` is in use already.", rule.attribute)));
                }
            }
        }
        Ok(())
    }

    async fn is_taken(
        &self,
        cx: &Context,
        ty: TypeId,
        rule: &Rule,
        value: &Json,
        fold: Fold,
        own: Option<&str>,
    ) -> Result<bool, ScimError> {
        let mapping = self.ty(ty)?;
        let Some(predicate) = unique_predicate(mapping, &rule.lens, value, fold) else { return Ok(false) };
        let mut reads = Reads::default();
        reads.part(&mapping.shape, 0);
        rule.lens.reads(mapping, &mut reads);
        // Protected rows hold their names too.
        let select = Select {
            bag: mapping.bag().clone(),
            predicate,
            fields: reads.parts.get(&0).into_iter().flatten().copied().collect(),
            order: Vec::new(),
            offset: 0,
            limit: Some(20),
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        let answers = self.answers(cx);
        for row in rows {
            if own.is_some() && mapping.anchor(&row).as_deref() == own {
                continue;
            }
            // The store's equality may be wider than ours: what it found must really be the same.
            let record = crate::mapping::record::Record::stored(&mapping.shape, row);
            let eval = crate::mapping::form::Eval {
                shape: &mapping.shape,
                record: &record,
                at: (0, 0),
                answers: &answers,
            };
            let theirs = rule.lens.get_at(mapping, &eval, 0);
            // A field of a part was not read; the predicate decided.
            let same = theirs.is_none_or(|theirs| comparable(&theirs, fold) == comparable(value, fold));
            if same {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A text that no row holds in this field of the root: the stem, or the stem with a number.
    pub(super) async fn free_name(
        &self,
        ty: TypeId,
        field: usize,
        stem: &str,
        separator: &str,
    ) -> Result<String, ScimError> {
        let mapping = self.ty(ty)?;
        let select = Select {
            bag: mapping.bag().clone(),
            predicate: Predicate::Field(field, Test::Starts(stem.to_owned(), Fold::Case)),
            fields: vec![field],
            order: Vec::new(),
            offset: 0,
            limit: None,
        };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        let taken: std::collections::HashSet<String> = rows
            .iter()
            .flat_map(|r| r.all(field))
            .map(|v| Fold::Case.apply(&v.to_text()).into_owned())
            .collect();
        let numbered = (2..).map(|n| format!("{stem}{separator}{n}"));
        let mut names = std::iter::once(stem.to_owned()).chain(numbered);
        names
            .find(|name| !taken.contains(&*Fold::Case.apply(name)))
            .ok_or_else(|| ScimError::internal("No free name was found."))
    }
}

/// The rows whose value is this one, under the folding: at least those.
fn unique_predicate(mapping: &TypeMapping, lens: &Lens, value: &Json, fold: Fold) -> Option<Predicate> {
    use crate::mapping::lens::{Scalar, Source};
    let scalar: &Scalar = match lens {
        Lens::Scalar(scalar) => scalar,
        Lens::First(list) => {
            return list
                .iter()
                .find(|l| l.is_writable())
                .and_then(|l| unique_predicate(mapping, l, value, fold));
        }
        _ => return None,
    };
    let Source::Field { field, codecs, map, .. } = &scalar.source else { return None };
    let encode = |value: &Json| scalar.encode(value, codecs, map.as_ref()).ok().flatten();
    let mut stored = vec![encode(value)?];
    // Stores know case, but not that full-width letters look like others (S-29).
    let plain =
        value.as_str().map(|text| confusable(text, fold)).filter(|plain| Some(&**plain) != value.as_str());
    stored.extend(plain.and_then(|plain| encode(&plain.into())));
    Some(field_predicate(&mapping.shape, field, Test::OneOf(stored, fold)))
}

fn slot_value(of: &Object, rule: &Rule, kind: &str) -> Option<Json> {
    let list = side_value(of, rule.urn.as_deref(), &rule.attribute)?.as_array()?;
    let element = list
        .iter()
        .find(|e| e.get("type").and_then(Json::as_str).is_some_and(|t| t.eq_ignore_ascii_case(kind)))?;
    element.get("value").cloned()
}

/// A value in the form that is equal for values that are not told apart.
fn comparable(value: &Json, fold: Fold) -> String {
    match value {
        Json::String(text) => confusable(text, fold),
        other => other.to_string(),
    }
}

/// The form under which look-alikes collide: compatibility forms and case are folded (S-29).
fn confusable(text: &str, fold: Fold) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    match fold {
        Fold::Exact => text.to_owned(),
        Fold::Case => fold.apply(&text.nfkc().collect::<String>()).into_owned(),
    }
}
