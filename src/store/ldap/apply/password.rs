//! Setting passwords: by the extended operation (RFC 3062), or as Active Directory wants it.
//!
//! Active Directory takes a password only as `unicodePwd`, in quotes, in UTF-16, and over a connection that
//! nobody can read (MS-ADTS §3.1.1.3.1.5.1); the connection sees to the last. That of a new entry is a part of
//! it, so an account is there with its password or not at all; that of one which is there goes with its other
//! changes in one modify, so all of it happens or nothing.
//!
//! Nobody knows the old password, so a new one cannot be taken back. It is set last of all: if changes of other
//! entries stand behind those of its own, it goes in a request of its own behind them. The exception is an
//! account that is switched on, which may need its password in the same moment.

use std::{cell::Cell, collections::HashSet};

use secrecy::ExposeSecret as _;

use super::{Apply, normal, target::Located};
use crate::store::{
    Bag, Channel, Secret, Step, StoreError, Target, Value,
    ldap::{
        modify::Edit,
        pool::Lane,
        request::{Attribute, Query, Request, UNICODE_PWD},
        result::{OpError, Operation},
        server::Vendor,
    },
};
use ldap3::Mod;

/// Whether an account is on.
const ACCOUNT_CONTROL: &str = "userAccountControl";

/// A password that shall come with a new entry, or with the changes of one.
#[derive(Clone, Copy)]
pub(super) struct NewPassword<'s> {
    dn: &'s str,
    anchor: &'s Value,
    password: &'s Secret,
}

/// The password of Active Directory among the steps behind that of a new entry.
pub(super) fn first(rest: &[Step]) -> Option<NewPassword<'_>> {
    rest.iter().find_map(|step| match step {
        Step::Password {
            target: Target::Entry { dn, anchor },
            password,
            channel: Channel::UnicodePwd,
            ..
        } => Some(NewPassword { dn, anchor, password }),
        _ => None,
    })
}

/// The password of Active Directory that goes with the changes of the target's entry: with the last ones
/// before its own step, since nothing of the entry shall be refused behind it.
pub(super) fn of_entry<'s>(target: &Target, edits: &[Edit], rest: &'s [Step]) -> Option<NewPassword<'s>> {
    let Target::Entry { anchor, .. } = target else { return None };
    let is_last = rest.iter().all(|step| matches!(step, Step::Password { .. }));
    if !is_last && !edits.iter().any(|edit| edit.attribute.eq_ignore_ascii_case(ACCOUNT_CONTROL)) {
        return None;
    }
    let is_changed = |step: &Step| matches!(step, Step::Update { target: Target::Entry { anchor: a, .. }, .. } if a == anchor);
    let at = rest.iter().position(|step| matches!(step, Step::Password { .. }))?;
    let (between, from) = rest.split_at(at);
    first(from).filter(|password| password.anchor == anchor && !between.iter().any(is_changed))
}

impl NewPassword<'_> {
    /// True if it is that of the entry with this DN.
    pub(super) fn is_of(&self, dn: &str) -> bool {
        normal(self.dn) == normal(dn)
    }

    /// The change of the entry.
    pub(super) fn change(&self) -> Mod<Vec<u8>> {
        let (name, value) = self.attribute();
        Mod::Replace(name, value)
    }

    /// The attribute of the entry.
    pub(super) fn attribute(&self) -> Attribute {
        (UNICODE_PWD.as_bytes().to_vec(), HashSet::from([unicode(self.password)]))
    }
}

/// The value of `unicodePwd`.
fn unicode(password: &Secret) -> Vec<u8> {
    let quoted = format!("\"{}\"", password.0.expose_secret());
    quoted.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// True if a password was refused since it is the password already, as OpenLDAP's policy overlay does: what a
/// request that is sent again wants is so.
pub(super) fn is_unchanged(error: &OpError) -> bool {
    let said = |text: &str| text.contains("not being changed from existing value");
    matches!(error, OpError::Refused(refusal) if said(&refusal.text))
}

/// What locks an account of OpenLDAP's policy overlay, and its value if no time unlocks it (draft-behera-ldap-password-policy
/// §5.3.3).
const LOCK: &str = "pwdAccountLockedTime";
const FOR_GOOD: &str = "000001010000Z";

impl Apply {
    /// Sets the password of an account of Active Directory; false if there is none.
    pub(super) async fn set_unicode_pwd(
        &self,
        bag: &Bag,
        target: &Target,
        password: &Secret,
    ) -> Result<bool, StoreError> {
        let mut is_found = false;
        for entry in self.locate(bag, target).await? {
            if self.with_password.contains(&normal(&entry.dn)) {
                is_found = true;
                continue;
            }
            let set = async |dn: &str, guard| {
                let value = HashSet::from([unicode(password)]);
                let mods = vec![Mod::Replace(UNICODE_PWD.as_bytes().to_vec(), value)];
                self.send(Request::Modify { dn, mods }, guard).await
            };
            is_found |= self.on_entry(bag, &entry, Operation::Modify, set).await?.is_some();
        }
        Ok(is_found)
    }

    /// Sets the password of an entry; false if there is none.
    pub(super) async fn set_password(
        &self,
        bag: &Bag,
        target: &Target,
        password: &Secret,
    ) -> Result<bool, StoreError> {
        let new = password.0.expose_secret();
        if new.is_empty() {
            // The server would make up one of its own.
            return Err(StoreError::ConstraintViolated {
                constraint: "userPassword".to_owned(),
                reason: "the password is empty".to_owned(),
            });
        }
        if !self.server.can_set_passwords() {
            let reason = "the server has no password-modify operation (RFC 3062)";
            return Err(StoreError::Unsupported(reason.to_owned()));
        }
        let mut is_found = false;
        for entry in self.locate(bag, target).await? {
            let was_locked = Cell::new(false);
            let set = async |dn: &str, guard| {
                was_locked.set(self.is_locked(dn).await?);
                match self.send(Request::Password { dn, new }, guard).await {
                    Err(error) if is_unchanged(&error) => Ok(Vec::new()),
                    outcome => outcome,
                }
            };
            let set = self.on_entry(bag, &entry, Operation::Password, set).await;
            let may_be_set = matches!(set, Ok(Some(_)) | Err(StoreError::Unsure(_)));
            if may_be_set && was_locked.get() {
                self.lock_again(bag, &entry).await?;
            }
            is_found |= set?.is_some();
        }
        Ok(is_found)
    }

    /// Locks an account that a new password has unlocked. If that fails the password stays, so nobody may take the request
    /// for one that was not carried out.
    async fn lock_again(&self, bag: &Bag, entry: &Located) -> Result<(), StoreError> {
        let lock = async |dn: &str, guard| {
            let mods = vec![Mod::Replace(LOCK.into(), HashSet::from([FOR_GOOD.into()]))];
            self.send(Request::Modify { dn, mods }, guard).await
        };
        let locked = self.on_entry(bag, entry, Operation::Modify, lock).await;
        locked.map(drop).map_err(|error| StoreError::Unsure(format!("an account may be unlocked: {error}")))
    }

    /// True if an account is locked for good and a new password would unlock it, as OpenLDAP's policy overlay has it.
    async fn is_locked(&self, dn: &str) -> Result<bool, OpError> {
        if self.server.vendor != Vendor::OpenLdap || self.rehearsed.is_some() {
            return Ok(false);
        }
        let query = Query::base(dn, &format!("({LOCK}={FOR_GOOD})"), &["1.1"]);
        let found = self.pool.search(Lane::Point, &query, &|_| Ok(Some(()))).await?;
        Ok(!found.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_quoted_utf_16() {
        let secret = Secret("aé".to_owned().into());
        assert_eq!(unicode(&secret), [0x22, 0, 0x61, 0, 0xe9, 0, 0x22, 0]);
    }
}
