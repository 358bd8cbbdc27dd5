//! From the body of a PATCH request to operations with paths.

use crate::scim::{
    Json, Object,
    error::ScimError,
    patch::{Op, Operation, PATCH_OP, PatchRules},
    path::PatchPath,
    schema::{DataType, Mutability, ResourceType, Schema},
    validate::{Mode, intake::is_reference, not_an_attribute},
};

/// A PATCH request as it was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchRequest {
    /// The operations in their order, each with a path.
    pub operations: Vec<Operation>,
    /// How many names in values no schema defines; they have no effect (D-6).
    pub ignored: usize,
}

/// Reads the body of a PATCH request.
///
/// # Errors
///
/// 400 `invalidSyntax` if the body is not a `PatchOp` message, 413 if it has
/// too many operations, otherwise the error of the first operation that cannot be right.
pub fn parse_request(body: &Json, ty: &ResourceType, rules: &PatchRules) -> Result<PatchRequest, ScimError> {
    let Json::Object(body) = body else {
        return Err(ScimError::invalid_syntax("The body must be an object with `Operations`."));
    };
    check_schemas(body.get("schemas"), rules.mode)?;
    let list = match body.get("Operations") {
        Some(Json::Array(list)) if !list.is_empty() => list,
        Some(Json::Array(_)) => return Err(ScimError::invalid_syntax("`Operations` is empty.")),
        _ => return Err(ScimError::invalid_syntax("`Operations` must be an array of operations.")),
    };
    if list.len() > rules.max_operations {
        let limit = rules.max_operations;
        return Err(ScimError::too_large(format!("The request has more than {limit} operations.")));
    }
    let mut reader = Reader::new(ty, rules);
    list.iter().try_for_each(|operation| reader.operation(operation))?;
    Ok(reader.request)
}

fn check_schemas(schemas: Option<&Json>, mode: Mode) -> Result<(), ScimError> {
    let is_patch = |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_OP));
    match schemas {
        Some(Json::Array(list)) if list.iter().any(is_patch) => Ok(()),
        None | Some(Json::Null) if mode == Mode::Tolerant => Ok(()),
        _ => Err(ScimError::invalid_syntax(format!("`schemas` must name `{PATCH_OP}`."))),
    }
}

/// One operation for each attribute of the value of an operation on a whole resource.
pub(super) fn expand(
    op: Op,
    value: Option<&Json>,
    ty: &ResourceType,
    rules: &PatchRules,
) -> Result<PatchRequest, ScimError> {
    let mut reader = Reader::new(ty, rules);
    reader.whole(op, None, value)?;
    Ok(reader.request)
}

struct Reader<'a> {
    ty: &'a ResourceType,
    rules: &'a PatchRules,
    request: PatchRequest,
}

impl<'a> Reader<'a> {
    fn new(ty: &'a ResourceType, rules: &'a PatchRules) -> Self {
        Self { ty, rules, request: PatchRequest::default() }
    }

    fn operation(&mut self, operation: &Json) -> Result<(), ScimError> {
        let op = read_op(operation.get("op"))?;
        let path = match operation.get("path") {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) if text.is_empty() && self.rules.mode == Mode::Tolerant => None,
            Some(Json::String(text)) => Some(PatchPath::parse(text, self.ty, &self.rules.filter)?),
            Some(_) => return Err(ScimError::invalid_path("`path` must be a string.")),
        };
        let value = operation.get("value");
        let Some(path) = path else {
            return match (op, self.rules.mode) {
                (Op::Remove, _) => Err(ScimError::no_target("`remove` needs a path.")),
                (_, Mode::Strict) => Err(ScimError::invalid_syntax("An operation needs a path.")),
                (Op::Add | Op::Replace, _) => self.whole(op, None, value),
            };
        };
        self.check_targets(op, &path)?;
        match (op, value) {
            // Whatever the mode: a list says which elements go, so it must never mean all of them.
            (Op::Remove, value) => self.push(op, path, value.filter(|v| !v.is_null())),
            (Op::Add | Op::Replace, value) if path.attr.name.is_empty() => {
                self.whole(op, path.attr.urn.as_deref(), value)
            }
            (Op::Add | Op::Replace, Some(value)) => self.push(op, path, Some(value)),
            (Op::Add | Op::Replace, None) => {
                Err(ScimError::invalid_value(format!("The operation on `{path}` needs a value.")))
            }
        }
    }

    /// The interoperability profile has no operations on whole elements. Members may go by their id
    /// all the same: the IPSIE profile, which builds on it, removes them so, and so do Entra and Okta.
    fn check_targets(&self, op: Op, path: &PatchPath) -> Result<(), ScimError> {
        if self.rules.mode != Mode::Strict || path.filter.is_none() || path.sub.is_some() {
            return Ok(());
        }
        let is_list_of_references = self.ty.resolve(&path.attr).is_some_and(|f| is_reference(f.attribute));
        if op == Op::Remove && is_list_of_references {
            return Ok(());
        }
        Err(ScimError::invalid_path(format!("The path `{path}` must name a sub-attribute.")))
    }

    fn push(&mut self, op: Op, path: PatchPath, value: Option<&Json>) -> Result<(), ScimError> {
        self.note_unknown(&path, value)?;
        self.request.operations.push(Operation { op, path: Some(path), value: value.cloned() });
        Ok(())
    }

    /// Counts the names in a value that are no sub-attributes; in strict mode they are errors (D-6).
    fn note_unknown(&mut self, path: &PatchPath, value: Option<&Json>) -> Result<(), ScimError> {
        let Some(found) = self.ty.resolve(&path.target()) else { return Ok(()) };
        let attribute = found.leaf();
        let elements = match value {
            Some(Json::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        if attribute.data_type != DataType::Complex {
            return Ok(());
        }
        let names = elements.iter().filter_map(Json::as_object).flat_map(Object::keys);
        for name in names.filter(|name| attribute.find_sub(name).is_none()) {
            self.ignore(&format!("{}.{name}", path.attr))?;
        }
        Ok(())
    }

    fn ignore(&mut self, name: &str) -> Result<(), ScimError> {
        if self.rules.mode == Mode::Strict {
            return Err(not_an_attribute(name));
        }
        self.request.ignored += 1;
        Ok(())
    }

    /// One operation for each attribute of the value of an operation on a whole resource or schema.
    fn whole(&mut self, op: Op, urn: Option<&str>, value: Option<&Json>) -> Result<(), ScimError> {
        let ty = self.ty;
        let schema = urn.map_or(Some(&ty.core), |urn| ty.find_schema(urn)).unwrap_or(&ty.core);
        match value {
            Some(Json::Object(attributes)) => self.attributes(op, schema, attributes),
            Some(Json::Null) if schema.id != ty.core.id => {
                self.request.operations.extend(removal(op, schema));
                Ok(())
            }
            _ => Err(ScimError::invalid_value("An operation without a path needs an object as its value.")),
        }
    }

    fn attributes(&mut self, op: Op, schema: &Schema, attributes: &Object) -> Result<(), ScimError> {
        let ty = self.ty;
        let is_core = schema.id == ty.core.id;
        for (key, value) in attributes {
            if is_core && key.eq_ignore_ascii_case("schemas") {
                continue;
            }
            if let Some(attribute) = schema.find(key) {
                let urn = (!is_core).then_some(schema.id.as_str());
                self.attribute(op, PatchPath::attribute(urn, &attribute.name), value)?;
            } else if let Some(inner) = ty.find_schema(key).filter(|_| is_core) {
                self.schema(op, inner, value)?;
            } else {
                self.key(op, if is_core { key.clone() } else { format!("{}:{key}", schema.id) }, value)?;
            }
        }
        Ok(())
    }

    fn schema(&mut self, op: Op, schema: &Schema, value: &Json) -> Result<(), ScimError> {
        match value {
            // The core schema's own URN as a key inside itself says nothing new; once is enough.
            Json::Object(part) if schema.id != self.ty.core.id => self.attributes(op, schema, part),
            Json::Null => {
                self.request.operations.extend(removal(op, schema));
                Ok(())
            }
            Json::Object(_) => Ok(()),
            _ => Err(ScimError::invalid_value(format!("`{}` must be an object.", schema.id))),
        }
    }

    /// A key that is no attribute but may be a path: `name.givenName`, `urn:…:department` (E-08).
    fn key(&mut self, op: Op, key: String, value: &Json) -> Result<(), ScimError> {
        match PatchPath::parse(&key, self.ty, &self.rules.filter) {
            Ok(path) if self.rules.mode == Mode::Tolerant && !path.attr.name.is_empty() => {
                self.attribute(op, path, value)
            }
            _ => self.ignore(&key),
        }
    }

    /// Read-only attributes in a value are an echo of what the client read (D-14).
    fn attribute(&mut self, op: Op, path: PatchPath, value: &Json) -> Result<(), ScimError> {
        let is_read_only = self.ty.resolve(&path.target()).is_some_and(|found| {
            [Some(found.attribute), found.sub]
                .into_iter()
                .flatten()
                .any(|a| a.mutability == Mutability::ReadOnly)
        });
        match (is_read_only, self.rules.mode) {
            (true, Mode::Tolerant) => Ok(()),
            (true, Mode::Rfc | Mode::Strict) => {
                Err(ScimError::mutability(format!("Attribute `{path}` is read-only.")))
            }
            (false, _) => self.push(op, path, Some(value)),
        }
    }
}

fn read_op(op: Option<&Json>) -> Result<Op, ScimError> {
    match op.and_then(Json::as_str) {
        // Entra capitalises them; nothing else is meant.
        Some(op) if op.eq_ignore_ascii_case("add") => Ok(Op::Add),
        Some(op) if op.eq_ignore_ascii_case("remove") => Ok(Op::Remove),
        Some(op) if op.eq_ignore_ascii_case("replace") => Ok(Op::Replace),
        Some(op) => Err(ScimError::invalid_syntax(format!("`{op}` is not `add`, `remove` or `replace`."))),
        None => Err(ScimError::invalid_syntax("An operation needs `op`: `add`, `remove` or `replace`.")),
    }
}

/// Replacing a whole extension by null removes it; adding null adds nothing.
fn removal(op: Op, schema: &Schema) -> Option<Operation> {
    let path = Some(PatchPath::schema(&schema.id));
    (op == Op::Replace).then_some(Operation { op: Op::Remove, path, value: None })
}
