//! An example of a document: a mapping, the rows of a store, requests, and
//! what becomes of both. It runs in a gateway over the memory store.

use std::sync::Arc;

use scimgate::{
    auth::Principal,
    cli::examples::stage::{Stage, matches, shown},
    config::{ClientSettings, Scope},
    gateway::Context,
    mapping::{Mapping, form::Answers},
    scim::{
        Json,
        error::ScimError,
        filter::parse::{FilterRules, parse},
        precondition::Preconditions,
        resource::Selection,
    },
    store::Predicate,
};
use serde_json::json;
use tempfile::TempDir;
use time::macros::datetime;

use super::markdown::Block;

const BASE_URL: &str = "https://gate.example/scim/v2";

/// A gateway for one example.
pub(crate) struct Example {
    stage: Stage,
    /// The answer to the last request, until a block asks for it.
    answer: Option<Result<Json, ScimError>>,
    _directory: TempDir,
}

impl Example {
    pub(crate) fn new(mapping: Mapping) -> Self {
        let directory = TempDir::new().unwrap();
        let client = ClientSettings {
            name: "provider".to_owned(),
            scopes: vec![Scope::All],
            ..ClientSettings::default()
        };
        let cx = Context { principal: Arc::new(Principal::from(&client)), base_url: BASE_URL.to_owned() };
        let stage = Stage::new(mapping, cx, &directory.path().join("ids.db")).unwrap();
        Self { stage, answer: None, _directory: directory }
    }

    /// Carries out one block of JSON.
    pub(crate) async fn run(&mut self, block: &Block) {
        let (step, ty) = block.tags.first().map(|(n, v)| (n.as_str(), v.as_str())).expect("a step");
        let ty = if ty.is_empty() {
            self.stage.mapping.types[0].resource_type.name.clone()
        } else {
            ty.to_owned()
        };
        let json: Json = serde_json::from_str(&block.text)
            .unwrap_or_else(|e| panic!("line {}: this is no JSON: {e}", block.line));
        let json = self.stage.with_ids(&json);
        if !matches!(step, "refuses" | "answers") {
            self.settle(block.line);
        }
        match step {
            "rows" => self.stage.insert(json.as_object().unwrap()).await.unwrap(),
            "reads" => self.reads(&ty, &json, block.line).await,
            "writes" => self.writes(&json, block.line).await,
            "finds" => self.finds(&ty, &json, block.line).await,
            "pushes" => self.pushes(&ty, &json, block.line),
            "publishes" => self.publishes(&ty, &json, block.line),
            "post" | "put" | "patch" | "delete" => {
                let answer = self.request(step, &ty, &json).await;
                self.answer = Some(answer);
            }
            "answers" => {
                let answer = self.answer.take().expect("a request before").map(|a| shown(&a, &json));
                self.compare(block.line, &json, &answer.unwrap_or_else(|e| e.body()));
            }
            "refuses" => {
                let Err(error) = self.answer.take().expect("a request before") else {
                    panic!("line {}: the request was not refused", block.line)
                };
                let found = json!({
                    "status": error.status(), "scimType": error.scim_type().map(|t| t.as_str()),
                    "detail": error.detail(),
                });
                let asked: Json = json
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|k| (k.clone(), found[k].clone()))
                    .collect::<serde_json::Map<_, _>>()
                    .into();
                self.compare(block.line, &json, &asked);
            }
            other => panic!("line {}: there is no step `{other}`", block.line),
        }
    }

    /// An error that no block asked for is a mistake of the example.
    pub(crate) fn settle(&mut self, line: usize) {
        if let Some(Err(error)) = self.answer.take() {
            panic!("before line {line}: the request was refused: {error}");
        }
    }

    fn type_id(&self, name: &str) -> usize {
        self.stage.mapping.find_type(name).unwrap_or_else(|| panic!("no type {name}"))
    }

    async fn resources(&self, ty: &str, filter: Option<&str>) -> Vec<Json> {
        let filter = filter.map(|f| parse(f, &FilterRules::tolerant()).unwrap());
        self.stage.resources(self.type_id(ty), filter).await.unwrap_or_else(|e| panic!("{e}"))
    }

    async fn reads(&self, ty: &str, expected: &Json, line: usize) {
        let found = self.resources(ty, None).await;
        match expected {
            Json::Array(list) => {
                let found: Vec<Json> = found
                    .iter()
                    .zip(list)
                    .map(|(f, e)| shown(f, e))
                    .chain(found.iter().skip(list.len()).cloned())
                    .collect();
                self.compare(line, expected, &found.into());
            }
            one => {
                assert_eq!(found.len(), 1, "line {line}: one {ty} is there");
                self.compare(line, one, &shown(&found[0], one));
            }
        }
    }

    async fn writes(&self, expected: &Json, line: usize) {
        let found = self.stage.rows(expected.as_object().unwrap()).await.unwrap();
        self.compare(line, expected, &found);
    }

    async fn finds(&self, ty: &str, expected: &Json, line: usize) {
        for (filter, names) in expected.as_object().unwrap() {
            let found = self.resources(ty, Some(filter)).await;
            let name = |r: &Json| r.get("userName").or(r.get("displayName")).cloned().unwrap_or_default();
            let found: Json = found.iter().map(name).collect::<Vec<_>>().into();
            assert_eq!(found, *names, "line {line}: {filter}");
        }
    }

    /// How much of a filter the store is asked: `exactly`, `more` than matches, or `nothing`.
    fn pushes(&self, ty: &str, expected: &Json, line: usize) {
        let mapping = &self.stage.mapping.types[self.type_id(ty)];
        for (text, how) in expected.as_object().unwrap() {
            let filter = parse(text, &FilterRules::tolerant()).unwrap();
            let answers = Answers::new(datetime!(2026-11-24 12:00 UTC), "");
            let pushed = mapping.push(&filter, &answers);
            let found = match (pushed.exact, pushed.predicate) {
                (true, _) => "exactly",
                (false, Predicate::True) => "nothing",
                (false, _) => "more",
            };
            assert_eq!(found, how.as_str().unwrap(), "line {line}: {text}");
        }
    }

    fn publishes(&self, ty: &str, expected: &Json, line: usize) {
        let published = &self.stage.mapping.types[self.type_id(ty)].resource_type;
        for (path, characteristics) in expected.as_object().unwrap() {
            let path = scimgate::scim::attribute::AttrPath::parse(path).unwrap();
            let Some(found) = published.resolve(&path) else {
                assert_eq!(*characteristics, Json::Null, "line {line}: {path} is not published");
                continue;
            };
            let found = serde_json::to_value(found.leaf()).unwrap();
            for (name, value) in characteristics.as_object().unwrap() {
                assert_eq!(found[name], *value, "line {line}: {name} of {path}");
            }
        }
    }

    async fn request(&self, method: &str, ty: &str, body: &Json) -> Result<Json, ScimError> {
        let id = self.type_id(ty);
        let published = &self.stage.mapping.types[id].resource_type;
        let (gateway, cx, all) =
            (&self.stage.gateway, &self.stage.cx, Selection::parse(None, None, published)?);
        let mut body = body.clone();
        let schema = published.core.id.clone();
        let first = async || {
            let found = self.resources(ty, None).await;
            found.first().and_then(|r| r["id"].as_str()).expect("a resource").to_owned()
        };
        match method {
            "post" => {
                body["schemas"] = json!([schema]);
                gateway.create(cx, id, &body, &all).await.map(Json::Object)
            }
            "put" => {
                body["schemas"] = json!([schema]);
                gateway
                    .replace(cx, id, &first().await, &Preconditions::default(), &body, &all)
                    .await
                    .map(Json::Object)
            }
            "patch" => {
                let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": body });
                let answer =
                    gateway.patch(cx, id, &first().await, &Preconditions::default(), &body, &all).await?;
                Ok(answer.map_or(Json::Null, Json::Object))
            }
            _ => gateway.delete(cx, id, &first().await, &Preconditions::default()).await.map(|()| Json::Null),
        }
    }

    fn compare(&self, line: usize, expected: &Json, found: &Json) {
        assert!(matches(expected, found), "line {line}: expected\n{expected:#}\nfound\n{found:#}");
    }
}
