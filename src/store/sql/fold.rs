//! Comparing without case on servers that lower-case in their own way.
//!
//! Equality under Unicode's simple case folding must never miss a row. `lower()`
//! and collations agree with it for nearly all letters, but not all: `ſ` folds to
//! `s` and stays `ſ` in lower case, a database with the C locale knows only
//! ASCII, a Turkish one lower-cases `I` to `ı`. So the *sought* text is spelled
//! out in every way the server could tell apart; where that would be too many,
//! a pattern with a wildcard in the doubtful places takes their place.

use std::{collections::HashMap, sync::OnceLock};

/// Most spellings of one sought text.
const MOST_SPELLINGS: usize = 64;

/// The character that escapes in our patterns; a backslash is quoted differently in MySQL.
pub(super) const ESCAPE: char = '!';

/// What a server takes for the same letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lower {
    /// `lower()` of Unicode.
    Unicode,
    /// A collation without case: letters of one family are equal.
    Collation,
    /// Only ASCII.
    Ascii,
    /// Nothing to rely on.
    Odd,
}

/// All spellings of `text` that fold to the same and that the server tells apart; `None` if too many.
pub(super) fn spellings(text: &str, lower: Lower) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for c in text.chars() {
        let letters = letters(c, lower);
        if all.len() * letters.len() > MOST_SPELLINGS {
            return None;
        }
        all = all.iter().flat_map(|start| letters.iter().map(move |l| format!("{start}{l}"))).collect();
    }
    Some(all)
}

/// A LIKE pattern for the text, with `_` for letters that the server spells in several ways.
pub(super) fn pattern(text: &str, lower: Lower) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if letters(c, lower).len() > 1 {
            pattern.push('_');
        } else {
            push_escaped(&mut pattern, c);
        }
    }
    pattern
}

/// A LIKE pattern that means the text itself.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::new();
    text.chars().for_each(|c| push_escaped(&mut pattern, c));
    pattern
}

fn push_escaped(pattern: &mut String, c: char) {
    if matches!(c, '%' | '_' | ESCAPE) {
        pattern.push(ESCAPE);
    }
    pattern.push(c);
}

/// One letter for each group of the family that the server takes for the same.
fn letters(c: char, lower: Lower) -> Vec<char> {
    let family = families().get(&simple_fold(c));
    let Some(family) = family else { return vec![c] };
    let mut groups: Vec<char> = Vec::new();
    let mut chosen = Vec::new();
    for member in family {
        let group = group(*member, lower);
        if !groups.contains(&group) {
            groups.push(group);
            chosen.push(*member);
        }
    }
    chosen
}

fn group(c: char, lower: Lower) -> char {
    match lower {
        Lower::Odd => c,
        Lower::Ascii => c.to_ascii_lowercase(),
        // Later scripts are left out: servers know the Unicode of their year.
        Lower::Unicode | Lower::Collation if !is_old(c) => c,
        Lower::Collation => simple_fold(c),
        Lower::Unicode => {
            let mut small = c.to_lowercase();
            match (small.next(), small.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        }
    }
}

/// Letters whose case every server has known from the start: Latin, Greek and Cyrillic of the basic blocks.
fn is_old(c: char) -> bool {
    matches!(c, '\0'..='\u{17F}' | '\u{386}'..='\u{3CE}' | '\u{400}'..='\u{45F}')
}

fn simple_fold(c: char) -> char {
    icu_casemap::CaseMapper::new().simple_fold(c)
}

/// Folded letter → every letter that folds to it, for letters that have such company.
fn families() -> &'static HashMap<char, Vec<char>> {
    static FAMILIES: OnceLock<HashMap<char, Vec<char>>> = OnceLock::new();
    FAMILIES.get_or_init(|| {
        let mapper = icu_casemap::CaseMapper::new();
        let mut families: HashMap<char, Vec<char>> = HashMap::new();
        // Plane 1 ends the scripts that have case.
        for c in '\0'..='\u{1FFFF}' {
            let folded = mapper.simple_fold(c);
            if folded != c {
                families.entry(folded).or_insert_with(|| vec![folded]).push(c);
            }
        }
        families
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::value::fold;

    fn check(text: &str, lower: Lower, expect: &[&str]) {
        let mut found = spellings(text, lower).unwrap();
        found.sort();
        let mut expect: Vec<&str> = expect.to_vec();
        expect.sort_unstable();
        assert_eq!(found, expect, "{text} {lower:?}");
    }

    #[test]
    fn a_server_is_asked_for_every_letter_it_tells_apart() {
        check("Ann", Lower::Unicode, &["ann"]);
        check("As", Lower::Unicode, &["as", "aſ"]);
        check("As", Lower::Collation, &["as"]);
        check("É", Lower::Unicode, &["é"]);
        check("É", Lower::Ascii, &["é", "É"]);
        check("i", Lower::Odd, &["i", "I"]);
        // S-29: the Kelvin sign is a k.
        check("\u{212A}", Lower::Unicode, &["k", "\u{212A}"]);
        check("ς", Lower::Unicode, &["σ", "ς"]);
        // Later Unicode versions add letters; each is asked for.
        let found = spellings("ß", Lower::Collation).unwrap();
        assert!(["ß", "ẞ"].iter().all(|s| found.iter().any(|f| f == s)), "{found:?}");
    }

    #[test]
    fn spellings_fold_to_the_same() {
        for text in ["Straße", "ΣΊΣΥΦΟΣ", "ſkØ%_!'", "ǅ"] {
            for lower in [Lower::Unicode, Lower::Collation, Lower::Ascii] {
                for spelling in spellings(text, lower).into_iter().flatten() {
                    assert_eq!(fold(&spelling), fold(text));
                }
            }
        }
    }

    #[test]
    fn too_many_spellings_become_a_pattern() {
        assert_eq!(spellings("sssssss", Lower::Unicode), None);
        assert_eq!(pattern("miss%s", Lower::Unicode), "mi__!%_");
        assert_eq!(literal("100%_!"), "100!%!_!!");
    }
}
