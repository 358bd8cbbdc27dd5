//! Where entries lie.

use std::collections::HashMap;

use crate::{
    mapping::learn::page::{literal, quoted},
    store::{dn::Dn, inventory::survey::Seen},
};

/// So many of a hundred must lie below the base.
const BELOW: usize = 90;

/// The deepest place below which most entries lie.
pub(super) fn base_of(names: &[Dn]) -> Option<Dn> {
    let mut counts: HashMap<String, (Dn, usize)> = HashMap::new();
    for name in names {
        let mut above = name.parent();
        while let Some(place) = above.filter(|place| !place.rdns().is_empty()) {
            above = place.parent();
            counts.entry(place.normal()).or_insert((place, 0)).1 += 1;
        }
    }
    let most = counts.into_values().filter(|(_, count)| count * 100 >= names.len() * BELOW);
    most.map(|(place, _)| place).max_by_key(|place| (place.rdns().len(), std::cmp::Reverse(place.normal())))
}

/// The DN of an entry, if it can be read.
pub(super) fn name_of(seen: &Seen) -> Option<Dn> {
    Dn::parse(&seen.dn).ok()
}

/// A DN as a text of the mapping: braces of its own are no holes, and the suffix is a constant of the file.
pub(super) fn quoted_place(dn: &str, suffix: Option<&str>) -> String {
    let below = suffix.and_then(|suffix| {
        let at = dn.len().checked_sub(suffix.len())?;
        let is_suffix = !suffix.is_empty() && dn.get(at..)?.eq_ignore_ascii_case(suffix);
        let before = dn.get(..at)?;
        (is_suffix && (before.is_empty() || before.ends_with(','))).then_some(before)
    });
    match below {
        Some(before) => quoted(&format!("{}{{let.suffix}}", literal(before))),
        None => quoted(&literal(dn)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_the_deepest_place_of_most() {
        let mut names: Vec<Dn> =
            (0..19).map(|n| Dn::parse(&format!("uid=p{n},ou=a,ou=people,dc=x")).unwrap()).collect();
        names.push(Dn::parse("cn=s,ou=services,dc=x").unwrap());
        assert_eq!(base_of(&names).unwrap().to_string(), "ou=a,ou=people,dc=x");
        names.extend((0..19).map(|n| Dn::parse(&format!("uid=q{n},ou=b,ou=people,dc=x")).unwrap()));
        assert_eq!(base_of(&names).unwrap().to_string(), "ou=people,dc=x");
    }

    #[test]
    fn the_suffix_is_a_constant() {
        assert_eq!(quoted_place("ou=a{1},DC=x", Some("dc=x")), "\"ou=a{{1},{let.suffix}\"");
        assert_eq!(quoted_place("dc=x", Some("dc=x")), "\"{let.suffix}\"");
        assert_eq!(quoted_place("ou=adc=x", Some("dc=x")), "\"ou=adc=x\"");
    }
}
