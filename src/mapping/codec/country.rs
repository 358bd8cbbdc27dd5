//! Countries: SCIM has the two letters of ISO 3166-1 (RFC 7643 §4.1.2), stores have a name, a number or
//! three letters.

use std::{collections::HashMap, sync::LazyLock};

use super::{CodecError, wrong};

/// How a store writes a country, or how SCIM shall show the two letters that a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Country {
    /// An English name in the store, two letters in SCIM.
    Name,
    /// A number in the store, two letters in SCIM.
    Number,
    /// Three letters in the store, two in SCIM.
    Three,
    /// Two letters on both sides; clients may send a name or three letters as well.
    Any,
    /// Two letters in the store, the English name in SCIM; clients may send what [`Country::Any`] takes.
    Shown,
}

/// One line a country: two letters, three letters, number, and names, of which the first is written.
const TABLE: &str = include_str!("country/iso3166.txt");

struct Entry {
    two: &'static str,
    three: &'static str,
    number: &'static str,
    name: &'static str,
}

struct Known {
    entries: Vec<Entry>,
    /// Every spelling, in the form of [`plain`].
    by_name: HashMap<String, usize>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known { entries: Vec::new(), by_name: HashMap::new() };
    for line in TABLE.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(two), Some(three), Some(number), Some(names)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let index = known.entries.len();
        known.by_name.extend(names.split('|').map(|name| (plain(name), index)));
        let name = names.split('|').next().unwrap_or(names);
        known.entries.push(Entry { two, three, number, name });
    }
    known
});

impl Known {
    fn named(&self, text: &str) -> Option<&Entry> {
        self.by_name.get(&plain(text)).and_then(|index| self.entries.get(*index))
    }

    fn lettered(&self, text: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.two.eq_ignore_ascii_case(text))
    }

    /// What people write: two letters, three, or a name.
    fn any(&self, text: &str) -> Option<&Entry> {
        let three = || self.entries.iter().find(|e| e.three.eq_ignore_ascii_case(text));
        self.lettered(text).or_else(three).or_else(|| self.named(text))
    }
}

/// A name without what its spellings differ in: case, marks of letters, points, `&` for `and`, `St` for `Saint`,
/// an article before it.
fn plain(name: &str) -> String {
    let name = name.replace('&', " and ").replace('’', "'");
    // What has no letters of ours is left as it is, so that nothing of it is passed over.
    let name = name.chars().map(|c| match super::text::ascii(&c.to_string()) {
        ascii if ascii.is_empty() => c.to_string(),
        ascii => ascii,
    });
    let name = name.collect::<String>().to_lowercase().replace(['.', ','], "");
    let words: Vec<&str> = name.split_whitespace().collect();
    let words = words.strip_prefix(&["the"]).unwrap_or(&words);
    words.iter().map(|word| if *word == "st" { "saint" } else { word }).collect::<Vec<_>>().join(" ")
}

impl Country {
    /// True if the store has the two letters, in any case, or what no list has.
    fn is_lettered(self) -> bool {
        matches!(self, Self::Any | Self::Shown)
    }

    /// Store → SCIM.
    pub(super) fn decode(self, text: &str) -> Result<&str, CodecError> {
        let known = &*KNOWN;
        let text = if self.is_lettered() { text } else { text.trim() };
        let found = match self {
            // What others have put there and no list has (`XK`) is shown as it stands.
            Self::Any => return Ok(known.lettered(text).map_or(text, |e| e.two)),
            Self::Shown => return Ok(known.lettered(text).map_or(text, |e| e.name)),
            Self::Name => known.named(text),
            Self::Number => {
                let number = format!("{text:0>3}");
                known.entries.iter().find(|e| e.number == number)
            }
            Self::Three => known.entries.iter().find(|e| e.three.eq_ignore_ascii_case(text)),
        };
        found.map(|e| e.two).ok_or_else(|| {
            wrong(match self {
                Self::Name => "the English name of a country",
                Self::Number => "the number of a country (ISO 3166-1)",
                _ => "the three letters of a country (ISO 3166-1)",
            })
        })
    }

    /// SCIM → store.
    pub(super) fn encode(self, text: &str) -> Result<&'static str, CodecError> {
        let (text, known) = (text.trim(), &*KNOWN);
        let found = match self {
            Self::Any | Self::Shown => known
                .any(text)
                .ok_or_else(|| wrong("a country: its two letters (ISO 3166-1) or its English name")),
            _ => known.lettered(text).ok_or_else(|| wrong("the two letters of a country (ISO 3166-1)")),
        }?;
        Ok(match self {
            Self::Any | Self::Shown => found.two,
            Self::Name => found.name,
            Self::Number => found.number,
            Self::Three => found.three,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_one_form_of_each_kind() {
        assert_eq!(KNOWN.entries.len(), 249);
        for kind in [Country::Name, Country::Number, Country::Three] {
            for entry in &KNOWN.entries {
                let stored = kind.encode(entry.two).unwrap();
                assert_eq!(kind.decode(stored).unwrap(), entry.two, "{kind:?} {stored}");
            }
        }
    }

    #[test]
    fn no_spelling_stands_for_two_countries() {
        for line in TABLE.lines() {
            let two = line.split(' ').next().unwrap();
            for name in line.splitn(4, ' ').nth(3).unwrap().split('|') {
                assert_eq!(Country::Any.encode(name).unwrap(), two, "{name}");
                assert_eq!(
                    Country::Shown.decode(Country::Shown.encode(name).unwrap()).unwrap(),
                    KNOWN.any(two).unwrap().name
                );
            }
        }
    }

    #[test]
    fn people_write_a_country_as_they_like() {
        for (text, two) in [
            ("Ireland", "IE"),
            (" IRELAND ", "IE"),
            ("ie", "IE"),
            ("IRL", "IE"),
            ("U.S.A.", "US"),
            ("The Netherlands", "NL"),
            ("Cote d’Ivoire", "CI"),
            ("Turkiye", "TR"),
            ("St. Lucia", "LC"),
            ("Trinidad & Tobago", "TT"),
            ("Republic of Ireland", "IE"),
            ("England", "GB"),
            ("Aland Islands", "AX"),
        ] {
            assert_eq!(Country::Any.encode(text).unwrap(), two, "{text}");
        }
        for unknown in ["Atlantis", "ZZ", "", "Ireland 爱", "372"] {
            assert!(Country::Any.encode(unknown).is_err(), "{unknown}");
        }
        assert_eq!(Country::Any.decode("ie").unwrap(), "IE");
        assert_eq!(Country::Shown.decode("ie").unwrap(), "Ireland");
        assert_eq!(Country::Any.decode("xk").unwrap(), "xk");
    }

    #[test]
    fn names_have_several_spellings() {
        for (text, two) in [
            ("United States of America", "US"),
            ("united kingdom", "GB"),
            ("Czech Republic", "CZ"),
            ("Côte d'Ivoire", "CI"),
            ("Viet Nam", "VN"),
            ("Vietnam", "VN"),
        ] {
            assert_eq!(Country::Name.decode(text).unwrap(), two, "{text}");
        }
        assert_eq!(Country::Number.decode("8").unwrap(), "AL");
        assert_eq!(Country::Three.decode("deu").unwrap(), "DE");
        assert!(Country::Name.decode("Atlantis").is_err());
        assert!(Country::Number.encode("ZZ").is_err());
    }
}
