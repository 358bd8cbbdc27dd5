//! Names of hosts and of accounts: internationalised domain names (RFC 5890), and Windows' security
//! identifiers in their binary form (MS-DTYP §2.4.2).

use super::{CodecError, wrong};

/// A domain, or an address at one, with its labels in Unicode.
pub(super) fn idn_decode(text: &str) -> String {
    at_domain(text, |domain| {
        let (shown, result) = idna::domain_to_unicode(domain);
        // What is no domain name is shown as it is.
        if result.is_ok() { shown } else { domain.to_owned() }
    })
}

/// The same with its labels in ASCII.
pub(super) fn idn_encode(text: &str) -> Result<String, CodecError> {
    let mut fine = true;
    let stored = at_domain(text, |domain| {
        let names = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL);
        // A label is never empty, but for the root's behind the last dot.
        let whole = domain.strip_suffix('.').unwrap_or(domain);
        match names.ok().filter(|_| !whole.split('.').any(str::is_empty)) {
            Some(stored) => stored.into_owned(),
            None => {
                fine = false;
                String::new()
            }
        }
    });
    if fine { Ok(stored) } else { Err(wrong("a domain name, or an address at one")) }
}

fn at_domain(text: &str, mut change: impl FnMut(&str) -> String) -> String {
    match text.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", change(domain)),
        None => change(text),
    }
}

/// `S-1-5-21-…` of the bytes.
pub(super) fn sid_decode(bytes: &[u8]) -> Result<String, CodecError> {
    let not = || wrong("a security identifier");
    let (head, rest) = bytes.split_at_checked(8).ok_or_else(not)?;
    let [revision, count, authority @ ..] = head else { return Err(not()) };
    if rest.len() != usize::from(*count) * 4 {
        return Err(not());
    }
    let authority = authority.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    let mut text = format!("S-{revision}-{authority}");
    for part in rest.as_chunks::<4>().0 {
        text.push_str(&format!("-{}", u32::from_le_bytes(*part)));
    }
    Ok(text)
}

/// The bytes of `S-1-5-21-…`.
pub(super) fn sid_encode(text: &str) -> Result<Vec<u8>, CodecError> {
    let not = || wrong("a security identifier such as S-1-5-21-1-2-3-500");
    let mut words = text.split('-');
    if !words.next().is_some_and(|s| s.eq_ignore_ascii_case("S")) {
        return Err(not());
    }
    let revision: u8 = words.next().and_then(|w| w.parse().ok()).ok_or_else(not)?;
    let authority: u64 = words.next().and_then(|w| w.parse().ok()).ok_or_else(not)?;
    let parts: Result<Vec<u32>, _> = words.map(str::parse).collect();
    let parts = parts.map_err(|_| not())?;
    let count = u8::try_from(parts.len()).ok().filter(|count| *count <= 15).ok_or_else(not)?;
    if authority >> 48 != 0 {
        return Err(not());
    }
    let mut bytes = vec![revision, count];
    bytes.extend_from_slice(authority.to_be_bytes().get(2..).unwrap_or_default());
    bytes.extend(parts.iter().flat_map(|part| part.to_le_bytes()));
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_two_forms() {
        for (stored, shown) in [
            ("xn--bcher-kva.example", "bücher.example"),
            ("anna@xn--bcher-kva.example", "anna@bücher.example"),
            ("a@b@xn--fiqs8s", "a@b@中国"),
            ("plain.example", "plain.example"),
        ] {
            assert_eq!(idn_decode(stored), shown);
            assert_eq!(idn_encode(shown).unwrap(), stored);
        }
        assert_eq!(idn_encode("BÜCHER.example").unwrap(), "xn--bcher-kva.example", "there is one form");
        for wrong in ["a..b.example", "a\u{0}b.example", ".example", "a b.example", "x@"] {
            assert!(idn_encode(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(idn_decode("xn--a"), "xn--a", "not a name: shown as it is");
    }

    #[test]
    fn security_identifiers_have_bytes() {
        // Well-known: the built-in administrators, S-1-5-32-544.
        let administrators = hex::decode("01020000000000052000000020020000").unwrap();
        assert_eq!(sid_decode(&administrators).unwrap(), "S-1-5-32-544");
        assert_eq!(sid_encode("S-1-5-32-544").unwrap(), administrators);
        assert!(sid_decode(&administrators[..15]).is_err());
        for wrong in ["", "S-1", "X-1-5", "S-1-5-x", "S-1-5-4294967296", "S-1-281474976710656"] {
            assert!(sid_encode(wrong).is_err(), "{wrong}");
        }
    }
}
