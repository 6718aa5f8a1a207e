//! Reading cases: JSON files, each an array with one case per line.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use stepwell_asl::time::Timestamp;

/// The virtual time at which every execution starts: 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

/// One execution case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique over all files.
    pub id: String,
    /// The file it stands in, without its ending.
    pub file: String,
    /// The definition's text.
    pub definition: String,
    /// The text of the execution's input.
    pub input: String,
    /// The state machine's name.
    pub machine: String,
    /// The execution's name.
    pub execution: String,
    /// Whether the state machine is of the EXPRESS type.
    pub express: bool,
    /// What has to be there before: other machines, activities, objects.
    pub setup: Vec<Value>,
    /// Behaviours of workers by the resource they serve.
    pub workers: Map<String, Value>,
    /// What the service did.
    pub expected: Expected,
}

/// What the service did with a case.
#[derive(Debug, Clone)]
pub struct Expected {
    /// How the execution ended.
    pub status: String,
    /// Its output, absent when it has none.
    pub output: Option<Value>,
    /// Its error, absent when it has none.
    pub error: Option<Value>,
    /// Its cause, absent when it has none.
    pub cause: Option<Value>,
    /// The events, when they were recorded.
    pub history: Option<Vec<Value>>,
    /// Parts of the history whose order is not known.
    pub unordered: Vec<Range<usize>>,
}

/// Every execution case of a folder, by file and place in it. Cases that are a list of calls of the API are
/// left out: they are about the server.
///
/// # Errors
/// When a file cannot be read or is not a list of cases.
pub fn read_folder(folder: &Path) -> Result<Vec<Case>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let values: Vec<Value> = serde_json::from_str(&dated(&text))
            .with_context(|| format!("{} is no list of cases", path.display()))?;
        let file = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        cases.extend(values.iter().filter_map(|value| Case::read(&file, value)));
    }
    Ok(cases)
}

/// Fills in every `<now+Nd>`, a time N days ahead.
fn dated(text: &str) -> String {
    let mut parts = text.split("<now+");
    let mut dated = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (days, rest) = part.split_once("d>").unwrap_or(("0", part));
        let ahead = Duration::from_secs(days.parse::<u64>().unwrap_or_default() * 86_400);
        dated += &START.after(ahead).to_string();
        dated += rest;
    }
    dated
}

impl Case {
    fn read(file: &str, case: &Value) -> Option<Self> {
        let expect = case.get("expect")?;
        let text = |member: &str| case.get(member).and_then(Value::as_str).map(str::to_owned);
        let definition = text("definition_text").or_else(|| Some(case.get("definition")?.to_string()))?;
        let input = text("input_text").or_else(|| Some(case.get("input")?.to_string()))?;
        Some(Self {
            id: text("id")?,
            file: file.to_owned(),
            definition,
            input,
            machine: text("state_machine_name").unwrap_or_else(|| "case".to_owned()),
            execution: text("execution_name")
                .unwrap_or_else(|| "0a8e4e5c-95b2-4a55-a1f1-3f1a5c0e7d21".to_owned()),
            express: text("type").is_some_and(|kind| kind == "EXPRESS"),
            setup: case.get("setup").and_then(Value::as_array).cloned().unwrap_or_default(),
            workers: case.get("workers").and_then(Value::as_object).cloned().unwrap_or_default(),
            expected: Expected::read(expect)?,
        })
    }
}

impl Expected {
    fn read(expect: &Value) -> Option<Self> {
        let range = |pair: &Value| -> Option<Range<usize>> {
            let end =
                |at: usize| pair.get(at).and_then(Value::as_u64).and_then(|end| usize::try_from(end).ok());
            Some(end(0)?..end(1)?)
        };
        let unordered = expect.get("history_unordered").and_then(Value::as_array);
        Some(Self {
            status: expect.get("status")?.as_str()?.to_owned(),
            output: expect.get("output").cloned(),
            error: expect.get("error").cloned(),
            cause: expect.get("cause").cloned(),
            history: expect.get("history").and_then(Value::as_array).cloned(),
            unordered: unordered.into_iter().flatten().filter_map(range).collect(),
        })
    }
}
