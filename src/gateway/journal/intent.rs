//! What stands in a record of the journal: what a write wants to be true, in SCIM's words, so that whoever
//! reads it later needs neither the request nor the plan.
//!
//! Passwords are never among it. A creation that was cut short before its password was set is undone; a
//! change is finished without, and whoever asked for it is not told that it was done.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{difference::Difference, key_name};
use crate::{
    gateway::{
        Context, TypeId,
        keys::{former_name, going_name},
    },
    mapping::{TypeMapping, lens::Lens, write::put_value},
    scim::{Json, Object},
};

/// Whether somebody is on (RFC 7643 §4.1.1).
const ACTIVE: &str = "active";

/// What a write wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::gateway) enum Intent {
    Create(Create),
    Change(Change),
    Delete(Delete),
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::gateway) struct Caller {
    pub(super) client: String,
    pub(super) base_url: String,
}

impl Caller {
    pub(in crate::gateway) fn of(cx: &Context) -> Self {
        Self { client: cx.principal.client.clone(), base_url: cx.base_url.clone() }
    }
}

/// A resource shall come into being.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::gateway) struct Create {
    pub(super) caller: Caller,
    /// The resource, without its password.
    pub(super) wanted: Object,
    /// Where its entry will lie, in a directory.
    pub(super) dn: Option<String>,
    /// Its anchor, where it is known before.
    #[serde(default)]
    pub(super) anchor: Option<String>,
    /// True if it goes back when it was cut short: its password is set by an operation of its own, or other entries
    /// come with it.
    pub(super) goes_back: bool,
}

/// A resource shall change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::gateway) struct Change {
    pub(super) caller: Caller,
    /// What becomes different.
    pub(super) difference: Difference,
    /// Its anchor before.
    #[serde(default)]
    pub(super) was: Option<String>,
    /// Its anchor afterwards.
    pub(super) anchor: String,
    /// True if a password came with it.
    #[serde(default)]
    pub(super) had_password: bool,
    /// True if it is off before and afterwards. In between it may be on: OpenLDAP activates whoever gets a password.
    #[serde(default)]
    pub(super) stays_off: bool,
}

/// A resource shall go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::gateway) struct Delete {
    pub(super) caller: Caller,
    /// The anchor with which it goes.
    #[serde(default)]
    pub(super) was: Option<String>,
}

impl Intent {
    /// Its name in the table.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Change(_) => "change",
            Self::Delete(_) => "delete",
        }
    }

    pub(super) fn caller(&self) -> &Caller {
        match self {
            Self::Create(create) => &create.caller,
            Self::Change(change) => &change.caller,
            Self::Delete(delete) => &delete.caller,
        }
    }

    /// The digest by which a creation is known again.
    pub(super) fn request(&self) -> Option<String> {
        match self {
            Self::Create(create) => Some(create.digest()),
            Self::Change(_) | Self::Delete(_) => None,
        }
    }

    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Create {
    pub(in crate::gateway) fn new(cx: &Context, mapping: &TypeMapping, wanted: &Object) -> Self {
        let mut wanted = wanted.clone();
        for rule in mapping.rules.iter().filter(|rule| matches!(rule.lens.bare(), Lens::Password(_))) {
            put_value(&mut wanted, rule.urn.as_deref(), &rule.attribute, None);
        }
        Self { caller: Caller::of(cx), wanted, dn: None, anchor: None, goes_back: false }
    }

    /// What the plan says of it.
    #[must_use]
    pub(in crate::gateway) fn planned(
        mut self,
        (dn, anchor): (Option<String>, Option<String>),
        goes_back: bool,
    ) -> Self {
        (self.dn, self.anchor, self.goes_back) = (dn, anchor, goes_back);
        self
    }

    /// The same for the same request of the same client, and for no other.
    pub(in crate::gateway) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(&self.caller.client);
        hash.update([0]);
        hash.update(Json::Object(self.wanted.clone()).to_string());
        hex::encode(hash.finalize())
    }
}

impl Change {
    pub(in crate::gateway) fn new(
        cx: &Context,
        mapping: &TypeMapping,
        (was, now): (&Object, &Object),
        (old, new): (&str, &str),
    ) -> Self {
        let whole = Difference::between(was, now);
        let mut difference = whole.clone();
        for rule in mapping.rules.iter().filter(|rule| matches!(rule.lens.bare(), Lens::Password(_))) {
            difference.leave_out(rule.urn.as_deref(), &rule.attribute);
        }
        Self {
            caller: Caller::of(cx),
            had_password: difference != whole,
            stays_off: is_off(was) && is_off(now),
            difference,
            was: Some(old.to_owned()),
            anchor: new.to_owned(),
        }
    }

    /// The names of the key that it takes from its resource and of the one that it gives to it, if it does.
    pub(in crate::gateway) fn key_names(&self, ty: TypeId) -> Vec<String> {
        match self.was.as_deref().filter(|was| *was != self.anchor) {
            Some(was) => vec![former_name(ty, was), key_name(ty, &self.anchor)],
            None => Vec::new(),
        }
    }

    /// What shall be of a resource as it is now.
    pub(super) fn applied(&self, to: &Object) -> Object {
        self.with(&self.difference, to)
    }

    /// What shall be of a resource if all of it goes back.
    pub(super) fn taken_back(&self, from: &Object) -> Object {
        self.with(&self.difference.reversed(), from)
    }

    fn with(&self, difference: &Difference, resource: &Object) -> Object {
        let mut resource = resource.clone();
        difference.apply(&mut resource);
        if self.stays_off {
            resource.insert(ACTIVE.to_owned(), Json::Bool(false));
        }
        resource
    }
}

impl Delete {
    pub(in crate::gateway) fn new(cx: &Context, anchor: &str) -> Self {
        Self { caller: Caller::of(cx), was: Some(anchor.to_owned()) }
    }

    /// The name of the key with which the resource goes.
    pub(super) fn key_names(&self, ty: TypeId) -> Vec<String> {
        self.was.iter().map(|was| going_name(ty, was)).collect()
    }
}

/// True if a resource is there and switched off.
pub(in crate::gateway) fn is_off(resource: &Object) -> bool {
    resource.get(ACTIVE) == Some(&Json::Bool(false))
}
