//! Accounts and groups of Active Directory that its administrators alone change.
//!
//! Whoever may set the password of a member of Domain Admins, or put somebody into a group that is nested in
//! it, owns the domain. So no step changes an entry that is one of Windows' own by its security identifier,
//! or that is in a privileged group, however deeply nested. `adminCount` says less: Windows sets it up to an
//! hour later. The entry is asked just before each change of it, by the read that also tells whether it is
//! still the same one, so what was read with the request is of no account.
//!
//! Security identifiers: MS-DTYP §2.4.2; well-known ones: §2.4.2.4. `tokenGroups`: MS-ADTS §3.1.1.4.5.19.

use std::collections::HashSet;

use ldap3::Scope;

use super::{Apply, normal, target::Located};
use crate::store::{
    Bag, FieldKind, Step, StoreError, Target, Value,
    ldap::{entry::Entry, filter::assertion, pool::Lane, request::Query, result::Operation, server::Vendor},
};

/// What is read of an entry.
pub(super) const ATTRIBUTES: [&str; 4] = [OBJECT_SID, TOKEN_GROUPS, PRIMARY_GROUP, MEMBER_OF];
const OBJECT_SID: &str = "objectSid";
/// All security groups that an account is in, computed by the server. Samba has it for accounts only.
const TOKEN_GROUPS: &str = "tokenGroups";
const PRIMARY_GROUP: &str = "primaryGroupID";
const MEMBER_OF: &str = "memberOf";
/// Finds who is in a group, or in a group of the group (MS-ADTS §3.1.1.3.4.4.3).
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// Groups of a domain whose members are privileged: Domain Admins, Domain Controllers, Schema Admins,
/// Enterprise Admins, Group Policy Creator Owners, Read-only Domain Controllers, Key Admins, Enterprise Key
/// Admins.
const DOMAIN_GROUPS: [u32; 8] = [512, 516, 518, 519, 520, 521, 526, 527];
/// Groups of every machine whose members are privileged: Administrators, Power Users, the operators of
/// accounts, servers, printers and backups, Replicators, Hyper-V Administrators.
const BUILTIN_GROUPS: [u32; 8] = [544, 547, 548, 549, 550, 551, 552, 578];
/// Below it are identifiers that Windows gives away itself.
const FIRST_OWN: u32 = 1000;
/// Groups among those which say what an account is, and give no rights: Domain Users, Guests and Computers.
const PLAIN: [u32; 3] = [513, 514, 515];

/// A security identifier's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sid<'b> {
    /// S-1-5-32-RID.
    Builtin(u32),
    /// S-1-5-21-…-RID; with the bytes before the last part.
    Domain(&'b [u8], u32),
    Other,
}

impl<'b> Sid<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        let part = |at: usize| {
            let octets = bytes.get(8 + 4 * at..12 + 4 * at)?;
            Some(u32::from_le_bytes(octets.try_into().ok()?))
        };
        let of_windows = bytes.first() == Some(&1) && bytes.get(2..8) == Some(&[0, 0, 0, 0, 0, 5]);
        match (bytes.len(), part(0), part(1), part(4)) {
            (16, Some(32), Some(rid), _) if of_windows => Self::Builtin(rid),
            (28, Some(21), _, Some(rid)) if of_windows => {
                Self::Domain(bytes.get(..24).unwrap_or_default(), rid)
            }
            _ => Self::Other,
        }
    }

    /// True for what Windows made itself.
    fn is_reserved(self) -> bool {
        match self {
            Self::Builtin(_) => true,
            Self::Domain(_, rid) => rid < FIRST_OWN && !PLAIN.contains(&rid),
            Self::Other => false,
        }
    }

    /// True for groups whose members are privileged.
    fn is_privileged_group(self) -> bool {
        match self {
            Self::Builtin(rid) => BUILTIN_GROUPS.contains(&rid),
            Self::Domain(_, rid) => DOMAIN_GROUPS.contains(&rid),
            Self::Other => false,
        }
    }
}

impl Apply {
    /// Before the first of several changes: is one of them refused, none is made. Each is asked again when its
    /// turn comes.
    pub(super) async fn refuse_privileged_targets(&self, steps: &[Step]) -> Result<(), StoreError> {
        if self.server.vendor != Vendor::ActiveDirectory || self.is_rehearsal() {
            return Ok(());
        }
        let mut seen = HashSet::new();
        let targets = steps.iter().filter_map(|step| match step {
            Step::Update { bag, target: Target::Entry { dn, anchor }, .. }
            | Step::Delete { bag, target: Target::Entry { dn, anchor }, .. }
            | Step::Rename { bag, target: Target::Entry { dn, anchor }, .. } => Some((bag, dn, anchor)),
            _ => None,
        });
        let targets: Vec<_> = targets.filter(|(_, dn, _)| seen.insert(normal(dn))).collect();
        let makes_one = steps.iter().any(|step| matches!(step, Step::Insert { .. }));
        if targets.len() + usize::from(makes_one) < 2 {
            return Ok(());
        }
        for (bag, dn, anchor) in targets {
            let entry = Located { dn: dn.clone(), anchor: Some(anchor.clone()) };
            self.guard(bag, &entry, dn, Operation::Modify).await?;
        }
        Ok(())
    }

    /// # Errors
    ///
    /// [`StoreError::Protected`] if the entry, read with [`ATTRIBUTES`], is privileged.
    pub(super) async fn refuse_privileged(&self, bag: &Bag, entry: &Entry) -> Result<(), StoreError> {
        let values = |name: &str| -> &[Vec<u8>] {
            // Of a long list the first values come, under a name that tells so.
            let is_it = |n: &str| n.split(';').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
            entry.attributes.iter().find(|(n, _)| is_it(n)).map_or(&[], |(_, values)| values)
        };
        let sid = values(OBJECT_SID).first().map_or(Sid::Other, |bytes| Sid::of(bytes));
        let is_primary = values(PRIMARY_GROUP)
            .iter()
            .filter_map(|rid| std::str::from_utf8(rid).ok()?.parse().ok())
            .any(|rid: u32| DOMAIN_GROUPS.contains(&rid));
        let groups = values(TOKEN_GROUPS);
        let is_privileged = match groups {
            _ if sid.is_reserved() || is_primary => true,
            [_, ..] => groups.iter().any(|bytes| Sid::of(bytes).is_privileged_group()),
            [] if values(MEMBER_OF).is_empty() => false,
            [] => self.is_nested(bag, &entry.dn, sid).await?,
        };
        match is_privileged {
            true => Err(StoreError::Protected { bag: bag.name.clone() }),
            false => Ok(()),
        }
    }

    /// True if the entry is in a privileged group, however deeply nested.
    async fn is_nested(&self, bag: &Bag, dn: &str, sid: Sid<'_>) -> Result<bool, StoreError> {
        let with = |head: &[u8], rid: u32| {
            let sid = Value::Bytes([head, &rid.to_le_bytes()].concat());
            format!("({OBJECT_SID}={})", assertion(&sid, FieldKind::Bytes))
        };
        let builtin = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0];
        let mut groups: Vec<String> = BUILTIN_GROUPS.iter().map(|rid| with(&builtin, *rid)).collect();
        if let Sid::Domain(head, _) = sid {
            groups.extend(DOMAIN_GROUPS.iter().map(|rid| with(head, *rid)));
        }
        let member = assertion(&Value::Text(dn.to_owned()), FieldKind::Dn);
        let filter = format!("(&(|{})(member:{IN_CHAIN}:={member}))", groups.concat());
        let mut query = Query::base(self.server.domain(), &filter, &["1.1"]);
        query.scope = Scope::Subtree;
        let found = self.pool.search(Lane::Point, &query, &|_| Ok(Some(()))).await;
        let found = found.map_err(|e| e.into_store(Operation::Search, &bag.name, ""))?;
        Ok(!found.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(rid: u32) -> Vec<u8> {
        let parts = [21, 1, 2, 3, rid];
        let head = [1, 5, 0, 0, 0, 0, 0, 5];
        head.into_iter().chain(parts.iter().flat_map(|part: &u32| part.to_le_bytes())).collect()
    }

    fn builtin(rid: u32) -> Vec<u8> {
        [&[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0][..], &rid.to_le_bytes()].concat()
    }

    #[test]
    fn windows_own_accounts_and_groups_are_known_by_their_identifiers() {
        let of = |bytes: &[u8]| (Sid::of(bytes).is_reserved(), Sid::of(bytes).is_privileged_group());
        // Administrator, Guest, krbtgt; a person; Domain Users.
        for (rid, is_reserved) in [(500, true), (501, true), (502, true), (1104, false), (513, false)] {
            assert_eq!(of(&domain(rid)), (is_reserved, false), "{rid}");
        }
        for rid in [512, 516, 518, 519, 520, 521] {
            assert_eq!(of(&domain(rid)), (true, true), "{rid}");
        }
        // Administrators; Users, which everybody is in; Backup Operators.
        assert_eq!(of(&builtin(544)), (true, true));
        assert_eq!(of(&builtin(545)), (true, false));
        assert_eq!(of(&builtin(551)), (true, true));
        // Everyone, and no identifier at all.
        assert_eq!(of(&[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), (false, false));
        for short in [&b""[..], &[1, 2], &domain(512)[..27], &builtin(544)[..15]] {
            assert_eq!(of(short), (false, false));
        }
    }
}
