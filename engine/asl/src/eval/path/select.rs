//! Walking a document along a path.
//!
//! A definite path is followed reference by reference. Any other is taken a step at a time for all values
//! reached so far, without recursion, and every value reached is paid for.

use std::borrow::Cow;
use std::cell::Cell;

use serde_json::{Map, Value};

use super::filter::Origin;
use super::{Query, Step, VISITS_MAX, kind_name};
use crate::eval::allowance::Allowance;

/// The evaluation of one path on one document, filters and all.
pub(super) struct Walk<'a> {
    document: &'a Value,
    visits_left: Cell<usize>,
    allowance: &'a Allowance,
}

/// The evaluation visits or copies more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Costly;

/// Why a query has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// Nothing is where the last step leads.
    Result,
    /// The member that a step before the last names is missing.
    Property { step: usize },
    /// The value that a step applies to is of the wrong kind.
    Kind { step: usize, found: &'static str },
    /// Finding out costs too much.
    Costly,
}

impl From<Costly> for Miss {
    fn from(_: Costly) -> Self {
        Self::Costly
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(document: &'a Value, allowance: &'a Allowance) -> Self {
        Self { document, visits_left: Cell::new(VISITS_MAX), allowance }
    }

    /// Pays for looking at a number of values.
    pub(super) fn visit(&self, count: usize) -> Result<(), Costly> {
        self.visits_left.set(self.visits_left.get().checked_sub(count).ok_or(Costly)?);
        Ok(())
    }

    fn copy(&self, value: &Value) -> Result<Value, Costly> {
        self.allowance.spend(value).map_err(|_| Costly)?;
        Ok(value.clone())
    }

    /// What a query selects from a value.
    pub(super) fn query<'v>(&self, from: &'v Value, query: &Query) -> Result<Cow<'v, Value>, Miss> {
        if query.leads_to_one_place() {
            let found = self.one(from, &query.steps)?;
            if !query.length {
                return Ok(found);
            }
            let length = match found.as_ref() {
                Value::Array(elements) => elements.len(),
                Value::Object(members) => members.len(),
                other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                    return Err(Miss::Kind { step: query.steps.len(), found: kind_name(other) });
                }
            };
            return Ok(Cow::Owned(Value::from(length)));
        }
        if query.length {
            return Ok(Cow::Owned(Value::from(self.many(from, &query.steps)?.len())));
        }
        let mut selected = Vec::new();
        if let Some((Step::Members(names), before)) = query.steps.split_last() {
            let scanned = matches!(before.last(), Some(Step::Descend));
            for value in self.many(from, before)? {
                if let Value::Object(members) = value
                    && (!scanned || names.iter().all(|name| members.contains_key(name.as_ref())))
                {
                    selected.push(self.merged(members, names)?);
                }
            }
        } else {
            for value in self.many(from, &query.steps)? {
                selected.push(self.copy(value)?);
            }
        }
        Ok(Cow::Owned(Value::Array(selected)))
    }

    /// What a query inside a filter finds, `None` when nothing.
    pub(super) fn find<'v>(
        &self,
        origin: Origin,
        current: &'v Value,
        query: &Query,
    ) -> Result<Option<Cow<'v, Value>>, Costly>
    where
        'a: 'v,
    {
        self.visit(1 + query.steps.len())?;
        let from = match origin {
            Origin::Current => current,
            Origin::Document => self.document,
        };
        match self.query(from, query) {
            Ok(found) => Ok(Some(found)),
            Err(Miss::Costly) => Err(Costly),
            Err(Miss::Result | Miss::Property { .. } | Miss::Kind { .. }) => Ok(None),
        }
    }

    /// Follows steps that lead to one place.
    fn one<'v>(&self, from: &'v Value, steps: &[Step]) -> Result<Cow<'v, Value>, Miss> {
        let mut value = from;
        for (at, step) in steps.iter().enumerate() {
            let wrong_kind = || Miss::Kind { step: at, found: kind_name(value) };
            value = match step {
                Step::Member(name) => {
                    let members = value.as_object().ok_or_else(wrong_kind)?;
                    let last = at + 1 == steps.len();
                    members.get(name.as_ref()).ok_or(if last {
                        Miss::Result
                    } else {
                        Miss::Property { step: at }
                    })?
                }
                Step::Index(index) => {
                    let elements = value.as_array().ok_or_else(wrong_kind)?;
                    element(elements, *index).ok_or(Miss::Result)?
                }
                Step::Members(names) => {
                    let members = value.as_object().ok_or_else(wrong_kind)?;
                    return Ok(Cow::Owned(self.merged(members, names)?));
                }
                // A query with such a step does not lead to one place.
                Step::Indexes(_) | Step::Slice { .. } | Step::Wildcard | Step::Filter(_) | Step::Descend => {
                    return Err(Miss::Result);
                }
            };
        }
        Ok(Cow::Borrowed(value))
    }

    /// Everything that steps lead to, in the order of the document. What is missing or of another kind is
    /// passed over.
    fn many<'v>(&self, from: &'v Value, steps: &[Step]) -> Result<Vec<&'v Value>, Costly> {
        let mut reached = vec![from];
        let mut scanned = false;
        for step in steps {
            let mut next = Vec::new();
            for value in reached {
                self.visit(1)?;
                self.step(value, step, scanned, &mut next)?;
            }
            reached = next;
            scanned = matches!(step, Step::Descend);
        }
        Ok(reached)
    }

    /// Adds what one step leads to from one value.
    fn step<'v>(
        &self,
        value: &'v Value,
        step: &Step,
        scanned: bool,
        next: &mut Vec<&'v Value>,
    ) -> Result<(), Costly> {
        match (step, value) {
            (Step::Descend, _) => self.descend(value, next)?,
            (Step::Wildcard, Value::Object(members)) => {
                self.visit(members.len())?;
                next.extend(members.values());
            }
            (Step::Wildcard, Value::Array(elements)) => {
                self.visit(elements.len())?;
                next.extend(elements);
            }
            (Step::Member(name), Value::Object(members)) => next.extend(members.get(name.as_ref())),
            (Step::Members(names), Value::Object(members)) => {
                next.extend(names.iter().filter_map(|name| members.get(name.as_ref())));
            }
            (Step::Index(index), Value::Array(elements)) => next.extend(element(elements, *index)),
            (Step::Indexes(indexes), Value::Array(elements)) => {
                next.extend(indexes.iter().filter_map(|index| element(elements, *index)));
            }
            (Step::Slice { from, to }, Value::Array(elements)) => {
                let chosen = slice(elements, *from, *to);
                self.visit(chosen.len())?;
                next.extend(chosen);
            }
            // The values below come by themselves when every value is scanned.
            (Step::Filter(predicate), Value::Array(elements)) if !scanned => {
                for element in elements {
                    self.visit(1)?;
                    if predicate.accepts(self, element)? {
                        next.push(element);
                    }
                }
            }
            (Step::Filter(predicate), _) if scanned || value.is_object() => {
                next.extend(predicate.accepts(self, value)?.then_some(value));
            }
            _ => {}
        }
        Ok(())
    }

    /// Adds a value and all values below it, each before those below it.
    fn descend<'v>(&self, value: &'v Value, next: &mut Vec<&'v Value>) -> Result<(), Costly> {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            self.visit(1)?;
            next.push(value);
            match value {
                Value::Array(elements) => open.extend(elements.iter().rev()),
                Value::Object(members) => open.extend(members.values().rev()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        Ok(())
    }

    /// The object of those named members that are there.
    fn merged(&self, members: &Map<String, Value>, names: &[Box<str>]) -> Result<Value, Costly> {
        let mut merged = Map::new();
        for name in names {
            if let Some(value) = members.get(name.as_ref()) {
                merged.insert(name.to_string(), self.copy(value)?);
            }
        }
        Ok(Value::Object(merged))
    }
}

/// The element at an index, counted from the end when it is negative.
fn element(elements: &[Value], index: i64) -> Option<&Value> {
    let place = usize::try_from(index.unsigned_abs()).ok()?;
    elements.get(if index < 0 { elements.len().checked_sub(place)? } else { place })
}

/// The elements from one bound up to another, each counted from the end when it is negative.
fn slice(elements: &[Value], from: Option<i64>, to: Option<i64>) -> &[Value] {
    let place = |bound: i64| {
        let place = usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX);
        if bound < 0 { elements.len().saturating_sub(place) } else { place.min(elements.len()) }
    };
    let (from, to) = (from.map_or(0, place), to.map_or(elements.len(), place));
    elements.get(from..to).unwrap_or_default()
}
