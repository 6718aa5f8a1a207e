//! The Wait state: enter, sleep until a fixed time, leave.
//!
//! The wake-up time is computed once, on entry, and recorded; a restart never computes it again. Does not
//! know about timers: the time becomes one of the execution's deadlines, and `Wake` fires it.

use std::time::Duration;

use serde_json::Value;

use crate::definition::{Wait, WaitUntil};
use crate::eval::Path;
use crate::failure::Failure;
use crate::ids::ScopeId;
use crate::machine::draft::Draft;
use crate::machine::event::Fact;
use crate::machine::flow;
use crate::time::Timestamp;

/// The longest wait the service takes: 24,855 days, the days in 2³¹ seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(24_855 * 86_400 + 86_399);

pub(in crate::machine) fn begin(draft: &mut Draft<'_>, scope: ScopeId, wait: &Wait) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    let until = match &wait.until {
        WaitUntil::Seconds(seconds) => draft.now.after(Duration::from_secs(*seconds)),
        WaitUntil::Timestamp(at) => *at,
        WaitUntil::SecondsPath(path) => seconds_at(draft, scope, path, input.value())?,
        WaitUntil::TimestampPath(path) => timestamp_at(draft, scope, path, input.value())?,
    };
    if draft.now.until(until) > LONGEST_WAIT {
        return Err(flow::runtime_fault(draft, scope, "Wait state delay is too long."));
    }
    if until <= draft.now {
        return flow::complete(draft, scope, input, &wait.next);
    }
    draft.emit(scope, Fact::WaitScheduled { until });
    Ok(())
}

/// The time has come.
pub(in crate::machine) fn wake(draft: &mut Draft<'_>, scope: ScopeId, wait: &Wait) -> Result<(), Failure> {
    let input = draft.effective_input(scope, None)?;
    flow::complete(draft, scope, input, &wait.next)
}

fn seconds_at(draft: &Draft<'_>, scope: ScopeId, path: &Path, input: &Value) -> Result<Timestamp, Failure> {
    let fault = |cause| flow::runtime_fault(draft, scope, cause);
    let Ok(value) = draft.value_at(scope, path, input) else {
        return Err(fault(format!("The SecondsPath parameter does not reference an input value: {path}")));
    };
    match value.as_i64().or_else(|| value.as_str()?.parse().ok()) {
        Some(seconds) => u64::try_from(seconds)
            .map(|seconds| draft.now.after(Duration::from_secs(seconds)))
            .map_err(|_| {
                fault(format!("The SecondsPath parameter references a negative value: {path} == {value}"))
            }),
        None => Err(fault(format!(
            "The SecondsPath parameter cannot be parsed as a long value: {path} == {value}"
        ))),
    }
}

fn timestamp_at(draft: &Draft<'_>, scope: ScopeId, path: &Path, input: &Value) -> Result<Timestamp, Failure> {
    let value = draft.value_at(scope, path, input)?;
    value.as_str().and_then(Timestamp::parse_rfc3339).ok_or_else(|| {
        let found = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let cause = format!(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: {path} == {found}"
        );
        flow::runtime_fault(draft, scope, cause)
    })
}
