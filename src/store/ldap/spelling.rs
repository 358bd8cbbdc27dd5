//! Texts that are the same without case, and that a directory may yet tell apart.
//!
//! RFC 4518 folds case as Unicode says, but servers lower-case letter by letter, by the tables of the
//! Unicode of their year: a final `ς` is no `σ` to OpenLDAP, and `ẞ` no `ß`. So the *sought* text is
//! spelled in each way. Compatibility letters (`ſ`, the Kelvin sign) need none: normalisation takes
//! them for the usual ones.

use crate::store::value::fold;

/// Most spellings of one sought text.
const MOST_SPELLINGS: usize = 32;

/// All spellings of a text that a directory may tell apart; `None` if they cannot be listed.
pub(super) fn spellings(text: &str) -> Option<Vec<String>> {
    let mut all = vec![String::with_capacity(text.len())];
    for c in text.chars() {
        let letters: &[char] = match c {
            'Σ' | 'σ' | 'ς' => &['σ', 'ς'],
            'ß' | 'ẞ' => &['ß', 'ẞ'],
            c if is_old(c) || !has_case(c) => &[c],
            _ => return None,
        };
        if all.len() * letters.len() > MOST_SPELLINGS {
            return None;
        }
        all = all.iter().flat_map(|start| letters.iter().map(move |l| format!("{start}{l}"))).collect();
    }
    Some(all)
}

/// Letters whose case every server knows: Latin, Greek, Cyrillic and Armenian of the first Unicode versions.
fn is_old(c: char) -> bool {
    matches!(c, '\0'..='\u{217}' | '\u{386}'..='\u{3CE}' | '\u{400}'..='\u{481}' | '\u{531}'..='\u{587}'
        | '\u{1E00}'..='\u{1E9B}' | '\u{1EA0}'..='\u{1EF9}')
}

fn has_case(c: char) -> bool {
    let text = c.to_string();
    fold(&text) != text || text.to_uppercase() != text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_asked_for_every_spelling() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let expect = expect.map(|list| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
            assert_eq!(spellings(text), expect, "{text}");
        };
        check("Ann Müller", Some(&["Ann Müller"]));
        check("Straße", Some(&["Straße", "Straẞe"]));
        check("ΑΣ", Some(&["Ασ", "Ας"]));
        check("李伟 😀", Some(&["李伟 😀"]));
        // Georgian has had capitals since Unicode 11 only.
        check("ა", None);
        check("σσσσσσ", None);
    }

    #[test]
    fn spellings_fold_to_the_same() {
        for text in ["ΣΊΣΥΦΟΣ", "Straße", "tieſ"] {
            assert!(spellings(text).unwrap().iter().all(|s| fold(s) == fold(text)), "{text}");
        }
    }
}
