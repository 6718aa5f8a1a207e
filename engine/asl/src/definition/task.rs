//! The Task state: work for somebody else.

use super::fields::{Cursor, Fields};
use super::{Catcher, Code, Next, Resource, Retrier, Setting};

/// Longest time-out in seconds, as the service has it: some three years.
pub(super) const TIMEOUT_SECONDS_MAX: u64 = 99_999_999;

/// A Task state.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Who does the work.
    pub resource: Resource,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`; no limit when absent.
    pub timeout_seconds: Option<Setting<u64>>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat_seconds: Option<Setting<u64>>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub next: Next,
}

impl Task {
    pub(super) const FIELDS: &[&str] = &[
        "Resource",
        "TimeoutSeconds",
        "TimeoutSecondsPath",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
        "Credentials",
        "Retry",
        "Catch",
        "Next",
        "End",
    ];

    /// Reads the state. `Credentials` are checked and not kept: workers bring their own.
    pub(super) fn parse(state: &Fields<'_>) -> Option<Self> {
        state.require(&["Resource"]);
        let seconds = 1..=TIMEOUT_SECONDS_MAX;
        let timeout_seconds = Setting::parse(state, "TimeoutSeconds", "TimeoutSecondsPath", seconds.clone());
        let heartbeat_seconds = Setting::parse(state, "HeartbeatSeconds", "HeartbeatSecondsPath", seconds);
        if let (Some(Setting::Fixed(timeout)), Some(Setting::Fixed(heartbeat))) =
            (&timeout_seconds, &heartbeat_seconds)
            && heartbeat >= timeout
            && let Some(field) = state.get("HeartbeatSeconds")
        {
            field.expected(Code::InvalidValue, &format!("less than the {timeout} of TimeoutSeconds"));
        }
        if let Some(credentials) = state.get("Credentials") {
            check_credentials(credentials);
        }
        let (retry, catch, next) = (Retrier::parse_all(state), Catcher::parse_all(state), Next::parse(state));
        let resource = state.get("Resource").and_then(|field| parse_resource(&field));
        Some(Self { resource: resource?, timeout_seconds, heartbeat_seconds, retry, catch, next: next? })
    }
}

fn parse_resource(field: &Cursor<'_>) -> Option<Resource> {
    let text = field.string()?;
    let parsed = Resource::parse(text);
    if parsed.is_none() {
        let message = format!(
            "The resource provided {text} is not recognized. \
             The value is not a valid resource ARN, or the resource is not available in this region."
        );
        field.report(Code::InvalidResource, message);
    }
    parsed
}

/// A role to take on, as a template.
fn check_credentials(credentials: Cursor<'_>) {
    let Some(fields) = credentials.fields(&[&["RoleArn", "RoleArn.$"]]) else { return };
    if !fields.has("RoleArn") && !fields.has("RoleArn.$") {
        credentials.report(Code::MissingField, "The field 'RoleArn' is required but was missing");
    }
    if let Some(role) = fields.at_most_one(&["RoleArn", "RoleArn.$"])
        && role.name() == "RoleArn"
    {
        role.string();
    }
    credentials.template();
}
