//! The lens of a password: written, never read, never filtered (7643-4.1-b).

use argon2::{Argon2, PasswordHasher as _};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use sha1::Digest as _;

use crate::{
    mapping::{
        lens::{Password, Scheme, writer::Writer},
        shape::PartId,
    },
    scim::{Json, error::ScimError},
    store::{Secret, Value},
};

impl Password {
    /// Writes a password in the store's form. Absent means unchanged: it cannot be read back.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue` for an empty password, 500 if hashing fails.
    pub fn put(
        &self,
        w: &mut Writer<'_>,
        at: (PartId, usize),
        path: &str,
        json: Option<&Json>,
    ) -> Result<(), ScimError> {
        let Some(clear) = json.and_then(Json::as_str) else { return Ok(()) };
        if clear.is_empty() {
            return Err(ScimError::invalid_value(format!("`{path}` must not be empty.")));
        }
        if self.scheme == Scheme::Exop {
            w.password = Some(Secret(SecretString::from(clear)));
            return Ok(());
        }
        let hash = self
            .scheme
            .hash(clear)
            .ok_or_else(|| ScimError::internal("The password could not be stored."))?;
        w.assign(at, &self.field, vec![Value::Text(hash)]);
        Ok(())
    }
}

impl Scheme {
    /// The stored form of a password; `None` if the hash cannot be made.
    #[must_use]
    pub fn hash(self, clear: &str) -> Option<String> {
        Some(match self {
            Self::Exop | Self::Server => clear.to_owned(),
            Self::Ssha => {
                let salt = salt()?;
                let mut digest = sha1::Sha1::digest([clear.as_bytes(), &salt].concat()).to_vec();
                digest.extend(salt);
                format!("{{SSHA}}{}", STANDARD.encode(digest))
            }
            Self::Ssha512 => {
                let salt = salt()?;
                let mut digest = sha2::Sha512::digest([clear.as_bytes(), &salt].concat()).to_vec();
                digest.extend(salt);
                format!("{{SSHA512}}{}", STANDARD.encode(digest))
            }
            Self::Bcrypt(cost) => bcrypt::hash(clear, cost).ok()?,
            Self::Argon2 => Argon2::default().hash_password(clear.as_bytes()).ok()?.to_string(),
        })
    }
}

fn salt() -> Option<[u8; 16]> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).ok()?;
    Some(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_verify_and_differ() {
        let ssha = Scheme::Ssha.hash("geheim").unwrap();
        let raw = STANDARD.decode(ssha.strip_prefix("{SSHA}").unwrap()).unwrap();
        let (digest, salt) = raw.split_at(20);
        assert_eq!(digest, sha1::Sha1::digest([b"geheim".as_slice(), salt].concat()).as_slice());
        assert_ne!(Scheme::Ssha512.hash("x"), Scheme::Ssha512.hash("x"), "salted");
        assert!(bcrypt::verify("pw", &Scheme::Bcrypt(4).hash("pw").unwrap()).unwrap());
        assert!(Scheme::Argon2.hash("pw").unwrap().starts_with("$argon2id$"));
    }
}
