//! What every expression and every object must be met with: an answer within the bounds.

use proptest::prelude::*;

use super::*;

/// What an expression gives, with `object` to read; else what is wrong, which starts with where it is found.
fn evaluate_within(source: &str, object: &str, bounds: Bounds) -> Result<String, String> {
    let program = Program::compile(source, &Environment::default(), &Type::Dyn)
        .map_err(|problems| format!("load: {}", problems[0].message))?;
    let memory = Memory::new(bounds);
    let activation =
        Activation { object: Some(object), roots: &Root::OF_POD_POLICY, ..Activation::default() };
    let session = Session::new(&memory, activation, &|_| false);
    let answer = program.evaluate(&session.scope(&[], None)).map(|answer| answer.to_string());
    answer.map_err(|fault| match fault {
        Fault::Error(message) => format!("error: {message}"),
        Fault::Steps => "steps".to_owned(),
        Fault::Memory => "memory".to_owned(),
    })
}

fn evaluate(source: &str) -> Result<String, String> {
    evaluate_within(source, "{}", Bounds::default())
}

fn refused(source: &str) -> bool {
    evaluate(source).is_err_and(|error| error.starts_with("load: "))
}

#[test]
fn nothing_overflows_a_stack() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!(", ")"),
        ("-(", ")"),
        ("f(", ")"),
        ("{1: ", "}"),
        ("[1].map(x, ", ")"),
    ] {
        let source = format!("{}1{}", open.repeat(2_000), close.repeat(2_000));
        assert!(refused(&source), "{open}");
    }
    for (first, link) in [
        ("1", "+1"),
        ("1", "==1"),
        ("''", ".trim()"),
        ("[0]", "[0]"),
        ("object", ".a"),
        ("true", "?1:true"),
    ] {
        let source = format!("{first}{}", link.repeat(2_000));
        assert!(refused(&source), "{link}");
    }
    assert!(refused(&"?".repeat(10_000)));
    assert!(refused(&"(".repeat(10_000)));
    assert!(refused(&"a".repeat(20_000)));
    // Chains of && and || have no depth, and signs cancel out.
    assert_eq!(evaluate(&format!("true{}", "&&true".repeat(2_000))).unwrap(), "true");
    assert_eq!(evaluate(&format!("{}true", "!".repeat(2_000))).unwrap(), "true");
    assert_eq!(evaluate(&format!("{}1", "-".repeat(2_000))).unwrap(), "1");
}

#[test]
fn the_deepest_expressions_that_are_taken_are_evaluated() {
    assert_eq!(evaluate(&format!("1{}", "+1".repeat(150))).unwrap(), "151");
    let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    assert_eq!(evaluate(&format!("{nested} == {nested}")).unwrap(), "true");
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    let object = format!("{{\"a\": {deep}}}");
    assert_eq!(
        evaluate_within("object.a == object.a", &object, Bounds::default()).unwrap(),
        "true"
    );
}

/// Each variable wraps the one before it: by itself none is deep.
#[test]
fn variables_do_not_add_up_to_a_deep_expression() {
    let mut environment = Environment::default();
    let mut last = "1".to_owned();
    for number in 0..100 {
        let source = format!("{}{last}{}", "[".repeat(10), "]".repeat(10));
        let Ok(program) = Program::compile(&source, &environment, &Type::Dyn) else {
            assert!(number > 20, "{number}");
            return;
        };
        let name = format!("v{number}");
        last = format!("variables.{name}");
        environment.variables.push(Variable::new(&name, Some(&program)));
    }
    panic!("a thousand levels were taken");
}

#[test]
fn what_runs_for_ever_runs_out_of_steps() {
    for source in [
        "lists.range(100000).all(x, lists.range(100000).all(y, 1/0 == 1))",
        "lists.range(1000).all(x, lists.range(1000).exists(y, lists.range(1000).exists(z, z < 0)))",
        "lists.range(10000000)",
        "lists.range(5000).sortBy(x, lists.range(5000).sum())",
        "lists.range(30000).distinct().size()",
        "sets.contains(lists.range(30000), lists.range(30000))",
        "lists.range(9000).transformMapEntry(i, v, {string(v): v}).size()",
        "lists.range(9000).exists(x, string(x).matches('(a|b)' + string(x)))",
        "lists.range(1000).map(x, lists.range(1000).map(y, y)) == lists.range(1000).map(x, lists.range(1000).map(y, y))",
    ] {
        assert_eq!(evaluate(source).unwrap_err(), "steps", "{source}");
    }
}

#[test]
fn what_grows_runs_out_of_memory_or_steps() {
    let doubled =
        (0..40).fold("['aaaaaaaaaaaaaaaa']".to_owned(), |s, _| format!("{s}.map(x, x + x)"));
    let joined =
        "lists.range(3000).map(x, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa').join()";
    for source in [
        doubled.as_str(),
        &format!("[{joined}].map(x, x.replace('a', x)).map(x, x.replace('a', x))"),
        &format!("[{joined}].map(x, [x].map(y, y.replace('', x)))"),
        &format!(
            "[{joined}].map(x, '%s%s%s%s'.format([x, x, x, x])).map(x, '%s%s%s%s'.format([x, x, x, x])).map(x, '%s%s%s%s'.format([x, x, x, x])).map(x, '%s%s%s%s'.format([x, x, x, x])).map(x, '%s%s%s%s'.format([x, x, x, x])).map(x, '%s%s%s%s'.format([x, x, x, x]))"
        ),
        "lists.range(2000).map(x, lists.range(2000))",
        "[lists.range(10000)].map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x).map(x, x + x)",
    ] {
        let fault = evaluate(source).unwrap_err();
        assert!(fault == "memory" || fault == "steps", "{fault}: {source}");
    }
}

#[test]
fn an_object_that_is_too_large_is_not_read() {
    let bounds = Bounds { input_bytes: 1 << 16, ..Bounds::default() };
    let object = format!("{{\"a\": [{}1]}}", "1,".repeat(100_000));
    assert_eq!(evaluate_within("has(object.a)", &object, bounds).unwrap_err(), "memory");
}

/// What a pod's author may make large is paid for: maps with many keys in another order, and lists of large items.
#[test]
fn comparing_what_is_large_runs_out_of_steps() {
    let keys = |numbers: &mut dyn Iterator<Item = usize>| {
        numbers.map(|n| format!("\"k{n}\": {n}")).collect::<Vec<_>>().join(",")
    };
    let (one, other) = (keys(&mut (0..20_000)), keys(&mut (0..20_000).rev()));
    let large = format!("\"{}\"", "x".repeat(50_000));
    let list = vec![large.as_str(); 100].join(",");
    let object = format!("{{\"a\": {{{one}}}, \"b\": {{{other}}}, \"l\": [{list}]}}");
    for source in [
        "object.a == object.b",
        "object.l.exists(x, object.l.indexOf(x + 'y') == 1)",
        "object.l.exists(x, object.l.map(y, y + 'z').distinct().size() == 0)",
        "object.l.exists(x, sets.contains(object.l, [x + 'y']))",
        "object.l.exists(x, object.l.sort() == [])",
        "object.l.exists(x, x + 'y' in object.l)",
    ] {
        let fault = evaluate_within(source, &object, Bounds::default()).unwrap_err();
        assert!(fault == "steps" || fault == "memory", "{source}: {fault}");
    }
}

/// No error that is a bound may be passed over, or a policy would hold for want of time.
#[test]
fn a_bound_is_not_absorbed() {
    let heavy = "lists.range(100000).all(x, lists.range(100000).all(y, y >= 0))";
    for source in [
        format!("{heavy} || true"),
        format!("!({heavy}) && false"),
        format!("[1].exists(x, {heavy}) || true"),
        format!("optional.of({heavy}).orValue(true)"),
    ] {
        assert_eq!(evaluate(&source).unwrap_err(), "steps", "{source}");
    }
}

/// Memory is given back, and each judgement has its own.
#[test]
fn all_expressions_of_a_judgement_share_one_budget() {
    let source = "lists.range(200000).all(x, x >= 0)";
    let program = Program::compile(source, &Environment::default(), &Type::Bool).unwrap();
    let memory = Memory::default();
    let session = Session::new(&memory, Activation::default(), &|_| false);
    let scope = session.scope(&[], None);
    let answers: Vec<_> = (0..40).map(|_| program.evaluate(&scope).is_ok()).collect();
    assert!(answers[0] && !answers[39], "{answers:?}");
}

#[test]
fn a_pod_is_found_wherever_it_stands() {
    let object = r#"{"spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {
        "containers": [{"name": "app"}], "initContainers": [{"name": "init"}]}}}}"#;
    let ask = |source: &str, at| {
        let program = Program::compile(source, &Environment::default(), &Type::Dyn).unwrap();
        let memory = Memory::default();
        let activation = Activation {
            object: Some(object),
            pod_at: at,
            roots: &Root::OF_POD_POLICY,
            ..Activation::default()
        };
        let session = Session::new(&memory, activation, &|_| false);
        let answer = program.evaluate(&session.scope(&[], None)).map(|answer| answer.to_string());
        answer.map_err(|fault| fault.to_string())
    };
    let at = Some("spec.template");
    assert_eq!(
        ask("pod.containers.map(c, c.path + ' ' + c.name)", at).unwrap(),
        r#"["spec.template.spec.initContainers[0] init", "spec.template.spec.containers[0] app"]"#
    );
    assert_eq!(ask("pod.metadata.labels.a", at).unwrap(), "\"b\"");
    assert_eq!(ask("pod.spec.containers.size()", at).unwrap(), "1");
    assert_eq!(ask("pod.containers.size()", Some("spec.nothing")).unwrap(), "0");
    assert!(ask("pod.containers", None).is_err());
}

proptest! {
    /// Whatever is written, there is an answer, an error or a problem, and nothing else.
    #[test]
    fn any_text_is_answered(source in "\\PC{0,60}") {
        let _ = evaluate(&source);
    }

    /// The same of texts that are made of what expressions are made of.
    #[test]
    fn any_expression_is_answered(parts in proptest::collection::vec(part(), 0..24)) {
        let source = parts.concat();
        let object = r#"{"a": [1, "x", null, {"b": 2.5}], "b": {"a": true}}"#;
        let bounds = Bounds { steps: 20_000, bytes: 1 << 20, ..Bounds::default() };
        let _ = evaluate_within(&source, object, bounds);
    }

    /// A problem stands inside of the text.
    #[test]
    fn a_problem_has_a_place(parts in proptest::collection::vec(part(), 1..12)) {
        let source = parts.concat();
        if let Err(problems) = Program::compile(&source, &Environment::default(), &Type::Bool) {
            for problem in problems {
                prop_assert!(problem.at <= source.len() && source.is_char_boundary(problem.at));
            }
        }
    }
}

fn part() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "object",
        ".a",
        ".b",
        "[0]",
        "['a']",
        "[?",
        ".?",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        " ? ",
        "1",
        "-1",
        "2u",
        "1.5",
        "'x'",
        "b'y'",
        "true",
        "null",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        " == ",
        " < ",
        " in ",
        " && ",
        " || ",
        "!",
        ".map(x, ",
        ".all(x, ",
        ".exists(i, v, ",
        ".filter(x, ",
        ".sortBy(x, ",
        "x",
        "has(",
        "size(",
        "string(",
        "int(",
        ".size()",
        ".matches('",
        ".format([",
        "quantity('1Gi')",
        ".add(1)",
        "optional.of(",
        ".orValue(",
        "duration('1h')",
        "timestamp(0)",
        ".getHours()",
        "lists.range(",
        ".sum()",
        "ip('::1')",
        ".split(",
    ]);
    let functions: Vec<&'static str> = library::names(true);
    prop_oneof![
        6 => fixed.prop_map(str::to_owned),
        1 => prop::sample::select(functions).prop_map(|name| format!(".{name}(")),
        1 => "\\PC{0,3}",
    ]
}
