//! From the body of a PATCH request to operations with paths.

use crate::scim::{
    Json, Object,
    error::ScimError,
    patch::{Op, Operation, PATCH_OP, PatchRules},
    path::PatchPath,
    schema::{Mutability, ResourceType, Schema},
    validate::Mode,
};

/// Reads the body of a PATCH request.
///
/// # Errors
///
/// 400 `invalidSyntax` if the body is not a `PatchOp` message, 413 if it has
/// too many operations, otherwise the error of the first operation that cannot be right.
pub fn parse_request(
    body: &Json,
    ty: &ResourceType,
    rules: &PatchRules,
) -> Result<Vec<Operation>, ScimError> {
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
    let mut operations = Vec::with_capacity(list.len());
    for operation in list {
        operations.extend(parse_operation(operation, ty, rules)?);
    }
    Ok(operations)
}

fn check_schemas(schemas: Option<&Json>, mode: Mode) -> Result<(), ScimError> {
    let is_patch = |urn: &Json| urn.as_str().is_some_and(|urn| urn.eq_ignore_ascii_case(PATCH_OP));
    match schemas {
        Some(Json::Array(list)) if list.iter().any(is_patch) => Ok(()),
        None | Some(Json::Null) if mode == Mode::Tolerant => Ok(()),
        _ => Err(ScimError::invalid_syntax(format!("`schemas` must name `{PATCH_OP}`."))),
    }
}

fn parse_operation(
    operation: &Json,
    ty: &ResourceType,
    rules: &PatchRules,
) -> Result<Vec<Operation>, ScimError> {
    let op = match operation.get("op").and_then(Json::as_str) {
        // Entra capitalises them; nothing else is meant.
        Some(op) if op.eq_ignore_ascii_case("add") => Op::Add,
        Some(op) if op.eq_ignore_ascii_case("remove") => Op::Remove,
        Some(op) if op.eq_ignore_ascii_case("replace") => Op::Replace,
        Some(op) => {
            return Err(ScimError::invalid_syntax(format!("`{op}` is not `add`, `remove` or `replace`.")));
        }
        None => {
            return Err(ScimError::invalid_syntax("An operation needs `op`: `add`, `remove` or `replace`."));
        }
    };
    let path = match operation.get("path") {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) if text.is_empty() && rules.mode == Mode::Tolerant => None,
        Some(Json::String(text)) => Some(PatchPath::parse(text, ty, &rules.filter)?),
        Some(_) => return Err(ScimError::invalid_path("`path` must be a string.")),
    };
    let value = operation.get("value");
    match (op, path) {
        (Op::Remove, None) => Err(ScimError::no_target("`remove` needs a path.")),
        (Op::Remove, Some(path)) => {
            let value = value.filter(|v| !v.is_null());
            if value.is_some() && rules.mode == Mode::Rfc {
                return Err(ScimError::invalid_value(format!(
                    "`remove` takes no value; select the elements of `{path}` by a filter."
                )));
            }
            Ok(vec![Operation { op, path: Some(path), value: value.cloned() }])
        }
        (Op::Add | Op::Replace, None) => expand(op, None, value, ty, rules),
        (Op::Add | Op::Replace, Some(path)) if path.attr.name.is_empty() => {
            expand(op, path.attr.urn.as_deref(), value, ty, rules)
        }
        (Op::Add | Op::Replace, Some(path)) => match value {
            Some(value) => Ok(vec![Operation { op, path: Some(path), value: Some(value.clone()) }]),
            None => Err(ScimError::invalid_value(format!("The operation on `{path}` needs a value."))),
        },
    }
}

/// One operation for each attribute of the value of an operation on a whole resource or schema.
pub(super) fn expand(
    op: Op,
    urn: Option<&str>,
    value: Option<&Json>,
    ty: &ResourceType,
    rules: &PatchRules,
) -> Result<Vec<Operation>, ScimError> {
    let schema = urn.map_or(Some(&ty.core), |urn| ty.find_schema(urn)).unwrap_or(&ty.core);
    match value {
        Some(Json::Object(attributes)) => {
            let mut expansion = Expansion { op, ty, rules, operations: Vec::new() };
            expansion.attributes(schema, attributes)?;
            Ok(expansion.operations)
        }
        Some(Json::Null) if schema.id != ty.core.id => Ok(removal(op, schema).into_iter().collect()),
        _ => Err(ScimError::invalid_value("An operation without a path needs an object as its value.")),
    }
}

/// Replacing a whole extension by null removes it; adding null adds nothing.
fn removal(op: Op, schema: &Schema) -> Option<Operation> {
    let path = Some(PatchPath::schema(&schema.id));
    (op == Op::Replace).then_some(Operation { op: Op::Remove, path, value: None })
}

struct Expansion<'a> {
    op: Op,
    ty: &'a ResourceType,
    rules: &'a PatchRules,
    operations: Vec<Operation>,
}

impl Expansion<'_> {
    fn attributes(&mut self, schema: &Schema, attributes: &Object) -> Result<(), ScimError> {
        let is_core = schema.id == self.ty.core.id;
        for (key, value) in attributes {
            if is_core && key.eq_ignore_ascii_case("schemas") {
                continue;
            }
            if let Some(attribute) = schema.find(key) {
                let urn = (!is_core).then_some(schema.id.as_str());
                self.push(PatchPath::attribute(urn, &attribute.name), value)?;
            } else if let Some(inner) = self.ty.find_schema(key).filter(|_| is_core) {
                self.schema(inner, value)?;
            } else {
                self.path(if is_core { key.clone() } else { format!("{}:{key}", schema.id) }, value)?;
            }
        }
        Ok(())
    }

    fn schema(&mut self, schema: &Schema, value: &Json) -> Result<(), ScimError> {
        match value {
            // The core schema's own URN as a key inside itself says nothing new; once is enough.
            Json::Object(part) if schema.id != self.ty.core.id => self.attributes(schema, part),
            Json::Null => {
                self.operations.extend(removal(self.op, schema));
                Ok(())
            }
            Json::Object(_) => Ok(()),
            _ => Err(ScimError::invalid_value(format!("`{}` must be an object.", schema.id))),
        }
    }

    /// A key that is no attribute but may be a path: `name.givenName`, `urn:…:department` (E-08).
    fn path(&mut self, key: String, value: &Json) -> Result<(), ScimError> {
        match PatchPath::parse(&key, self.ty, &self.rules.filter) {
            Ok(path) if self.rules.mode == Mode::Tolerant && !path.attr.name.is_empty() => {
                self.push(path, value)
            }
            _ if self.rules.mode == Mode::Tolerant => Ok(()),
            _ => Err(ScimError::invalid_syntax(format!("`{key}` is not an attribute."))),
        }
    }

    /// Read-only attributes in a value are an echo of what the client read (D-14).
    fn push(&mut self, path: PatchPath, value: &Json) -> Result<(), ScimError> {
        let is_read_only = self.ty.resolve(&path.target()).is_some_and(|found| {
            [Some(found.attribute), found.sub]
                .into_iter()
                .flatten()
                .any(|a| a.mutability == Mutability::ReadOnly)
        });
        match (is_read_only, self.rules.mode) {
            (true, Mode::Tolerant) => Ok(()),
            (true, Mode::Rfc) => Err(ScimError::mutability(format!("Attribute `{path}` is read-only."))),
            (false, _) => {
                let value = Some(value.clone());
                self.operations.push(Operation { op: self.op, path: Some(path), value });
                Ok(())
            }
        }
    }
}
