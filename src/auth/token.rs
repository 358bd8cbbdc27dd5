//! Bearer tokens: how they are made and hashed.
//!
//! A token has 256 random bits, so a fast hash is enough: there is nothing to
//! guess that a slow one would protect (S-04, S-06).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// Makes a token. Returns its text, for the client, and its hash, for the settings.
///
/// # Panics
///
/// If the operating system has no random numbers: a guessable token must not exist.
#[must_use]
pub fn new() -> (SecretString, String) {
    let mut bits = [0; 32];
    #[expect(clippy::expect_used, reason = "there is no way on without random numbers")]
    getrandom::fill(&mut bits).expect("the operating system gives random numbers");
    // The prefix lets secret scanners find a token that was committed somewhere.
    let token = SecretString::from(format!("sg_{}", URL_SAFE_NO_PAD.encode(bits)));
    let hash = hash(token.expose_secret());
    (token, hash)
}

/// The hash of a token as it stands in the settings.
#[must_use]
pub fn hash(token: &str) -> String {
    format!("sha256:{}", hex::encode(digest(token)))
}

pub(super) fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_256_bits_and_its_hash_is_sha256() {
        let (one, hash_one) = new();
        let (two, _) = new();
        assert_ne!(one.expose_secret(), two.expose_secret());
        let bits = one.expose_secret().strip_prefix("sg_").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(bits).unwrap().len(), 32);
        assert_eq!(hash_one, hash(one.expose_secret()));
        // FIPS 180-2, appendix B.1.
        assert_eq!(hash("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(!format!("{one:?}").contains(bits));
    }
}
