use serde_json::{Value as Json, json};

use super::{Edited, Insertion, Reason, Segment, insert};
use crate::yaml::Limits;

/// `1:spec.containers[0].x` is a path in the second document.
fn insertion(path: &str, value: Json) -> Insertion {
    let (document, path) = path.split_once(':').unwrap_or(("0", path));
    let mut segments = Vec::new();
    for step in path.split('.') {
        let mut parts = step.split('[');
        segments.push(Segment::Key(parts.next().unwrap().to_owned()));
        let indices = parts.map(|part| part.trim_end_matches(']').parse().unwrap());
        segments.extend(indices.map(Segment::Index));
    }
    Insertion { document: document.parse().unwrap(), path: segments, value }
}

fn edit(text: &str, insertions: &[(&str, Json)]) -> Edited {
    let insertions: Vec<_> =
        insertions.iter().map(|(path, value)| insertion(path, value.clone())).collect();
    insert(text, &insertions, Limits::default()).unwrap()
}

#[track_caller]
fn becomes(before: &str, insertions: &[(&str, Json)], after: &str) {
    let edited = edit(before, insertions);
    assert_eq!(edited.refused, [], "{before}");
    assert_eq!(edited.text, after, "\n{}\nwanted\n{after}", edited.text);
    let again = edit(after, insertions);
    assert_eq!(again.text, after, "a second time changes nothing");
}

#[track_caller]
fn refuses(before: &str, path: &str, value: Json) -> (u32, Reason) {
    let edited = edit(before, &[(path, value)]);
    assert_eq!(edited.text, before);
    assert_eq!(edited.refused.len(), 1, "{before}");
    (edited.refused[0].line, edited.refused[0].reason.clone())
}

#[test]
fn a_member_goes_behind_the_last_one() {
    becomes(
        "spec:\n  # why\n  a: 1 # one\n\n  # end\nother: 2\n",
        &[("spec.b", json!(true))],
        "spec:\n  # why\n  a: 1 # one\n  b: true\n\n  # end\nother: 2\n",
    );
    becomes("a: 1", &[("b", json!("x"))], "a: 1\nb: x");
    becomes("a: 1\n...\n", &[("b", json!("x"))], "a: 1\nb: x\n...\n");
}

#[test]
fn maps_on_the_way_are_made_and_shared() {
    becomes(
        "spec:\n    containers:\n    -   name: a\n        image: b\n",
        &[
            ("spec.containers[0].securityContext.capabilities.drop", json!(["ALL"])),
            ("spec.containers[0].securityContext.allowPrivilegeEscalation", json!(false)),
            ("spec.securityContext.seccompProfile", json!({"type": "RuntimeDefault"})),
            ("spec.securityContext.seccompProfile", json!({"type": "RuntimeDefault"})),
        ],
        "spec:\n    containers:\n    -   name: a\n        image: b\n        securityContext:\n            \
         allowPrivilegeEscalation: false\n            capabilities:\n                drop:\n                - ALL\n    \
         securityContext:\n        seccompProfile:\n            type: RuntimeDefault\n",
    );
}

#[test]
fn the_style_next_to_the_place_decides() {
    becomes(
        "a:\n    b:\n        - 1\nc:\n  d:\n  - 1\n",
        &[("a.x.w", json!([1])), ("c.x", json!([{"k": {"l": [2]}, "m": []}]))],
        "a:\n    b:\n        - 1\n    x:\n        w:\n            - 1\nc:\n  d:\n  - 1\n  x:\n  - k:\n      l:\n      - 2\n    m: []\n",
    );
}

#[test]
fn line_breaks_marks_and_a_missing_last_one_are_kept() {
    becomes(
        "\u{feff}a:\r\n  b: 1\r\nc: 2",
        &[("a.x.w", json!(1)), ("z", json!(1))],
        "\u{feff}a:\r\n  b: 1\r\n  x:\r\n    w: 1\r\nc: 2\r\nz: 1",
    );
    becomes("\u{feff}{\"a\": 1}", &[("b", json!(1))], "\u{feff}{\"a\": 1, \"b\": 1}");
}

#[test]
fn what_is_empty_is_filled() {
    becomes(
        "a: # why\n  # deeper\nb: 1\n",
        &[("a.x", json!(1))],
        "a: # why\n  x: 1\n  # deeper\nb: 1\n",
    );
    becomes("a: ~ # why\nb: 1\n", &[("a.x", json!(1))], "a: # why\n  x: 1\nb: 1\n");
    becomes("a: null\n", &[("a", json!(false))], "a: false\n");
    becomes("a:\nb:\n", &[("a", json!(false)), ("b", json!("y"))], "a: false\nb: \"y\"\n");
    becomes("a: {}\n", &[("a.x.w", json!(1))], "a:\n  x:\n    w: 1\n");
    becomes("a: { } # c\n", &[("a", json!({"x": 1}))], "a: # c\n  x: 1\n");
    becomes("a: []\nb:\n- 1\n", &[("a", json!(["ALL"]))], "a:\n- ALL\nb:\n- 1\n");
    becomes("a: &x {}\n", &[("a.b", json!(1))], "a: &x {b: 1}\n");
    becomes("a: &x\n", &[("a.b", json!(1))], "a: &x\n  b: 1\n");
    becomes("a: !!map {}\n", &[("a.b", json!(1))], "a: !!map {b: 1}\n");
    becomes("a:\n  ~\n", &[("a.b", json!(1))], "a:\n  {b: 1}\n");
    becomes("{a: , b: {}}", &[("a.x", json!(1)), ("b.w", json!([1]))], "{a: {x: 1}, b: {w: [1]}}");
    becomes("{a}\n", &[("a.x", json!(1))], "{a: {x: 1}}\n");
    becomes("{a: ~, b: []}\n", &[("a", json!(1)), ("b", json!([2]))], "{a: 1, b: [2]}\n");
    becomes("a: { # c\n  }\n", &[("a.b", json!(1))], "a: { # c\n  b: 1}\n");
    becomes("- {}\n- a: {}", &[], "- {}\n- a: {}");
}

#[test]
fn flow_style_stays_flow_style() {
    becomes("a: {b: 1}\n", &[("a.c", json!({"d": [true, "x"]}))], "a: {b: 1, c: {d: [true, x]}}\n");
    becomes("a: { b: 1, }\n", &[("a.c", json!(2))], "a: { b: 1, c: 2, }\n");
    becomes("a: {b: }\n", &[("a.c", json!(2))], "a: {b: , c: 2}\n");
    becomes("x: &x 1\na: {b: *x}\n", &[("a.c", json!(2))], "x: &x 1\na: {b: *x, c: 2}\n");
    becomes(
        "a: {\n  b:\t1, # one\n  c: 2\t# two\n}\n",
        &[("a.d", json!({"e": 1})), ("a.f", json!(1))],
        "a: {\n  b:\t1, # one\n  c: 2,\t# two\n  d: {e: 1},\n  f: 1\n}\n",
    );
    becomes("a: {\n  b: 1, # c\n}\n", &[("a.d", json!(1))], "a: {\n  b: 1, # c\n  d: 1,\n}\n");
    becomes("a: {b: 1,\n    c: 2}\n", &[("a.d", json!(1))], "a: {b: 1,\n    c: 2,\n    d: 1}\n");
    becomes("[{a: 1}, {b: {c: 2}}]", &[], "[{a: 1}, {b: {c: 2}}]");
}

#[test]
fn json_stays_json() {
    let value = json!({"c": ["x"], "d": {}});
    becomes(
        r#"{"a":1,"b":{"x":[]}}"#,
        &[("b.v", value.clone())],
        r#"{"a":1,"b":{"x":[],"v":{"c":["x"],"d":{}}}}"#,
    );
    becomes(r#"{"a": 1}"#, &[("b", value.clone())], r#"{"a": 1, "b": {"c": ["x"], "d": {}}}"#);
    becomes(
        "{\n  \"a\": {\n    \"b\": \"\\ud83d\\ude00\"\n  }\n}\n{\"z\": {}}",
        &[("a.v", value.clone()), ("1:z.y", json!(1))],
        "{\n  \"a\": {\n    \"b\": \"\\ud83d\\ude00\",\n    \"v\": {\n      \"c\": [\n        \"x\"\n      ],\n      \"d\": {}\n    }\n  }\n}\n{\"z\": {\"y\": 1}}",
    );
    becomes(
        "{\n\t\"a\": {},\n\t\"b\": null\n}\n",
        &[("a.v", json!(1)), ("b.v", json!("y"))],
        "{\n\t\"a\": {\n\t\t\"v\": 1\n\t},\n\t\"b\": {\n\t\t\"v\": \"y\"\n\t}\n}\n",
    );
    becomes("{}", &[], "{}");
}

#[test]
fn items_of_lists_are_found_however_they_begin() {
    becomes(
        "l:\n- name: a\n-\n  name: b\n- {name: c}\n- # d\n  name: d\n- - name: e\n",
        &[
            ("l[0].x", json!(1)),
            ("l[1].x", json!(1)),
            ("l[2].x", json!(1)),
            ("l[3].x", json!(1)),
            ("l[4][0].x", json!(1)),
            ("x", json!(1)),
        ],
        "l:\n- name: a\n  x: 1\n-\n  name: b\n  x: 1\n- {name: c, x: 1}\n- # d\n  name: d\n  x: 1\n- - name: e\n    x: 1\nx: 1\n",
    );
    becomes(
        "kind: List\nitems:\n  - spec:\n      a: 1\n  - spec:\n",
        &[("items[1].spec.b", json!(1)), ("items[0].spec.b", json!(1))],
        "kind: List\nitems:\n  - spec:\n      a: 1\n      b: 1\n  - spec:\n      b: 1\n",
    );
}

#[test]
fn documents_are_counted_as_they_are_read() {
    becomes(
        "---\n# Source: a.yaml\n---\n# Source: b.yaml\na: 1\n---\n~\n---\n# Source: c.yaml\nb: 1 # last\n# end\n",
        &[("0:x", json!(1)), ("1:x", json!(2))],
        "---\n# Source: a.yaml\n---\n# Source: b.yaml\na: 1\nx: 1\n---\n~\n---\n# Source: c.yaml\nb: 1 # last\nx: 2\n# end\n",
    );
    becomes(
        "--- {a: 1}\n--- # c\nb: 1\n",
        &[("0:x", json!(1)), ("1:x", json!(1))],
        "--- {a: 1, x: 1}\n--- # c\nb: 1\nx: 1\n",
    );
    assert_eq!(refuses("a: 1\n", "1:x", json!(1)).1, Reason::NoDocument);
}

#[test]
fn block_scalars_keep_what_is_theirs() {
    becomes("a: |\n  x\n\n\nb: 1\n", &[("c", json!(1))], "a: |\n  x\n\n\nb: 1\nc: 1\n");
    becomes(
        "a:\n  b: |\n    x\n\n\nc: 1\n",
        &[("a.d", json!(1))],
        "a:\n  b: |\n    x\n  d: 1\n\n\nc: 1\n",
    );
    becomes(
        "a:\n  b: |+\n    x\n\n\nc: 1\n",
        &[("a.d", json!(1))],
        "a:\n  b: |+\n    x\n\n\n  d: 1\nc: 1\n",
    );
    becomes("a: |+\n  x\n\n", &[("b", json!(1))], "a: |+\n  x\n\nb: 1\n");
    becomes("a: >-\n  x\n  y", &[("b", json!(1))], "a: >-\n  x\n  y\nb: 1");
    becomes("a: |\n  x\n     \n  \n", &[("b", json!(1))], "a: |\n  x\n     \n  \nb: 1\n");
    becomes("a:\n  b: | # c\nc: 1\n", &[("a.d", json!(1))], "a:\n  b: | # c\n  d: 1\nc: 1\n");
    becomes("a: |\n  # no comment\n", &[("b", json!(1))], "a: |\n  # no comment\nb: 1\n");
    assert_eq!(refuses("a: |\n  x", "b", json!(1)).1, Reason::CutOff);
}

#[test]
fn long_scalars_end_where_they_end() {
    becomes(
        "a: x\n  y\n  z # c\nb: 'p\n  q'\n",
        &[("c", json!(1))],
        "a: x\n  y\n  z # c\nb: 'p\n  q'\nc: 1\n",
    );
    becomes(
        "s:\n  a: \"p\n    q\" # c\n",
        &[("s.c", json!(1))],
        "s:\n  a: \"p\n    q\" # c\n  c: 1\n",
    );
    becomes(
        "s:\n  a: [1,\n    2] # c\n",
        &[("s.c", json!(1))],
        "s:\n  a: [1,\n    2] # c\n  c: 1\n",
    );
}

#[test]
fn comments_under_the_last_value_stay_with_it() {
    becomes(
        "s:\n  probe:\n    # httpGet: {}\n  # args: []\n",
        &[("s.c", json!(1))],
        "s:\n  probe:\n    # httpGet: {}\n  c: 1\n  # args: []\n",
    );
}

#[test]
fn keys_may_be_quoted_explicit_tagged_or_no_strings() {
    becomes("'a b':\n  \"c\": 1\n", &[("a b.d", json!(1))], "'a b':\n  \"c\": 1\n  d: 1\n");
    becomes("? a\n: b: 1\n", &[("a.c", json!(1))], "? a\n: b: 1\n  c: 1\n");
    becomes("? a\n:\n", &[("a.c", json!(1))], "? a\n:\n  c: 1\n");
    becomes("!!str a: !!map\n  b: 1\n", &[("a.c", json!(1))], "!!str a: !!map\n  b: 1\n  c: 1\n");
    becomes("yes:\n  1: 2\n", &[("true.c", json!(1))], "yes:\n  1: 2\n  c: 1\n");
    becomes(
        "a: 1\n",
        &[("no", json!("on")), ("x y", json!("0777"))],
        "a: 1\n\"no\": \"on\"\n\"x y\": \"0777\"\n",
    );
    assert_eq!(refuses("? a\n", "a.c", json!(1)).1, Reason::Unknown);
    assert_eq!(refuses("a: [b: 1]\n", "a[0].c", json!(1)).1, Reason::Unknown);
    assert_eq!(refuses("a: !!null ''\n", "a.c", json!(1)).1, Reason::Tagged);
}

#[test]
fn what_is_written_stays() {
    assert_eq!(refuses("a: 1\nb:\n  c: false\n", "b.c", json!(true)), (3, Reason::Written));
    assert_eq!(refuses("a: {b: 1}\n", "a", json!({"c": 1})), (1, Reason::Written));
    assert_eq!(refuses("a: {}\n", "a", json!(1)), (1, Reason::Written));
    assert_eq!(refuses("a: 1\nb: x\n", "b.c", json!(true)), (2, Reason::NoPlace));
    assert_eq!(refuses("a: [1]\n", "a.c", json!(true)), (1, Reason::NoPlace));
    assert_eq!(refuses("a: [{}]\n", "a[1].c", json!(true)), (1, Reason::NoPlace));
    assert_eq!(refuses("a:\n- ~\n", "a[0].c", json!(true)), (2, Reason::NoPlace));
    assert_eq!(refuses("a: [1]\n", "a[0]", json!(true)).1, Reason::NoMember);
    assert_eq!(refuses("a: [1]\n", "a[0].b", json!(true)), (1, Reason::NoPlace));
}

#[test]
fn one_refusal_keeps_no_other_out() {
    let edited = edit("a: 1\nb: {}\n", &[("a.x", json!(1)), ("b.x", json!(1)), ("b.x", json!(2))]);
    assert_eq!(edited.text, "a: 1\nb:\n  x: 1\n");
    let told: Vec<_> = edited.refused.iter().map(|r| (r.insertion, r.reason.clone())).collect();
    assert_eq!(told, [(0, Reason::NoPlace), (2, Reason::Contradiction)]);
}

#[test]
fn what_an_alias_brings_is_not_changed_through_it() {
    let text = "base: &b\n  x: 1\na: *b\nc: &c {y: 1}\n";
    let alias = Reason::Alias { anchor: "b".to_owned(), line: 1 };
    assert_eq!(refuses(text, "a.z", json!(1)), (3, alias));
    assert_eq!(refuses(text, "base.z", json!(1)).1, Reason::Anchor { anchor: "b".to_owned() });
    becomes(text, &[("c.z", json!(1))], "base: &b\n  x: 1\na: *b\nc: &c {y: 1, z: 1}\n");
    assert_eq!(
        refuses("a: &n\nb: *n\n", "a.z", json!(1)).1,
        Reason::Anchor { anchor: "n".to_owned() }
    );
    // A name may be given again, and an alias leads to the last anchor of its name before it.
    becomes(
        "a: &n {x: 1}\nb: &n {x: 2}\nc: *n\n",
        &[("a.z", json!(1))],
        "a: &n {x: 1, z: 1}\nb: &n {x: 2}\nc: *n\n",
    );
    becomes("k: &k a\n*k :\n  b: 1\n", &[("a.c", json!(1))], "k: &k a\n*k :\n  b: 1\n  c: 1\n");
    // Anchors end with their document.
    becomes(
        "a: &n {x: 1}\n---\nb: &n {x: 1}\nc: *n\n",
        &[("a.z", json!(1))],
        "a: &n {x: 1, z: 1}\n---\nb: &n {x: 1}\nc: *n\n",
    );
}

#[test]
fn a_merge_key_is_added_to_but_not_hidden() {
    let text = "base: &b\n  x: {p: 1}\n  m: ~\na:\n  <<: *b\n  y: 1\n";
    becomes(
        text,
        &[("a.z", json!(1)), ("a.m", json!(2))],
        "base: &b\n  x: {p: 1}\n  m: ~\na:\n  <<: *b\n  y: 1\n  m: 2\n  z: 1\n",
    );
    assert_eq!(refuses(text, "a.x.q", json!(1)), (2, Reason::Merge));
    assert_eq!(refuses(text, "a.x", json!(1)), (2, Reason::Written));
    becomes(
        "b: &b {x: 1}\na:\n  <<: *b\n",
        &[("a.z", json!(1))],
        "b: &b {x: 1}\na:\n  <<: *b\n  z: 1\n",
    );
    becomes(
        "b: &b {x: 1}\na: {<<: *b}\n",
        &[("a.z", json!(1))],
        "b: &b {x: 1}\na: {<<: *b, z: 1}\n",
    );
}

#[test]
fn every_reason_is_a_plain_sentence() {
    for reason in [Reason::Written, Reason::CutOff, Reason::Anchor { anchor: "x".to_owned() }] {
        let text = reason.to_string();
        assert!(text.starts_with(char::is_lowercase) && !text.ends_with('.'), "{text}");
    }
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    for line_break in ["\n", "\r\n", "\r"] {
        let text = format!("a: 1{line_break}{line_break}b: x{line_break}");
        assert_eq!(refuses(&text, "b.c", json!(true)), (3, Reason::NoPlace));
        let edited = edit(&text, &[("c", json!(1))]);
        assert_eq!(
            edited.text,
            format!("a: 1{line_break}{line_break}b: x{line_break}c: 1{line_break}")
        );
    }
}

#[test]
fn one_that_spoils_the_text_is_found_among_many() {
    // Two levels are left for what is inserted, and one of them wants three.
    let limits = Limits { depth: 3, ..Limits::default() };
    let text: String = (0..40).fold(String::new(), |text, n| text + &format!("k{n}: {{}}\n"));
    let value = |n| if n == 23 { json!({"x": {"y": {}}}) } else { json!({"x": 1}) };
    let insertions: Vec<_> = (0..40).map(|n| insertion(&format!("k{n}"), value(n))).collect();
    let edited = insert(&text, &insertions, limits).unwrap();
    let told: Vec<_> = edited.refused.iter().map(|r| (r.insertion, r.reason.clone())).collect();
    assert_eq!(told, [(23, Reason::Unsure)]);
    assert_eq!(edited.text.matches("x: 1").count(), 39);
}
