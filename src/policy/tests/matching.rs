use super::{compile_texts, exception, input, now, options, policy, set, with_pod};
use crate::pod::Text;
use crate::policy::pattern::Pattern;
use crate::policy::{MatchInput, PolicySet};

/// Whether a policy with this `match` is about a request.
fn applies(rule: &str, judge: impl for<'v> Fn(MatchInput<'v>) -> MatchInput<'v>) -> bool {
    let text = policy("a", &format!("match: {rule}\nrules:\n- privileged: {{}}"));
    let set =
        compile_texts(&[&text], &options()).map_err(|problems| super::lines(&problems)).unwrap().0;
    with_pod(&[("tier", "web")], |pod| set.policies()[0].matches(&judge(input(pod, "prod"))))
}

fn user<'v>(input: MatchInput<'v>, username: &'static str) -> MatchInput<'v> {
    MatchInput { username, ..input }
}

#[test]
fn a_star_stands_for_any_run_of_characters() {
    for (pattern, name, expected) in [
        ("prod", "prod", true),
        ("prod", "prod-1", false),
        ("*", "", true),
        ("*-sandbox", "a-sandbox", true),
        ("*-sandbox", "sandbox", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("a*a", "a", false),
        ("ab*ba", "aba", false),
        ("*b*", "abc", true),
        ("system:*", "system:node:x/y", true),
        ("**", "x", true),
    ] {
        assert_eq!(Pattern::new(pattern).matches(name), expected, "{pattern} {name}");
    }
}

#[test]
fn namespaces_are_included_and_excluded() {
    for (rule, expected) in [
        ("{}", true),
        ("{namespaces: {include: [prod]}}", true),
        ("{namespaces: {include: ['pr*']}}", true),
        ("{namespaces: {include: [dev]}}", false),
        ("{namespaces: {exclude: [prod]}}", false),
        ("{namespaces: {include: ['*'], exclude: ['p*']}}", false),
        ("{podSelector: {matchLabels: {tier: web}}}", true),
        ("{podSelector: {matchLabels: {tier: db}}}", false),
        ("{podSelector: {matchExpressions: [{key: tier, operator: In, values: [db, web]}]}}", true),
        ("{podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [web]}]}}", false),
        ("{podSelector: {matchExpressions: [{key: none, operator: NotIn, values: [web]}]}}", true),
        ("{podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}", true),
        ("{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}", false),
    ] {
        assert_eq!(applies(rule, |input| input), expected, "{rule}");
    }
}

#[test]
fn a_policy_applies_where_the_labels_of_the_namespace_are_not_known() {
    let rule = "{namespaceSelector: {matchLabels: {tier: prod}}}";
    assert!(applies(rule, |input| input));
    let labels = vec![("tier".to_owned(), "dev".to_owned())].leak();
    assert!(!applies(rule, |input| MatchInput { namespace_labels: Some(&*labels), ..input }));
    let labels = vec![("tier".to_owned(), "prod".to_owned())].leak();
    assert!(applies(rule, |input| MatchInput { namespace_labels: Some(&*labels), ..input }));
}

#[test]
fn requesters_are_users_groups_and_service_accounts() {
    let sa = "system:serviceaccount:ci:builder";
    let exclude = |list: &str| format!("{{requesters: {{exclude: {{{list}}}}}}}");
    assert!(!applies(&exclude("serviceAccounts: [ci/builder]"), |input| user(input, sa)));
    assert!(!applies(&exclude("serviceAccounts: ['ci/*']"), |input| user(input, sa)));
    assert!(applies(&exclude("serviceAccounts: [ci/other]"), |input| user(input, sa)));
    assert!(applies(&exclude("serviceAccounts: ['*/*']"), |input| user(input, "ci/builder")));
    assert!(applies(&exclude("serviceAccounts: ['*/builder']"), |input| {
        user(input, "system:serviceaccount:x:y:builder")
    }));
    assert!(!applies(&exclude("users: ['system:node:*']"), |input| user(input, "system:node:n1")));
    let groups = vec![Text("system:masters".into())].leak();
    assert!(!applies(&exclude("groups: [system:masters]"), |input| MatchInput { groups, ..input }));
    assert!(!applies("{requesters: {include: {users: [jim]}}}", |input| input));
    assert!(applies("{requesters: {include: {users: [jim, jane]}}}", |input| input));
}

fn excepted(rule: &str) -> PolicySet {
    set(&[
        &policy("a", "rules:\n- privileged: {}\n- runAsNonRoot: {}"),
        &exception(
            "e",
            &format!(
                "policy: a\nrules: [privileged]\nmatch: {rule}\nreason: r\nowner: o\nexpires: 2027-01-01T00:00:00Z"
            ),
        ),
    ])
}

#[test]
fn an_exception_covers_its_rules_of_its_policy_in_its_namespaces_until_its_end() {
    let set = excepted("{namespaces: {include: [monitoring]}}");
    let exception = &set.exceptions()[0];
    with_pod(&[], |pod| {
        let here = input(pod, "monitoring");
        assert!(exception.covers("a", "privileged", &here, None, now()));
        assert!(exception.covers("a", "privileged", &here, Some("app"), now()));
        assert!(!exception.covers("b", "privileged", &here, None, now()));
        assert!(!exception.covers("a", "runAsNonRoot", &here, None, now()));
        assert!(!exception.covers("a", "privileged", &input(pod, "prod"), None, now()));
        let end = "2027-01-01T00:00:00Z".parse().unwrap();
        assert!(!exception.covers("a", "privileged", &here, None, end));
    });
}

#[test]
fn an_exception_for_containers_covers_no_field_of_the_pods_own() {
    let covers = |containers: &str, container: Option<&str>| {
        let rule = format!("{{namespaces: {{include: [m]}}, containers: {containers}}}");
        let set = excepted(&rule);
        with_pod(&[], |pod| {
            set.exceptions()[0].covers("a", "privileged", &input(pod, "m"), container, now())
        })
    };
    assert!(covers("[app]", Some("app")));
    assert!(!covers("[app]", Some("other")));
    assert!(!covers("[app]", None));
    assert!(covers("['*']", None));
    assert!(covers("['*']", Some("x")));
}

#[test]
fn an_exception_covers_nothing_where_the_labels_of_the_namespace_are_not_known() {
    let set = excepted("{namespaceSelector: {matchLabels: {tier: ops}}}");
    with_pod(&[], |pod| {
        let unknown = input(pod, "m");
        assert!(!set.exceptions()[0].covers("a", "privileged", &unknown, None, now()));
        let labels = [("tier".to_owned(), "ops".to_owned())];
        let known = MatchInput { namespace_labels: Some(&labels), ..unknown };
        assert!(set.exceptions()[0].covers("a", "privileged", &known, None, now()));
    });
}

#[test]
fn policies_for_other_namespaces_are_no_candidates() {
    let texts: Vec<String> = (0..100)
        .map(|i| {
            let rule = format!("match: {{namespaces: {{include: [team-{i}, 'x{i}-*']}}}}\nrules:\n- privileged: {{}}");
            policy(&format!("p{i}"), &rule)
        })
        .collect();
    let set = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    with_pod(&[], |pod| {
        let names = |namespace: &str| {
            set.candidates(&input(pod, namespace)).map(|p| p.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names("team-7"), ["p7"]);
        assert_eq!(names("x42-y"), ["p42"]);
        assert!(names("other").is_empty());
    });
}
