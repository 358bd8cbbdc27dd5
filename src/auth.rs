//! Who is calling: bearer tokens (RFC 6750) and what their owners may do.
//!
//! Must not know HTTP, SCIM documents or stores: it is handed the text of the
//! `Authorization` header and the names of resource types. RFC 7644 §2 and §7.
//!
//! **Invariant:** every refusal looks the same to the caller (S-07); the causes
//! in [`AuthError`] are for the log.

pub mod policy;
pub mod token;

use std::sync::Arc;

use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use time::OffsetDateTime;

pub use self::policy::{Action, Principal};
use crate::config::{ClientSettings, TokenHash};

/// Why a caller is not known. The answer is 401 for each of them, and the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no `Authorization` header.
    #[error("no credentials")]
    Missing,
    /// The header is no bearer token.
    #[error("the Authorization header holds no bearer token")]
    Malformed,
    /// Nobody has this token.
    #[error("unknown token")]
    Unknown,
    /// The token was right once.
    #[error("expired token")]
    Expired,
}

/// Knows all tokens.
#[derive(Debug, Clone, Default)]
pub struct Authenticator {
    tokens: Vec<KnownToken>,
}

#[derive(Debug, Clone)]
struct KnownToken {
    hash: TokenHash,
    owner: Arc<Principal>,
}

impl From<&[ClientSettings]> for Authenticator {
    /// Takes the tokens of all clients, and warns of those that never end (S-04).
    fn from(clients: &[ClientSettings]) -> Self {
        let mut tokens = Vec::new();
        for client in clients {
            let owner = Arc::new(Principal::from(client));
            for text in &client.tokens {
                // Settings that were loaded hold well-formed hashes only; nobody can use any other.
                let Ok(mut hash) = text.parse::<TokenHash>() else {
                    tracing::error!(client.name, "ignored a malformed token hash");
                    continue;
                };
                hash.expires = hash.expires.or(client.expires);
                if hash.expires.is_none() {
                    tracing::warn!(client.name, "a token has no expiry; set `expires`");
                }
                tokens.push(KnownToken { hash, owner: Arc::clone(&owner) });
            }
        }
        Self { tokens }
    }
}

impl Authenticator {
    /// Finds the owner of the token in an `Authorization` header.
    ///
    /// The token is compared with every known hash, in a time that does not
    /// depend on how much of it is right or on whose it is (S-06).
    ///
    /// # Errors
    ///
    /// [`AuthError`].
    pub fn authenticate(
        &self,
        header: Option<&str>,
        now: OffsetDateTime,
    ) -> Result<Arc<Principal>, AuthError> {
        let token = bearer(header.ok_or(AuthError::Missing)?).ok_or(AuthError::Malformed)?;
        let digest = token::digest(token);
        let mut found = 0_u64;
        let mut is_found = Choice::from(0);
        for (index, known) in (0_u64..).zip(&self.tokens) {
            let equal = known.hash.digest.ct_eq(&digest);
            found.conditional_assign(&index, equal);
            is_found |= equal;
        }
        if !bool::from(is_found) {
            return Err(AuthError::Unknown);
        }
        let known = usize::try_from(found).ok().and_then(|i| self.tokens.get(i)).ok_or(AuthError::Unknown)?;
        match known.hash.expires {
            Some(end) if end <= now => Err(AuthError::Expired),
            _ => Ok(Arc::clone(&known.owner)),
        }
    }
}

/// The token of a header `Bearer <token>` (RFC 6750 §2.1; the scheme has no case, RFC 9110 §11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    let is_b64token =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~' | '+' | '/' | '=');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.chars().all(is_b64token))
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::config::Scope;

    const NOW: OffsetDateTime = datetime!(2027-01-01 0:00 UTC);

    fn client(name: &str, tokens: &[&str], expires: Option<OffsetDateTime>) -> ClientSettings {
        ClientSettings {
            name: name.to_owned(),
            tokens: tokens.iter().map(|t| (*t).to_owned()).collect(),
            expires,
            scopes: vec![Scope::All],
            ..ClientSettings::default()
        }
    }

    #[test]
    fn each_of_several_tokens_of_a_client_is_accepted_until_it_ends() {
        // S-04
        let (old, old_hash) = token::new();
        let (new, new_hash) = token::new();
        let (other, other_hash) = token::new();
        let old_hash = format!("{old_hash} 2027-01-01T00:00:01Z");
        let clients = [client("a", &[&old_hash, &new_hash], None), client("b", &[&other_hash], None)];
        let known = Authenticator::from(&clients[..]);
        let ask = |token: &secrecy::SecretString, now| {
            let header = format!("Bearer {}", token.expose_secret());
            known.authenticate(Some(&header), now).map(|p| p.client.clone())
        };
        assert_eq!(ask(&old, NOW).unwrap(), "a");
        assert_eq!(ask(&new, NOW).unwrap(), "a");
        assert_eq!(ask(&other, NOW).unwrap(), "b");
        assert_eq!(ask(&old, NOW + Duration::SECOND), Err(AuthError::Expired));
        assert_eq!(ask(&new, NOW + Duration::SECOND).unwrap(), "a");
    }

    #[test]
    fn the_expiry_of_a_client_holds_for_tokens_without_their_own() {
        let (token, hash) = token::new();
        let known = Authenticator::from(&[client("a", &[&hash], Some(NOW))][..]);
        let header = format!("bearer  {}", token.expose_secret());
        assert!(known.authenticate(Some(&header), NOW - Duration::SECOND).is_ok());
        assert_eq!(known.authenticate(Some(&header), NOW).unwrap_err(), AuthError::Expired);
    }

    #[test]
    fn anything_else_is_refused() {
        // S-07
        let (token, hash) = token::new();
        let known = Authenticator::from(&[client("a", &[&hash, "sha256:short"], None)][..]);
        let token = token.expose_secret();
        let upper = token.to_uppercase();
        let table = [
            (None, AuthError::Missing),
            (Some(""), AuthError::Malformed),
            (Some("Bearer "), AuthError::Malformed),
            (Some(token), AuthError::Malformed),
            (Some("Basic dTpw"), AuthError::Malformed),
            (Some("Bearer a b"), AuthError::Malformed),
            (Some("Bearer sg_x"), AuthError::Unknown),
            // The hash itself is no token.
            (Some("Bearer sha256"), AuthError::Unknown),
        ];
        for (header, expect) in table {
            assert_eq!(known.authenticate(header, NOW).unwrap_err(), expect, "{header:?}");
        }
        let wrong_case = format!("Bearer {upper}");
        assert_eq!(known.authenticate(Some(&wrong_case), NOW).unwrap_err(), AuthError::Unknown);
        let nobody = Authenticator::default().authenticate(Some(&format!("Bearer {token}")), NOW);
        assert_eq!(nobody.unwrap_err(), AuthError::Unknown);
    }
}
