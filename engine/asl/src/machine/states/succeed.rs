//! The Succeed state: ends its scope with its effective input.

use crate::definition::Next;
use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::machine::draft::Draft;
use crate::machine::flow;

pub(in crate::machine) fn run(draft: &mut Draft<'_>, scope: ScopeId) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    flow::complete(draft, scope, input, &Next::End)
}
