//! Searches that entries hold as URLs (RFC 4516), such as those of dynamic
//! groups, as predicates.
//!
//! The text comes from the directory and not from a client; still it becomes a
//! predicate like any other, whose values are escaped where it is asked.

use super::{Bag, Field, FieldKind, Fold, Predicate, Row, Test, Value, dn::Dn};

/// Filters are nested no deeper.
const MAX_DEPTH: usize = 32;

/// Why a URL is no search; a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSearch(pub &'static str);

/// How deep below its base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Base,
    One,
    Sub,
}

/// A search: where, and for what.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchUrl {
    base: Option<Dn>,
    depth: Depth,
    filter: String,
}

impl SearchUrl {
    /// Parses `ldap:///base?attributes?scope?filter`. Host and attributes are without meaning here.
    ///
    /// # Errors
    ///
    /// [`NoSearch`] if it is no such URL.
    pub fn parse(text: &str) -> Result<Self, NoSearch> {
        let rest = text.trim().split_once("://").filter(|(scheme, _)| {
            ["ldap", "ldaps", "ldapi"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        });
        let (_, rest) = rest.ok_or(NoSearch("it does not begin with ldap://"))?;
        let (_, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let mut parts = rest.split('?').map(decode);
        let mut next =
            || parts.next().unwrap_or(Some(String::new())).ok_or(NoSearch("its escapes are broken"));
        let (base, _, scope, filter, extensions) = (next()?, next()?, next()?, next()?, next()?);
        let base = match base.is_empty() {
            true => None,
            false => Some(Dn::parse(&base).map_err(|_| NoSearch("its base is no DN"))?),
        };
        let depth = match scope.to_ascii_lowercase().as_str() {
            "" | "base" => Depth::Base,
            "one" => Depth::One,
            "sub" => Depth::Sub,
            _ => return Err(NoSearch("its scope is none of base, one and sub")),
        };
        if extensions.split(',').any(|extension| extension.starts_with('!')) {
            return Err(NoSearch("it has a critical extension"));
        }
        let filter = if filter.is_empty() { "(objectClass=*)".to_owned() } else { filter };
        Ok(Self { base, depth, filter })
    }

    /// The bag with the fields that the filter names, and what its rows must meet.
    ///
    /// # Errors
    ///
    /// [`NoSearch`] if the filter is none, or asks for more than equality, presence and substrings.
    pub fn within(&self, bag: &Bag) -> Result<Bag, NoSearch> {
        let mut bag = bag.clone();
        let mut parser = Parser { rest: &self.filter, bag: &mut bag };
        let filter = parser.filter(0)?;
        if !parser.rest.is_empty() {
            return Err(NoSearch("its filter goes on behind its end"));
        }
        let at = |name: &str, bag: &mut Bag| {
            let base = self.base.as_ref().map(Dn::to_string).unwrap_or_default();
            Predicate::equals(intern(bag, name, FieldKind::Dn), Value::Text(base))
        };
        let place = match self.depth {
            Depth::Base => at("dn", &mut bag),
            Depth::One => at("container", &mut bag),
            Depth::Sub => Predicate::True,
        };
        intern(&mut bag, "dn", FieldKind::Dn);
        // One assertion for each test: the directory's own matching decides, also under a `not`.
        bag.scope = std::mem::take(&mut bag.scope).and(filter).and(place);
        Ok(bag)
    }

    /// True if a row that was found lies where the search looks.
    #[must_use]
    pub fn reaches(&self, bag: &Bag, row: &Row) -> bool {
        let Some(base) = self.base.as_ref().filter(|_| self.depth == Depth::Sub) else { return true };
        let dn = bag.find_field("dn").and_then(|field| row.first(field)).map(Value::to_text);
        dn.and_then(|dn| Dn::parse(&dn).ok()).is_some_and(|dn| dn == *base || dn.is_below(base))
    }
}

fn intern(bag: &mut Bag, name: &str, kind: FieldKind) -> usize {
    bag.find_field(name).unwrap_or_else(|| {
        bag.fields.push(Field { name: name.to_owned(), kind, many: true });
        bag.fields.len() - 1
    })
}

/// Percent-decoding (RFC 3986 §2.1).
fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            octets.extend(hex::decode(digits).ok()?);
            rest = after;
        } else {
            octets.push(*first);
        }
    }
    String::from_utf8(octets).ok()
}

/// A filter (RFC 4515) on its way to a predicate.
struct Parser<'t, 'b> {
    rest: &'t str,
    bag: &'b mut Bag,
}

impl Parser<'_, '_> {
    fn take(&mut self, sign: char) -> Result<(), NoSearch> {
        self.rest = self.rest.strip_prefix(sign).ok_or(NoSearch("its filter is no LDAP filter"))?;
        Ok(())
    }

    fn filter(&mut self, depth: usize) -> Result<Predicate, NoSearch> {
        if depth > MAX_DEPTH {
            return Err(NoSearch("its filter is nested too deeply"));
        }
        self.take('(')?;
        let predicate = match self.rest.chars().next() {
            Some('&') => {
                self.take('&')?;
                self.list(depth)?.into_iter().fold(Predicate::True, Predicate::and)
            }
            Some('|') => {
                self.take('|')?;
                Predicate::Any(self.list(depth)?)
            }
            Some('!') => {
                self.take('!')?;
                Predicate::Not(Box::new(self.filter(depth + 1)?))
            }
            _ => self.item()?,
        };
        self.take(')')?;
        Ok(predicate)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Predicate>, NoSearch> {
        let mut list = Vec::new();
        while self.rest.starts_with('(') {
            list.push(self.filter(depth + 1)?);
        }
        Ok(list)
    }

    fn item(&mut self) -> Result<Predicate, NoSearch> {
        let broken = NoSearch("its filter is no LDAP filter");
        let end = self.rest.find([')', '(']).ok_or(broken.clone())?;
        let (item, rest) = self.rest.split_at_checked(end).ok_or(broken.clone())?;
        self.rest = rest;
        let (name, value) = item.split_once('=').ok_or(broken.clone())?;
        let (name, sign) = match name.char_indices().next_back() {
            Some((at, sign @ ('<' | '>' | '~'))) => (name.get(..at).unwrap_or_default(), Some(sign)),
            Some((_, ':')) => return Err(NoSearch("its filter has an extensible match")),
            _ => (name, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ';' | '.');
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(broken);
        }
        let field = intern(self.bag, name, FieldKind::Any);
        if sign.is_some() {
            // What comes before what is the attribute's affair, and not every server can be asked.
            return Err(NoSearch("its filter asks for an order or a likeness"));
        }
        let test = match sign {
            None if value == "*" => Test::Present,
            None if value.contains('*') => return substrings(field, value),
            _ => Test::OneOf(vec![Value::Text(unescape(value)?)], Fold::Exact),
        };
        Ok(Predicate::Field(field, test))
    }
}

fn substrings(field: usize, value: &str) -> Result<Predicate, NoSearch> {
    let pieces: Vec<&str> = value.split('*').collect();
    let last = pieces.len() - 1;
    let mut all = Predicate::True;
    for (place, piece) in pieces.into_iter().enumerate().filter(|(_, piece)| !piece.is_empty()) {
        let text = unescape(piece)?;
        let test = match place {
            0 => Test::Starts(text, Fold::Exact),
            place if place == last => Test::Ends(text, Fold::Exact),
            _ => Test::Contains(text, Fold::Exact),
        };
        all = all.and(Predicate::Field(field, test));
    }
    Ok(all)
}

/// `\28` is `(` (RFC 4515 §3).
fn unescape(text: &str) -> Result<String, NoSearch> {
    decode(&text.replace('%', "%25").replace('\\', "%")).ok_or(NoSearch("its filter has a broken escape"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Source;

    fn bag() -> Bag {
        let bases = vec!["dc=x".to_owned()];
        let source = Source::Entries { bases, subtree: true, classes: Vec::new(), rdn: Vec::new() };
        Bag { name: "User".into(), source, fields: Vec::new(), key: Vec::new(), scope: Predicate::True }
    }

    fn scope(url: &str) -> Result<(Predicate, Vec<String>), NoSearch> {
        let bag = SearchUrl::parse(url)?.within(&bag())?;
        Ok((bag.scope, bag.fields.into_iter().map(|f| f.name).collect()))
    }

    #[test]
    fn a_search_becomes_a_predicate() {
        let (predicate, fields) =
            scope("ldap:///ou=people,dc=x??one?(%26(a=x%20\\2a)(!(b=*))(|(a=x*y*z)(n=5)))").unwrap();
        assert_eq!(fields, ["a", "b", "n", "container", "dn"]);
        let one = |field, test| Predicate::Field(field, test);
        let text = |t: &str| t.to_owned();
        let expected = Predicate::All(vec![
            one(0, Test::OneOf(vec!["x *".into()], Fold::Exact)),
            Predicate::Not(Box::new(one(1, Test::Present))),
            Predicate::Any(vec![
                Predicate::All(vec![
                    one(0, Test::Starts(text("x"), Fold::Exact)),
                    one(0, Test::Contains(text("y"), Fold::Exact)),
                    one(0, Test::Ends(text("z"), Fold::Exact)),
                ]),
                one(2, Test::OneOf(vec!["5".into()], Fold::Exact)),
            ]),
            Predicate::equals(3, "ou=people,dc=x".into()),
        ]);
        assert_eq!(predicate, expected);
    }

    #[test]
    fn what_is_no_search_says_why() {
        let deep = format!("ldap:///dc=x??sub?{}(a=b){}", "(!".repeat(40), ")".repeat(40));
        for url in [
            "https://x/dc=x??sub?(a=b)",
            "ldap:///no dn??sub?(a=b)",
            "ldap:///dc=x??deep?(a=b)",
            "ldap:///dc=x??sub?(a=b",
            "ldap:///dc=x??sub?a=b",
            "ldap:///dc=x??sub?(a=b)(c=d)",
            "ldap:///dc=x??sub?(a:dn:=b)",
            "ldap:///dc=x??sub?(a>=5)",
            "ldap:///dc=x??sub?(a~=b)",
            "ldap:///dc=x??sub?(a=\\zz)",
            "ldap:///dc=%zz??sub?(a=b)",
            "ldap:///dc=x??sub?(a=b)?!x-secret",
            &deep,
        ] {
            assert!(scope(url).is_err(), "{url}");
        }
    }
}
