//! The Fail state: ends its scope with an error, which is its only result. It has no exit.

use crate::definition::Fail;
use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::machine::draft::Draft;

pub(in crate::machine) fn run(draft: &mut Draft<'_>, scope: ScopeId, fail: &Fail) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    let error =
        fail.error.as_ref().map(|text| draft.text(scope, "ErrorPath", text, input.value())).transpose()?;
    let cause =
        fail.cause.as_ref().map(|text| draft.text(scope, "CausePath", text, input.value())).transpose()?;
    Err(Failure { error, cause })
}
