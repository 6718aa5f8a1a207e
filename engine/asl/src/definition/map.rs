//! The Map state: one processor, run once for every item.

use std::sync::Arc;

use super::fields::{Cursor, Fields};
use super::{Catcher, JsonPathFlow, Next, Retrier, Setting, StateMap, not_supported};
use crate::eval::{Path, PayloadTemplate};

/// A Map state in inline mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Where the items come from.
    pub items: MapItems,
    /// `ItemSelector` (or the older `Parameters`): what an iteration gets; the item itself when absent.
    pub item_selector: Option<PayloadTemplate>,
    /// `ItemProcessor` (or the older `Iterator`).
    pub processor: Arc<StateMap>,
    /// `MaxConcurrency` or `MaxConcurrencyPath`; 0 means no limit.
    pub max_concurrency: Setting<u64>,
    /// `Retry`.
    pub retry: Vec<Retrier>,
    /// `Catch`.
    pub catch: Vec<Catcher>,
    /// `Next` or `End`.
    pub next: Next,
}

/// Where a Map finds its items.
#[derive(Debug, Clone, PartialEq)]
pub enum MapItems {
    /// The effective input is the array.
    Input,
    /// `ItemsPath`.
    Path(Path),
}

impl Map {
    pub(super) const FIELDS: &[&str] = &[
        "ItemsPath",
        "ItemSelector",
        "ItemProcessor",
        "Iterator",
        "MaxConcurrency",
        "MaxConcurrencyPath",
        "Retry",
        "Catch",
        "Next",
        "End",
    ];

    /// Reads the state. The older `Parameters` leave the data flow: in a Map they are the item selector.
    pub(super) fn parse(state: &Fields<'_>, flow: &mut JsonPathFlow) -> Option<Self> {
        state.at_most_one(&["ItemSelector", "Parameters"]);
        let parameters = flow.parameters.take();
        let items =
            state.get("ItemsPath").and_then(|field| field.path()).map_or(MapItems::Input, MapItems::Path);
        let max_concurrency = Setting::parse(state, "MaxConcurrency", "MaxConcurrencyPath", 0..=u64::MAX);
        let (retry, catch, next) = (Retrier::parse_all(state), Catcher::parse_all(state), Next::parse(state));
        let processor = state.exactly_one(&["ItemProcessor", "Iterator"]).and_then(processor);
        Some(Self {
            items,
            item_selector: state.get("ItemSelector").map(|field| field.template()).or(parameters),
            processor: Arc::new(processor?),
            max_concurrency: max_concurrency.unwrap_or(Setting::Fixed(0)),
            retry,
            catch,
            next: next?,
        })
    }
}

/// Reads an `ItemProcessor`: a state map with a word on how to run it.
fn processor(processor: Cursor<'_>) -> Option<StateMap> {
    /// The two modes of a Map.
    #[derive(Clone, Copy)]
    enum Mode {
        Inline,
        Distributed,
    }
    let fields = processor.fields(&[StateMap::FIELDS, &["ProcessorConfig"]])?;
    let states = StateMap::parse(&fields);
    if let Some(config) =
        fields.get("ProcessorConfig").and_then(|field| field.fields(&[&["Mode", "ExecutionType"]]))
    {
        if let Some(mode) = config.get("Mode") {
            match mode.word(&[("INLINE", Mode::Inline), ("DISTRIBUTED", Mode::Distributed)]) {
                Some(Mode::Distributed) => not_supported::report_distributed(&mode),
                Some(Mode::Inline) | None => {}
            }
        }
        if let Some(execution_type) = config.get("ExecutionType") {
            execution_type.word(&[("STANDARD", ()), ("EXPRESS", ())]);
        }
    }
    states
}
