//! Letters, digits, and lines in one text.

use unicode_normalization::UnicodeNormalization as _;

use crate::{
    mapping::codec::{CodecError, wrong},
    store::{Value, value::fold},
};

/// Letter by letter, so that texts which are equal but for case stay so: `İ` has no small letter of
/// its own.
pub(super) fn lower(text: &str) -> String {
    text.chars().map(|c| alone(c, c.to_lowercase())).collect()
}

/// As [`lower`]: `ß` has no capital of its own.
pub(super) fn upper(text: &str) -> String {
    text.chars().map(|c| alone(c, c.to_uppercase())).collect()
}

/// The other case of a letter, if that is one letter which differs in case only.
fn alone(letter: char, mut other: impl Iterator<Item = char>) -> char {
    let same = |c: &char| fold(&c.to_string()) == fold(&letter.to_string());
    match (other.next(), other.next()) {
        (Some(one), None) if one.is_ascii() && letter.is_ascii() => one,
        (Some(one), None) if same(&one) => one,
        _ => letter,
    }
}

/// The text behind a beginning, which may be written in other case.
pub(super) fn strip(text: &str, start: &str) -> Option<String> {
    let (head, rest) =
        text.split_at_checked(text.char_indices().nth(start.chars().count()).map_or(text.len(), |(i, _)| i))?;
    same_letters(head, start).then(|| rest.to_owned())
}

/// The text before an end, likewise.
pub(super) fn strip_end(text: &str, end: &str) -> Option<String> {
    let length = text.chars().count().checked_sub(end.chars().count())?;
    let (rest, tail) =
        text.split_at_checked(text.char_indices().nth(length).map_or(text.len(), |(i, _)| i))?;
    same_letters(tail, end).then(|| rest.to_owned())
}

fn same_letters(one: &str, other: &str) -> bool {
    crate::store::value::fold(one) == crate::store::value::fold(other)
}

pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

pub(super) fn number(text: &str) -> Result<Value, CodecError> {
    let number: bigdecimal::BigDecimal = text.trim().parse().map_err(|_| wrong("a number"))?;
    Ok(number.to_string().parse::<i64>().map_or(Value::Decimal(number), Value::Int))
}

/// Letters without their marks; what has no ASCII form is left out.
pub(super) fn ascii(text: &str) -> String {
    let spelled: String = text
        .chars()
        .flat_map(|c| match c {
            'ß' => vec!['s', 's'],
            'ø' => vec!['o'],
            'Ø' => vec!['O'],
            'æ' => vec!['a', 'e'],
            'Æ' => vec!['A', 'E'],
            'ł' => vec!['l'],
            'Ł' => vec!['L'],
            'đ' => vec!['d'],
            'þ' => vec!['t', 'h'],
            c => vec![c],
        })
        .collect();
    spelled.nfkd().filter(char::is_ascii).collect()
}

pub(super) fn slug(text: &str, separator: &str) -> String {
    let plain = ascii(text);
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join(separator)
}

/// What Windows takes for the name of an account (MS-SAMR §3.1.1.8.4): characters that it refuses become `_`,
/// and no dot stands at the end.
pub(super) fn sam(text: &str) -> String {
    let is_refused = |c: char| c.is_control() || "\"/\\[]:;|=,+*?<>@".contains(c);
    let text: String = text.chars().map(|c| if is_refused(c) { '_' } else { c }).collect();
    text.trim_start().trim_end_matches([' ', '.']).to_owned()
}

/// RFC 4517 §3.3.28: lines separated by `$`, with `\24` and `\5C` for `$` and `\`.
pub(super) fn postal_decode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '\\']) {
        let (plain, found) = rest.split_at(at);
        let escape = found.get(..3).map(str::to_ascii_lowercase);
        let (shown, length) = match escape.as_deref() {
            _ if found.starts_with('$') => ("\n", 1),
            Some("\\24") => ("$", 3),
            Some("\\5c") => ("\\", 3),
            _ => ("\\", 1),
        };
        out.push_str(plain);
        out.push_str(shown);
        rest = found.get(length..).unwrap_or_default();
    }
    out + rest
}

pub(super) fn postal_encode(text: &str) -> String {
    let lines =
        text.split('\n').map(|line| line.trim_end_matches('\r').replace('\\', "\\5C").replace('$', "\\24"));
    lines.collect::<Vec<_>>().join("$")
}

/// The number of which the stored one is so many times, and so much more.
pub(super) fn unscale(text: &str, factor: i64, offset: i64) -> Result<i64, super::CodecError> {
    let rest = text.trim().parse::<i64>().ok().and_then(|stored| stored.checked_sub(offset));
    let whole =
        rest.filter(|rest| rest.checked_rem(factor) == Some(0)).and_then(|rest| rest.checked_div(factor));
    whole.ok_or_else(|| super::wrong(&format!("{offset} and a multiple of {factor}")))
}

/// So many times the number, and so much more.
pub(super) fn scale(text: &str, factor: i64, offset: i64) -> Result<i64, super::CodecError> {
    let number = text.trim().parse::<i64>().ok();
    let stored = number.and_then(|n| n.checked_mul(factor)).and_then(|n| n.checked_add(offset));
    stored.ok_or_else(|| super::wrong("an integer that is not too large"))
}
