use proptest::prelude::*;
use serde_json::json;

use super::super::testing::Scene;
use super::*;

fn store() -> Value {
    json!({
        "store": {
            "book": [
                {"category": "reference", "author": "Nigel Rees", "title": "Sayings", "price": 8.95},
                {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword", "price": 12.99, "tags": ["war", "old"]},
                {"category": "fiction", "author": "Herman Melville", "title": "Moby Dick", "isbn": "0-553", "price": 8.99, "tags": []},
                {"category": "fiction", "author": "J. R. R. Tolkien", "title": "Rings", "isbn": "0-395", "price": 22.99, "tags": ["epic"]}
            ],
            "bicycle": {"color": "red", "price": 19.95, "gears": null}
        },
        "expensive": 10,
        "n": [0, 1, 2, 3, 4, 5],
        "users": [{"status": 0, "id": "1"}, {"status": 1, "id": 2}],
        "detail-type": "order", "größe": 7, "a b": {"c'd": 1, "e\"f": 2, "g\\h": 3}, "x.y": 4, "": 5,
        "Test\\\"\"Name\"": "quoted", "deep": [[1, [2]], {"price": 3}], "${Attribute}": 6, "length": 9,
    })
}

fn select(scene: &Scene, path: &str) -> Result<Value, PathError> {
    let path = Path::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    path.select(&scene.env()).map(Cow::into_owned)
}

/// Checks what paths select from [`store`].
fn check(rows: &[(&str, Value)]) {
    let scene = Scene::new(store());
    for (path, expected) in rows {
        assert_eq!(select(&scene, path).as_ref(), Ok(expected), "{path}");
    }
}

#[test]
fn names_and_indexes() {
    check(&[
        ("$", store()),
        ("$.expensive", json!(10)),
        ("$.expensive  ", json!(10)),
        ("$['expensive']", json!(10)),
        ("$[\"expensive\"]", json!(10)),
        ("$.['expensive']", json!(10)),
        ("$[ 'expensive' ]", json!(10)),
        ("$.detail-type", json!("order")),
        ("$.größe", json!(7)),
        ("$.${Attribute}", json!(6)),
        ("$.length", json!(9)),
        ("$['']", json!(5)),
        ("$['x.y']", json!(4)),
        ("$['a b']['c\\'d']", json!(1)),
        ("$['a b'][\"c'd\"]", json!(1)),
        ("$['a b']['e\"f']", json!(2)),
        ("$['a b']['g\\\\h']", json!(3)),
        ("$['a b'].['c\\'d']", json!(1)),
        (r#"$['Test\""Name"']"#, json!("quoted")),
        ("$.store.bicycle.color", json!("red")),
        ("$.store.bicycle.gears", json!(null)),
        ("$.store.book[0].price", json!(8.95)),
        ("$.store.book.[0].price", json!(8.95)),
        ("$.store.book[-1].title", json!("Rings")),
        ("$.store.book[(@.length-1)].title", json!("Rings")),
        ("$.store.book[(@.length() - 2)].title", json!("Moby Dick")),
        ("$.deep[0][1][0]", json!(2)),
        ("$.store.bicycle['color','price']", json!({"color": "red", "price": 19.95})),
        ("$.store.bicycle['color', 'none']", json!({"color": "red"})),
        ("$.store.book.length()", json!(4)),
        ("$.store.bicycle.length()", json!(3)),
        ("$..price.length()", json!(6)),
    ]);
}

#[test]
fn many_places() {
    check(&[
        ("$.n[0,2]", json!([0, 2])),
        ("$.n[0, -1, 9]", json!([0, 5])),
        ("$.n[1:3]", json!([1, 2])),
        ("$.n[4:]", json!([4, 5])),
        ("$.n[:2]", json!([0, 1])),
        ("$.n[:]", json!([0, 1, 2, 3, 4, 5])),
        ("$.n[:-4]", json!([0, 1])),
        ("$.n[-2:]", json!([4, 5])),
        ("$.n[-9:1]", json!([0])),
        ("$.n[1:-1]", json!([1, 2, 3, 4])),
        ("$.n[4:99]", json!([4, 5])),
        ("$.n[3:1]", json!([])),
        ("$.n[ 1 : 3 ]", json!([1, 2])),
        ("$.n[*]", json!([0, 1, 2, 3, 4, 5])),
        ("$.n.*", json!([0, 1, 2, 3, 4, 5])),
        ("$.store.bicycle.*", json!(["red", 19.95, null])),
        ("$.store.bicycle[*]", json!(["red", 19.95, null])),
        ("$.store.book[*].price", json!([8.95, 12.99, 8.99, 22.99])),
        ("$.store.book[1:].isbn", json!(["0-553", "0-395"])),
        (
            "$.store.book[*].['title', 'isbn']",
            json!([{"title": "Sayings"}, {"title": "Sword"}, {"title": "Moby Dick", "isbn": "0-553"}, {"title": "Rings", "isbn": "0-395"}]),
        ),
        ("$['store','expensive'].bicycle.color", json!(["red"])),
        ("$..price", json!([8.95, 12.99, 8.99, 22.99, 19.95, 3])),
        ("$.store..price", json!([8.95, 12.99, 8.99, 22.99, 19.95])),
        ("$..['isbn','price']", json!([{"isbn": "0-553", "price": 8.99}, {"isbn": "0-395", "price": 22.99}])),
        ("$.store.book..tags[0]", json!(["war", "epic"])),
        ("$..book[2].title", json!(["Moby Dick"])),
        ("$..[0].status", json!([0])),
        ("$.deep..*", json!([[1, [2]], {"price": 3}, 1, [2], 2, 3])),
        ("$.deep..[0]", json!([[1, [2]], 1, 2])),
        ("$.n[*].x", json!([])),
        ("$.none[*]", json!([])),
        ("$.none.items[1:5].value", json!([])),
        ("$.expensive[*]", json!([])),
        ("$.expensive[?(@.a)]", json!([])),
        ("$.store.bicycle.gears[*]", json!([])),
    ]);
}

#[test]
fn filters() {
    let titles = |titles: &[&str]| json!(titles);
    check(&[
        ("$.users[?(@.status == 0)]", json!([{"status": 0, "id": "1"}])),
        ("$.users[?(@.status==9)]", json!([])),
        ("$.store.book[?(@.price < 10)].title", titles(&["Sayings", "Moby Dick"])),
        ("$.store.book[?(@.price <= 8.95)].title", titles(&["Sayings"])),
        ("$.store.book[?(@.price > $.expensive)].title", titles(&["Sword", "Rings"])),
        ("$.store.book[?(@['price'] >= 12.99)]['title']", titles(&["Sword", "Rings"])),
        ("$.store.book[?(10 > @.price)].title", titles(&["Sayings", "Moby Dick"])),
        ("$.store.book[?(@.isbn)].title", titles(&["Moby Dick", "Rings"])),
        ("$.store.book[?(!@.isbn)].title", titles(&["Sayings", "Sword"])),
        ("$.store.book[?(!(@.isbn && @.price < 10))].title", titles(&["Sayings", "Sword", "Rings"])),
        ("$.store.book[?(@.price < 10 && @.category == 'fiction')].title", titles(&["Moby Dick"])),
        ("$.store.book[?(@.price < 8.96 || @.price > 20)].title", titles(&["Sayings", "Rings"])),
        (
            "$.store.book[?(@.category == 'reference' || @.isbn && @.price > 10)].title",
            titles(&["Sayings", "Rings"]),
        ),
        ("$.store.book[?((@.category == 'reference' || @.isbn) && @.price > 10)].title", titles(&["Rings"])),
        ("$.store.book[?(@.category==reference)].title", titles(&["Sayings"])),
        ("$.store.book[?(@.category != \"fiction\")].title", titles(&["Sayings"])),
        ("$.store.book[?(@.isbn != '0-553')].title", titles(&["Sayings", "Sword", "Rings"])),
        ("$.store.book[?(@.author =~ /.*melville/i)].title", titles(&["Moby Dick"])),
        ("$.store.book[?(@.author =~ /Herman/)].title", titles(&[])),
        ("$.store.book[?(@.price =~ /8.*/)].title", titles(&["Sayings", "Moby Dick"])),
        ("$.store.book[?(@.isbn =~ /0-[35]\\d+/)].title", titles(&["Moby Dick", "Rings"])),
        ("$.store.book[?(@.category in ['reference', 'poetry'])].title", titles(&["Sayings"])),
        ("$.store.book[?(@.category nin ['fiction'])].title", titles(&["Sayings"])),
        ("$.store.book[?(@.category IN [fiction] && @.price in [8.99, 1])].title", titles(&["Moby Dick"])),
        ("$.store.book[?(@.tags anyof ['epic', 'war'])].title", titles(&["Sword", "Rings"])),
        ("$.store.book[?(@.tags noneof ['epic', 'war'])].title", titles(&["Moby Dick"])),
        ("$.store.book[?(@.tags subsetof ['epic'])].title", titles(&["Moby Dick", "Rings"])),
        ("$.store.book[?(@.tags all ['old'])].title", titles(&["Sword"])),
        ("$.store.book[?(@.tags size 2)].title", titles(&["Sword"])),
        ("$.store.book[?(@.tags.length() == 1)].title", titles(&["Rings"])),
        ("$.store.book[?(@.tags empty true)].title", titles(&["Moby Dick"])),
        ("$.store.book[?(@.tags empty false)].title", titles(&["Sword", "Rings"])),
        ("$.store.book[?(@.tags contains 'epic')].title", titles(&["Rings"])),
        ("$.store.book[?(@.title contains 'y')].title", titles(&["Sayings", "Moby Dick"])),
        ("$.store.book[?(@.tags == ['epic'])].title", titles(&["Rings"])),
        ("$.store.book[?(@.tags[*])].title", titles(&["Sword", "Rings"])),
        ("$.store.book[?(@.tags[?(@ == 'old')])].title", titles(&["Sword"])),
        ("$.store.book[?(@.tags[0] == 'epic')].title", titles(&["Rings"])),
        ("$.store.bicycle[?(@.color == 'red')].price", json!([19.95])),
        ("$.store.bicycle[?(@.gears == null)].color", json!(["red"])),
        ("$.store.bicycle[?(@.gears)].color", json!(["red"])),
        ("$.users[?(@.id == 1)].status", json!([0])),
        ("$.users[?(@.id == '2')].status", json!([1])),
        ("$.users[?(@.id === '2')].status", json!([])),
        ("$.users[?(@.id !== 1)].status", json!([0, 1])),
        ("$.users[?(@.status == 0.0)].id", json!(["1"])),
        ("$.users[?(@.status < 'a')].id", json!([])),
        ("$.users[?(@.status == false)].id", json!([])),
        ("$.users[?(@.none == null)]", json!([])),
        ("$.n[?(@ > 3)]", json!([4, 5])),
        ("$.n[?(@ == $.users[1].status)]", json!([1])),
        ("$..[?(@.price > 15)].price", json!([22.99, 19.95])),
        ("$..[?(@.isbn)].price", json!([8.99, 22.99])),
        ("$.[?(@.expensive == 10)].length", json!([9])),
    ]);
}

#[test]
fn roots() {
    let scene = Scene::new(json!({"State": "input"}))
        .context(json!({"State": {"Name": "Charge"}, "Execution": {"Input": {"input-value": 0}}}))
        .variable("order", json!({"id": 7, "lines": [1, 2]}));
    for (path, expected) in [
        ("$$.State.Name", json!("Charge")),
        ("$$['State']", json!({"Name": "Charge"})),
        ("$$.Execution.Input.input-value", json!(0)),
        ("$order", json!({"id": 7, "lines": [1, 2]})),
        ("$order.id", json!(7)),
        ("$order['lines'][-1]", json!(2)),
        ("$order.lines[*]", json!([1, 2])),
        ("$order.lines[?(@ == $.lines[0])]", json!([1])),
        ("$.State", json!("input")),
    ] {
        assert_eq!(select(&scene, path), Ok(expected), "{path}");
    }
    assert_eq!(Path::parse("$order.id").unwrap().references(), ["order"]);
    assert_eq!(Path::parse("$$.order").unwrap().references(), [""; 0]);
    assert!(Path::parse("$").unwrap().is_input() && !Path::parse("$$").unwrap().is_input());
}

#[test]
fn a_definite_path_to_nowhere_is_an_error_in_the_service_s_words() {
    let scene = Scene::new(json!({"a": {"b": null, "c": [1]}, "s": "text"}));
    for (path, expected) in [
        ("$.NoSuch", "No results for path: $['NoSuch']"),
        ("$.no.such.result.path", "Missing property in path $['no']"),
        ("$.a.x", "No results for path: $['a']['x']"),
        ("$.a.x.y", "Missing property in path $['a']['x']"),
        ("$.a.c[3]", "No results for path: $['a']['c'][3]"),
        ("$.a.c[3].d", "No results for path: $['a']['c'][3]['d']"),
        ("$.a.c[-2]", "No results for path: $['a']['c'][-2]"),
        ("$.s.t", "Expected to find an object with property ['t'] in path $['s'] but found 'string'."),
        ("$.a.b.c", "Expected to find an object with property ['c'] in path $['a']['b'] but found 'null'."),
        ("$.a[0]", "Expected to find an array with element [0] in path $['a'] but found 'object'."),
        (
            "$.s.length()",
            "Expected to find an array or an object to take the length of in path $['s'] but found 'string'.",
        ),
        ("$$.State", "No results for path: $$['State']"),
        ("$v", "The variable 'v' is not defined"),
    ] {
        let path = Path::parse(path).unwrap();
        let error = path.select(&scene.env()).unwrap_err();
        assert!(error.is_missing());
        assert_eq!(error.to_string(), expected, "{path}");
        let invalid = EvalError::runtime(format!("Invalid path '{path}' : {expected}"));
        assert_eq!(path.evaluate(&scene.env()), Err(invalid));
    }
}

#[test]
fn one_place_is_borrowed() {
    let scene = Scene::new(store());
    for path in ["$", "$.store", "$.store.book[0]"] {
        assert!(matches!(Path::parse(path).unwrap().select(&scene.env()), Ok(Cow::Borrowed(_))), "{path}");
    }
}

#[test]
fn definite_paths_lead_to_one_place() {
    for path in ["$", "$$", "$v", "$.a", "$.a[0].b", "$['a']", "$['a','b']", "$[-1]", "$..a.length()"] {
        assert!(Path::parse(path).unwrap().is_definite(), "{path}");
    }
    for path in ["$.*", "$[*]", "$..a", "$[0,1]", "$[0:1]", "$[:1]", "$['a','b'].c", "$[?(@.a)]"] {
        assert!(!Path::parse(path).unwrap().is_definite(), "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused_with_its_place() {
    for (text, position, expected, found) in [
        ("", 0, "'$'", "the end"),
        ("a", 0, "'$'", "'a'"),
        (" $.a", 0, "'$'", "' '"),
        ("$.", 2, "a member's name, '*' or '['", "the end"),
        ("$..", 3, "a member's name, '*' or '['", "the end"),
        ("$...a", 3, "a member's name, '*' or '['", "'.'"),
        ("$.a.", 4, "a member's name, '*' or '['", "the end"),
        ("$$23", 2, "'.', '[' or the end of the path", "'2'"),
        ("$23", 1, "'.', '[' or the end of the path", "'2'"),
        ("$.a b", 4, "'.', '[' or the end of the path", "'b'"),
        ("$.a)", 3, "'.', '[' or the end of the path", "')'"),
        ("$.a[", 4, "a quoted name, an index, '*', ':' or '?'", "the end"),
        ("$.a[]", 4, "a quoted name, an index, '*', ':' or '?'", "']'"),
        ("$.a[b]", 4, "a quoted name, an index, '*', ':' or '?'", "'b'"),
        ("$.a[0", 5, "']'", "the end"),
        ("$.a[0:1:2]", 7, "']'", "':'"),
        ("$.a[-]", 4, "an index", "no digit"),
        ("$.a[99999999999999999999]", 4, "an index", "'99999999999999999999'"),
        ("$['a]", 5, "a closing '", "the end"),
        ("$['a',]", 6, "a quoted name", "']'"),
        ("$.sum()", 5, "no function but a closing .length()", "'('"),
        ("$.a.length().b", 12, "'.', '[' or the end of the path", "'.'"),
        ("$[?]", 3, "'('", "']'"),
        ("$[?(@.a]", 7, "')'", "']'"),
        ("$[?()]", 4, "'@', '$' or a literal", "')'"),
        ("$[?(1)]", 5, "a comparison", "')'"),
        ("$[?(@.a == )]", 11, "'@', '$' or a literal", "')'"),
        ("$[?(@.a == 1e)]", 11, "a number", "'1e'"),
        ("$[?(@.a ~ 1)]", 8, "')'", "'~'"),
        ("$[?(@.a && )]", 11, "'@', '$' or a literal", "')'"),
        ("$[?(@.a == 1)", 13, "']'", "the end"),
        ("$[?(@.a == $$.b)]", 12, "')'", "'$'"),
        ("$[?(@.a =~ 'b')]", 11, "'/'", "'''"),
        ("$[(@.length+1)]", 11, "'-'", "'+'"),
        ("$.a\u{7}", 3, "'.', '[' or the end of the path", "'\\u{7}'"),
    ] {
        let found = found.replace("'''", r"'\''");
        let expected = SyntaxError { position, expected: expected.to_owned(), found };
        assert_eq!(Path::parse(text), Err(expected), "{text}");
    }
    for text in [
        "$[?(@.a =~ /(/)]",
        "$[?(@.a =~ /a/q)]",
        "$[?(@.a =~ /(a{999}){999}/)]",
        "$[?(@.a =~ /(?=a)/)]",
        "$[?(@.a =~ /a)|(b/)]",
    ] {
        let error = Path::parse(text).unwrap_err();
        assert_eq!((error.position, error.expected.as_str()), (11, "a regular expression"), "{error}");
    }
}

#[test]
fn hostile_paths_are_refused_at_once() {
    let nested_filters = format!("${}@.a{}", "[?(@".repeat(500), ")]".repeat(500));
    let short_nested_filters = format!("$.a{}@{}", "[?(@.a".repeat(100), ")]".repeat(100));
    let parentheses = format!("$[?{}@.a{}]", "(".repeat(2_000), ")".repeat(2_000));
    let short_parentheses = format!("$[?{}@.a{}]", "(".repeat(300), ")".repeat(300));
    let negations = format!("$[?({}@.a)]", "!".repeat(900));
    let lists = format!("$[?(@.a in {})]", "[".repeat(900));
    let long = format!("$.{}", "a".repeat(100_000));
    for text in [nested_filters, short_nested_filters, parentheses, short_parentheses, negations, lists, long]
    {
        assert!(Path::parse(&text).is_err());
    }
    assert!(Path::parse(&format!("$.{}", "a".repeat(TEXT_BYTES_MAX - 2))).is_ok());
    assert!(Path::parse(&format!("$[?{}@.a{}]", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX))).is_ok());
}

/// A document as deep as a payload may be, two members to a level.
fn deep() -> Value {
    (0..62).fold(json!({"a": 1}), |inner, _| json!({"a": inner, "b": [1, 2, 3]}))
}

#[test]
fn costly_paths_meet_the_budget() {
    let wide = json!({"list": (0..50_000).collect::<Vec<_>>(), "text": "ab".repeat(50_000)});
    let big_leaf = (0..60).fold(json!("x".repeat(200_000)), |inner, _| json!([inner]));
    for (document, path) in [
        (deep(), "$..*..*..*..*"),
        (deep(), "$..*[?(@..*[?(@..*[?(@..a)])])]"),
        (deep(), "$..[?($..a == $..b)]"),
        (wide.clone(), "$.list[?(@ in $.list)]"),
        (wide.clone(), "$.list[?($.list == $.list)]"),
        (wide.clone(), "$.list[?($.text =~ /(ab)*c/)]"),
        (wide, "$.list[?($.text contains 'ba ')]"),
        (big_leaf, "$..*..*"),
    ] {
        let scene = Scene::new(document);
        assert_eq!(select(&scene, path), Err(PathError::TooCostly), "{path}");
    }
    let scene = Scene::new(deep());
    assert!(matches!(select(&scene, "$..*"), Ok(Value::Array(all)) if all.len() == 311));
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let _ = Path::parse(&text);
        let _ = Path::parse(&format!("$.{text}"));
    }

    #[test]
    fn what_looks_like_a_path_never_panics(text in r#"\$[$a-c@.\[\]()?*:,'"\\ =<>!~&|/0-9éin-]{0,40}"#) {
        if let Ok(path) = Path::parse(&text) {
            let scene = Scene::new(json!({"a": [1, {"b": "c"}, [null, "é"]], "b": {"a": 1.5, "c": "1"}, "c": "abc"}));
            let selected = path.select(&scene.env());
            prop_assert!(path.is_definite() || !selected.is_err_and(|error| error.is_missing()) || path.references().len() == 1);
            prop_assert_eq!(path.to_string(), text.trim_end());
        }
    }

    #[test]
    fn filters_of_random_parts_never_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "@", "$", ".a", ".b", "[0]", "[*]", "..", "*", "==", "!=", "<", "=~", " in ", " size ", " empty ", "&&",
            "||", "!", "(", ")", "[?(", ")]", "[", "]", "1", "'x'", "true", "null", "/a/i", ",",
        ]), 0..24),
    ) {
        let text = format!("$.a[?({})]", parts.concat());
        if let Ok(path) = Path::parse(&text) {
            let scene = Scene::new(json!({"a": [1, {"a": "x", "b": [1]}, [null], "x"], "b": {"a": 1}}));
            prop_assert!(path.select(&scene.env()).is_ok());
        }
    }
}
