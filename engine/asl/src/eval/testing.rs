//! What tests of expressions evaluate them in.

use std::cell::RefCell;

use serde_json::{Value, json};

use super::{Env, Variables};
use crate::entropy::Entropy;

/// An input, a context object and variables.
pub(super) struct Scene {
    input: Value,
    variables: Variables,
    entropy: RefCell<Entropy>,
    context: Value,
}

impl Scene {
    pub(super) fn new(input: Value) -> Self {
        Self {
            input,
            variables: Variables::new(),
            entropy: RefCell::new(Entropy::from_seed([1, 2])),
            context: json!({}),
        }
    }

    pub(super) fn context(mut self, context: Value) -> Self {
        self.context = context;
        self
    }

    pub(super) fn variable(mut self, name: &str, value: Value) -> Self {
        self.variables.insert(name.to_owned(), value);
        self
    }

    pub(super) fn env<'a>(&'a self) -> Env<'a> {
        // Leaked, for the environment borrows the closure as long as what it gives; it is a pointer's size.
        let context = Box::leak(Box::new(move |_: Option<&str>| -> &'a Value { &self.context }));
        Env { input: &self.input, context, variables: &self.variables, entropy: &self.entropy }
    }
}
