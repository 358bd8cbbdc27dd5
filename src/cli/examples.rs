//! Carries out the examples of a mapping file: in memory, with ids of their
//! own, and without any store.

pub mod stage;

use std::path::PathBuf;

use serde_json::json;

use crate::{
    cli::{
        examples::stage::{Stage, matches, shown},
        map::everything,
    },
    gateway::TypeId,
    mapping::{Mapping, diagnostic::Diagnostics, example::Example},
    scim::{Json, precondition::Preconditions, resource::Selection},
};

/// Carries out every example; those that do not hold are findings.
///
/// # Errors
///
/// A sentence, if there is no place for a temporary database.
pub fn run(mapping: &Mapping) -> Result<Diagnostics, String> {
    let mut findings = Diagnostics::default();
    if mapping.types.iter().all(|ty| ty.examples.is_empty()) {
        return Ok(findings);
    }
    let folder = Folder::new()?;
    actix_web::rt::System::new().block_on(async {
        for (ty, of) in mapping.types.iter().enumerate() {
            for (number, example) in of.examples.iter().enumerate() {
                let file = folder.0.join(format!("{ty}-{number}.db"));
                let stage = Stage::new(mapping.clone(), everything("example"), &file)?;
                play(&stage, ty, example, &mut findings).await;
            }
        }
        Ok(findings)
    })
}

/// A temporary folder for the database of ids.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("scimgate-examples-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays is a few empty files in the folder for such.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

async fn play(stage: &Stage, ty: TypeId, example: &Example, findings: &mut Diagnostics) {
    let place = &example.place;
    let mut report = |code: &'static str, message: String, help: &str| {
        findings.error(code, &place.span, format!("{}{message}", place.base), help);
    };
    if let Err(error) = stage.insert(&example.record).await {
        report("example-record", format!("the rows cannot be stored: {error}"), "correct `record`");
        return;
    }
    let found = match stage.resources(ty, None).await {
        Ok(found) => found,
        Err(error) => {
            report("example-reads", format!("the rows cannot be read: {error}"), "correct `record`");
            return;
        }
    };
    let [resource] = found.as_slice() else {
        let message = format!("the rows read as {} resources, not as one", found.len());
        report(
            "example-reads",
            message,
            "`record` holds the rows of one resource; see what `where` asks for",
        );
        return;
    };
    if let Some(expected) = &example.resource {
        let expected = stage.with_ids(expected);
        let shown = shown(resource, &expected);
        if !matches(&expected, &shown) {
            let message = format!("the rows read as\n{shown:#}");
            report("example-reads", message, "correct `resource`, or the lenses");
        }
    }
    let Some(change) = &example.change else { return };
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": stage.with_ids(change)
    });
    let id = resource.get("id").and_then(Json::as_str).unwrap_or_default();
    let (always, all) = (Preconditions::default(), Selection::default());
    if let Err(error) = stage.gateway.patch(&stage.cx, ty, id, &always, &body, &all).await {
        report("example-sets", format!("the change is refused: {}", error.detail()), "correct `change`");
        return;
    }
    match stage.rows(&example.sets).await {
        Ok(rows) if matches(&Json::Object(example.sets.clone()), &rows) => {}
        Ok(rows) => {
            report("example-sets", format!("the change leaves\n{rows:#}"), "correct `sets`, or the lenses")
        }
        Err(error) => report("example-sets", format!("the rows cannot be read: {error}"), "correct `sets`"),
    }
}
