//! Request and response controls, encoded and decoded without panics.
//!
//! ldap3's own parsers of response controls panic on malformed values, and its
//! assertion control panics on a malformed filter.

use ldap3::{
    asn1::{PL, StructureTag, parse_tag},
    controls::{Assertion, Control, MakeCritical as _, PagedResults, PostRead, RawControl},
};

use super::entry::Entry;
use crate::store::StoreError;

/// Paged results (RFC 2696).
pub(super) const PAGED: &str = "1.2.840.113556.1.4.319";
/// Assertion (RFC 4528).
pub(super) const ASSERTION: &str = "1.3.6.1.1.12";
/// Post-read (RFC 4527).
pub(super) const POST_READ: &str = "1.3.6.1.1.13.2";
/// Permissive modify: adding what is there and removing what is not are no errors.
pub(super) const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";
/// Dereference (draft-masarati-ldap-deref): shows attributes of the entries that an attribute names.
pub(super) const DEREFERENCE: &str = "1.3.6.1.4.1.4203.666.5.16";
/// The password-modify extended operation (RFC 3062).
pub(super) const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

/// Asks for a page of a search.
pub(super) fn paged(size: u32, cookie: Vec<u8>) -> RawControl {
    PagedResults { size: i32::try_from(size).unwrap_or(i32::MAX), cookie }.critical().into()
}

/// Lets the operation happen only while `filter` matches the entry.
pub(super) fn assertion(filter: &str) -> Result<RawControl, StoreError> {
    if ldap3::parse_filter(filter).is_err() {
        return Err(StoreError::Corrupt(format!("`{filter}` is no search filter")));
    }
    let mut control = Assertion::new(filter);
    control.crit = true;
    Ok(control)
}

/// Asks for attributes of the entry as the operation left it.
pub(super) fn post_read(attributes: &[String]) -> RawControl {
    PostRead::new(attributes.to_vec())
}

/// Makes needless changes no errors.
pub(super) fn permissive_modify() -> RawControl {
    RawControl { ctype: PERMISSIVE_MODIFY.to_owned(), crit: true, val: None }
}

/// Asks for attributes of the entries that an attribute names. Not critical: a server may know it for some of its
/// databases only, and says nothing of the others then.
pub(super) fn dereference(attribute: &str, shown: &[String]) -> RawControl {
    let octets = |text: &str| encoded(OCTETS, text.as_bytes());
    let shown: Vec<u8> = shown.iter().flat_map(|name| octets(name)).collect();
    let named = [octets(attribute), encoded(SEQUENCE, &shown)].concat();
    let value = encoded(SEQUENCE, &encoded(SEQUENCE, &named));
    RawControl { ctype: DEREFERENCE.to_owned(), crit: false, val: Some(value) }
}

const OCTETS: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// One element in the Basic Encoding Rules (X.690), with its length in four octets, which any length may have.
fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[tag, 0x84], length.as_slice(), content].concat()
}

/// The entries that a dereference control shows; those of which nothing may be seen are left out.
pub(super) fn dereferenced(controls: &[Control]) -> Vec<Entry> {
    let Some(PL::C(named)) = find(controls, DEREFERENCE).and_then(decode).map(|tag| tag.payload) else {
        return Vec::new();
    };
    named.into_iter().filter_map(dereferenced_one).collect()
}

/// An attribute that names an entry, the name, and what is shown: the latter two are an entry (RFC 4511 §4.5.2).
fn dereferenced_one(named: StructureTag) -> Option<Entry> {
    let PL::C(parts) = named.payload else { return None };
    let [_, name, shown]: [StructureTag; 3] = parts.try_into().ok()?;
    let payload = PL::C(vec![name, shown]);
    Entry::decode(StructureTag { class: named.class, id: named.id, payload })
}

/// The cookie of the next page; `None` after the last one.
pub(super) fn next_page(controls: &[Control]) -> Option<Vec<u8>> {
    let value = find(controls, PAGED)?;
    let PL::C(parts) = decode(value)?.payload else { return None };
    match parts.into_iter().nth(1)?.payload {
        PL::P(cookie) if !cookie.is_empty() => Some(cookie),
        PL::P(_) | PL::C(_) => None,
    }
}

/// The entry that a post-read control brought back.
pub(super) fn read_back(controls: &[Control]) -> Option<Entry> {
    find(controls, POST_READ).and_then(decode).and_then(Entry::decode)
}

/// What a control of ours means, in words; `None` if its name says all.
pub(super) fn told(control: &RawControl) -> Option<String> {
    let value = control.val.as_deref().and_then(decode);
    match control.ctype.as_str() {
        ASSERTION => Some(match value.and_then(equality) {
            Some((attribute, value)) => format!("only if ({attribute}={value})"),
            None => "only under a condition".to_owned(),
        }),
        POST_READ => {
            let names = value.and_then(octets).unwrap_or_default();
            Some(format!("reports {}", names.join(", ")))
        }
        PERMISSIVE_MODIFY => Some("what is so already is no error".to_owned()),
        _ => None,
    }
}

/// The attribute and the value of an equality assertion (RFC 4511 §4.5.1), the value as RFC 4515 writes it.
fn equality(filter: StructureTag) -> Option<(String, String)> {
    let mut parts = octets(filter)?.into_iter();
    let (attribute, value) = (parts.next()?, parts.next()?);
    Some((attribute, ldap3::ldap_escape(value.as_str()).into_owned()))
}

/// The texts of a sequence; octets that are no text are told as such.
fn octets(tag: StructureTag) -> Option<Vec<String>> {
    let PL::C(parts) = tag.payload else { return None };
    let text = |part: StructureTag| match part.payload {
        PL::P(octets) => Some(String::from_utf8(octets).unwrap_or_else(|_| "octets".to_owned())),
        PL::C(_) => None,
    };
    parts.into_iter().map(text).collect()
}

fn find<'a>(controls: &'a [Control], oid: &str) -> Option<&'a [u8]> {
    controls.iter().find(|Control(_, raw)| raw.ctype == oid).and_then(|Control(_, raw)| raw.val.as_deref())
}

fn decode(octets: &[u8]) -> Option<StructureTag> {
    parse_tag(octets).ok().map(|(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(oid: &str, val: &[u8]) -> Vec<Control> {
        vec![Control(None, RawControl { ctype: oid.into(), crit: false, val: Some(val.to_vec()) })]
    }

    #[test]
    fn the_cookie_is_found_and_nonsense_is_not() {
        let sent = paged(5, b"xyz".to_vec());
        assert!(sent.crit);
        assert_eq!(next_page(&answer(PAGED, &sent.val.unwrap())), Some(b"xyz".to_vec()));
        assert_eq!(next_page(&answer(PAGED, &paged(5, vec![]).val.unwrap())), None);
        for junk in [&b""[..], b"\x30", b"\x30\x05", b"\x04\x01a", b"\x30\x03\x02\x01\x05"] {
            assert_eq!(next_page(&answer(PAGED, junk)), None);
            assert_eq!(read_back(&answer(POST_READ, junk)), None);
        }
    }

    #[test]
    fn what_is_dereferenced_are_entries_and_nonsense_is_nothing() {
        let sent = dereference("member", &["cn".to_owned(), "sn".to_owned()]);
        assert!(!sent.crit);
        let PL::C(of) = decode(&sent.val.unwrap()).unwrap().payload else { panic!() };
        let [of] = of.try_into().unwrap();
        let PL::C(parts) = of.payload else { panic!() };
        assert_eq!(parts[0].payload, PL::P(b"member".to_vec()));
        assert_eq!(octets(parts[1].clone()).unwrap(), ["cn", "sn"]);

        let text = |text: &str| encoded(OCTETS, text.as_bytes());
        let cn = encoded(SEQUENCE, &[text("cn"), encoded(0x31, &text("A"))].concat());
        let named =
            |dn: &str, shown: &[u8]| encoded(SEQUENCE, &[text("member"), text(dn), shown.to_vec()].concat());
        let answered = encoded(
            SEQUENCE,
            &[named("cn=a", &encoded(0xa0, &cn)), named("cn=gone", b""), named("cn=b", &encoded(0xa0, b""))]
                .concat(),
        );
        let found = dereferenced(&answer(DEREFERENCE, &answered));
        let attributes = vec![("cn".to_owned(), vec![b"A".to_vec()])];
        let expected = [("cn=a", attributes), ("cn=b", vec![])];
        assert_eq!(found, expected.map(|(dn, attributes)| Entry { dn: dn.to_owned(), attributes }));
        for junk in [&b""[..], b"\x30", b"\x30\x05", b"\x04\x01a", b"\x30\x03\x02\x01\x05"] {
            assert_eq!(dereferenced(&answer(DEREFERENCE, junk)), []);
        }
        assert_eq!(dereferenced(&[]), []);
    }

    #[test]
    fn a_bad_assertion_is_an_error_and_no_panic() {
        assert!(assertion("(entryUUID=a\\zz)").is_err());
        assert!(assertion("(entryUUID=a)").unwrap().crit);
    }
}
