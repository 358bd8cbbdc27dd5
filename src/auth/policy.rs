//! What a caller may do, and how it likes to be talked to.

use crate::config::{ClientSettings, MeSettings, Mode, PatchResponse, Profile, Scope, UnknownMembers};

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Name of the client, for logs.
    pub client: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// How strictly its requests are read.
    pub mode: Mode,
    /// Whose habits it has.
    pub profile: Profile,
    /// What happens to members that do not exist.
    pub unknown_members: UnknownMembers,
    /// The resource that stands for it, if any.
    pub me: Option<MeSettings>,
    patch_response: Option<PatchResponse>,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// GET and search.
    Read,
    /// POST, PUT, PATCH, DELETE.
    Write,
}

impl From<&ClientSettings> for Principal {
    fn from(client: &ClientSettings) -> Self {
        Self {
            client: client.name.clone(),
            scopes: client.scopes.clone(),
            mode: client.mode,
            profile: client.profile,
            unknown_members: client.unknown_members,
            me: client.me.clone(),
            patch_response: client.patch_response,
        }
    }
}

impl Principal {
    /// Who finishes what a client has begun: the program itself, which may do everything.
    #[must_use]
    pub fn of_recovery(client: &str) -> Self {
        let settings =
            ClientSettings { name: client.to_owned(), scopes: vec![Scope::All], ..ClientSettings::default() };
        Self { unknown_members: UnknownMembers::Skip, ..Self::from(&settings) }
    }

    /// True if the caller may do this to resources of a type (S-11).
    ///
    /// `users` and `groups` are about the resource types `User` and `Group` of
    /// RFC 7643; other types need `read` or `all`.
    #[must_use]
    pub fn may(&self, action: Action, resource_type: &str) -> bool {
        self.scopes.iter().any(|scope| match scope {
            Scope::All => true,
            Scope::Read => action == Action::Read,
            Scope::Users => resource_type == "User",
            Scope::Groups => resource_type == "Group",
        })
    }

    /// True if the caller may change resources of some type.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.scopes.iter().any(|scope| match scope {
            Scope::All | Scope::Users | Scope::Groups => true,
            Scope::Read => false,
        })
    }

    /// What a PATCH of a resource of this type answers.
    ///
    /// Entra prefers an empty answer for groups, whose members would otherwise be
    /// sent back after each change of one of them.
    #[must_use]
    pub fn patch_response(&self, resource_type: &str) -> PatchResponse {
        match (self.patch_response, self.profile) {
            (Some(response), _) => response,
            (None, Profile::Entra) if resource_type == "Group" => PatchResponse::Minimal,
            (None, _) => PatchResponse::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(scopes: &[Scope], profile: Profile, patch_response: Option<PatchResponse>) -> Principal {
        let settings =
            ClientSettings { scopes: scopes.to_vec(), profile, patch_response, ..ClientSettings::default() };
        Principal::from(&settings)
    }

    #[test]
    fn scopes_add_up_and_nothing_is_permitted_without_one() {
        // S-11; columns: read User, write User, read Group, write Group, read Device, write Device
        let table: [(&[Scope], [bool; 6]); 6] = [
            (&[], [false; 6]),
            (&[Scope::Read], [true, false, true, false, true, false]),
            (&[Scope::Users], [true, true, false, false, false, false]),
            (&[Scope::Groups], [false, false, true, true, false, false]),
            (&[Scope::Read, Scope::Groups], [true, false, true, true, true, false]),
            (&[Scope::All], [true; 6]),
        ];
        for (scopes, expect) in table {
            let caller = principal(scopes, Profile::Generic, None);
            let mut found = Vec::new();
            for resource_type in ["User", "Group", "Device"] {
                found.push(caller.may(Action::Read, resource_type));
                found.push(caller.may(Action::Write, resource_type));
            }
            assert_eq!(found, expect, "{scopes:?}");
        }
    }

    #[test]
    fn the_answer_of_a_patch_follows_the_setting_then_the_profile() {
        use PatchResponse::{Full, Minimal};
        let table = [
            (Profile::Generic, None, "Group", Full),
            (Profile::Entra, None, "Group", Minimal),
            (Profile::Entra, None, "User", Full),
            (Profile::Entra, Some(Full), "Group", Full),
            (Profile::Okta, Some(Minimal), "User", Minimal),
        ];
        for (profile, setting, resource_type, expect) in table {
            assert_eq!(principal(&[], profile, setting).patch_response(resource_type), expect);
        }
    }
}
