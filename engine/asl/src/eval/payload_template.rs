//! Payload templates: the values of `Parameters`, `ResultSelector`, `ItemSelector` and `Assign`, in which a
//! member whose name ends in `.$` holds an expression and everything else stands for itself.
//!
//! Invariant: a template is compiled once; a part without expressions is copied whole, and the members of an
//! object come out in the template's order.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::allowance::Allowance;
use super::{Env, EvalError, Expression, SyntaxError};
use crate::payload;

/// What marks a member that holds an expression.
const SUFFIX: &str = ".$";

/// Most problems that are told. Each repeats the names that lead to it, which may be as long as the text.
const PROBLEMS_MAX: usize = 100;

/// A compiled template.
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadTemplate(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Holds no expression at any depth.
    Literal(Value),
    /// The value of the member `field`, whose name still has its suffix.
    Expression {
        field: Box<str>,
        expression: Expression,
    },
    Object(Vec<(Box<str>, Node)>),
    Array(Vec<Node>),
}

/// A member that should hold an expression and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call")]
pub struct TemplateProblem {
    /// JSON pointer from the template to the object with the member; empty for the template itself.
    pub object: String,
    /// The member's name, suffix and all.
    pub field: String,
    /// What is wrong with the text; `None` when the value is not even one.
    pub syntax: Option<SyntaxError>,
}

impl PayloadTemplate {
    /// Compiles a template and tells what is wrong with it, the first hundred problems. A member with a problem is left as it stands,
    /// for a definition with problems is never run.
    #[must_use]
    pub fn parse(value: &Value) -> (Self, Vec<TemplateProblem>) {
        let mut compiler = Compiler { pointer: Vec::new(), problems: Vec::new() };
        let node = compiler.node(value);
        (Self(node), compiler.problems)
    }

    /// The variables the template names, in its order.
    #[must_use]
    pub fn references(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.0.collect_references(&mut names);
        names
    }

    /// Whether the template holds no expression and so is the same on every evaluation.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        matches!(self.0, Node::Literal(_))
    }

    /// The value with every expression in its place.
    ///
    /// # Errors
    /// The first expression's that has no value; `States.DataLimitExceeded` when the template would copy far
    /// more than a payload may hold.
    pub fn evaluate(&self, env: &Env<'_>) -> Result<Value, EvalError> {
        self.0.evaluate(env, &Allowance::new())
    }
}

impl Node {
    /// An object, literal when all its members are.
    fn object(members: Vec<(Box<str>, Node)>) -> Self {
        if !members.iter().all(|(_, node)| matches!(node, Self::Literal(_))) {
            return Self::Object(members);
        }
        let values = members.into_iter().map(|(name, node)| (name.into_string(), node.into_literal()));
        Self::Literal(Value::Object(values.collect()))
    }

    /// An array, literal when all its elements are.
    fn array(elements: Vec<Node>) -> Self {
        if !elements.iter().all(|node| matches!(node, Self::Literal(_))) {
            return Self::Array(elements);
        }
        Self::Literal(Value::Array(elements.into_iter().map(Self::into_literal).collect()))
    }

    fn into_literal(self) -> Value {
        match self {
            Self::Literal(value) => value,
            Self::Expression { .. } | Self::Object(_) | Self::Array(_) => Value::Null,
        }
    }

    fn evaluate(&self, env: &Env<'_>, allowance: &Allowance) -> Result<Value, EvalError> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Expression { field, expression } => {
                match expression.evaluate_within(env, field, allowance)? {
                    Cow::Owned(value) => Ok(value),
                    Cow::Borrowed(value) => {
                        allowance.spend(value)?;
                        Ok(value.clone())
                    }
                }
            }
            Self::Object(members) => members
                .iter()
                .map(|(name, node)| Ok((name.to_string(), node.evaluate(env, allowance)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
            Self::Array(elements) => elements
                .iter()
                .map(|node| node.evaluate(env, allowance))
                .collect::<Result<_, _>>()
                .map(Value::Array),
        }
    }

    fn collect_references<'n>(&'n self, names: &mut Vec<&'n str>) {
        match self {
            Self::Literal(_) => {}
            Self::Expression { expression, .. } => names.extend(expression.references()),
            Self::Object(members) => members.iter().for_each(|(_, node)| node.collect_references(names)),
            Self::Array(elements) => elements.iter().for_each(|node| node.collect_references(names)),
        }
    }
}

struct Compiler {
    /// The names and indexes from the template to the value that is being compiled.
    pointer: Vec<String>,
    problems: Vec<TemplateProblem>,
}

impl Compiler {
    /// Compiles a value. One nested deeper than a payload may be is taken literally: as a payload it will be
    /// refused.
    fn node(&mut self, value: &Value) -> Node {
        if self.pointer.len() > payload::DEPTH_MAX {
            return Node::Literal(value.clone());
        }
        match value {
            Value::Object(members) => {
                let compiled = members.iter().map(|(name, value)| self.member(name, value)).collect();
                Node::object(compiled)
            }
            Value::Array(elements) => {
                let compile = |(at, element)| self.below(format!("{at}"), element);
                Node::array(elements.iter().enumerate().map(compile).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Node::Literal(value.clone())
            }
        }
    }

    fn below(&mut self, token: String, value: &Value) -> Node {
        self.pointer.push(token);
        let node = self.node(value);
        self.pointer.pop();
        node
    }

    fn member(&mut self, name: &str, value: &Value) -> (Box<str>, Node) {
        let Some(bare) = name.strip_suffix(SUFFIX) else {
            let token = name.replace('~', "~0").replace('/', "~1");
            return (name.into(), self.below(token, value));
        };
        let expression = value.as_str().map(Expression::parse);
        match expression {
            Some(Ok(expression)) => (bare.into(), Node::Expression { field: name.into(), expression }),
            Some(Err(syntax)) => (name.into(), self.problem(name, Some(syntax), value)),
            None => (name.into(), self.problem(name, None, value)),
        }
    }

    fn problem(&mut self, field: &str, syntax: Option<SyntaxError>, value: &Value) -> Node {
        if self.problems.len() < PROBLEMS_MAX {
            let object = self.pointer.iter().map(|token| format!("/{token}")).collect();
            self.problems.push(TemplateProblem { object, field: field.to_owned(), syntax });
        }
        Node::Literal(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing::Scene;
    use super::*;

    #[test]
    fn expressions_take_their_places() {
        let scene = Scene::new(json!({"a": 1, "b": {"c": [1, 2.50, null]}, "text": "hi"}))
            .context(json!({"State": {"Name": "Charge"}}))
            .variable("x", json!({"y": [true]}));
        for (template, expected) in [
            (json!({}), json!({})),
            (json!("$.a"), json!("$.a")),
            (json!(null), json!(null)),
            (
                json!({"Comment": "kept", "n": 1.10, "l": ["$.a", "$$"]}),
                json!({"Comment": "kept", "n": 1.1, "l": ["$.a", "$$"]}),
            ),
            (json!({"v.$": "$.a"}), json!({"v": 1})),
            (json!({"v.$": "$"}), json!({"v": {"a": 1, "b": {"c": [1, 2.5, null]}, "text": "hi"}})),
            (json!({"v.$": "$$.State.Name"}), json!({"v": "Charge"})),
            (json!({"v.$": "$x", "w.$": "$x.y[0]"}), json!({"v": {"y": [true]}, "w": true})),
            (json!({"v.$": "$.none[*]"}), json!({"v": []})),
            (json!({"v.$": "$.b.c[0:2]"}), json!({"v": [1, 2.5]})),
            (json!({"v.$": "States.Format('{}!', $.text)"}), json!({"v": "hi!"})),
            (json!({"o": {"p": [{"v.$": "$.a"}, 7, "$.a"]}}), json!({"o": {"p": [{"v": 1}, 7, "$.a"]}})),
            (json!([{"v.$": "$.text"}]), json!([{"v": "hi"}])),
            (json!({".$": "$.a"}), json!({"": 1})),
            (json!({"v$": "$.a", "$": 1, "$.v": "$.a"}), json!({"v$": "$.a", "$": 1, "$.v": "$.a"})),
        ] {
            let (compiled, problems) = PayloadTemplate::parse(&template);
            assert_eq!(problems, [], "{template}");
            assert_eq!(compiled.evaluate(&scene.env()), Ok(expected), "{template}");
        }
    }

    #[test]
    fn members_come_in_the_order_of_the_template() {
        let scene = Scene::new(json!({"a": 1}));
        let (template, _) =
            PayloadTemplate::parse(&json!({"z": 1, "b.$": "$.a", "a": {"y.$": "$.a", "x": 2}}));
        assert_eq!(
            template.evaluate(&scene.env()).unwrap().to_string(),
            r#"{"z":1,"b":1,"a":{"y":1,"x":2}}"#
        );
    }

    #[test]
    fn a_path_to_nowhere_is_worded_as_the_service_words_it() {
        let scene = Scene::new(json!({"int-literal": 0}));
        for (template, cause) in [
            (
                json!({"value.$": "$.no_such_jsonpath"}),
                r#"The JSONPath '$.no_such_jsonpath' specified for the field 'value.$' could not be found in the input '{"int-literal":0}'"#,
            ),
            (
                json!({"deep": [{"value.$": "$$.Execution.Input.no_such_jsonpath"}]}),
                r#"The JSONPath '$$.Execution.Input.no_such_jsonpath' specified for the field 'value.$' could not be found in the input '{"int-literal":0}'"#,
            ),
            (
                json!({"value.$": "$nowhere"}),
                r#"The JSONPath '$nowhere' specified for the field 'value.$' could not be found in the input '{"int-literal":0}'"#,
            ),
            (
                json!({"value.$": "States.Array($.gone)"}),
                r#"The function 'States.Array($.gone)' had the following error: The JsonPath argument for the field '$.gone' could not be found in the input '{"int-literal":0}'"#,
            ),
        ] {
            let (compiled, _) = PayloadTemplate::parse(&template);
            assert_eq!(compiled.evaluate(&scene.env()), Err(EvalError::runtime(cause)), "{template}");
        }
    }

    #[test]
    fn problems_name_the_member_and_its_object() {
        let (_, problems) = PayloadTemplate::parse(&json!({
            "good1.$": "$.g1", "bad1.$": 23, "bad2.$": "23",
            "f3": {"bad3.$": [1, 2, 3], "good2.$": "$.b[23]", "f5": ["f6", {"f/7": {"bad4.$": {"f9": 1}, "good3.$": "$.x.y.z[2]"}}]},
            "good4.$": "$$", "good5.$": "$$.g5", "bad5.$": "$$23", "bad6.$": " States.Array(1)",
            "bad7.$": r#"States.StringToJson('{"text":"An \"escaped double quote\" here"}')"#,
            "bad8.$": "States.NoSuchFunction()", "bad9.$": "",
        }));
        let found: Vec<(&str, &str)> =
            problems.iter().map(|p| (p.object.as_str(), p.field.as_str())).collect();
        let expected = [
            ("", "bad1.$"),
            ("", "bad2.$"),
            ("/f3", "bad3.$"),
            ("/f3/f5/1/f~17", "bad4.$"),
            ("", "bad5.$"),
            ("", "bad6.$"),
            ("", "bad7.$"),
            ("", "bad8.$"),
            ("", "bad9.$"),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            problems[0].to_string(),
            "The value for the field 'bad1.$' must be a valid JSONPath or a valid intrinsic function call"
        );
        assert_eq!(problems[4].syntax.as_ref().map(|syntax| syntax.position), Some(2));
    }

    #[test]
    fn references_are_the_variables_named() {
        let (template, _) = PayloadTemplate::parse(&json!({
            "a.$": "$x.y", "b": [{"c.$": "States.Format('{}', States.MathAdd($y, $.z))"}], "d": "$no", "e.$": "$$.State",
        }));
        assert_eq!(template.references(), ["x", "y"]);
        assert!(!template.is_literal());
        assert!(PayloadTemplate::parse(&json!({"a": [1, {"b": "$c"}]})).0.is_literal());
    }

    #[test]
    fn a_template_cannot_multiply_its_input_without_end() {
        let scene = Scene::new(json!("x".repeat(250_000)));
        let members: Map<String, Value> = (0..10_000).map(|n| (format!("{n}.$"), json!("$"))).collect();
        let (template, _) = PayloadTemplate::parse(&Value::Object(members));
        let error = template.evaluate(&scene.env()).unwrap_err();
        assert_eq!(error.error, crate::error_name::DATA_LIMIT_EXCEEDED);
    }

    #[test]
    fn what_is_too_deep_for_a_payload_is_left_as_it_is() {
        let mut deep = json!({"v.$": "$"});
        for _ in 0..100 {
            deep = Value::Array(vec![deep]);
        }
        let (template, problems) = PayloadTemplate::parse(&deep);
        assert!(problems.is_empty() && template.is_literal());
    }
}
