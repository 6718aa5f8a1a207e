//! A state and the eight kinds of it.

use super::fields::{Cursor, Fields};
use super::{
    Catcher, Choice, Code, DataFlow, Fail, JsonPathFlow, Map, Parallel, Pass, QueryLanguage, Retrier,
    StateName, Task, Wait, not_supported,
};

/// One state of a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its key in `States`.
    pub name: StateName,
    /// How its input becomes its output. The query language is chosen here, per state.
    pub flow: DataFlow,
    /// What it does.
    pub kind: StateKind,
}

/// What a state does.
#[derive(Debug, Clone, PartialEq)]
pub enum StateKind {
    /// Work for somebody else.
    Task(Task),
    /// Hands on its input or a fixed result.
    Pass(Pass),
    /// Branches.
    Choice(Choice),
    /// Sleeps.
    Wait(Wait),
    /// Ends its scope well.
    Succeed,
    /// Ends its scope badly.
    Fail(Fail),
    /// Runs several branches at once.
    Parallel(Parallel),
    /// Runs one processor for every item.
    Map(Map),
}

/// The `Type` of a state: the kind without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum StateType {
    Task,
    Pass,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl StateType {
    /// As the language writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Pass => "Pass",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Parallel => "Parallel",
            Self::Map => "Map",
        }
    }
}

impl State {
    /// The state's `Type`.
    #[must_use]
    pub fn state_type(&self) -> StateType {
        match self.kind {
            StateKind::Task(_) => StateType::Task,
            StateKind::Pass(_) => StateType::Pass,
            StateKind::Choice(_) => StateType::Choice,
            StateKind::Wait(_) => StateType::Wait,
            StateKind::Succeed => StateType::Succeed,
            StateKind::Fail(_) => StateType::Fail,
            StateKind::Parallel(_) => StateType::Parallel,
            StateKind::Map(_) => StateType::Map,
        }
    }

    /// Its `Retry`, empty for states that have none.
    #[must_use]
    pub fn retry(&self) -> &[Retrier] {
        match &self.kind {
            StateKind::Task(task) => &task.retry,
            StateKind::Parallel(parallel) => &parallel.retry,
            StateKind::Map(map) => &map.retry,
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_) => &[],
        }
    }

    /// Its `Catch`, empty for states that have none.
    #[must_use]
    pub fn catch(&self) -> &[Catcher] {
        match &self.kind {
            StateKind::Task(task) => &task.catch,
            StateKind::Parallel(parallel) => &parallel.catch,
            StateKind::Map(map) => &map.catch,
            StateKind::Pass(_)
            | StateKind::Choice(_)
            | StateKind::Wait(_)
            | StateKind::Succeed
            | StateKind::Fail(_) => &[],
        }
    }
}

impl StateType {
    /// All of them, in the order in which the service lists them.
    const ALL: [Self; 8] = [
        Self::Task,
        Self::Wait,
        Self::Pass,
        Self::Succeed,
        Self::Fail,
        Self::Choice,
        Self::Parallel,
        Self::Map,
    ];

    /// Reads the `Type` of a state.
    fn parse(state: &Cursor<'_>) -> Option<Self> {
        let Some(field) = state.member("Type") else {
            state.report(Code::MissingField, "These fields are required: [Type]");
            return None;
        };
        if field.value == "Compensate" {
            not_supported::report_compensate(&field);
            return None;
        }
        field.word(&Self::ALL.map(|state_type| (state_type.name(), state_type)))
    }

    /// The fields that a state of the type may have, by what they are about.
    fn fields(self) -> &'static [&'static [&'static str]] {
        const COMMON: &[&str] = &["Type", "QueryLanguage"];
        const SELECTIONS: &[&str] = JsonPathFlow::SELECTIONS;
        const PLACEMENT: &[&str] = JsonPathFlow::PLACEMENT;
        const SELECTOR: &[&str] = JsonPathFlow::SELECTOR;
        match self {
            Self::Task => &[COMMON, SELECTIONS, PLACEMENT, SELECTOR, Task::FIELDS],
            Self::Pass => &[COMMON, SELECTIONS, PLACEMENT, Pass::FIELDS],
            Self::Choice => &[COMMON, SELECTIONS, Choice::FIELDS],
            Self::Wait => &[COMMON, SELECTIONS, Wait::FIELDS],
            Self::Succeed => &[COMMON, SELECTIONS],
            Self::Fail => &[COMMON, Fail::FIELDS],
            Self::Parallel => &[COMMON, SELECTIONS, PLACEMENT, SELECTOR, Parallel::FIELDS],
            Self::Map => &[COMMON, SELECTIONS, PLACEMENT, SELECTOR, Map::FIELDS],
        }
    }
}

impl State {
    /// Reads one member of `States`.
    pub(super) fn parse(name: StateName, state: Cursor<'_>) -> Option<Self> {
        if !state.value.is_object() {
            state.expected(Code::WrongType, "an object");
            return None;
        }
        let state_type = StateType::parse(&state)?;
        let QueryLanguage::JsonPath = QueryLanguage::parse(&state)?;
        let fields = state.fields(state_type.fields())?;
        let mut flow = JsonPathFlow::parse(&fields);
        let kind = StateKind::parse(state_type, &fields, &mut flow)?;
        Some(Self { name, flow: DataFlow::JsonPath(flow), kind })
    }
}

impl StateKind {
    fn parse(state_type: StateType, state: &Fields<'_>, flow: &mut JsonPathFlow) -> Option<Self> {
        Some(match state_type {
            StateType::Task => Self::Task(Task::parse(state)?),
            StateType::Pass => Self::Pass(Pass::parse(state)?),
            StateType::Choice => Self::Choice(Choice::parse(state)?),
            StateType::Wait => Self::Wait(Wait::parse(state)?),
            StateType::Succeed => Self::Succeed,
            StateType::Fail => Self::Fail(Fail::parse(state)),
            StateType::Parallel => Self::Parallel(Parallel::parse(state)?),
            StateType::Map => Self::Map(Map::parse(state, flow)?),
        })
    }
}
