//! What is wrong with a definition, where, and what to do about it.
//!
//! Invariant: a code decides the severity and the default help, so the same fault always reads the same.
//! Codes that the service also has keep its name; ours are finer where the service says
//! `SCHEMA_VALIDATION_FAILED` for nearly everything. Translating them back is the API's business.

use std::borrow::Cow;
use std::fmt;

/// Whether a definition with it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted, but it probably does not do what its author meant.
    Warning,
}

impl Severity {
    /// `ERROR` or `WARNING`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
        }
    }
}

/// What kind of fault it is. The names are stable: programs may depend on [`Code::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each one is explained in `Code::facts`")]
pub enum Code {
    InvalidJsonDescription,
    DefinitionTooLarge,
    TooDeeplyNested,
    TooManyStates,
    DuplicateKey,
    MissingField,
    UnknownField,
    ConflictingFields,
    WrongType,
    InvalidValue,
    InvalidPath,
    InvalidTemplate,
    InvalidTimestamp,
    InvalidResource,
    InvalidStateName,
    DuplicateStateName,
    MissingTransitionTarget,
    UnreachableState,
    MissingEndState,
    MisplacedStatesAll,
    QueryLanguageMismatch,
    NotSupportedYet,
    NoDollar,
    NoPath,
    PassResultIsStatic,
    UnknownErrorName,
    UncatchableError,
    PointlessMaxDelay,
}

impl Code {
    /// The stable name, in capitals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self) -> Severity {
        self.facts().1
    }

    /// What to do about it, where nothing more fitting is known.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.facts().2
    }

    /// Name, severity and help of every code, in one place.
    #[rustfmt::skip]
    fn facts(self) -> (&'static str, Severity, &'static str) {
        use Severity::{Error, Warning};
        match self {
            Self::InvalidJsonDescription => ("INVALID_JSON_DESCRIPTION", Error, "mend the JSON syntax at the place shown"),
            Self::DefinitionTooLarge => ("DEFINITION_TOO_LARGE", Error, "move a part of it into a state machine of its own and start that with states:startExecution"),
            Self::TooDeeplyNested => ("TOO_DEEPLY_NESTED", Error, "move the inner states into a state machine of their own and start that with states:startExecution"),
            Self::TooManyStates => ("TOO_MANY_STATES", Error, "move some of the states into a state machine of their own and start that with states:startExecution"),
            Self::DuplicateKey => ("DUPLICATE_KEY", Error, "rename or remove one of the two members: only the last would count"),
            Self::MissingField => ("MISSING_FIELD", Error, "add the field"),
            Self::UnknownField => ("UNKNOWN_FIELD", Error, "remove the field, or check its spelling and the type of the state it stands in"),
            Self::ConflictingFields => ("CONFLICTING_FIELDS", Error, "keep one of the fields and remove the others"),
            Self::WrongType => ("WRONG_TYPE", Error, "write a JSON value of the type that is expected"),
            Self::InvalidValue => ("INVALID_VALUE", Error, "write a value in the range that is expected"),
            Self::InvalidPath => ("INVALID_PATH", Error, "write a JSONPath that starts with $, such as $.order.id"),
            Self::InvalidTemplate => ("INVALID_TEMPLATE", Error, "a field whose name ends in .$ takes a path such as $.order.id or a call such as States.Format('{}', $.name); drop the .$ to write a plain value"),
            Self::InvalidTimestamp => ("INVALID_TIMESTAMP", Error, "write a timestamp such as 2030-01-31T12:00:00Z, with a capital T and an offset or Z"),
            Self::InvalidResource => ("INVALID_RESOURCE", Error, "write the ARN of a function, an activity or an integration, or worker:<name>"),
            Self::InvalidStateName => ("INVALID_STATE_NAME", Error, "give the state a name of 1 to 80 characters"),
            Self::DuplicateStateName => ("DUPLICATE_STATE_NAME", Error, "rename one of the states: a name stands for one state in the whole machine, branches and iterations included"),
            Self::MissingTransitionTarget => ("MISSING_TRANSITION_TARGET", Error, "name a state of the same States object; a transition cannot enter or leave a branch"),
            Self::UnreachableState => ("UNREACHABLE_STATE", Error, "remove the state, or lead a Next, Default or Catch of a reachable state to it"),
            Self::MissingEndState => ("MISSING_END_STATE", Error, "end one of the states with \"End\": true, or add a Succeed or Fail state"),
            Self::MisplacedStatesAll => ("MISPLACED_STATES_ALL", Error, "put States.ALL alone into the last element of the list"),
            Self::QueryLanguageMismatch => ("QUERY_LANGUAGE_MISMATCH", Error, "remove the field, or set the state's QueryLanguage to JSONata"),
            Self::NotSupportedYet => ("NOT_SUPPORTED_YET", Error, "write the definition without it: this version of Stepwell cannot run it"),
            Self::NoDollar => ("NO_DOLLAR", Warning, "end the name of the field in .$ if the value is to be evaluated"),
            Self::NoPath => ("NO_PATH", Warning, "use the field that ends in Path if the value is to be evaluated"),
            Self::PassResultIsStatic => ("PASS_RESULT_IS_STATIC", Warning, "use Parameters instead of Result: nothing in a Result is evaluated"),
            Self::UnknownErrorName => ("UNKNOWN_ERROR_NAME", Warning, "check the spelling: names that start with States. are reserved, and this is none of them"),
            Self::UncatchableError => ("UNCATCHABLE_ERROR", Warning, "remove the name: a fault of the definition always fails the execution"),
            Self::PointlessMaxDelay => ("POINTLESS_MAX_DELAY", Warning, "make MaxDelaySeconds greater than IntervalSeconds, or every wait is cut to it"),
        }
    }
}

/// One finding about a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the definition is refused for it.
    pub severity: Severity,
    /// What kind of fault it is.
    pub code: Code,
    /// The place as a JSON Pointer (RFC 6901), empty for the whole document.
    pub pointer: String,
    /// The line of the place, from 1; 0 when unknown.
    pub line: usize,
    /// The column of the place in characters, from 1; 0 when unknown.
    pub column: usize,
    /// What is wrong; where the service's own words are known, in these.
    pub message: String,
    /// What to do.
    pub help: Cow<'static, str>,
}

/// Longest message and longest help, in characters. Both repeat what the author wrote, which may be long.
const TEXT_CHARS_MAX: usize = 500;

impl Diagnostic {
    /// A finding whose line and column are not known yet.
    pub(super) fn new(code: Code, pointer: String, message: String, help: Cow<'static, str>) -> Self {
        let help = match help {
            Cow::Borrowed(help) => Cow::Borrowed(help),
            Cow::Owned(help) => Cow::Owned(clipped(help)),
        };
        Self { severity: code.severity(), code, pointer, line: 0, column: 0, message: clipped(message), help }
    }
}

fn clipped(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Three lines for people: the fault, its place, what to do.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str().to_ascii_lowercase();
        writeln!(f, "{severity}[{}]: {}", self.code.as_str(), self.message)?;
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        match self.line {
            0 => writeln!(f, "  at {pointer}")?,
            line => writeln!(f, "  at {pointer}, line {line}, column {}", self.column)?,
        }
        write!(f, "  help: {}", self.help)
    }
}
