//! What a mapping file leaves to the profile of its directory, in sentences for `scimgate check`.

use crate::{
    mapping::{Mapping, StoreKind, TypeMapping, lens::Lens},
    store::{Profile, Source},
};

impl Mapping {
    /// What the profile means for this file; nothing for a database.
    #[must_use]
    pub fn implied(&self) -> Vec<String> {
        let StoreKind::Ldap { profile } = self.store else { return Vec::new() };
        let mut all: Vec<String> = self.types.iter().filter_map(identity).collect();
        all.push(
            match profile {
                Profile::ActiveDirectory => {
                    "`meta` has the times `whenCreated` and `whenChanged`, unless the file names others"
                }
                Profile::OpenLdap | Profile::Ds389 => {
                    "`meta` has the times `createTimestamp` and `modifyTimestamp`, unless the file names others"
                }
            }
            .to_owned(),
        );
        let (guard, lists) = match profile {
            Profile::OpenLdap => (
                "that an entry is still the same one is read just before it is changed: overlays copy the assertion \
                 control into operations of their own",
                "members that are there already are passed over by the permissive modify control, as a second attempt",
            ),
            Profile::ActiveDirectory => (
                "that an entry is still the same one is read just before it is changed, and whether it has \
                 administrative rights: such accounts and groups are never changed (403)",
                "long lists come in ranges of values, which are read to their end; members that are there already are \
                 passed over by the permissive modify control",
            ),
            Profile::Ds389 => (
                "that an entry is still the same one is asserted with each change (RFC 4528)",
                "members that are there already are left out after a look at the list",
            ),
        };
        all.extend([guard.to_owned(), lists.to_owned()]);
        if profile == Profile::ActiveDirectory {
            all.extend(self.types.iter().flat_map(accounts));
        }
        all
    }
}

/// What tells the entries of a type apart, and their versions.
fn identity(ty: &TypeMapping) -> Option<String> {
    let bag = ty.bag();
    let Source::Entries { .. } = bag.source else { return None };
    let anchor = bag.field_name(*bag.key.first()?);
    let version = match ty.version {
        Some(field) => format!("`{}`", bag.field_name(field)),
        None => "made of the content".to_owned(),
    };
    Some(format!("{}: the id is made of `{anchor}`, the version is {version}", ty.resource_type.name))
}

/// What is special about accounts of Active Directory.
fn accounts(ty: &TypeMapping) -> Vec<String> {
    let name = &ty.resource_type.name;
    let mut all = Vec::new();
    let sets = |lens: &Lens| matches!(lens, Lens::Password(_));
    let is_password = |lens: &Lens| match lens {
        Lens::Guarded(guarded) => sets(&guarded.lens),
        Lens::First(list) => list.iter().any(sets),
        lens => sets(lens),
    };
    let has_password = ty.rules.iter().any(|rule| is_password(&rule.lens));
    if has_password {
        all.push(format!(
            "{name}: a password goes as `unicodePwd`, over TLS only, with the other changes of its entry; a new account \
             without one gets one that nobody knows"
        ));
    }
    let most = if has_password { "; Windows takes at most 20 characters" } else { "" };
    all.push(match ty.find_root("sAMAccountName") {
        Some(_) => format!(
            "{name}: `sAMAccountName` is unique in the domain and without \" / \\ [ ] : ; | = , + * ? < > (the codec `sam` \
             takes them out){most}"
        ),
        None => format!("{name}: no line gives `sAMAccountName`, so the directory makes one up for new entries"),
    });
    all
}
