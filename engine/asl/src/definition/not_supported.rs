//! What the language knows and this version cannot run yet, all in one place.
//!
//! Refused with a code of its own, so that nobody takes it for a mistake of theirs. A feature that arrives
//! takes its lines out of here.

use super::Code;
use super::fields::Cursor;

/// Fields by the feature they belong to.
const FIELDS: &[(&str, &[&str])] = &[
    ("variables", &["Assign"]),
    (
        "Distributed Map",
        &[
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
            "Label",
        ],
    ),
    ("compensation", &["Compensation", "CompensationRetry", "OnFailure", "OnUnknown", "Pivot"]),
];

/// Fields that only states of the other query language have.
const JSONATA_FIELDS: &[&str] = &["Arguments", "Output", "Items", "Condition"];

/// Reports a field that is known to the language but not to its place, and answers whether it is one.
pub(super) fn report_field(name: &str, field: &Cursor<'_>) -> bool {
    if JSONATA_FIELDS.contains(&name) {
        let message = format!(
            "The QueryLanguage is set to 'JSONPath', but field '{name}' is only supported for the 'JSONata' QueryLanguage"
        );
        field.report(Code::QueryLanguageMismatch, message);
        return true;
    }
    let feature = FIELDS.iter().find(|(_, fields)| fields.contains(&name));
    if let Some((feature, _)) = feature {
        field.report(Code::NotSupportedYet, format!("Field '{name}' ({feature}) is not supported yet"));
    }
    feature.is_some()
}

/// Reports the state type that undoes completed states.
pub(super) fn report_compensate(state_type: &Cursor<'_>) {
    state_type.report(Code::NotSupportedYet, "Type 'Compensate' (compensation) is not supported yet");
}

/// Reports the other query language.
pub(super) fn report_jsonata(language: &Cursor<'_>) {
    language.report(Code::NotSupportedYet, "QueryLanguage 'JSONata' is not supported yet");
}

/// Reports a Map whose iterations are executions of their own.
pub(super) fn report_distributed(mode: &Cursor<'_>) {
    mode.report(Code::NotSupportedYet, "Mode 'DISTRIBUTED' (Distributed Map) is not supported yet");
}
