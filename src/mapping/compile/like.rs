//! `like`: a part, or a resource type, with the keys of another one. Keys here win.

use crate::mapping::{
    compile::{Compiler, file::FILE, keys::suggest},
    node::{Key, Kind, Node},
};

/// Tables of a resource type that are laid over those of its model entry by entry.
const LAID_OVER: &[&str] = &["part", "attributes", "fields"];

impl Compiler {
    /// A part with the keys of the part that it is like. A key is taken over as a whole: another
    /// `where` replaces the one of the model.
    pub(super) fn like(&mut self, key: &Key, node: &Node, table: &Node) -> Node {
        self.taken_over(key, node, table.entries(), &|mine, theirs, value| {
            if !mine.iter().any(|(k, _)| k.name == theirs.name) {
                mine.push((theirs.clone(), value.clone()));
            }
        })
    }

    /// A resource type with the keys of the type that it is like. Of `part`, `attributes` and `fields` the
    /// entries are taken over that are not named here, and `false` leaves one out.
    pub(super) fn like_type(&mut self, key: &Key, node: &Node, file: &Node) -> Node {
        let types: Vec<(Key, Node)> =
            file.entries().iter().filter(|(k, _)| !FILE.contains(&k.name.as_str())).cloned().collect();
        let mut taken = self.taken_over(key, node, &types, &|mine, theirs, value| {
            let found = mine.iter().position(|(k, _)| k.name == theirs.name);
            match found.and_then(|at| mine.get_mut(at)) {
                // Examples are about the rows of the model.
                None if theirs.name == "examples" => {}
                None => mine.push((theirs.clone(), value.clone())),
                Some((_, Node { kind: Kind::Table(over), .. }))
                    if LAID_OVER.contains(&theirs.name.as_str()) =>
                {
                    let missing =
                        value.entries().iter().filter(|(k, _)| !over.iter().any(|(o, _)| o.name == k.name));
                    let missing: Vec<(Key, Node)> = missing.cloned().collect();
                    over.extend(missing);
                }
                Some(_) => {}
            }
        });
        if let (Kind::Table(entries), Some(_)) = (&mut taken.kind, node.get("like")) {
            for (_, table) in entries.iter_mut().filter(|(k, _)| LAID_OVER.contains(&k.name.as_str())) {
                if let Kind::Table(entries) = &mut table.kind {
                    entries.retain(|(_, value)| value.kind != Kind::Bool(false));
                }
            }
        }
        taken
    }

    /// Follows `like` from model to model.
    fn taken_over(
        &mut self,
        key: &Key,
        node: &Node,
        models: &[(Key, Node)],
        take: &dyn Fn(&mut Vec<(Key, Node)>, &Key, &Node),
    ) -> Node {
        let mut entries = node.entries().to_vec();
        let mut seen = vec![key.name.clone()];
        while let Some(at) = entries.iter().position(|(k, _)| k.name == "like") {
            let (_, like) = entries.remove(at);
            let Some(name) = self.plain(&like, "`like`") else { break };
            let model = models.iter().find(|(k, _)| k.name == name && !seen.contains(&name));
            let Some((_, model)) = model else {
                let names = models.iter().map(|(k, _)| k.name.as_str());
                let help = suggest(&name, names.filter(|n| *n != key.name), "others are");
                self.error("unknown-name", &like, format!("`like` cannot take over from `{name}`"), help);
                break;
            };
            seen.push(name);
            for (theirs, value) in model.entries() {
                take(&mut entries, theirs, value);
            }
        }
        Node { span: node.span.clone(), kind: Kind::Table(entries) }
    }
}
