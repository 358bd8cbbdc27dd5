//! The lens of a simple value: from a field, from text of several fields, a
//! truth, a constant, a position.

use crate::{
    mapping::{
        codec::Codec,
        form::{Cond, Eval, Template, set, template},
        lens::{
            Otherwise, Scalar, Source, ValueMap, Write,
            json::{from_json, same_json, to_json},
            text,
            writer::Writer,
        },
        no_place,
        shape::{FieldRef, PartId},
    },
    scim::{Json, error::ScimError, schema::DataType},
    store::{Fold, Value},
};

impl Scalar {
    /// What it reads as; `position` is the row's place in its list.
    #[must_use]
    pub fn get(&self, eval: &Eval<'_>, position: usize) -> Option<Json> {
        match &self.source {
            Source::Field { field, codecs, map, nothing } => {
                let stored = eval.values(field).iter().find(|v| !reads_as_nothing(v, nothing, eval));
                self.decode(stored, codecs, map.as_ref())
            }
            Source::Text { texts, .. } => texts
                .iter()
                .enumerate()
                .find(|(i, t)| *i + 1 == texts.len() || text::is_complete(t, eval))
                .and_then(|(_, t)| template::compose(t, eval, &no_place(), 0))
                .and_then(|v| to_json(&v, self.data_type)),
            Source::State { read, .. } => Some(read.holds(eval).into()),
            Source::Const(json) => Some(json.clone()),
            Source::Place(places) => places.get(position).or(places.last()).cloned(),
            Source::Extreme { latest, fields } => {
                let decoded = fields.iter().filter_map(|(field, codecs)| {
                    let value = eval.values(field).first()?.clone();
                    decode(value, codecs)
                });
                let order =
                    |a: &Value, b: &Value| a.compare(b, Fold::Exact).unwrap_or(std::cmp::Ordering::Equal);
                let best = if *latest { decoded.max_by(order) } else { decoded.min_by(order) };
                best.and_then(|v| to_json(&v, self.data_type))
            }
        }
    }

    fn decode(&self, stored: Option<&Value>, codecs: &[Codec], map: Option<&ValueMap>) -> Option<Json> {
        let Some(map) = map else { return to_json(&decode(stored?.clone(), codecs)?, self.data_type) };
        let value = match stored {
            None => None,
            Some(v) => Some(decode(v.clone(), codecs)?),
        };
        let pair = map.pairs.iter().find(|(stored, _)| match (stored, &value) {
            (None, None) => true,
            (Some(a), Some(b)) => a.same(b, Fold::Exact),
            _ => false,
        });
        match (pair, value, &map.otherwise) {
            (Some((_, json)), ..) => Some(json.clone()),
            (None, None, _) | (None, Some(_), Otherwise::Reject) => None,
            (None, Some(v), Otherwise::Keep) => to_json(&v, self.data_type),
            (None, Some(_), Otherwise::Value(json)) => Some(json.clone()),
        }
    }

    /// Writes a value, or clears it. What reads as wanted already stays as it is.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` if the store has no form of the value.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        json: Option<&Json>,
    ) -> Result<(), ScimError> {
        if self.get(&w.eval(at), 0).as_ref() == json && (json.is_some() || !self.is_fresh(w, at)) {
            return Ok(());
        }
        match &self.source {
            Source::Field { field, codecs, map, nothing } => {
                let values = match json {
                    None => cleared(nothing, &w.eval(at)),
                    Some(json) => self.encode_to(&w.eval(at), path, json, (field, codecs, map.as_ref()))?,
                };
                w.assign(at, field, values);
            }
            Source::Text { parse: None, .. } | Source::Place(_) | Source::Extreme { .. } => return Ok(()),
            Source::Text { texts, parse: Some(parse) } => {
                text::put(w, at, path, texts, parse, json)?;
                // A text of its own to take apart by is a loss that the file accepts.
                if texts == parse && self.get(&w.eval(at), 0).as_ref() != json {
                    return Err(text::misfit(path));
                }
            }
            Source::State { read, on_true, on_false } => {
                let Some(wanted) = json.and_then(Json::as_bool) else { return Ok(()) };
                if read.holds(&w.eval(at)) == wanted {
                    return Ok(());
                }
                let assigns = if wanted { on_true } else { on_false };
                for assign in assigns {
                    if wanted && already_holds(read, assign, &w.eval(at)) {
                        continue;
                    }
                    set::apply(std::slice::from_ref(assign), w.shape(), &mut w.record, at, w.answers);
                }
            }
            Source::Const(own) => {
                if let Some(json) = json
                    && !self.common.ignore
                    && !same_json(own, json, self.case_exact)
                {
                    return Err(ScimError::invalid_value(format!(
                        "`{path}` is always {own} here, not {json}."
                    )));
                }
                return Ok(());
            }
        }
        if !self.common.also.is_empty() {
            set::apply(&self.common.also, w.shape(), &mut w.record, at, w.answers);
        }
        Ok(())
    }

    /// True if it lies in a new row: "no value" may have a form of its own there.
    fn is_fresh(&self, w: &Writer<'_>, at: (PartId, usize)) -> bool {
        let Source::Field { field, .. } = &self.source else { return false };
        let row = w.record.find_row(w.shape(), at, field);
        row.and_then(|row| w.record.row(field.part, row)).is_some_and(|draft| draft.was.is_none())
    }

    fn encode_to(
        &self,
        eval: &Eval<'_>,
        path: &str,
        json: &Json,
        (field, codecs, map): (&FieldRef, &[Codec], Option<&ValueMap>),
    ) -> Result<Vec<Value>, ScimError> {
        let old = eval.values(field);
        let mut values = match self.encode(json, codecs, map) {
            Ok(Some(value)) => vec![self.check_shown(eval, path, json, value)?],
            Ok(None) => Vec::new(),
            Err(expected) => {
                return Err(ScimError::invalid_value(format!("`{path}` must be {expected}.")));
            }
        };
        values = values.into_iter().map(|v| keep_rest(codecs, v, old)).collect();
        // Further values of a multi-valued attribute are not ours.
        if !values.is_empty() && old.len() > 1 {
            values.extend(
                old.iter()
                    .skip(1)
                    .filter(|v| !values.iter().any(|n| n.same(v, Fold::Case)))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        Ok(values)
    }

    /// Refuses a value whose stored form would read as nothing, or as another one that a map names.
    fn check_shown(
        &self,
        eval: &Eval<'_>,
        path: &str,
        json: &Json,
        value: Value,
    ) -> Result<Value, ScimError> {
        let Source::Field { codecs, map, nothing, .. } = &self.source else { return Ok(value) };
        let shown = Some(&value).filter(|v| !reads_as_nothing(v, nothing, eval));
        let shown = self.decode(shown, codecs, map.as_ref());
        let is_kept = map.is_none() || shown.as_ref().is_some_and(|s| same_json(s, json, self.case_exact));
        if shown.is_some() && is_kept {
            return Ok(value);
        }
        Err(ScimError::invalid_value(format!(
            "`{path}` cannot be {json}: the store has no form for it that reads back."
        )))
    }

    /// The stored form of a SCIM value: `Ok(None)` is NULL, `Err` says what would fit.
    ///
    /// # Errors
    ///
    /// What the value must be, as the rest of a sentence.
    pub fn encode(
        &self,
        json: &Json,
        codecs: &[Codec],
        map: Option<&ValueMap>,
    ) -> Result<Option<Value>, String> {
        let value = match map {
            None => from_json(json, self.data_type),
            Some(map) => match map.pairs.iter().find(|(_, scim)| same_json(scim, json, self.case_exact)) {
                Some((None, _)) => return Ok(None),
                Some((Some(stored), _)) => Some(stored.clone()),
                None if map.otherwise == Otherwise::Keep => from_json(json, self.data_type),
                None => return Err(one_of(map)),
            },
        };
        let mut value = value.ok_or_else(|| format!("a {}", type_name(self.data_type)))?;
        for codec in codecs.iter().rev() {
            value = codec.encode(value).map_err(|e| e.to_string())?;
        }
        Ok(Some(value))
    }

    /// Every field it reads.
    pub fn fields(&self) -> Vec<&FieldRef> {
        let mut fields = match &self.source {
            Source::Field { field, .. } => vec![field],
            Source::Text { texts, .. } => texts.iter().flat_map(|t| text::fields(t)).collect(),
            Source::State { read, .. } => read.fields(),
            Source::Const(_) | Source::Place(_) => Vec::new(),
            Source::Extreme { fields, .. } => fields.iter().map(|(f, _)| f).collect(),
        };
        if let Source::Field { nothing, .. } = &self.source {
            fields.extend(nothing.iter().flat_map(Template::fields));
        }
        fields
    }

    /// True if a request may change it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.common.write != Write::No
            && !matches!(self.source, Source::Extreme { .. } | Source::Text { parse: None, .. })
    }
}

/// Store → SCIM through the codecs; `None` if the stored value is not of their form.
#[must_use]
pub fn decode(mut value: Value, codecs: &[Codec]) -> Option<Value> {
    for codec in codecs {
        value = codec.decode(value).ok()?;
    }
    Some(value)
}

/// True if the mapping takes this stored value for nothing.
fn reads_as_nothing(value: &Value, nothing: &[Template], eval: &Eval<'_>) -> bool {
    nothing.iter().any(|t| match t {
        Template::Nothing => false,
        t => t.one(eval, &no_place()).is_some_and(|n| n.same(value, Fold::Exact)),
    })
}

/// What is written for "no value": the first form of nothing.
pub(crate) fn cleared(nothing: &[Template], eval: &Eval<'_>) -> Vec<Value> {
    nothing.first().and_then(|t| t.one(eval, &no_place())).into_iter().collect()
}

/// `head`: the items after the first stay.
fn keep_rest(codecs: &[Codec], value: Value, old: &[Value]) -> Value {
    let Some(Codec::Head(separator)) = codecs.first() else { return value };
    let old = old.first().map(Value::to_text).unwrap_or_default();
    match old.split_once(separator.as_str()) {
        Some((_, rest)) => Value::Text(format!("{}{separator}{rest}", value.to_text())),
        None => value,
    }
}

/// True if the condition's own conjunct about the assigned field holds already.
fn already_holds(read: &Cond, assign: &set::Assign, eval: &Eval<'_>) -> bool {
    let set::AssignTarget::Field(target) = &assign.target else { return false };
    let conjuncts: &[Cond] = match read {
        Cond::All(list) => list,
        other => std::slice::from_ref(other),
    };
    let mut about = conjuncts.iter().filter(|c| matches!(c, Cond::Field(f, _) if f == target)).peekable();
    about.peek().is_some() && about.all(|c| c.holds(eval))
}

fn one_of(map: &ValueMap) -> String {
    let mut seen: Vec<String> = Vec::new();
    for (_, json) in &map.pairs {
        let text = json.to_string();
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    format!("one of {}", seen.join(", "))
}

fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::String | DataType::Reference => "string",
        DataType::Boolean => "boolean",
        DataType::Decimal => "number",
        DataType::Integer => "whole number in range",
        DataType::DateTime => "date and time such as 2026-01-31T08:00:00Z",
        DataType::Binary => "base64 string",
        DataType::Complex => "JSON object",
    }
}
