use super::*;
use crate::server::files::tests::{Volume, eventually};

/// A policy with one rule, named `name`.
fn policy(name: &str) -> String {
    format!(
        "apiVersion: podgate.dev/v1\nkind: PodPolicy\nmetadata: {{name: {name}}}\n\
         spec:\n  rules:\n  - privileged: {{}}\n"
    )
}

/// A server's policies over a volume, watched every few milliseconds.
struct Watched {
    volume: Volume,
    store: Arc<PolicyStore>,
    metrics: Arc<Metrics>,
    task: tokio::task::JoinHandle<()>,
}

fn watch(text: &str) -> Watched {
    let volume = Volume::new(&[("policy.yaml", text.as_bytes())]);
    let origin = Origin::Paths(vec![volume.root()]);
    let (policies, compiled) = Policies::load(origin, Told::default(), None).unwrap();
    let store = Arc::new(start(compiled, &Metrics::new()));
    let metrics: Arc<Metrics> = Arc::default();
    let task =
        policies.keep_fresh(Arc::clone(&store), Arc::clone(&metrics), Duration::from_millis(5));
    Watched { volume, store, metrics, task: tokio::spawn(task) }
}

impl Watched {
    fn swap(&mut self, text: &str) {
        self.volume.swap(&[("policy.yaml", text.as_bytes())]);
    }

    fn in_force(&self) -> String {
        self.store.load().set.policies()[0].name.to_string()
    }

    async fn until_in_force(&self, name: &str) {
        eventually("the policy is in force", || self.in_force() == name).await;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_config_map_that_is_replaced_twice_is_in_force_twice() {
    let mut watched = watch(&policy("first"));
    for (name, generation) in [("second", 2), ("third", 3)] {
        watched.swap(&policy(name));
        watched.until_in_force(name).await;
        assert_eq!(watched.store.load().generation, generation);
    }
}

#[tokio::test]
async fn a_broken_document_leaves_the_last_good_set_and_is_told_once() {
    let mut watched = watch(&policy("good"));
    watched.swap(&policy("worse").replace("privileged", "priviledged"));
    eventually("the problem is told", || !watched.store.problems().is_empty()).await;
    assert_eq!(watched.in_force(), "good");
    assert!(
        watched.store.problems()[0].contains("policy.yaml:6:"),
        "{:?}",
        watched.store.problems()
    );
    // The same as before it broke: nothing is replaced, and nothing is wrong any more.
    watched.swap(&policy("good"));
    eventually("the problem is forgotten", || watched.store.problems().is_empty()).await;
    assert_eq!(watched.store.load().generation, 1);
    watched.swap(&policy("better"));
    watched.until_in_force("better").await;
    assert_eq!(watched.metrics.reload_failures(), 1);
}

#[tokio::test]
async fn a_file_that_goes_leaves_the_last_good_set() {
    let watched = watch(&policy("good"));
    std::fs::remove_file(watched.volume.path("policy.yaml")).unwrap();
    eventually("the problem is told", || !watched.store.problems().is_empty()).await;
    assert_eq!(watched.in_force(), "good");
    std::fs::write(watched.volume.path("policy.yaml"), policy("good")).unwrap();
    eventually("the problem is forgotten", || watched.store.problems().is_empty()).await;
    assert_eq!(watched.metrics.reload_failures(), 1);
}

#[tokio::test]
async fn a_file_that_was_emptied_does_not_let_everything_pass() {
    let mut watched = watch(&policy("good"));
    watched.swap("");
    eventually("the problem is told", || !watched.store.problems().is_empty()).await;
    assert_eq!(watched.in_force(), "good");
}

#[test]
fn everything_that_is_wrong_at_start_is_told_at_once() {
    let broken = policy("a").replace("privileged", "priviledged");
    let volume = Volume::new(&[("a.yaml", broken.as_bytes()), ("b.yaml", b"kind: PodPolice\n")]);
    let problems =
        Policies::load(Origin::Paths(vec![volume.root()]), Told::default(), None).unwrap_err();
    assert!(problems.len() >= 2, "{problems:?}");
}

#[tokio::test]
async fn resources_come_and_go_beside_the_files_and_a_broken_one_is_told() {
    let resource = |text: String| Source { name: "podpolicy/b".to_owned(), text };
    let broken = policy("b").replace("privileged", "priviledged");
    let (sender, resources) = watch::channel(Arc::new(vec![resource(broken.clone())]));
    let volume = Volume::new(&[("policy.yaml", policy("a").as_bytes())]);
    let origin = Origin::Paths(vec![volume.root()]);
    let (policies, compiled) = Policies::load(origin, Told::default(), Some(resources)).unwrap();
    let metrics: Arc<Metrics> = Arc::default();
    let store = Arc::new(start(compiled, &metrics));
    assert_eq!(store.problems().len(), 1, "a broken resource keeps nobody from starting");
    let mut outcome = policies.outcome();
    assert_eq!(outcome.borrow().problems[0].source, "podpolicy/b");
    // However rarely files are looked at.
    let fresh = policies.keep_fresh(Arc::clone(&store), metrics, Duration::from_hours(1));
    let task = tokio::spawn(fresh);

    sender.send(Arc::new(vec![resource(policy("b"))])).unwrap();
    outcome.wait_for(|outcome| outcome.problems.is_empty()).await.unwrap();
    let names = || -> Vec<String> {
        store.load().set.policies().iter().map(|policy| policy.name.to_string()).collect()
    };
    assert_eq!(names(), ["a", "b"]);
    assert!(store.problems().is_empty());

    sender.send(Arc::new(vec![resource(broken)])).unwrap();
    outcome.wait_for(|outcome| !outcome.problems.is_empty()).await.unwrap();
    assert_eq!(names(), ["a", "b"], "as it was");
    assert_eq!(outcome.borrow().in_force, [resource(policy("b"))]);

    sender.send(Arc::default()).unwrap();
    outcome.wait_for(|outcome| outcome.resources.is_empty()).await.unwrap();
    assert_eq!(names(), ["a"]);
    task.abort();
}

#[test]
fn a_policy_that_reads_labels_which_nobody_tells_is_warned_of() {
    let rule = "rules:\n  - privileged: {}\n";
    let standard = "standard: {fromNamespaceLabels: true}\n";
    let selector = "match: {namespaceSelector: {matchLabels: {tier: prod}}}\n  ";
    let selecting = format!("{selector}{rule}");
    let cases = [
        (rule, true, false),
        (standard, true, true),
        (&selecting, true, true),
        (standard, false, false),
    ];
    for (spec, no_namespace_labels, warned) in cases {
        let text = policy("labels").replace(rule, spec);
        let files = [Source { name: "policy.yaml".to_owned(), text }];
        let told = Told { no_namespace_labels, ..Told::default() };
        let compiled = compile(&files, &[], &[], &told).unwrap();
        assert_eq!(compiled.warnings.contains(&NO_NAMESPACE_LABELS.to_owned()), warned, "{spec}");
    }
}
