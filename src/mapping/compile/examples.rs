//! `[[X.examples]]`, as far as the file alone tells whether they make sense.

use crate::mapping::{
    compile::{Compiler, keys::Keys},
    example::{Example, json_of},
    node::{Kind, Node},
    place::Place,
};

pub(super) const EXAMPLE: Keys<'static> =
    Keys { what: "an example", known: &["record", "resource", "change", "sets"], later: &[] };

impl Compiler {
    /// Reads the examples of a type.
    pub(super) fn read_examples(&mut self, ty: usize, node: &Node) {
        let mut examples = Vec::new();
        for item in node.get("examples").map_or(&[][..], Node::items) {
            if !self.is_table(item, "an example") {
                continue;
            }
            self.check_keys(item, &EXAMPLE);
            let tables = ["record", "sets"].iter().filter_map(|key| item.get(key));
            let wrong: Vec<&Node> = tables.filter(|n| !holds_rows(n)).collect();
            for node in wrong {
                let help = "write `{ table = [{ column = value, … }] }`";
                self.error("wrong-type", node, "these are no rows by table", help);
            }
            if item.get("record").is_none()
                || (item.get("resource").is_none() && item.get("change").is_none())
            {
                let help = "write `record` and what it reads as (`resource`), or `change` and `sets`";
                self.error("missing-key", item, "this example shows nothing", help);
            }
            if item.get("change").is_some() != item.get("sets").is_some() {
                let help = "`change` is what a client sends, `sets` the rows that there are then";
                self.error("missing-key", item, "`change` and `sets` go together", help);
            }
            let object = |key: &str| item.get(key).map(json_of).and_then(|j| j.as_object().cloned());
            examples.push(Example {
                place: Place { span: item.span.clone(), base: String::new() },
                record: object("record").unwrap_or_default(),
                resource: item.get("resource").map(json_of),
                change: item.get("change").map(json_of),
                sets: object("sets").unwrap_or_default(),
            });
        }
        if let Some(draft) = self.types.get_mut(ty) {
            draft.examples = examples;
        }
    }
}

/// True for `{ table = [{ … }] }`.
fn holds_rows(node: &Node) -> bool {
    let is_row = |row: &Node| matches!(row.kind, Kind::Table(_));
    matches!(node.kind, Kind::Table(_))
        && node
            .entries()
            .iter()
            .all(|(_, rows)| matches!(rows.kind, Kind::Array(_)) && rows.items().iter().all(is_row))
}
