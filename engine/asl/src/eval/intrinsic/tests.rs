use proptest::prelude::*;
use serde_json::json;

use super::super::testing::Scene;
use super::*;

fn evaluate(scene: &Scene, text: &str) -> Result<Value, EvalError> {
    let intrinsic = Intrinsic::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    intrinsic.evaluate(&scene.env()).map(Cow::into_owned)
}

/// Checks what a function of `$.a`, `$.b` and `$.c` gives, the three being the elements of a row's input.
fn check(call: &str, rows: &[(Value, Value)]) {
    for (input, expected) in rows {
        let scene = Scene::new(json!({"a": input[0], "b": input[1], "c": input[2]}));
        assert_eq!(evaluate(&scene, call).as_ref(), Ok(expected), "{call} of {input}");
    }
}

/// Checks calls without input.
fn check_calls(rows: &[(&str, Value)]) {
    let scene = Scene::new(json!({"a": "x", "o": {"Arg1": 1, "Arg2": []}, "l": [1, "two", null]}))
        .context(json!({"StateMachine": {"Id": "arn:1:m", "Name": "m-1"}}))
        .variable("v", json!({"n": 5}));
    for (call, expected) in rows {
        assert_eq!(evaluate(&scene, call).as_ref(), Ok(expected), "{call}");
    }
}

/// Checks the causes of failures.
fn check_failures(rows: &[(&str, Value, &str)]) {
    for (call, input, cause) in rows {
        let error = evaluate(&Scene::new(input.clone()), call).unwrap_err();
        assert_eq!(error.error, error_name::INTRINSIC_FAILURE, "{call}");
        assert_eq!(error.cause, format!("The function '{call}' had the following error: {cause}"));
    }
}

#[test]
fn arrays() {
    check_calls(&[
        ("States.Array()", json!([])),
        (
            "States.Array('Foo', 2020, 2.3, -1, null, true, $.o)",
            json!(["Foo", 2020, 2.3, -1, null, true, {"Arg1": 1, "Arg2": []}]),
        ),
        ("States.Array( 1 ,2 )", json!([1, 2])),
        ("States.ArrayLength($.l)", json!(3)),
        ("States.ArrayGetItem($.l, 1)", json!("two")),
        ("States.ArrayGetItem(States.Array(7, 8), 1.0)", json!(8)),
    ]);
    check(
        "States.ArrayPartition($.a, $.b)",
        &[
            (json!([[], 1]), json!([])),
            (json!([[0], 5]), json!([[0]])),
            (json!([[0, 1, 2], 2]), json!([[0, 1], [2]])),
            (json!([[0, 1, 2, 3], 2]), json!([[0, 1], [2, 3]])),
            (json!([[0, 1, 2], 1.5]), json!([[0, 1], [2]])),
        ],
    );
    check(
        "States.ArrayContains($.a, $.b)",
        &[
            (json!([[], null]), json!(false)),
            (json!([[], []]), json!(false)),
            (json!([[[1, 2, 3], 2], null]), json!(false)),
            (json!([[[1, 2, 3], 2], [1, 2, 3]]), json!(true)),
            (json!([[{"1": 2, "2": []}], []]), json!(false)),
            (json!([[{"1": 2, "2": []}], {"2": [], "1": 2}]), json!(true)),
            (json!([[true, false], false]), json!(true)),
            (json!([[null], null]), json!(true)),
            (json!([["1"], 1]), json!(false)),
        ],
    );
    check(
        "States.ArrayRange($.a, $.b, $.c)",
        &[
            (json!([0, 9, 3]), json!([0, 3, 6, 9])),
            (json!([0, 10, 3]), json!([0, 3, 6, 9])),
            (json!([1, 9, 9]), json!([1])),
            (json!([1, 9, 2]), json!([1, 3, 5, 7, 9])),
            (json!([3, 0, -1]), json!([3, 2, 1, 0])),
            (json!([3, 0, 1]), json!([])),
            (json!([0.5, 3.4, 1]), json!([1, 2, 3])),
            (json!([i64::MAX, i64::MAX, 5]), json!([i64::MAX])),
            (json!([1, 1000, 1]), (1..=1000).collect()),
        ],
    );
    check(
        "States.ArrayUnique($.a)",
        &[
            (json!([[1, 2, 2, 3, 3, 4]]), json!([1, 2, 3, 4])),
            (json!([[]]), json!([])),
            (
                json!([[null, null, true, 1, 1, 1.5, "x", "x", [], [], [null], [null], {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1}]]),
                json!([null, true, 1, 1.5, "x", [], [null], {"a": 1, "b": 2}, {"a": 1}]),
            ),
        ],
    );
    check_failures(&[
        ("States.ArrayPartition($.l, 0)", json!({"l": [1]}), "expected a chunk size of at least 1, found 0"),
        (
            "States.ArrayPartition($.l, 2)",
            json!({"l": "x"}),
            "expected argument 1 to be an array, found string",
        ),
        ("States.ArrayRange(0, 9, 0)", json!({}), "expected a step other than 0"),
        ("States.ArrayRange(0, 1000, 1)", json!({}), "expected a range of at most 1000 elements, found more"),
        (
            "States.ArrayGetItem($, 2)",
            json!([1, 2]),
            "expected an index from 0 to below the array's length 2, found 2",
        ),
        (
            "States.ArrayGetItem($, -1)",
            json!([1, 2]),
            "expected an index from 0 to below the array's length 2, found -1",
        ),
        ("States.ArrayLength($.l)", json!({"l": {}}), "expected argument 1 to be an array, found object"),
        ("States.ArrayUnique($.l)", json!({"l": null}), "expected argument 1 to be an array, found null"),
    ]);
}

#[test]
fn sums_are_of_rounded_numbers() {
    check(
        "States.MathAdd($.a, $.b)",
        &[
            (json!([-9, 3]), json!(-6)),
            (json!([1.49, 1.5]), json!(3)),
            (json!([1.5, 1.51]), json!(4)),
            (json!([-1.49, -1.5]), json!(-2)),
            (json!([-1.5, -1.51]), json!(-3)),
            (json!([-1.5, 0]), json!(-1)),
            (json!([-1.51, 0]), json!(-2)),
            (json!([-0.5, 0.5]), json!(1)),
            (json!([-2.5, 0]), json!(-2)),
            (json!([2.5, 0]), json!(3)),
            (json!([0.499_999_999_999_999_94, 0]), json!(0)),
            (json!([9_007_199_254_740_993_i64, 1]), json!(9_007_199_254_740_994_i64)),
        ],
    );
    check_failures(&[
        (
            "States.MathAdd($.n, 1)",
            json!({"n": i64::MAX}),
            "expected 9223372036854775807 + 1 to be a 64-bit integer",
        ),
        (
            "States.MathAdd($.n, 1)",
            json!({"n": 1e300}),
            "expected argument 1 to be a 64-bit integer, found 1e+300",
        ),
        (
            "States.MathAdd($.n, 1)",
            json!({"n": u64::MAX}),
            "expected argument 1 to be a 64-bit integer, found 18446744073709551615",
        ),
        ("States.MathAdd(1, $.n)", json!({"n": "1"}), "expected argument 2 to be a number, found string"),
    ]);
}

#[test]
fn random_numbers_are_in_range_and_repeat_with_their_seed() {
    let scene = Scene::new(json!({"start": 12.5, "end": 44.51}));
    for _ in 0..200 {
        let drawn = evaluate(&scene, "States.MathRandom($.start, $.end)").unwrap();
        assert!((13..45).contains(&drawn.as_i64().unwrap()));
        let drawn = evaluate(&scene, "States.MathRandom(-99999, -9999)").unwrap();
        assert!((-99_999..-9_999).contains(&drawn.as_i64().unwrap()));
    }
    let seeded = || evaluate(&scene, "States.MathRandom(0, 999999, 3)");
    assert_eq!(seeded(), seeded());
    assert_ne!(seeded(), evaluate(&scene, "States.MathRandom(0, 999999, 4)"));
    check_failures(&[("States.MathRandom(5, 5)", json!({}), "expected an end above the start 5, found 5")]);
}

#[test]
fn uuids_differ() {
    let scene = Scene::new(json!({}));
    let (first, second) =
        (evaluate(&scene, "States.UUID()").unwrap(), evaluate(&scene, "States.UUID()").unwrap());
    assert_ne!(first, second);
    assert_eq!(first.as_str().map(str::len), Some(36));
}

#[test]
fn texts_are_split_at_every_separator() {
    check(
        "States.StringSplit($.a, $.b)",
        &[
            (json!([" ", ","]), json!([" "])),
            (json!([" , ", ","]), json!([" ", " "])),
            (json!([", , ,", ","]), json!([" ", " "])),
            (json!([",,,,", ","]), json!([])),
            (json!(["", ","]), json!([])),
            (json!(["abc", ""]), json!(["abc"])),
            (json!(["1,2,3", ","]), json!(["1", "2", "3"])),
            (json!(["This.is+a,test=string", ".+,="]), json!(["This", "is", "a", "test", "string"])),
            (json!(["split on T and \nnew line", "T\n"]), json!(["split on ", " and ", "new line"])),
            (json!(["aéb", "é"]), json!(["a", "b"])),
        ],
    );
}

#[test]
fn templates_are_filled() {
    check_calls(&[
        ("States.Format('plain')", json!("plain")),
        ("States.Format('{} xyz {}', 1, 'def')", json!("1 xyz def")),
        ("States.Format('{}{}', $.a, $v.n)", json!("x5")),
        ("States.Format('{} {} {}', null, true, 1.10)", json!("null true 1.1")),
        ("States.Format('{}', $.o)", json!("{Arg1=1, Arg2=[]}")),
        ("States.Format('{}', $.l)", json!("[1, two, null]")),
        ("States.Format('{}', $$.StateMachine)", json!("{Id=arn:1:m, Name=m-1}")),
        ("States.Format($.a)", json!("x")),
        (r"States.Format('{}\'s \{\} \\ {}', 1, 2)", json!(r"1's {} \ 2")),
        (r#"States.Format('<a href="x">{}</a>', 1)"#, json!(r#"<a href="x">1</a>"#)),
        ("States.Format('a)b,c' )", json!("a)b,c")),
        ("States.Format('}')", json!("}")),
        ("States.Format('{}', '{}')", json!("{}")),
    ]);
    check(
        "States.Format($.a, $.b)",
        &[
            (json!(["{}", "b"]), json!("b")),
            (json!([r"\{\} {}", "{}"]), json!("{} {}")),
            (json!([r"C:\dir {}", 1]), json!(r"C:\dir 1")),
            (json!(["} {}", "{\"Arg1\": 1, \"Arg2\": []}"]), json!("} {\"Arg1\": 1, \"Arg2\": []}")),
        ],
    );
    check_failures(&[
        (
            "States.Format('{} {}', 1)",
            json!({}),
            "expected as many arguments as occurrences of {}, found 1 for 2",
        ),
        (
            "States.Format('{}', 1, 2)",
            json!({}),
            "expected as many arguments as occurrences of {}, found 2 for 1",
        ),
        ("States.Format('{a}', 1)", json!({}), "matching '}' not found for '{'"),
        ("States.Format('{', 1)", json!({}), "matching '}' not found for '{'"),
        ("States.Format($.n)", json!({"n": 1}), "expected argument 1 to be a string, found number"),
    ]);
}

#[test]
fn json_goes_to_text_and_back() {
    check(
        "States.JsonToString($.a)",
        &[
            (json!([null]), json!("null")),
            (json!([1.1]), json!("1.1")),
            (json!(["Hello"]), json!("\"Hello\"")),
            (json!([[1, 2, "x"]]), json!("[1,2,\"x\"]")),
            (json!([{"Arg1": 1, "Arg2": []}]), json!("{\"Arg1\":1,\"Arg2\":[]}")),
        ],
    );
    check(
        "States.StringToJson($.a)",
        &[
            (json!([""]), json!(null)),
            (json!([" "]), json!(null)),
            (json!(["null"]), json!(null)),
            (json!(["-0"]), json!(0)),
            (json!(["[-0, -0.0]"]), json!([0, 0])),
            (json!(["1"]), json!(1)),
            (json!(["0.0"]), json!(0.0)),
            (json!(["1.10"]), json!(1.1)),
            (json!(["true"]), json!(true)),
            (json!(["\"Hello\""]), json!("Hello")),
            (json!([" { \"b\": [1, 2.50] } "]), json!({"b": [1, 2.5]})),
        ],
    );
    check_calls(&[
        (r#"States.StringToJson('{"NewField": "MyValue" }')"#, json!({"NewField": "MyValue"})),
        (
            "States.JsonMerge(States.StringToJson('{\"a\":1}'), $.o, false)",
            json!({"a": 1, "Arg1": 1, "Arg2": []}),
        ),
    ]);
    check(
        "States.JsonMerge($.a, $.b, $.c)",
        &[(
            json!([{"a": {"a1": 1, "a2": 2}, "b": 2, "d": 3}, {"a": {"a3": 1, "a4": 2}, "c": 3, "d": 4}, false]),
            json!({"a": {"a3": 1, "a4": 2}, "b": 2, "c": 3, "d": 4}),
        )],
    );
    check_failures(&[
        (
            "States.JsonMerge($, $, true)",
            json!({}),
            "expected argument 3 to be false, for objects merge at the top level only; found true",
        ),
        (
            "States.JsonMerge($, $.x, false)",
            json!({"x": []}),
            "expected argument 2 to be an object, found array",
        ),
        (
            "States.StringToJson($.x)",
            json!({"x": "{"}),
            "expected a JSON document, found EOF while parsing an object at line 1 column 1",
        ),
        ("States.StringToJson($.x)", json!({"x": "[".repeat(70)}), "expected JSON nested at most 64 deep"),
    ]);
}

#[test]
fn encodings() {
    check_calls(&[
        ("States.Base64Encode('')", json!("")),
        ("States.Base64Decode('')", json!("")),
        ("States.Base64Encode('Data to encode')", json!("RGF0YSB0byBlbmNvZGU=")),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", json!("Data to encode")),
        ("States.Hash('input data', 'MD5')", json!("812f45842bc6d66ee14572ce20db8e86")),
        ("States.Hash('input data', 'SHA-1')", json!("aaff4a450a104cd177d28d18d74485e8cae074b7")),
        (
            "States.Hash('input data', 'SHA-256')",
            json!("b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3"),
        ),
        (
            "States.Hash('input data', 'SHA-384')",
            json!(
                "d28a7d5cf25a74f11a50a18452b75e04bb3d70c9dd0510d6123aa008c756511b87525bdc835ebb27e1fb9e9374a15562"
            ),
        ),
        (
            "States.Hash('input data', 'SHA-512')",
            json!(
                "6ce4adb348546d4f449c4d25aad9a7c9cb711d9e91982d3f0b29ca2f3f47d4ce2deba23bf2954f0f1d593fc50283731a533d30d425402d4f91316d871303aac4"
            ),
        ),
    ]);
    check_failures(&[
        (
            "States.Base64Encode($)",
            json!("é".repeat(10_001)),
            "expected argument 1 to have at most 10000 characters, found 10001",
        ),
        (
            "States.Base64Decode($)",
            json!("/w=="),
            "expected argument 1 to be the Base64 of UTF-8 text, found other bytes",
        ),
        (
            "States.Hash($, 'MD4')",
            json!(""),
            "expected argument 2 to be MD5, SHA-1, SHA-256, SHA-384 or SHA-512, found 'MD4'",
        ),
        ("States.Hash($, 'MD5')", json!({}), "expected argument 1 to be a string, found object"),
    ]);
    let error = evaluate(&Scene::new(json!("!")), "States.Base64Decode($)").unwrap_err();
    assert_eq!(error.error, error_name::INTRINSIC_FAILURE);
    assert!(evaluate(&Scene::new(json!("é".repeat(10_000))), "States.Base64Encode($)").is_ok());
}

#[test]
fn calls_nest() {
    check_calls(&[
        ("States.ArrayGetItem(States.StringSplit($$.StateMachine.Name, '-'), 0)", json!("m")),
        (
            "States.ArrayGetItem(States.StringSplit($$.StateMachine.Name, '-'), States.MathAdd(States.ArrayLength(States.StringSplit($$.StateMachine.Name, '-')), -1))",
            json!("1"),
        ),
        ("States.ArrayLength($.l[?(@ == 'two')])", json!(1)),
        ("States.Array($.l[0],$.l[1:],$['a'])", json!([1, ["two", null], "x"])),
        ("States.MathAdd($v.n, $v['n'])", json!(10)),
    ]);
    let nested = |depth: usize| format!("{}1{}", "States.Array(".repeat(depth), ")".repeat(depth));
    assert!(Intrinsic::parse(&nested(10)).is_ok());
    assert!(Intrinsic::parse(&nested(11)).is_err());
    let references = Intrinsic::parse("States.Array($a, States.Array($b.c, $.d, $$.e), $a[0])").unwrap();
    assert_eq!(references.references(), ["a", "b", "a"]);
}

#[test]
fn a_missing_argument_is_worded_as_the_service_words_it() {
    let scene = Scene::new(json!({"a": 1}));
    let error = evaluate(&scene, "States.Format('{}', States.Array($.gone))").unwrap_err();
    let cause = "The function 'States.Format('{}', States.Array($.gone))' had the following error: \
                 The JsonPath argument for the field '$.gone' could not be found in the input '{\"a\":1}'";
    assert_eq!(error, EvalError::runtime(cause));
}

#[test]
fn what_is_no_call_is_refused_with_its_place() {
    let neither = "a JSONPath or the name of an intrinsic function";
    let argument = "a string in single quotes, a number, a path or a function call";
    for (text, position, expected, found) in [
        ("", 0, neither, "neither"),
        ("not a path", 0, neither, "'not'"),
        (" States.Array()", 0, neither, "neither"),
        ("States.format('{}', 1)", 0, neither, "'States.format'"),
        ("States.Nope()", 0, neither, "'States.Nope'"),
        ("States.Array", 12, "'('", "the end"),
        ("States.Array(", 13, argument, "the end"),
        ("States.Array(1", 14, "',' or ')'", "the end"),
        ("States.Array(1 2)", 15, "',' or ')'", "'2'"),
        ("States.Array(1,)", 15, argument, "')'"),
        ("States.Array(\"x\")", 13, argument, "'\\\"'"),
        ("States.Array('x)", 16, "a closing '", "the end"),
        ("States.Array() ]", 15, "the end of the function call", "']'"),
        ("States.Array($.a[)", 17, "a quoted name, an index, '*', ':' or '?'", "')'"),
        ("States.Array(01)", 13, "a number", "'01'"),
        ("States.Array(tru)", 13, argument, "'t'"),
        ("States.Array(States.Nope())", 13, neither, "'States.Nope'"),
        ("States.UUID(1)", 12, "States.UUID to have 0 arguments", "'1'"),
        ("States.MathAdd(1)", 17, "States.MathAdd to have 2 arguments", "1"),
        ("States.MathRandom(1, 2, 3, 4)", 27, "States.MathRandom to have 2 to 3 arguments", "'4'"),
        ("States.Format()", 15, "States.Format to have at least 1 argument", "0"),
        ("States.ArrayLength(1)", 19, "an array", "1"),
        ("States.MathAdd(1,'-1')", 17, "a number", "\"-1\""),
        (r#"States.Format('He said, \"Hello, {}!\"', 'x')"#, 24, r"one of \' \\ \{ \}", "'\\\"'"),
        (r#"States.StringToJson('{"text":"An \"escaped\" one"}')"#, 33, r"one of \' \\ \{ \}", "'\\\"'"),
    ] {
        let expected = SyntaxError { position, expected: expected.to_owned(), found: found.to_owned() };
        assert_eq!(Intrinsic::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn hostile_calls_are_refused_or_stopped() {
    let unbalanced = "States.Array(".repeat(4_000);
    let long = format!("States.Format('{}')", "x".repeat(TEXT_BYTES_MAX));
    let long_path = format!("States.Array($.{})", "a".repeat(2_000));
    for text in [unbalanced, long, long_path] {
        assert!(Intrinsic::parse(&text).is_err());
    }
    let scene = Scene::new(json!("\"".repeat(200_000)));
    let copies = format!("States.Array({}$)", "$,".repeat(20_000));
    let filled = format!("States.Format('{}',{}$)", "{}".repeat(10_000), "$,".repeat(9_999));
    let escaped = format!("{}${}", "States.JsonToString(".repeat(10), ")".repeat(10));
    for call in [copies, filled, escaped] {
        let error = evaluate(&scene, &call).unwrap_err();
        assert!(
            matches!(error.error, error_name::DATA_LIMIT_EXCEEDED | error_name::INTRINSIC_FAILURE),
            "{error:?}"
        );
    }
    // A thousand looks at a large input copy nothing.
    let looks = format!("States.Array({}1)", "States.ArrayLength($),".repeat(1_000));
    let scene = Scene::new((0..20_000).collect());
    assert!(evaluate(&scene, &looks).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let _ = Intrinsic::parse(&text);
        let _ = Intrinsic::parse(&format!("States.Format('{text}', {text})"));
    }

    #[test]
    fn calls_of_random_parts_never_panic(
        name in prop::sample::select(vec![
            "Array", "ArrayPartition", "ArrayContains", "ArrayRange", "ArrayGetItem", "ArrayLength", "ArrayUnique",
            "Base64Encode", "Base64Decode", "Hash", "JsonMerge", "MathRandom", "MathAdd", "StringSplit", "UUID",
            "Format", "JsonToString", "StringToJson",
        ]),
        arguments in prop::collection::vec(prop::sample::select(vec![
            "$", "$.a", "$.b", "$.c[*]", "$$", "$v", "'{}'", "'x\\'y'", "'MD5'", "-1", "0", "1", "2.5", "1e300",
            "9223372036854775807", "true", "false", "null", "States.UUID()", "States.Array(1, 'a')", "", "'\\",
        ]), 0..5),
    ) {
        let scene = Scene::new(json!({"a": [1, [2], {"b": null}], "b": {"c": "d"}, "c": ["e", 1.5]})).variable("v", json!("é"));
        if let Ok(call) = Intrinsic::parse(&format!("States.{name}({})", arguments.join(", "))) {
            let _ = call.evaluate(&scene.env());
        }
    }
}
