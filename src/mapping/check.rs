//! Static checks of a compiled mapping: what each form says may be right and
//! the whole still wrong.
//!
//! The checks need no store; what only a live schema can tell (types, lengths,
//! indexes) is checked against the store elsewhere.

mod fields;
mod history;
mod logs;
mod rows;
mod states;
mod tree;
mod types;

use time::{OffsetDateTime, macros::datetime};

use crate::mapping::{compile::TypeDraft, diagnostic::Diagnostics};

/// When the sets of the file are tried out. Not at the epoch, whose number is 0, which often means never.
const SOME_TIME: OffsetDateTime = datetime!(2026-01-02 12:00 UTC);

/// Runs every check.
pub(super) fn run(types: &[TypeDraft], diagnostics: &mut Diagnostics) {
    for draft in types {
        fields::check_written_once(draft, diagnostics);
        fields::check_derived(draft, diagnostics);
        fields::check_watched(draft, diagnostics);
        types::check_rename(draft, diagnostics);
        types::check_by(draft, types, diagnostics);
        states::check_states(draft, diagnostics);
        logs::check_logs(draft, diagnostics);
        if !draft.broken {
            // These ask for what is missing; it may be what could not be read.
            rows::check_where(draft, diagnostics);
            history::check_endings(draft, diagnostics);
            history::check_keep(draft, diagnostics);
            rows::check_rdn(draft, diagnostics);
            tree::check_names(draft, diagnostics);
            types::check_required(draft, diagnostics);
        }
    }
}
