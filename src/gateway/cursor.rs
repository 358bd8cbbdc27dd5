//! Cursors (RFC 9865): where a page begins, as a text that only this service
//! can read or write.
//!
//! Nothing is kept for a cursor: it carries the place in the order of the
//! listing, sealed with a key that all replicas share. It opens only for the
//! client, the rights and the query that it was made for. **Invariant:** a
//! cursor gives no rights; each page is authorized as the first one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{aead, hmac};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest as _, Sha256};

use crate::{
    gateway::listing::{Match, Position},
    scim::{error::ScimError, sort::Key},
};

/// Bytes of the salt that each cursor's own key is derived with.
const SALT: usize = 16;
/// Longest cursor that is looked at.
const LONGEST: usize = 16 * 1024;

/// A page that a client may ask for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cursor {
    /// When it was made, in seconds since 1970.
    pub(super) issued: i64,
    /// Resources in a page.
    pub(super) count: usize,
    /// The listing in memory that it belongs to, if that still is there.
    pub(super) listing: u64,
    /// Index of its first resource in that listing.
    pub(super) offset: usize,
    /// The resource before; `None` for the first page.
    pub(super) after: Option<Position>,
}

/// A cursor as it is written: the position is type, anchor, key and whether the key was cut.
type Written = (i64, usize, u64, usize, Option<(usize, String, Option<String>, bool)>);

/// What a cursor is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding([u8; 32]);

impl Binding {
    /// Of everything that must not change from page to page.
    pub(super) fn new<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // With its length, so that no two lists of parts run together.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// Seals and opens cursors.
pub(super) struct Sealer {
    master: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// With the key that all replicas share.
    pub(super) fn new(key: &SecretSlice<u8>) -> Self {
        Self { master: hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret()) }
    }

    /// The text of a cursor: letters, digits, `-` and `_`.
    pub(super) fn seal(&self, cursor: &Cursor, binding: &Binding) -> Result<String, ScimError> {
        let failed = || ScimError::internal("A cursor could not be made.");
        let after = cursor
            .after
            .as_ref()
            .map(|p| (p.at.ty, p.at.anchor.to_string(), p.at.key.as_ref().map(|k| k.to_text()), p.is_cut));
        let written: Written = (cursor.issued, cursor.count, cursor.listing, cursor.offset, after);
        let mut text = vec![0; SALT];
        getrandom::fill(&mut text).map_err(|_| failed())?;
        let key = self.key(&text).ok_or_else(failed)?;
        let mut sealed = serde_json::to_vec(&written).map_err(|_| failed())?;
        key.seal_in_place_append_tag(nonce(), aead::Aad::from(binding.0), &mut sealed)
            .map_err(|_| failed())?;
        text.append(&mut sealed);
        Ok(URL_SAFE_NO_PAD.encode(text))
    }

    /// Reads a cursor.
    ///
    /// # Errors
    ///
    /// 400 `invalidCursor` if it was not made here, or for somebody or something else: one text for
    /// all of that. 400 `expiredCursor` if it is older than `timeout` seconds.
    pub(super) fn open(
        &self,
        text: &str,
        binding: &Binding,
        now: i64,
        timeout: u64,
    ) -> Result<Cursor, ScimError> {
        let cursor = self.read(text, binding).ok_or_else(|| {
            ScimError::invalid_cursor("The cursor is not one that was given out for this query.")
        })?;
        if u64::try_from(now.saturating_sub(cursor.issued)).unwrap_or(0) > timeout {
            return Err(ScimError::expired_cursor(format!(
                "The cursor is older than {timeout} seconds; begin again with the first page."
            )));
        }
        Ok(cursor)
    }

    fn read(&self, text: &str, binding: &Binding) -> Option<Cursor> {
        if text.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (salt, sealed) = bytes.split_at_checked(SALT)?;
        let mut sealed = sealed.to_vec();
        let opened = self.key(salt)?.open_in_place(nonce(), aead::Aad::from(binding.0), &mut sealed).ok()?;
        let (issued, count, listing, offset, after): Written = serde_json::from_slice(opened).ok()?;
        let after = match after {
            None => None,
            Some((ty, anchor, key, is_cut)) => {
                let key = match key {
                    None => None,
                    Some(text) => Some(Box::new(Key::parse(&text)?)),
                };
                Some(Position { at: Match { key, ty, anchor: anchor.into() }, is_cut })
            }
        };
        Some(Cursor { issued, count, listing, offset, after })
    }

    /// The key of one cursor.
    fn key(&self, salt: &[u8]) -> Option<aead::LessSafeKey> {
        let key = hmac::sign(&self.master, salt);
        let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.as_ref()).ok()?;
        Some(aead::LessSafeKey::new(key))
    }
}

/// Each key seals one text only, so its nonce may be the same for all.
fn nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([0; aead::NONCE_LEN])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&vec![byte; 32].into())
    }

    fn cursor(key: Option<&str>) -> Cursor {
        let key = key.map(|text| Box::new(Key::Text(text.into())));
        let at = Match { key, ty: 1, anchor: "4711\u{1f}x".into() };
        Cursor {
            issued: 1000,
            count: 10,
            listing: u64::MAX,
            offset: 20,
            after: Some(Position { at, is_cut: false }),
        }
    }

    fn kind(outcome: Result<Cursor, ScimError>) -> (String, String) {
        let error = outcome.unwrap_err();
        assert_eq!(error.status(), 400);
        (error.scim_type().unwrap().as_str().to_owned(), error.detail().to_owned())
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_and_shows_nothing() {
        // 9865-e
        let (sealer, binding) = (sealer(1), Binding::new(["a", "b"]));
        for cursor in [cursor(None), cursor(Some("Ångström")), Cursor { after: None, ..cursor(None) }] {
            let text = sealer.seal(&cursor, &binding).unwrap();
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{text}");
            assert_eq!(sealer.open(&text, &binding, 1000, 60).unwrap(), cursor);
            assert_ne!(sealer.seal(&cursor, &binding).unwrap(), text, "no two are alike");
        }
        assert_eq!(format!("{sealer:?}"), "Sealer(…)");
    }

    #[test]
    fn a_cursor_is_good_for_one_query_of_one_client_only() {
        // 9865-f, 9865-h, 9865-m
        let binding = Binding::new(["client", "filter"]);
        let text = sealer(1).seal(&cursor(Some("x")), &binding).unwrap();
        let mut answers = Vec::new();
        for parts in [["client", "other"], ["clientf", "ilter"], ["", "clientfilter"]] {
            answers.push(kind(sealer(1).open(&text, &Binding::new(parts), 1000, 60)));
        }
        answers.push(kind(sealer(2).open(&text, &binding, 1000, 60)));
        let mut forged = text.clone().into_bytes();
        for place in [0, forged.len() / 2, forged.len() - 1] {
            let byte = forged[place];
            forged[place] = if byte == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(forged.clone()).unwrap();
            answers.push(kind(sealer(1).open(&text, &binding, 1000, 60)));
            forged[place] = byte;
        }
        let long = "A".repeat(LONGEST + 1);
        let short: String = text.chars().skip(4).collect();
        for text in ["x", "AAAA", "ä", "A A", "%00", &short, &format!("{text}AAAA"), &long] {
            answers.push(kind(sealer(1).open(text, &binding, 1000, 60)));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "one answer for all of them: {answers:?}");
        assert_eq!(answers[0].0, "invalidCursor");
    }

    #[test]
    fn a_cursor_grows_old() {
        // 9865-h, 9865-l
        let binding = Binding::new([]);
        let text = sealer(1).seal(&cursor(None), &binding).unwrap();
        assert!(sealer(1).open(&text, &binding, 1060, 60).is_ok());
        assert_eq!(kind(sealer(1).open(&text, &binding, 1061, 60)).0, "expiredCursor");
        assert!(sealer(1).open(&text, &binding, 0, 60).is_ok(), "another replica's clock may be behind");
    }
}
