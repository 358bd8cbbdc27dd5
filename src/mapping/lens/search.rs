//! The lens of members that nobody has put there: an entry holds a search as a
//! URL (`memberURL`), and whom it finds is a member. Never written.

use crate::{
    mapping::{
        form::{Eval, Need},
        lens::{Search, reference},
    },
    scim::{Json, Object},
    store::Value,
};

impl Search {
    /// One element for each resource that one of the searches finds.
    #[must_use]
    pub fn get(&self, eval: &Eval<'_>) -> Vec<Json> {
        let mut all: Vec<Json> = Vec::new();
        for url in eval.values(&self.field).iter().map(Value::to_text) {
            let need = Need::Search { types: self.types.clone(), url };
            for pointed in eval.answers.list(&need).unwrap_or_default() {
                let mut object: Object = reference::to_object(pointed, &eval.answers.base_url, "display");
                object.insert("type".into(), pointed.resource_type.as_str().into());
                let element = Json::Object(object);
                if !all.contains(&element) {
                    all.push(element);
                }
            }
        }
        all
    }
}
