use std::fmt::Write as _;

use proptest::prelude::*;

use super::{Limits, Node, Value, YamlError, read};

fn all(text: &str) -> Vec<Node> {
    read(text, Limits::default()).unwrap()
}

fn json(text: &str) -> String {
    let documents = all(text);
    assert_eq!(documents.len(), 1, "{text}");
    documents[0].to_json()
}

fn error(text: &str) -> YamlError {
    read(text, Limits::default()).unwrap_err()
}

/// The left column was read with `sigs.k8s.io/yaml` 1.6.0; the right one is what it said.
#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    for (text, expected) in [
        (
            "a: yes\nb: on\nc: NO\nd: Off\ne: y\nf: n",
            r#"{"a":true,"b":true,"c":false,"d":false,"e":true,"f":false}"#,
        ),
        (
            "a: 0777\nb: -0777\nc: 0o17\nd: 0x1F\ne: 0b11",
            r#"{"a":511,"b":-511,"c":15,"d":31,"e":3}"#,
        ),
        ("a: 012345678\nb: 08\nc: 00", r#"{"a":12345678,"b":8,"c":0}"#),
        ("a: 1_000\nb: 1_\nc: _1", r#"{"a":1000,"b":1,"c":"_1"}"#),
        (
            "a: 1e3\nb: 1e999\nc: .5_0\nd: ._5\ne: 1e18\nf: -9223372036854775809",
            r#"{"a":1000,"b":"1e999","c":0.5,"d":"._5","e":1000000000000000000,"f":-9.223372036854776e+18}"#,
        ),
        (
            "a: 2001-01-01\nb: 1:30\nc: +1\nd: 0x1p4",
            r#"{"a":"2001-01-01","b":"1:30","c":1,"d":"0x1p4"}"#,
        ),
        (
            "a: 18446744073709551615\nb: 1.e3\nc: 0b2",
            r#"{"a":18446744073709551615,"b":1000,"c":"0b2"}"#,
        ),
        ("a: 0b2\nb: 190:20:30\nc: '-'\nd: 1.", r#"{"a":"0b2","b":"190:20:30","c":"-","d":1}"#),
        ("b: &b {a: 1}\nc:\n  <<: *b\n  d: 2", r#"{"b":{"a":1},"c":{"a":1,"d":2}}"#),
        ("<<: [{a: 1},{a: 2, b: 3}]", r#"{"a":1,"b":3}"#),
        (
            "b: &b {a: 1}\nc:\n  a: 2\n  <<: *b\nd:\n  <<: *b\n  a: 3",
            r#"{"b":{"a":1},"c":{"a":1},"d":{"a":3}}"#,
        ),
        ("a: \"<<\"\n\"<<\": {b: 1}", r#"{"a":"<<","<<":{"b":1}}"#),
        ("a: !foo 1\nb: ! 1\nc: !!str 1\nd: !!int \"5\"", r#"{"a":"1","b":"1","c":"1","d":5}"#),
        ("a: !!float 1\nb: !!bool \"yes\"\nc: !!binary aGk=", r#"{"a":1,"b":true,"c":"hi"}"#),
        ("a: !!null \"\"\nb: !foo {a: 1}\nc: !!map 3", r#"{"a":null,"b":{"a":1},"c":"3"}"#),
        (
            "yes: 1\n1: 3\n1.5: 4\n1234567.5: 5\n0x10: 6",
            r#"{"true":1,"1":3,"1.5":4,"1.2345675e+06":5,"16":6}"#,
        ),
        ("on: 1", r#"{"true":1}"#),
        ("%YAML 1.1\n---\na: 1", r#"{"a":1}"#),
        ("\u{feff}a: 1", r#"{"a":1}"#),
        ("---\n---\n# nothing\n---\na: 1\n---\n", r#"{"a":1}"#),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn what_kubectl_refuses_or_reads_otherwise_is_refused() {
    for text in [
        "%YAML 1.2\n---\na: 1",
        "~: 1",
        "? [a]\n: 1",
        "a: .inf",
        "a: -.Inf",
        "a: .nan",
        "a: &a [*a]",
        "a: !!int abc",
        "18446744073709551615: 1",
        "<<: 3",
        "a: *b",
        "{!!st,r hostNetwork: true}",
        "a: [!x,y NET_RAW]",
    ] {
        let error = error(text);
        assert!(error.line <= 3, "{text}: {error}");
    }
}

#[test]
fn a_key_that_stands_twice_is_an_error_at_the_second() {
    let error = error("a: 1\nb:\n  c: 1\n  c: 2\n");
    assert_eq!((error.line, error.column), (4, 3));
    assert!(error.message.contains("first on line 3"), "{error}");
    assert_eq!(super::read("{\"a\": 1,\n \"a\": 2}", Limits::default()).unwrap_err().line, 2);
    assert!(super::read("yes: 1\n\"true\": 2", Limits::default()).is_err());
}

#[test]
fn expansion_is_bounded() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let previous = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{previous}]").unwrap();
    }
    assert!(error(&bomb).message.contains("aliases"));
    let mut wide = format!("a: &a {}\nb:\n", "x".repeat(20_000));
    wide.push_str(&"- *a\n".repeat(20_000));
    assert!(error(&wide).message.contains("bytes"));
    let nested = (0..99).fold(String::new(), |text, level| text + &format!("&a{level} ["));
    let text = format!("a: {nested}{}{}", "x, ".repeat(10_000), "]".repeat(99));
    assert!(error(&text).message.contains("aliases"));
}

#[test]
fn depth_is_bounded_in_every_form() {
    error(&"[".repeat(100_000));
    error(&"{a: ".repeat(100_000));
    error(&"- ".repeat(100_000));
    error(&format!("{}{}", "[".repeat(101), "]".repeat(101)));
    let half = format!("{}{}", "[".repeat(60), "]".repeat(60));
    error(&format!("a: &a {half}\nb: {}*a{}", "[".repeat(60), "]".repeat(60)));
    assert_eq!(all(&format!("{}{}", "[".repeat(100), "]".repeat(100))).len(), 1);
}

#[test]
fn json_is_read_by_its_own_rules() {
    assert_eq!(
        json(r#"{"a": "\ud83d\ude00", "b": "yes", "c": 0.10, "d": -0}"#),
        r#"{"a":"😀","b":"yes","c":0.1,"d":0}"#
    );
    assert_eq!(all("{\"a\":1}{\"b\":2}\n[3]").len(), 3);
    let documents = all("{\n  \"a\": {\n    \"b\": [1,\n      true]}}");
    let node = documents[0].at("a.b[1]").unwrap();
    assert_eq!((node.line, node.column, &node.value), (4, 7, &Value::Bool(true)));
    assert_eq!(json("{a: yes, b: [on]}"), r#"{"a":true,"b":[true]}"#);
    assert_eq!(all("{a: 1}\n---\nb: 2").len(), 2);
}

#[test]
fn a_path_leads_to_the_deepest_node_that_exists() {
    let text = "metadata:\n  annotations:\n    a.b/c: x\nspec:\n  containers:\n  - name: a\n  - name: b\n    securityContext:\n      privileged: true\n";
    let documents = all(text);
    let line = |path: &str| documents[0].at(path).map(|node| (node.line, node.column));
    assert_eq!(line("spec.containers[1].securityContext.privileged"), Some((9, 19)));
    assert_eq!(line("spec.containers[1].securityContext.runAsUser.x"), Some((9, 7)));
    assert_eq!(line("metadata.annotations[a.b/c]"), Some((3, 12)));
    assert_eq!(line("spec.containers[7].name"), Some((6, 5)));
    assert_eq!(line(""), Some((1, 1)));
    assert_eq!(line("spec.containers[1"), None);
}

#[test]
fn too_many_documents_and_bytes_are_refused() {
    let limits = Limits { documents: 2, bytes: 30, ..Limits::default() };
    assert_eq!(read("a: 1\n---\n---\nb: 1\n", limits).unwrap().len(), 2);
    assert!(read("a: 1\n---\nb: 1\n---\nc: 1", limits).is_err());
    assert!(read(&" ".repeat(31), limits).is_err());
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        "\\PC{0,12}|[yn]|on|0[0-9]{1,4}|.*".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,200}") {
        let _ = read(&text, Limits::default());
    }

    #[test]
    fn text_of_yamls_own_characters_never_panics(
        text in "([-:,?\\[\\]{}#&*!|>'\"%@ \n<]|a|b|<<|yes|0|1|\\t|---\n|\\.\\.\\.\n|&a |\\*a ){0,60}",
    ) {
        for node in read(&text, Limits::default()).unwrap_or_default() {
            let lines = u32::try_from(text.lines().count()).unwrap();
            prop_assert!(node.line <= lines + 1);
            serde_json::from_str::<serde_json::Value>(&node.to_json()).unwrap();
        }
    }

    #[test]
    fn json_survives_a_round_trip(value in json_value(), pretty in any::<bool>()) {
        let map = serde_json::json!({"value": value});
        let text = if pretty { serde_json::to_string_pretty(&map) } else { serde_json::to_string(&map) }.unwrap();
        let documents = read(&text, Limits::default()).unwrap();
        let read_back: serde_json::Value = serde_json::from_str(&documents[0].to_json()).unwrap();
        prop_assert_eq!(read_back, map);
    }
}
