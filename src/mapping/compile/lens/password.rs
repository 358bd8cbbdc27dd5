//! Lenses of passwords.

use crate::{
    mapping::{
        compile::{
            Compiler,
            draft::Face,
            keys::suggest,
            lens::{Made, Site},
        },
        lens::{
            Lens, Password, Write,
            password::scheme::{NAMES, Scheme},
        },
        node::Node,
        shape::FieldRef,
    },
    scim::schema::{Mutability, Returned},
};

impl Compiler {
    /// `{ field = …, scheme = … }`.
    pub(super) fn password_lens(&mut self, site: &Site<'_>, node: &Node) -> Option<Made> {
        let a = site.attribute;
        if a.returned != Returned::Never && a.mutability != Mutability::WriteOnly {
            let help = "`scheme` is for attributes that are never returned, such as `password`";
            self.error("wrong-lens", node, format!("`{}` is no password", a.name), help);
            return None;
        }
        let Some(at) = node.get("field") else {
            self.error(
                "missing-key",
                node,
                "the password has no `field`",
                "write `field = \"userPassword\"`",
            );
            return None;
        };
        let name = self.plain(at, "`field`")?;
        let field = self.field(site.scope, &name, &at.span)?;
        let scheme = self.scheme(node.get("scheme")?)?;
        self.note_write(site, Write::Yes, &field, &at.span);
        let face = Face { required: self.bool_key(node, "required"), ..Face::default() };
        let salt = self.salt(site, node, scheme);
        let prefix = node.get("prefix").and_then(Node::text).unwrap_or_default().to_owned();
        Some(Made { lens: Lens::Password(Password { field, scheme, prefix, salt }), face })
    }

    fn scheme(&mut self, node: &Node) -> Option<Scheme> {
        let text = self.plain(node, "`scheme`")?;
        let name = text.split(':').next().unwrap_or_default();
        match Scheme::parse(&text) {
            Ok(Some(scheme)) if scheme.needs_directory() && !self.is_ldap() => {
                let help =
                    "SQL stores take bcrypt:12, argon2, or the form that the application itself writes";
                self.error("unknown-scheme", node, format!("`{name}` needs a directory"), help);
                None
            }
            Ok(Some(scheme)) => Some(scheme),
            Ok(None) => {
                let help = suggest(name, NAMES.into_iter(), "schemes are");
                self.error("unknown-scheme", node, format!("there is no scheme `{text}`"), help);
                None
            }
            Err(help) => {
                self.error("unknown-scheme", node, format!("`{text}` is no form of `{name}`"), help);
                None
            }
        }
    }

    /// `salt`: the field of its own that some schemes need, some can use, and others have no use for.
    fn salt(&mut self, site: &Site<'_>, node: &Node, scheme: Scheme) -> Option<FieldRef> {
        let Some(at) = node.get("salt") else {
            if scheme.takes_salt() == Some(true) {
                let help = "write `salt = \"column\"`: without a salt, equal passwords would look equal";
                self.error("missing-key", node, "this scheme keeps its salt in a field of its own", help);
            }
            return None;
        };
        if scheme.takes_salt().is_none() {
            let help = "remove `salt`: the stored form holds it";
            self.error("bad-value", at, "this scheme has no use for a field of the salt", help);
            return None;
        }
        let name = self.plain(at, "`salt`")?;
        let field = self.field(site.scope, &name, &at.span)?;
        self.note_write(site, Write::Yes, &field, &at.span);
        Some(field)
    }
}
