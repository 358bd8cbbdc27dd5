//! Text composed of several fields, and its way back: a written text is split
//! at the literals, and the last hole takes the rest.

use crate::{
    mapping::{
        form::{
            Eval,
            template::{Piece, Source},
        },
        lens::writer::Writer,
        shape::{FieldRef, PartId},
    },
    scim::{Json, error::ScimError},
    store::Value,
};

/// The fields in the holes of a text.
#[must_use]
pub fn fields(text: &[Piece]) -> Vec<&FieldRef> {
    text.iter()
        .filter_map(|piece| match piece {
            Piece::Hole { sources, .. } => Some(sources),
            Piece::Literal(_) => None,
        })
        .flatten()
        .filter_map(Source::field)
        .collect()
}

/// True if every hole has a value.
#[must_use]
pub fn is_complete(text: &[Piece], eval: &Eval<'_>) -> bool {
    fields(text).iter().all(|field| eval.values(field).iter().any(|v| !v.to_text().is_empty()))
}

/// Takes a text apart: one value per hole; `None` if its literals are not there in order.
#[must_use]
pub fn split<'t>(pieces: &[Piece], text: &'t str) -> Option<Vec<&'t str>> {
    let mut values = Vec::new();
    let mut rest = text;
    let mut open = false;
    for piece in pieces {
        match piece {
            Piece::Literal(literal) if open => {
                let (value, after) = rest.split_once(literal.as_str())?;
                values.push(value);
                rest = after;
                open = false;
            }
            Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Piece::Hole { .. } if open => return None,
            Piece::Hole { .. } => open = true,
        }
    }
    if open {
        values.push(rest);
    } else if !rest.is_empty() {
        return None;
    }
    Some(values)
}

/// Writes a text into the fields of the first form that fits; fields of the composing forms that
/// the written form does not name are cleared.
///
/// # Errors
///
/// 400 `invalidValue` if no form fits.
pub fn put(
    w: &mut Writer<'_>,
    at: (PartId, usize),
    path: &str,
    texts: &[Vec<Piece>],
    parse: &[Vec<Piece>],
    json: Option<&Json>,
) -> Result<(), ScimError> {
    let given = match json {
        None => None,
        Some(json) => {
            let text = json.as_str().unwrap_or_default();
            let fit = parse.iter().find_map(|form| split(form, text).map(|values| (form, values)));
            let Some((form, values)) = fit else {
                return Err(misfit(path));
            };
            Some(fields(form).into_iter().zip(values).collect::<Vec<_>>())
        }
    };
    let given = given.unwrap_or_default();
    for field in texts.iter().chain(parse).flat_map(|t| fields(t)) {
        if !given.iter().any(|(f, _)| *f == field) {
            w.assign(at, field, Vec::new());
        }
    }
    for (field, value) in given {
        let values = if value.is_empty() { Vec::new() } else { vec![Value::from(value)] };
        w.assign(at, field, values);
    }
    Ok(())
}

/// A text that the store's fields do not compose.
#[must_use]
pub fn misfit(path: &str) -> ScimError {
    ScimError::invalid_value(format!("`{path}` does not have the form that the store can keep."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(field: usize) -> Piece {
        let sources = vec![Source::Field(FieldRef { part: 0, field, slot: None })];
        Piece::Hole { sources, codecs: Vec::new() }
    }

    #[test]
    fn the_last_hole_takes_the_rest() {
        let form = [hole(0), Piece::Literal(" ".into()), hole(1)];
        assert_eq!(split(&form, "Ana Maria Silva"), Some(vec!["Ana", "Maria Silva"]));
        assert_eq!(split(&form, "Cher"), None);
    }

    #[test]
    fn literals_must_be_there() {
        let form = [
            Piece::Literal("+".into()),
            hole(0),
            Piece::Literal("/".into()),
            hole(1),
            Piece::Literal(".".into()),
        ];
        assert_eq!(split(&form, "+49/30."), Some(vec!["49", "30"]));
        assert_eq!(split(&form, "+49/30"), None);
        assert_eq!(split(&form, "49/30."), None);
    }
}
