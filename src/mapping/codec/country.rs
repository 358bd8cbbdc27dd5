//! Countries: SCIM has the two letters of ISO 3166-1 (RFC 7643 §4.1.2), stores have a name, a number or
//! three letters.

use std::{collections::HashMap, sync::LazyLock};

use super::{CodecError, wrong};

/// How a store writes a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Country {
    Name,
    Number,
    Three,
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
    /// Every spelling in small letters.
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
        known.by_name.extend(names.split('|').map(|name| (name.to_lowercase(), index)));
        let name = names.split('|').next().unwrap_or(names);
        known.entries.push(Entry { two, three, number, name });
    }
    known
});

impl Country {
    /// Store → the two letters.
    pub(super) fn decode(self, text: &str) -> Result<&'static str, CodecError> {
        let (text, known) = (text.trim(), &*KNOWN);
        let found = match self {
            Self::Name => known.by_name.get(&text.to_lowercase()).and_then(|index| known.entries.get(*index)),
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
                Self::Three => "the three letters of a country (ISO 3166-1)",
            })
        })
    }

    /// The two letters → store.
    pub(super) fn encode(self, text: &str) -> Result<&'static str, CodecError> {
        let found = KNOWN.entries.iter().find(|e| e.two.eq_ignore_ascii_case(text.trim()));
        let found = found.ok_or_else(|| wrong("the two letters of a country (ISO 3166-1)"))?;
        Ok(match self {
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
