use proptest::prelude::*;

use super::{compile_texts, exception, input, options, policy, set, with_pod};

fn names() -> impl Strategy<Value = String> {
    "[ab*]{1,3}"
}

/// A `match`, as flow YAML.
fn matches() -> impl Strategy<Value = String> {
    let list = || {
        prop::collection::vec(names().prop_map(|name| format!("'{name}'")), 1..3)
            .prop_map(|names| names.join(", "))
    };
    let namespaces = (prop::option::of(list()), prop::option::of(list())).prop_map(|(i, e)| {
        let side = |name: &str, list: Option<String>| {
            list.map_or_else(String::new, |list| format!("{name}: [{list}], "))
        };
        format!("namespaces: {{{}{}}}, ", side("include", i), side("exclude", e))
    });
    let labels = prop::collection::btree_map("[kl]", "[vw]", 0..3).prop_map(|labels| {
        let labels: Vec<_> = labels.iter().map(|(k, v)| format!("{k}: {v}")).collect();
        format!("podSelector: {{matchLabels: {{{}}}}}, ", labels.join(", "))
    });
    (prop::option::of(namespaces), prop::option::of(labels))
        .prop_map(|(n, l)| format!("{{{}{}}}", n.unwrap_or_default(), l.unwrap_or_default()))
}

const DOCUMENT: &str = "standard: {level: Restricted, version: v1.37, except: [runAsNonRoot]}
enforcement: Warn
match:
  namespaces: {include: [a], exclude: [\"*-x\"]}
  namespaceSelector: {matchExpressions: [{key: a, operator: In, values: [b]}]}
  requesters: {exclude: {serviceAccounts: [ci/builder]}}
rules:
- privileged: {}
- hostPaths: {allowed: [/x], strict: true}
  enforcement: Deny";

const EXCEPTION: &str = "policy: a
rules: [privileged]
match: {namespaces: {include: [m]}, containers: ['*']}
reason: r
owner: o
expires: 2027-01-01T00:00:00Z";

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_index_loses_no_policy(
        rules in prop::collection::vec(matches(), 1..20),
        namespace in "[ab]{0,3}",
        labels in prop::collection::btree_map("[kl]", "[vw]", 0..3),
    ) {
        let texts: Vec<String> = rules
            .iter()
            .enumerate()
            .map(|(i, rule)| policy(&format!("p{i}"), &format!("match: {rule}\nrules:\n- privileged: {{}}")))
            .collect();
        let set = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        with_pod(&labels, |pod| {
            let input = input(pod, &namespace);
            let found: Vec<_> =
                set.candidates(&input).filter(|p| p.matches(&input)).map(|p| &p.name).collect();
            let all: Vec<_> =
                set.policies().iter().filter(|p| p.matches(&input)).map(|p| &p.name).collect();
            prop_assert_eq!(found, all);
            Ok(())
        })?;
    }

    #[test]
    fn damaged_documents_never_panic_and_every_line_exists(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[\\PC\n]{0,6}|: |- |\n|null|\\{\\}|\\[\\]|&a|\\*a|<<: "), 0..6),
    ) {
        let mut text = format!("{}---\n{}", policy("a", DOCUMENT), exception("e", EXCEPTION));
        for (at, length, insert) in cuts {
            let places: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
            let from = at.index(places.len());
            let to = (from + length).min(places.len() - 1);
            text.replace_range(places[from]..places[to], &insert);
        }
        let lines = u32::try_from(text.lines().count()).unwrap().max(1);
        let problems = match compile_texts(&[&text], &options()) {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        for problem in problems {
            prop_assert!((1..=lines).contains(&problem.line) && problem.column >= 1, "{}", problem);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,80}") {
        let _ = compile_texts(&[&text, &policy("a", &text)], &options());
    }
}

#[test]
fn the_undamaged_documents_compile() {
    set(&[&policy("a", DOCUMENT), &exception("e", EXCEPTION)]);
}
