//! Whether a new resource would be one of ours: what is made must be seen.

use crate::{
    mapping::{
        TypeMapping,
        form::{Answers, Cond, Eval},
        record::Record,
    },
    scim::error::ScimError,
};

impl TypeMapping {
    /// Refuses a new resource that lies outside of `where` by what is written, or would be protected. A field
    /// without a value says nothing: the store may fill it.
    ///
    /// # Errors
    ///
    /// 400 `invalidValue`.
    pub fn would_be_ours(&self, record: &Record, answers: &Answers) -> Result<(), ScimError> {
        let eval = Eval { shape: &self.shape, record, at: (0, 0), answers };
        let is_outside = self.asked.iter().any(|cond| is_written(cond, &eval) && !cond.holds(&eval));
        let is_protected = self.protect.as_ref().is_some_and(|protect| surely(protect, &eval));
        if is_outside || is_protected {
            return Err(ScimError::invalid_value(format!(
                "A new {} with these values would not be one that is managed here.",
                self.resource_type.name
            )));
        }
        Ok(())
    }
}

/// True if a COND holds whatever the store adds.
fn surely(cond: &Cond, eval: &Eval<'_>) -> bool {
    match cond {
        Cond::Any(list) => list.iter().any(|one| surely(one, eval)),
        one => is_written(one, eval) && one.holds(eval),
    }
}

/// True if all that a COND tests has a value.
fn is_written(cond: &Cond, eval: &Eval<'_>) -> bool {
    let mut fields = cond.fields().into_iter();
    cond.parts().is_empty() && fields.all(|field| !eval.values(field).is_empty())
}
