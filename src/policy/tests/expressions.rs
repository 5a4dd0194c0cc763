//! What a policy says in CEL, and every mistake that can be made in it.

use super::{errors, policy, set, warnings};

/// A rule in CEL with this expression, on line 10 of the policy from column 9.
fn rule(expression: &str) -> String {
    format!("rules:\n- cel:\n    name: mine\n    expression: |-\n      {expression}")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_is_wrong_with_an_expression_is_said_with_its_place_and_what_would_be_right() {
    for (expression, column, message) in [
        // Names.
        ("objct.metadata.name == 'a'", 1, "unknown name \"objct\"; did you mean \"object\"?"),
        (
            "object.a == foo",
            13,
            "unknown name \"foo\"; known are object, oldObject, request, namespaceObject, pod",
        ),
        (
            "object.spec.hostPid == true",
            12,
            "unknown field \"hostPid\"; did you mean \"hostPID\"? Kubernetes 1.37 has none of that name here; ['hostPid'] is not checked",
        ),
        (
            "variables.a",
            10,
            "unknown variable \"a\"; the policy has no `variables` before this place",
        ),
        (
            "variables == 1",
            1,
            "variables is not a value of its own; name one of them: variables.NAME",
        ),
        (
            "authorizer.path('/').check('get').allowed()",
            1,
            "authorizer is not offered; it would ask the API server while a pod waits; match by requesters instead",
        ),
        (
            "params.a",
            1,
            "params is not offered; there are none without paramKind, nor in a PodPolicy; write them under `variables`",
        ),
        (
            "request.nme == 'a'",
            8,
            "kubernetes.AdmissionRequest has no field \"nme\"; did you mean \"name\"?",
        ),
        (
            "request.userInfo.user == 'a'",
            17,
            "UserInfo has no field \"user\"; known are username, uid, groups, extra",
        ),
        (
            "namespaceObject.spec == 1",
            16,
            "kubernetes.Namespace has no field \"spec\"; known are metadata",
        ),
        (
            "pod.container == 1",
            4,
            "podgate.Pod has no field \"container\"; did you mean \"containers\"?",
        ),
        (
            "has(request.nme)",
            12,
            "kubernetes.AdmissionRequest has no field \"nme\"; did you mean \"name\"?",
        ),
        ("'a'.b == 1", 4, "a value of type string has no fields, \"b\" neither"),
        ("if == 1", 1, "\"if\" is a word that CEL keeps for itself"),
        // Functions.
        (
            "object.a.startWith('b')",
            9,
            "unknown function \"startWith\"; did you mean \"startsWith\"?",
        ),
        (
            "frobnicate(1)",
            1,
            "unknown function \"frobnicate\"; see `podgate explain cel` for the functions that there are",
        ),
        ("startsWith('a')", 1, "startsWith is called on a value; write VALUE.startsWith(…)"),
        ("'a'.int() == 1", 4, "int is not called on a value; write int(…)"),
        (
            "sets.contain([1], [1])",
            5,
            "unknown function \"sets.contain\"; did you mean \"sets.contains\"?",
        ),
        (
            "'a'.contains(1)",
            4,
            "contains does not take (string, int); it takes string.contains(string) -> bool",
        ),
        (
            "'a'.contains()",
            4,
            "contains does not take (string); it takes string.contains(string) -> bool",
        ),
        (
            "size(1) == 1",
            1,
            "size does not take (int); it takes size(bytes) -> int; size(list<A>) -> int; size(map<A, B>) -> int; size(string) -> int",
        ),
        (
            "pod.violates('privilegd')",
            14,
            "no built-in rule is named \"privilegd\"; did you mean \"privileged\"?",
        ),
        ("has(object)", 5, "has takes a field; write has(OBJECT.FIELD); for a key, 'KEY' in MAP"),
        ("[1].all(1, true)", 9, "a macro's variable is a plain name"),
        ("[1].all(i, i, true)", 12, "\"i\" names both variables; rename one of them"),
        ("size(object.a).all(x, true)", 15, "all goes over a list or a map, this is int"),
        (
            "[1].all(x, zebra)",
            12,
            "unknown name \"zebra\"; known are x, object, oldObject, request, namespaceObject, pod",
        ),
        ("[[1]].sortBy(x, x) == []", 17, "list(int) has no order; sort by a number or a string"),
        // Types.
        ("1 + 2", 3, "gives int, must give bool"),
        ("object.a", 7, "gives dyn, must give bool; compare it: VALUE == true"),
        ("1 + 'a' == 2", 3, "+ does not take (int, string)"),
        ("1 == 'a'", 3, "== does not take int and string; dyn(…) takes a value out of the types"),
        ("request.name == 1", 14, "== does not take string and int"),
        ("'a' < 1", 5, "< does not take string and int"),
        ("1 in ['a']", 3, "in does not take int and list(string)"),
        ("1 && true", 1, "&& takes a bool, this is int"),
        ("!'a'", 2, "! takes a bool, this is string"),
        ("true ? 1 : 'a'", 6, "gives int or string; both must be of one type"),
        ("[1, 'a'] == []", 5, "items of a list are int before this one, which is string"),
        ("{'a': 1, 2: 3} == {}", 10, "keys of a map are string before this one, which is int"),
        ("[1]['a'] == 1", 4, "list(int) cannot be indexed by string; a list is indexed by an int"),
        ("[?1] == [1]", 3, "`?` takes an optional, this is int; remove the `?`"),
        // What stands in the expression.
        ("object.a.matches('(')", 18, "the pattern does not compile: unclosed group"),
        (
            "duration('1d') == duration('1h')",
            10,
            "\"1d\" is no duration; write a number with ns, us, ms, s, m or h, such as 1h30m",
        ),
        (
            "timestamp('2020') == timestamp(0)",
            11,
            "\"2020\" is no timestamp; write it as RFC 3339 has it, such as 2027-06-30T00:00:00Z",
        ),
        ("'%d'.format(['a']) == ''", 13, "%d does not take a value of type string"),
        ("'%s %s'.format(['a']) == ''", 16, "the format has 2 clauses, and is given 1 values"),
        // Syntax.
        ("object.a ==", 12, "it ends here, where a value was expected"),
        ("(object.a", 10, "it ends here, where \")\" was expected"),
        ("object.a = 1", 10, "'=' means nothing here; write == to compare"),
        ("true & false", 6, "'&' means nothing here; write && for \"and\""),
        ("'a == 'b'", 8, "the string does not end; close it with '"),
        ("object.a b", 10, "\"b\" stands here, where the end, or an operator was expected"),
        ("object.a == 'b", 13, "the string does not end; close it with '"),
        ("'\\q' == 'a'", 2, "the escape is not one that CEL knows"),
        (
            "99999999999999999999 == 1",
            1,
            "99999999999999999999 is too large; numbers without a point are 64 bits wide",
        ),
        ("Object{} == 1", 7, "makes an object of a type"),
        ("[1, 2", 6, "it ends here, where \",\" or \"]\" was expected"),
    ] {
        let problems = errors(&[&policy("a", &rule(expression))]);
        let at = format!("0.yaml:10:{}: error: spec.rules[0].cel.expression: ", 8 + column);
        assert!(
            problems.contains(&at) && problems.contains(message),
            "{expression}\n got {problems}\nwant {at}{message}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_stands_around_an_expression_is_held_to_its_words() {
    for (spec, expected) in [
        (
            "rules:\n- cel: {name: x}",
            "0.yaml:7:10: error: spec.rules[0].cel.expression: is missing; write a CEL expression",
        ),
        (
            "rules:\n- cel: {expression: 'true'}",
            "spec.rules[0].cel.name: is missing; name the rule: lower case letters, digits and '-'",
        ),
        (
            "rules:\n- cel: {name: Mine, expression: 'true'}",
            "\"Mine\" cannot be a rule's name; lower case letters, digits and '-', at most 63",
        ),
        (
            "rules:\n- cel: {name: privileged, expression: 'true'}",
            "\"privileged\" is a built-in rule; choose another name",
        ),
        (
            "rules:\n- cel: {name: x, expression: ''}",
            "spec.rules[0].cel.expression: is empty; write a CEL expression",
        ),
        (
            "rules:\n- cel: {name: x, expression: true}",
            "spec.rules[0].cel.expression: must be a string, is a boolean",
        ),
        (
            "rules:\n- cel: {name: x, expresion: 'true'}",
            "unknown field \"expresion\"; did you mean \"expression\"?",
        ),
        (
            "rules:\n- cel: {name: x, expression: 'true', onError: deny}",
            "spec.rules[0].cel.onError: unknown word \"deny\"; write Deny, or Ignore to let pass what cannot be evaluated",
        ),
        (
            "rules:\n- cel: {name: x, expression: 'true', messageExpression: '1'}",
            "spec.rules[0].cel.messageExpression: gives int, must give string",
        ),
        (
            "rules:\n- cel: {name: x, expression: 'true'}\n  fix: All",
            "spec.rules[0].fix: has no meaning for a rule in CEL; remove it; `remedy` tells people what to change",
        ),
        (
            "rules:\n- cel: {name: x, expression: 'true'}\n- cel: {name: x, expression: 'true'}",
            "0.yaml:8:5: error: spec.rules[1]: rule x is listed twice, first on line 7",
        ),
        (
            "variables: x\nrules:\n- privileged: {}",
            "spec.variables: must be a list of maps with `name` and `expression`, is a string",
        ),
        (
            "variables: [{name: a-b, expression: '1'}]\nrules:\n- privileged: {}",
            "\"a-b\" cannot be a variable's name",
        ),
        (
            "variables: [{name: a, expression: '1'}, {name: a, expression: '2'}]\nrules:\n- privileged: {}",
            "spec.variables[1]: \"a\" is there already; rename or remove one of them",
        ),
        (
            "variables: [{name: a, expression: variables.b}, {name: b, expression: '2'}]\nrules:\n- privileged: {}",
            "spec.variables[0].expression: unknown variable \"b\"; the policy has no `variables` before this place",
        ),
        (
            "variables: [{name: team, expression: '1'}]\nrules:\n- cel: {name: x, expression: variables.teem == 1}",
            "unknown variable \"teem\"; did you mean \"team\"?",
        ),
        (
            "variables: [{name: a, expression: '1'}]\nrules:\n- cel: {name: x, expression: variables.a}",
            "spec.rules[0].cel.expression: gives int, must give bool",
        ),
        (
            "match: {conditions: [{name: x, expression: '1'}]}\nrules:\n- privileged: {}",
            "spec.match.conditions[0].expression: gives int, must give bool",
        ),
        (
            "match: {conditions: [{expression: 'true'}]}\nrules:\n- privileged: {}",
            "spec.match.conditions[0].name: is missing; name it",
        ),
        (
            "match: {conditions: [{name: x, expression: 'true'}]}\nstandard: {fromNamespaceLabels: true}",
            "spec.match.conditions: condition \"x\" would not hold for what labels ask",
        ),
    ] {
        let problems = errors(&[&policy("a", spec)]);
        assert!(problems.contains(expected), "{spec}\n got {problems}\nwant {expected}");
    }
}

#[test]
fn every_problem_of_every_expression_is_told_at_once() {
    let spec = "variables:\n- {name: a, expression: foo}\nrules:\n- cel:\n    name: x\n    expression: |\n      variables.a == 1 &&\n      bar == 1 ||\n      baz == 2\n";
    let problems = errors(&[&policy("a", spec)]);
    for place in [
        "7:27: error: spec.variables[0].expression: unknown name \"foo\"",
        "13:9: error",
        "14:9: error",
    ] {
        assert!(problems.contains(place), "{problems}");
    }
    assert_eq!(problems.lines().count(), 3, "{problems}");
}

#[test]
fn a_condition_that_authors_of_pods_can_meet_is_warned_of() {
    let text = policy(
        "a",
        "match: {conditions: [{name: x, expression: has(object.metadata.labels.skip)}]}\nrules:\n- privileged: {}",
    );
    let told = warnings(&[&text]);
    assert!(
        told.contains(
            "read the object, so that whoever writes the pod may be able to leave it out"
        ),
        "{told}"
    );
    let text = policy(
        "a",
        "match: {conditions: [{name: x, expression: request.operation == 'CREATE'}]}\nrules:\n- privileged: {}",
    );
    assert_eq!(warnings(&[&text]), "");
}

#[test]
fn the_digest_goes_by_what_an_expression_says() {
    let digest = |expression: &str| set(&[&policy("a", &rule(expression))]).digest().to_owned();
    assert_ne!(digest("1 == 1"), digest("1 == 2"));
}
