//! Bulk (RFC 7644 §3.7): each operation goes the way of a single request, with
//! its rights and its own atomicity; here is only what binds them together.
//!
//! A circle of references is made in two passes: one of its resources is
//! created without the references that are open, which are added as soon as
//! they are known (§3.7.1). If they cannot be added, the resource is removed
//! again and its operation answers 409; a crash in between leaves it without
//! them.

mod order;

use std::collections::HashMap;

use self::order::{Needs, Next, Order, Stage};
use crate::{
    gateway::{Context, Gateway, TypeId},
    scim::{
        Json, Object,
        bulk::{
            BulkRequest, Method, Operation, Outcome, Sent, Target,
            reference::{self, Cut, LeftOut},
            response,
        },
        error::ScimError,
        precondition::{Preconditions, version_of},
        resource::Selection,
    },
};

/// Brings the data of an operation into the RFC's form, for callers whose deviations are understood.
pub type Adapt<'a> = &'a dyn Fn(TypeId, Method, &mut Json);

/// What is known of the operations so far.
struct Run<'a> {
    gateway: &'a Gateway,
    cx: &'a Context,
    adapt: Adapt<'a>,
    request: &'a BulkRequest,
    /// `bulkId` → the operation that makes the resource.
    makers: HashMap<&'a str, usize>,
    order: Order,
    jobs: Vec<Job>,
    errors: u64,
    /// The store does not answer: nothing more is tried.
    is_down: bool,
}

#[derive(Default)]
struct Job {
    id: Option<String>,
    /// References that were left out, with their places.
    later: LeftOut,
    outcome: Option<Outcome>,
}

impl Gateway {
    /// Carries out a bulk request and answers with what became of each operation that was tried.
    pub async fn bulk(&self, cx: &Context, request: &BulkRequest, adapt: Adapt<'_>) -> Json {
        let mut run = Run::new(self, cx, request, adapt);
        run.all().await;
        let tried = run.jobs.iter().filter(|job| job.outcome.is_some()).count();
        tracing::info!(
            operations = request.operations.len(),
            tried,
            failed = run.errors,
            "a bulk request ended"
        );
        let outcomes = request.operations.iter().zip(&run.jobs);
        response(outcomes.filter_map(|(sent, job)| Some(job.outcome.as_ref()?.body(sent))).collect())
    }
}

impl<'a> Run<'a> {
    fn new(gateway: &'a Gateway, cx: &'a Context, request: &'a BulkRequest, adapt: Adapt<'a>) -> Self {
        let makers = makers(&request.operations);
        let order = Order::new(needs(&request.operations, &makers));
        let jobs = request.operations.iter().map(|_| Job::default()).collect();
        Self { gateway, cx, adapt, request, makers, order, jobs, errors: 0, is_down: false }
    }

    async fn all(&mut self) {
        while !self.is_over()
            && let Some(next) = self.order.next()
        {
            match next {
                Next::Run(index) => self.begin(index, false).await,
                Next::Cut(index) => self.begin(index, true).await,
                Next::Complete(index) => self.complete(index).await,
            }
        }
        for index in self.order.made() {
            self.complete(index).await;
        }
        if self.is_down {
            self.leave_the_rest();
        }
    }

    /// `failOnErrors` (7644-3.7-c).
    fn is_over(&self) -> bool {
        self.is_down || self.request.fail_on_errors.is_some_and(|most| self.errors >= most)
    }

    /// What could not be tried, because the store is not there, may be sent again.
    fn leave_the_rest(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| job.outcome.is_none()) {
            let error = ScimError::unavailable("This was not tried, since the store cannot be reached.", 30);
            job.outcome = Some(Outcome { status: Err(error), location: None, version: None });
        }
    }

    async fn begin(&mut self, index: usize, cut: bool) {
        let Some(sent) = self.request.operations.get(index) else { return };
        let attempt = match &sent.operation {
            Ok(operation) => self.attempt(index, operation, cut).await,
            Err(error) => Err(error.clone()),
        };
        let is_made = self.jobs.get(index).is_some_and(|job| !job.later.is_empty());
        match attempt {
            Ok(outcome) if is_made => self.keep(index, outcome, Stage::Made),
            Ok(outcome) => self.keep(index, outcome, Stage::Settled),
            Err(error) => self.fail(index, error),
        }
    }

    fn keep(&mut self, index: usize, outcome: Outcome, stage: Stage) {
        self.order.set(index, stage);
        if let Some(job) = self.jobs.get_mut(index) {
            job.outcome = Some(outcome);
        }
    }

    fn fail(&mut self, index: usize, error: ScimError) {
        self.errors += 1;
        self.is_down |= error.status() == 503;
        let sent = self.request.operations.get(index);
        let operation = sent.and_then(|sent| sent.operation.as_ref().ok());
        let location = operation.filter(|o| o.method != Method::Post).and_then(|o| self.location(o));
        self.keep(index, Outcome { status: Err(error), location, version: None }, Stage::Settled);
    }

    /// The URL that an operation is about, whether or not there is anything (7644-3.7-e).
    fn location(&self, operation: &Operation) -> Option<String> {
        let id = self.target(operation)?;
        Some(format!("{}/{}/{id}", self.cx.base_url, operation.endpoint))
    }

    /// The id of the resource that an operation is about.
    fn target(&self, operation: &Operation) -> Option<String> {
        match operation.target.as_ref()? {
            Target::Id(id) => Some(id.clone()),
            Target::Made(name) => self.id(name),
        }
    }

    /// The id of what the operation with this `bulkId` made.
    fn id(&self, name: &str) -> Option<String> {
        let job = self.jobs.get(*self.makers.get(name)?)?;
        job.id.clone().filter(|_| job.outcome.as_ref().is_some_and(|o| o.status.is_ok()))
    }

    /// Everything that an operation refers to must be there, or at least be tried.
    fn check_references(&self, operation: &Operation) -> Result<(), ScimError> {
        let target = match &operation.target {
            Some(Target::Made(name)) => Some(name.clone()),
            _ => None,
        };
        for name in reference::find(&operation.data).into_iter().chain(target) {
            let Some(maker) = self.makers.get(name.as_str()) else {
                let detail = format!("`bulkId:{name}` names no POST operation of this request.");
                return Err(ScimError::invalid_value(detail));
            };
            let outcome = self.jobs.get(*maker).and_then(|job| job.outcome.as_ref());
            if outcome.is_some_and(|o| o.status.is_err()) {
                let detail = format!("The operation that `bulkId:{name}` refers to has failed.");
                return Err(ScimError::invalid_value(detail));
            }
        }
        Ok(())
    }

    async fn attempt(
        &mut self,
        index: usize,
        operation: &Operation,
        cut: bool,
    ) -> Result<Outcome, ScimError> {
        let Operation { method, endpoint, data, version, .. } = operation;
        let ty = self.gateway.find_endpoint(endpoint).ok_or_else(|| {
            ScimError::invalid_syntax("`path` does not begin with the endpoint of a resource type.")
        })?;
        let sent = self.request.operations.get(index);
        if let (Method::Post, Some(name)) = (method, sent.and_then(|sent| sent.bulk_id.as_deref()))
            && self.makers.get(name) != Some(&index)
        {
            return Err(ScimError::invalid_value("Another operation has the same `bulkId`."));
        }
        self.check_references(operation)?;
        let Cut { first, later } = match cut {
            true => reference::cut(data, &|name| self.id(name).is_none()),
            false => Cut { first: data.clone(), later: Vec::new() },
        };
        self.check_optional(ty, &later)?;
        let mut data = reference::resolve(&first, &|name| self.id(name));
        (self.adapt)(ty, *method, &mut data);
        let resource_type = &self.gateway.ty(ty)?.resource_type;
        let selection = Selection::parse(Some("meta"), None, resource_type)?;
        let id = self.target(operation).unwrap_or_default();
        let conditions = Preconditions::if_match(version.as_deref());
        let (gateway, cx) = (self.gateway, self.cx);
        let (status, resource) = match method {
            Method::Post => (201, Some(gateway.create(cx, ty, &data, &selection).await?)),
            Method::Put => (200, Some(gateway.replace(cx, ty, &id, &conditions, &data, &selection).await?)),
            Method::Patch => (200, gateway.patch(cx, ty, &id, &conditions, &data, &selection).await?),
            Method::Delete => {
                gateway.delete(cx, ty, &id, &conditions).await?;
                (204, None)
            }
        };
        let text = |value: Option<&str>| value.map(str::to_owned);
        let made = resource.as_ref().and_then(|r| r.get("id")).and_then(Json::as_str);
        let location = text(resource.as_ref().and_then(location_of)).or_else(|| self.location(operation));
        let version = text(resource.as_ref().and_then(version_of));
        if let Some(job) = self.jobs.get_mut(index) {
            job.id = Some(made.map_or(id, str::to_owned));
            job.later = later;
        }
        Ok(Outcome { status: Ok(status), location, version })
    }

    /// What is required cannot be left out for now.
    fn check_optional(&self, ty: TypeId, later: &[(String, Json)]) -> Result<(), ScimError> {
        let resource_type = &self.gateway.ty(ty)?.resource_type;
        for (path, _) in later {
            let path = crate::scim::attribute::AttrPath::parse(path);
            if path
                .and_then(|path| resource_type.resolve(&path))
                .is_some_and(|found| found.attribute.required)
            {
                return Err(ScimError::conflict(
                    "The operations refer to each other in a circle by a required attribute.",
                ));
            }
        }
        Ok(())
    }

    /// The second pass: adds the references that were left out, or takes the resource back.
    async fn complete(&mut self, index: usize) {
        let Some((ty, id, later)) = self.left_out(index) else { return };
        let added = self.add_left_out(ty, &id, &later).await;
        match added {
            Ok(version) => {
                self.order.set(index, Stage::Settled);
                if let Some(outcome) = self.jobs.get_mut(index).and_then(|job| job.outcome.as_mut()) {
                    outcome.version = version;
                }
            }
            Err(error) => {
                let taken_back = self.gateway.delete(self.cx, ty, &id, &Preconditions::default()).await;
                if let Err(error) = &taken_back {
                    tracing::warn!(%error, "a resource of a circle of references could not be removed again");
                }
                let kept = if taken_back.is_ok() { "" } else { " It exists without them." };
                let error = match error.status() {
                    503 => error,
                    _ => ScimError::conflict(format!(
                        "The resource's references to other operations cannot be made: {}{kept}",
                        error.detail()
                    )),
                };
                self.fail(index, error);
            }
        }
    }

    fn left_out(&self, index: usize) -> Option<(TypeId, String, LeftOut)> {
        let operation = self.request.operations.get(index)?.operation.as_ref().ok()?;
        let job = self.jobs.get(index)?;
        Some((self.gateway.find_endpoint(&operation.endpoint)?, job.id.clone()?, job.later.clone()))
    }

    async fn add_left_out(
        &self,
        ty: TypeId,
        id: &str,
        later: &[(String, Json)],
    ) -> Result<Option<String>, ScimError> {
        for (_, value) in later {
            if let Some(name) = reference::find(value).into_iter().find(|name| self.id(name).is_none()) {
                return Err(ScimError::invalid_value(format!("`bulkId:{name}` was not made.")));
            }
        }
        let mut data = reference::completion(later, &|name| self.id(name));
        (self.adapt)(ty, Method::Patch, &mut data);
        let selection = Selection::parse(Some("meta"), None, &self.gateway.ty(ty)?.resource_type)?;
        let none = Preconditions::default();
        let resource = self.gateway.patch(self.cx, ty, id, &none, &data, &selection).await?;
        Ok(resource.as_ref().and_then(version_of).map(str::to_owned))
    }
}

fn location_of(resource: &Object) -> Option<&str> {
    resource.get("meta")?.get("location")?.as_str()
}

/// The operations that make resources, by `bulkId`; the first of a name counts.
fn makers(operations: &[Sent]) -> HashMap<&str, usize> {
    let mut makers = HashMap::new();
    for (index, sent) in operations.iter().enumerate() {
        let makes = sent.method.as_deref() == Some(Method::Post.as_str());
        if let (true, Some(name)) = (makes, sent.bulk_id.as_deref()) {
            makers.entry(name).or_insert(index);
        }
    }
    makers
}

/// What each operation waits for.
fn needs(operations: &[Sent], makers: &HashMap<&str, usize>) -> Vec<Needs> {
    let mut last: HashMap<(&str, &Target), usize> = HashMap::new();
    let mut all = Vec::with_capacity(operations.len());
    for (index, sent) in operations.iter().enumerate() {
        let mut needs = Needs::default();
        if let Ok(operation) = &sent.operation {
            let mut references: Vec<usize> = reference::find(&operation.data)
                .iter()
                .filter_map(|n| makers.get(n.as_str()).copied())
                .collect();
            references.sort_unstable();
            references.dedup();
            needs.references = references;
            if let Some(target) = &operation.target {
                needs.before = last.insert((&operation.endpoint, target), index);
            }
            if let Some(Target::Made(name)) = &operation.target {
                needs.target = makers.get(name.as_str()).copied();
            }
        }
        all.push(needs);
    }
    all
}
