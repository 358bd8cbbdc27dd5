//! What fills a field that every new entry or row needs, guessed from those that are there.
//!
//! A guess is only what most of them share: a form around another field, a constant, a kind of value. What one person
//! has is never a guess.

use super::{
    crowd::{Crowd, commonest},
    page::literal,
};

/// So many of a hundred must be as a guess says.
const FITTING: usize = 90;

/// What fills a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Guess {
    /// Text with a hole: it follows another field.
    Follows(String),
    /// A literal, or a word of the language.
    Same(String),
    /// The next number.
    Counted,
}

/// Guesses; `sources` are the fields that it may follow.
pub(super) fn guess(crowd: &Crowd<'_>, name: &str, sources: &[&str]) -> Option<(Guess, String)> {
    crowd.values(name).next()?;
    if crowd.values(name).all(is_uuid) {
        return Some((Guess::Same("@uuid".to_owned()), "every value is a UUID of its own".to_owned()));
    }
    for source in sources.iter().filter(|source| !source.eq_ignore_ascii_case(name)) {
        if let Some((text, count)) = around(crowd, name, source) {
            return Some((Guess::Follows(text), format!("so it is {}", crowd.part(count))));
        }
    }
    let is_number = |value: &str| value.parse::<i64>().is_ok();
    if crowd.len() > 1 && crowd.is_unique(name) && crowd.values(name).all(is_number) {
        return Some((Guess::Counted, "every value is a number of its own".to_owned()));
    }
    constant(crowd, name, 60)
}

/// A value that most have.
pub(super) fn constant(crowd: &Crowd<'_>, name: &str, percent: usize) -> Option<(Guess, String)> {
    let (value, count) = commonest(crowd.values(name).map(str::to_owned))?;
    // Two may be siblings.
    let is_shared = count > 2 && crowd.is_most(count, percent);
    is_shared.then(|| (Guess::Same(literal(&value)), format!("so it is {}", crowd.part(count))))
}

/// The text around the source's value that most values of the field are made of.
fn around(crowd: &Crowd<'_>, name: &str, source: &str) -> Option<(String, usize)> {
    let pairs: Vec<(&str, &str)> = crowd
        .seen
        .iter()
        .filter_map(|seen| match (seen.all(name), seen.all(source)) {
            ([value, ..], [of, ..]) if !of.is_empty() => Some((value.as_str(), of.as_str())),
            _ => None,
        })
        .collect();
    let forms = pairs.iter().filter_map(|(value, of)| value.split_once(of));
    let (form, _) = commonest(forms.map(|(before, after)| format!("{before}\0{after}")))?;
    let (before, after) = form.split_once('\0')?;
    let fits = |(value, of): &&(&str, &str)| value.split_once(of) == Some((before, after));
    let count = pairs.iter().filter(fits).count();
    // What is around the source's value is shared, so it is nobody's own.
    let is_form = count > 1 || crowd.len() == 1 && before.is_empty() && after.is_empty();
    (is_form && count * 100 >= pairs.len() * FITTING && crowd.is_most(count, 60))
        .then(|| (format!("{}{{{source}}}{}", literal(before), after.replace('{', "{{")), count))
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::inventory::survey::Seen;

    fn check(rows: &[&[(&str, &str)]], sources: &[&str], expect: Option<Guess>) {
        let seen: Vec<Seen> = rows
            .iter()
            .map(|row| Seen {
                dn: String::new(),
                values: row
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
                    .collect(),
            })
            .collect();
        let crowd = Crowd { seen: seen.iter().collect(), word: "rows" };
        assert_eq!(guess(&crowd, "x", sources).map(|(guess, _)| guess), expect);
    }

    #[test]
    fn a_form_around_another_field_is_seen() {
        let rows: &[&[(&str, &str)]] =
            &[&[("x", "/home/ann"), ("uid", "ann")], &[("x", "/home/bob"), ("uid", "bob")]];
        check(rows, &["uid"], Some(Guess::Follows("/home/{uid}".to_owned())));
        // Of one alone the form would be his own.
        check(rows.get(..1).unwrap(), &["uid"], None);
    }

    #[test]
    fn what_most_have_is_a_constant_and_what_two_have_is_not() {
        let sh: &[(&str, &str)] = &[("x", "/bin/sh")];
        check(&[sh, sh, sh, &[("x", "/bin/no")]], &[], Some(Guess::Same("/bin/sh".to_owned())));
        check(&[sh, sh, &[("x", "/bin/no")]], &[], None);
    }

    #[test]
    fn numbers_of_their_own_are_counted() {
        check(&[&[("x", "10")], &[("x", "12")]], &[], Some(Guess::Counted));
    }

    #[test]
    fn uuids_are_made() {
        let (one, two) = ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3302");
        check(&[&[("x", one)], &[("x", two)]], &[], Some(Guess::Same("@uuid".to_owned())));
    }
}
