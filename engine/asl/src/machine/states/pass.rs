//! The Pass state: hands on its effective input, or its literal `Result`.

use crate::definition::Pass;
use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::machine::draft::Draft;
use crate::machine::flow;

pub(in crate::machine) fn run(draft: &mut Draft<'_>, scope: ScopeId, pass: &Pass) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    let result = pass.result.clone().unwrap_or(input);
    flow::complete(draft, scope, result, &pass.next)
}
