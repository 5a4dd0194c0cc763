use super::{compile_texts, errors, exception, lines, options, policy, set};
use crate::policy::{Enforcement, Life, Options, Severity};

#[test]
fn a_policy_gets_its_rules_and_their_enforcement() {
    let text = policy(
        "a",
        "description: why\nenforcement: Warn\nrules:\n- privileged: {}\n  enforcement: Deny\n- hostPaths: {allowed: [/var/log], mode: Any, kinds: [File], strict: true}\n- runAsNonRoot:",
    );
    let set = set(&[&text]);
    let policy = &set.policies()[0];
    let rules: Vec<_> = policy.rules.iter().map(|rule| (&*rule.id, rule.enforcement)).collect();
    assert_eq!(
        rules,
        [
            ("privileged", Enforcement::Deny),
            ("hostPaths", Enforcement::Warn),
            ("runAsNonRoot", Enforcement::Warn)
        ]
    );
    assert_eq!(
        (policy.description.as_str(), policy.source.as_str(), policy.line),
        ("why", "0.yaml", 6)
    );
}

#[test]
fn a_listed_rule_replaces_the_standards_in_its_place() {
    let text = policy(
        "a",
        "standard: {level: Restricted}\nrules:\n- restrictedVolumes: {}\n  enforcement: Audit\n- hostPaths: {}",
    );
    let set = set(&[&text]);
    let rules: Vec<_> =
        set.policies()[0].rules.iter().map(|rule| (&*rule.id, rule.enforcement)).collect();
    assert_eq!(
        rules,
        [
            ("privileged", Enforcement::Deny),
            ("restrictedVolumes", Enforcement::Audit),
            ("runAsNonRoot", Enforcement::Deny),
            ("hostPaths", Enforcement::Deny)
        ]
    );
}

#[test]
fn an_excepted_restricted_check_brings_back_the_baseline_check_it_replaced() {
    let ids = |except: &str| {
        let text = policy("a", &format!("standard: {{level: Restricted, except: [{except}]}}"));
        set(&[&text]).policies()[0].rules.iter().map(|rule| rule.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids("restrictedVolumes"), ["privileged", "runAsNonRoot", "hostPathVolumes"]);
    assert_eq!(ids("restrictedVolumes, hostPathVolumes"), ["privileged", "runAsNonRoot"]);
    assert_eq!(ids("runAsNonRoot"), ["privileged", "restrictedVolumes"]);
}

/// Each case: what stands under `spec`, and a line that must be among the problems.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_wrong_is_said_with_its_place_and_what_would_be_right() {
    for (spec, expected) in [
        (
            "rules:\n- privilegd: {}",
            "0.yaml:7:5: error: spec.rules[0].privilegd: unknown rule \"privilegd\"; did you mean \"privileged\"?",
        ),
        (
            "ruels: []\nrules:\n- privileged: {}",
            "0.yaml:6:3: error: spec: unknown field \"ruels\"; did you mean \"rules\"?",
        ),
        ("rules: []", "0.yaml:6:10: error: spec.rules: is empty; list a rule, or remove the field"),
        ("description: x", "spec: asks nothing of a pod; give `standard` or `rules`"),
        (
            "enforcement: deny\nrules:\n- privileged: {}",
            "0.yaml:6:16: error: spec.enforcement: unknown enforcement \"deny\"; did you mean \"Deny\"?",
        ),
        (
            "enforcement: no\nrules:\n- privileged: {}",
            "spec.enforcement: must be a string, is a boolean",
        ),
        (
            "fix: safe\nrules:\n- privileged: {}",
            "spec.fix: unknown fix \"safe\"; did you mean \"Safe\"?",
        ),
        ("rules:\n- privileged: {}\n  fix: Al", "spec.rules[0].fix: unknown fix \"Al\""),
        (
            "fixIn: Pod\nrules:\n- privileged: {}",
            "spec.fixIn: unknown fixIn \"Pod\"; did you mean \"Pods\"?",
        ),
        (
            "fix: Safe\nstandard: {fromNamespaceLabels: true}",
            "spec.fix: has no meaning here: nothing is filled in for the labels of a namespace",
        ),
        (
            "rules:\n- imageUser: {}",
            "spec.rules[0].imageUser: rule imageUser is not in this version",
        ),
        (
            "rules:\n- privileged",
            "spec.rules[0]: must be a map with the rule's name; write `- privileged: {}`",
        ),
        ("rules:\n- privileged: {}\n  runAsNonRoot: {}", "spec.rules[0]: names several rules"),
        ("rules:\n- enforcement: Deny", "spec.rules[0]: names no rule"),
        (
            "rules:\n- privileged: {}\n- privileged: {}",
            "0.yaml:8:5: error: spec.rules[1]: rule privileged is listed twice, first on line 7",
        ),
        (
            "rules:\n- privileged: {x: 1}",
            "spec.rules[0].privileged: rule privileged takes no parameters",
        ),
        (
            "rules:\n- hostPaths: {alowed: []}",
            "spec.rules[0].hostPaths: unknown field \"alowed\"; did you mean \"allowed\"?",
        ),
        (
            "rules:\n- hostPaths: {allowed: /x}",
            "spec.rules[0].hostPaths.allowed: must be a list of strings, is a string",
        ),
        (
            "rules:\n- hostPaths: {allowed: [1]}",
            "spec.rules[0].hostPaths.allowed[0]: must be a string (quote it), is a number",
        ),
        (
            "rules:\n- hostPaths: {mode: readonly}",
            "spec.rules[0].hostPaths.mode: unknown word \"readonly\"; did you mean \"ReadOnly\"?",
        ),
        (
            "rules:\n- hostPaths: {kinds: [Sock]}",
            "spec.rules[0].hostPaths.kinds[0]: unknown word \"Sock\"",
        ),
        (
            "rules:\n- hostPaths: {strict: 1}",
            "spec.rules[0].hostPaths.strict: must be true or false, is a number",
        ),
        (
            "standard: {fromNamespaceLabels: false}",
            "spec.standard.fromNamespaceLabels: must be true; write true, or remove the field and give `level`",
        ),
        (
            "standard: {fromNamespaceLabels: true, level: Baseline}",
            "spec.standard.level: cannot stand beside `fromNamespaceLabels`; remove it, or write what holds",
        ),
        (
            "standard: {level: Baseline, exemptions: {}}",
            "spec.standard.exemptions: only stands beside `fromNamespaceLabels`",
        ),
        (
            "enforcement: Warn\nstandard: {fromNamespaceLabels: true}",
            "0.yaml:6:16: error: spec.enforcement: has no meaning here: the labels of the namespace say",
        ),
        (
            "standard: {fromNamespaceLabels: true, defaults: {enforce-version: v1.30}}",
            "spec.standard.defaults: unknown field \"enforce-version\"; did you mean \"enforceVersion\"?",
        ),
        (
            "standard: {fromNamespaceLabels: true, defaults: {warn: low}}",
            "spec.standard.defaults.warn: unknown level \"low\"; known are privileged, baseline, restricted",
        ),
        (
            "standard: {fromNamespaceLabels: true, defaults: {auditVersion: \"1.30\"}}",
            "spec.standard.defaults.auditVersion: unknown version \"1.30\"",
        ),
        (
            "standard: {fromNamespaceLabels: true, exemptions: {namespaces: [kube-*]}}",
            "spec.standard.exemptions.namespaces[0]: \"kube-*\" is no name; write the whole name",
        ),
        (
            "standard: {fromNamespaceLabels: true, exemptions: {usernames: [a, a]}}",
            "spec.standard.exemptions.usernames[1]: \"a\" is listed twice",
        ),
        (
            "standard: {level: Restrictd}",
            "spec.standard.level: unknown level \"Restrictd\"; did you mean \"Restricted\"?",
        ),
        (
            "standard: {version: v1.30}",
            "spec.standard.level: is missing; write Baseline or Restricted",
        ),
        (
            "standard: {level: Baseline, version: 1.30}",
            "spec.standard.version: must be a string, is a number",
        ),
        (
            "standard: {level: Baseline, version: v2}",
            "spec.standard.version: unknown version \"v2\"; write latest, or v1.0 to v1.37",
        ),
        (
            "standard: {level: Baseline, except: [runAsNonRoot]}",
            "spec.standard.except[0]: baseline latest has no check \"runAsNonRoot\"",
        ),
        (
            "standard: {level: Baseline, except: [privileged, hostPathVolumes]}",
            "spec.standard: asks nothing of a pod",
        ),
        ("match:\nrules:\n- privileged: {}", "spec.match: must be a map, is empty"),
        (
            "match: {namespaces: {exclude: [Kube]}}\nrules:\n- privileged: {}",
            "spec.match.namespaces.exclude[0]: \"Kube\" matches nothing",
        ),
        (
            "match: {namespaces: {include: []}}\nrules:\n- privileged: {}",
            "spec.match.namespaces.include: is empty",
        ),
        (
            "match: {namespaces: [a]}\nrules:\n- privileged: {}",
            "spec.match.namespaces: must be a map, is a list",
        ),
        (
            "match: {requesters: {exclude: {serviceAccounts: [builder]}}}\nrules:\n- privileged: {}",
            "spec.match.requesters.exclude.serviceAccounts[0]: \"builder\" matches nothing; write it as namespace/name",
        ),
        (
            "match: {requesters: {exclude: {users: ['a?']}}}\nrules:\n- privileged: {}",
            "the one wildcard is '*'",
        ),
        (
            "match: {requesters: {exclude: {}}}\nrules:\n- privileged: {}",
            "spec.match.requesters.exclude: names nobody",
        ),
        (
            "match: {namespaceSelector: {matchExpressions: [{key: a, operator: Is}]}}\nrules:\n- privileged: {}",
            "spec.match.namespaceSelector.matchExpressions[0].operator: unknown operator \"Is\"",
        ),
        (
            "match: {podSelector: {matchExpressions: [{key: a, operator: In}]}}\nrules:\n- privileged: {}",
            "values are missing",
        ),
        (
            "match: {podSelector: {matchLabels: {a: 1}}}\nrules:\n- privileged: {}",
            "spec.match.podSelector.matchLabels[a]: must be a string (quote it), is a number",
        ),
    ] {
        let problems = errors(&[&policy("a", spec)]);
        assert!(problems.contains(expected), "{spec}\n got {problems}\nwant {expected}");
    }
}

#[test]
fn envelopes_are_held_to_their_words() {
    for (text, expected) in [
        ("kind: PodPolicy", "0.yaml:1:1: error: apiVersion: is missing; write podgate.dev/v1"),
        (
            "a: 1",
            "kind: is missing; a document has `apiVersion: podgate.dev/v1` and `kind: PodPolicy`",
        ),
        (
            "kind: PodPolcy",
            "0.yaml:1:7: error: kind: unknown kind \"PodPolcy\"; did you mean \"PodPolicy\"?",
        ),
        (
            "kind: Deployment",
            "kind: unknown kind \"Deployment\"; known are PodPolicy, PodPolicyException",
        ),
        (
            "apiVersion: podgate.dev/v2\nkind: PodPolicy",
            "apiVersion: unknown version \"podgate.dev/v2\"; write podgate.dev/v1",
        ),
        (
            "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {name: A_b}\nspec: {}",
            "metadata.name: \"A_b\" is no DNS name",
        ),
        (
            "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {nam: a}\nspec: {}",
            "metadata: unknown field \"nam\"; did you mean \"name\"?",
        ),
        ("- a", "kind: is missing"),
        ("a: [", "0.yaml:1:"),
    ] {
        let problems = errors(&[text]);
        assert!(problems.contains(expected), "{text}\n got {problems}\nwant {expected}");
    }
}

#[test]
fn all_problems_of_all_files_are_said_at_once() {
    let first = policy("a", "enforcement: x\nrules:\n- wrong: {}");
    let second = policy("b", "rules: []");
    let problems = errors(&[&first, "a: [", &second]);
    assert_eq!(problems.lines().count(), 4, "{problems}");
    for place in ["0.yaml:6:16", "0.yaml:8:5", "1.yaml:1:", "2.yaml:6:10"] {
        assert!(problems.contains(place), "{place}\n{problems}");
    }
}

#[test]
fn a_name_given_twice_names_both_places() {
    let text = policy("a", "rules:\n- privileged: {}");
    let problems = errors(&[&text, &text]);
    assert_eq!(
        problems,
        "1.yaml:4:9: error: metadata.name: policy a is already defined at 0.yaml:4:9; rename or remove one of them"
    );
    let exception = exception("a", EXCEPTION);
    assert!(
        errors(&[&text, &exception, &exception])
            .contains("exception a is already defined at 1.yaml:4:9")
    );
}

#[test]
fn what_pod_authors_write_leaves_pods_out_with_a_warning() {
    let warnings = |spec: &str| {
        let text =
            policy("a", &format!("match: {{podSelector: {spec}}}\nrules:\n- privileged: {{}}"));
        lines(&compile_texts(&[&text], &options()).unwrap().1)
    };
    let warning = warnings("{matchLabels: {tier: web}}");
    assert!(
        warning.starts_with(
            "0.yaml:6:24: warning: spec.match.podSelector: leaves pods out by label \"tier\""
        ),
        "{warning}"
    );
    assert!(warnings("{matchExpressions: [{key: tier, operator: DoesNotExist}]}").contains("tier"));
    assert_eq!(warnings("{matchLabels: {app: web}}"), "", "app is trusted");
    assert_eq!(warnings("{}"), "");
}

#[test]
fn a_version_that_is_not_known_yet_is_judged_as_the_newest_with_a_warning() {
    let text = policy("a", "standard: {level: Baseline, version: v1.99}");
    let (set, warnings) = compile_texts(&[&text], &options()).unwrap();
    assert_eq!(set.policies()[0].rules.len(), 2);
    assert!(lines(&warnings).contains("v1.99 is newer than v1.37"), "{}", lines(&warnings));
}

const EXCEPTION: &str = "policy: a\nrules: [privileged]\nmatch: {namespaces: {include: [monitoring]}}\nreason: why\nowner: o@example.com\nexpires: 2027-06-30T00:00:00Z";

#[test]
fn an_exception_without_reason_owner_end_or_scope_is_refused() {
    let policy = policy("a", "rules:\n- privileged: {}");
    for (from, to, expected) in [
        ("reason: why", "", "spec.reason: is missing"),
        ("reason: why", "reason: ' '", "spec.reason: is empty"),
        ("owner: o@example.com", "", "spec.owner: is missing"),
        ("expires: 2027-06-30T00:00:00Z", "", "spec.expires: is missing"),
        (
            "2027-06-30T00:00:00Z",
            "2027-06-30",
            "spec.expires: \"2027-06-30\" is no time; write a day in UTC",
        ),
        ("2027", "2026-06-30T00:00:00Z #", "spec.expires: 2026-06-30T00:00:00Z is past"),
        ("policy: a", "policy: b", "spec.policy: there is no policy \"b\"; did you mean \"a\"?"),
        (
            "[privileged]",
            "[priviledged]",
            "spec.rules[0]: policy a has no rule \"priviledged\"; did you mean \"privileged\"?",
        ),
        ("[privileged]", "[]", "spec.rules: names no rule"),
        ("match: {namespaces: {include: [monitoring]}}", "", "spec.match: is missing"),
        (
            "{namespaces: {include: [monitoring]}}",
            "{containers: [a]}",
            "spec.match: leaves no workload out",
        ),
        (
            "{namespaces: {include: [monitoring]}}",
            "{podSelector: {matchLabels: {tier: x}}}",
            "spec.match.podSelector: selects by label \"tier\", which whoever writes the pod chooses; match by namespaces, or vouch for it with --trusted-label tier",
        ),
    ] {
        let problems = errors(&[&policy, &exception("e", &EXCEPTION.replacen(from, to, 1))]);
        assert!(problems.contains(expected), "got {problems}\nwant {expected}");
    }
}

#[test]
fn an_expired_exception_can_be_a_warning() {
    let policy = policy("a", "rules:\n- privileged: {}");
    let past = exception("e", &EXCEPTION.replace("2027", "2025"));
    let options = Options { expired: Severity::Warning, ..options() };
    let (set, warnings) = compile_texts(&[&policy, &past], &options).unwrap();
    assert!(lines(&warnings).contains("warning: spec.expires: 2025-06-30T00:00:00Z is past"));
    assert_eq!(set.exceptions()[0].life(options.now), Life::Expired);
}

#[test]
fn the_digest_is_of_what_documents_say() {
    let a = policy("a", "rules:\n- privileged: {}\n  enforcement: Warn");
    let b = policy("b", "rules:\n- privileged: {}");
    let digest = set(&[&a, &b]).digest().to_owned();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");
    assert_eq!(set(&[&b, &a]).digest(), digest);
    assert_eq!(set(&[&format!("{b}---\n# note\n{a}")]).digest(), digest);
    let swapped = a.replace(
        "- privileged: {}\n    enforcement: Warn",
        "- enforcement: Warn\n    privileged: {}",
    );
    assert_ne!(swapped, a);
    assert_eq!(set(&[&swapped, &b]).digest(), digest);
    assert_ne!(set(&[&a.replace("Warn", "Audit"), &b]).digest(), digest);
    assert_ne!(set(&[&a]).digest(), digest);
}
