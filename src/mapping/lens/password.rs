//! The lens of a password: written, never read, never filtered (7643-4.1-b).

pub mod scheme;

use secrecy::SecretString;

use crate::{
    mapping::{
        form::Hash,
        lens::{Password, writer::Writer},
        shape::PartId,
    },
    scim::{Json, error::ScimError},
    store::{Channel, Secret, Value},
};

use scheme::Scheme;

impl Password {
    /// What a new account gets if the client gives no password: Active Directory lets nobody be active
    /// without one.
    ///
    /// # Errors
    ///
    /// 500 if the system has no random numbers.
    pub fn invent(&self, w: &mut Writer<'_>, path: &str) -> Result<(), ScimError> {
        if self.scheme != Scheme::Ad {
            return Ok(());
        }
        let make = || scheme::unknown().map(|hash| Hash { hash, salt: None });
        let made = w.answers.once(&format!("{path} {:?}", self.field), make);
        let made = made.ok_or_else(|| ScimError::internal("There is no password for a new account."))?;
        w.password = Some((Secret(SecretString::from(made.hash)), Channel::UnicodePwd));
        Ok(())
    }

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
        if let Some(channel) = self.scheme.channel() {
            w.password = Some((Secret(SecretString::from(clear)), channel));
        } else {
            // One hash, however often the computation runs: it is slow on purpose.
            let made = w
                .answers
                .once(&format!("{path} {:?}", self.field), || self.scheme.hash(clear, self.salt.is_some()));
            let made = made.ok_or_else(|| ScimError::internal("The password could not be stored."))?;
            w.assign(at, &self.field, vec![Value::Text(format!("{}{}", self.prefix, made.hash))]);
            if let (Some(field), Some(salt)) = (&self.salt, made.salt) {
                w.assign(at, field, vec![Value::Text(salt)]);
            }
        }
        Ok(())
    }
}
