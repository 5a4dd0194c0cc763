//! What was found lately, as a Report in each namespace, kept with the rights that the chart gives.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use e2e::ledger::Chain;
use e2e::{Gate, Namespace, helm, wait_for};
use jiff::{SignedDuration, Timestamp};
use podgate::cluster::{Kept, Reports, ReportsError, kubeconfig};
use podgate::ledger::Counters;
use podgate::ledger::store::Store;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{BOUND, Outcome, namespace, server};

const POLICY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata: {name: gate}
spec: {enforcement: Deny, rules: [{privileged: {}}]}
";

/// One test, since a cluster has the custom resource or does not.
#[test]
fn a_namespace_has_a_report_of_what_was_found_there_lately() -> Outcome {
    let keeper = Keeper::start(&controllers_kubeconfig()?)?;
    assert!(matches!(keeper.keep(), Err(ReportsError::NoSuchResource)));
    install()?;
    assert_eq!(keeper.kept(), Kept::default());
    let namespaces = [namespace()?, namespace()?, namespace()?];
    let mut chain = Chain::begin("podgate-webhook-0", "b", keeper.now());
    what_was_found_is_written(&keeper, &mut chain, &namespaces)?;
    what_changes_is_replaced(&keeper, &mut chain, &namespaces)?;
    let [shop, bank, other] = &namespaces;
    keeper.wait(SignedDuration::from_hours(25));
    assert_eq!(sorted(keeper.kept().deleted), sorted(vec![shop.name.clone(), bank.name.clone()]));
    assert_eq!(server().client().get(&path(shop))?.code, 404);
    assert_eq!(server().client().get(&path(other))?.accepted()?.body["source"], "other");
    assert_eq!(keeper.counters.report_failures.get(), 0);
    served()
}

fn what_was_found_is_written(
    keeper: &Keeper,
    chain: &mut Chain,
    [shop, bank, other]: &[Namespace; 3],
) -> anyhow::Result<()> {
    let warning = json!({"decision": "warned", "violations": [{"policy": "style", "rule": "limits", "enforcement": "Warn",
        "path": "spec.containers[0].resources", "found": "absent", "allowed": "limits"}]});
    let nothing = json!({"decision": "allowed", "violations": []});
    let mut lines: Vec<String> = (0..3).map(|_| found(chain, &shop.name, "a", json!({}))).collect();
    lines.push(found(chain, &shop.name, "b", warning));
    lines.push(found(chain, &bank.name, "c", json!({})));
    // Which nobody is to read of: a dry run, what was let in, and a namespace that is gone.
    lines.push(found(chain, &other.name, "d", json!({"dryRun": true})));
    lines.push(found(chain, &other.name, "e", nothing));
    lines.push(found(chain, "gone", "f", json!({})));
    keeper.store(chain, &lines)?;

    let written = sorted(vec![shop.name.clone(), bank.name.clone()]);
    let first = keeper.kept();
    assert_eq!(
        Kept { written: sorted(first.written), ..first },
        Kept { written, ..Kept::default() }
    );
    let report = server().client().get(&path(shop))?.accepted()?.body;
    let summary = json!({"pass": 0, "fail": 1, "warn": 1, "error": 0, "skip": 0});
    assert_eq!(report["summary"], summary, "{report:#}");
    let [fail, warn] = &report["results"].as_array().expect("results")[..] else {
        anyhow::bail!("{report:#}")
    };
    assert_eq!((&fail["policy"], &fail["rule"]), (&json!("shared-kernel"), &json!("privileged")));
    assert_eq!(fail["properties"]["count"], "3");
    assert_eq!((&warn["policy"], &warn["result"]), (&json!("style"), &json!("warn")));
    assert_eq!(keeper.kept(), Kept::default(), "what says the same is left alone");
    let shown = server().kubectl().run(&["get", "reports", "-n", &shop.name])?.succeeded()?.stdout;
    let columns: Vec<&str> = shown.lines().last().unwrap_or_default().split_whitespace().collect();
    assert_eq!(&columns[..4], ["podgate", "0", "1", "1"], "{shown}");
    Ok(())
}

/// It is replaced, not added to; what somebody deletes comes back; and what somebody else called the same stays theirs.
fn what_changes_is_replaced(
    keeper: &Keeper,
    chain: &mut Chain,
    [shop, bank, other]: &[Namespace; 3],
) -> anyhow::Result<()> {
    let client = server().client();
    let foreign = json!({"apiVersion": "openreports.io/v1alpha1", "kind": "Report", "metadata": {"name": "podgate"}, "source": "other"});
    let reports = other.path("/apis/openreports.io/v1alpha1", "reports");
    let _ = client.create(&reports, &foreign)?.accepted()?;
    let lines =
        [found(chain, &shop.name, "a", json!({})), found(chain, &other.name, "g", json!({}))];
    keeper.store(chain, &lines)?;
    let written = vec![shop.name.clone()];
    let taken = [other.name.clone()].into();
    assert_eq!(keeper.kept(), Kept { written, taken, ..Kept::default() });
    let report = client.get(&path(shop))?.accepted()?.body;
    assert_eq!(report["results"].as_array().map(Vec::len), Some(2), "{report:#}");
    assert_eq!(report["results"][0]["properties"]["count"], "4");
    let _ = client.delete(&path(bank))?.accepted()?;
    assert_eq!(keeper.kept().written, [&*bank.name]);
    Ok(())
}

/// The record of a denial, but for what `members` say.
fn found(chain: &mut Chain, namespace: &str, incident: &str, members: Value) -> String {
    let mut decision = members;
    decision["incident"] = json!(incident);
    decision["object"] = json!({"namespace": namespace});
    chain.decision(&decision)
}

/// The same by `podgate serve`.
fn served() -> Outcome {
    let own = namespace()?;
    let file = server().kubectl().kubeconfig().with_file_name(format!("{}.db", own.name));
    let ledger = format!("--ledger=sqlite:{}", file.display());
    let arguments = [&*ledger, "--reports", "--reports-every=1s", "--namespace", &own.name];
    let gate = Gate::in_cluster(server(), &[POLICY], &arguments)?;
    let guarded = gate.guarded()?;
    let pod = e2e::objects::privileged(e2e::objects::pod("bad"));
    let _ = server().client().create(&guarded.pods(), &pod)?.rejected()?;
    let report = wait_for("the Report", BOUND, || {
        let answer = server().client().get(&path(&guarded))?;
        Ok((answer.code == 200).then_some(answer.body))
    })?;
    assert_eq!(report["results"][0]["rule"], "privileged", "{report:#}");
    assert_eq!(report["results"][0]["resources"][0]["name"], "bad", "{report:#}");
    Ok(())
}

/// Who keeps Reports, with a clock of its own.
struct Keeper {
    runtime: Runtime,
    reports: Reports,
    store: Store,
    counters: Counters,
    time: Arc<Mutex<Timestamp>>,
}

impl Keeper {
    fn start(kubeconfig: &Path) -> anyhow::Result<Self> {
        let runtime = Runtime::new()?;
        let client = runtime.block_on(kubeconfig::connect(Some(kubeconfig), None))?;
        let store = runtime.block_on(Store::open("sqlite::memory:"))?;
        let time = Arc::new(Mutex::new(Timestamp::now()));
        let clock = Arc::clone(&time);
        let clock = Arc::new(move || *clock.lock().expect("nobody panics with it"));
        let counters = Counters::default();
        let failures = counters.report_failures.clone();
        let reports = Reports::new(client, store.clone(), clock, failures);
        Ok(Self { runtime, reports, store, counters, time })
    }

    fn store(&self, chain: &Chain, lines: &[String]) -> anyhow::Result<()> {
        self.runtime.block_on(self.store.append(&chain.id, &lines.concat()))?;
        Ok(())
    }

    fn keep(&self) -> Result<Kept, ReportsError> {
        self.runtime.block_on(self.reports.keep())
    }

    fn kept(&self) -> Kept {
        self.keep().expect("Reports are kept")
    }

    fn now(&self) -> Timestamp {
        *self.time.lock().expect("nobody panics with it")
    }

    fn wait(&self, duration: SignedDuration) {
        *self.time.lock().expect("nobody panics with it") += duration;
    }
}

/// A kubeconfig of an account that has the chart's rights on Reports, and no other.
fn controllers_kubeconfig() -> anyhow::Result<PathBuf> {
    let (kubectl, own) = (server().kubectl(), namespace()?);
    let (chart, values) =
        (e2e::chart().display().to_string(), json!({"ledger": {"reports": true}}));
    let rendered = helm(&["template", "podgate", &chart, "-f", "-"], &values)?.succeeded()?;
    let rules = e2e::yaml_objects(&rendered)?
        .iter()
        .filter(|object| object["kind"] == "ClusterRole")
        .flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default())
        .filter(|rule| rule["apiGroups"] == json!(["openreports.io"]))
        .collect::<Vec<Value>>();
    let token = server().account(&own.name, "keeper", &rules)?;
    let config = kubectl.run(&["config", "view", "--raw", "-o", "json"])?.succeeded()?.stdout;
    let mut config: Value = serde_json::from_str(&config)?;
    config["users"][0]["user"] = json!({"token": token});
    kubectl.file(&config)
}

/// Installs the custom resources, as an admin would.
fn install() -> anyhow::Result<()> {
    let folder = e2e::openreports()?;
    let _ =
        server().kubectl().run(&["create", "-f", &folder.display().to_string()])?.succeeded()?;
    let name = "customresourcedefinition/reports.openreports.io";
    let _ = server().kubectl().run(&["wait", "--for=condition=Established", name])?.succeeded()?;
    Ok(())
}

fn path(namespace: &Namespace) -> String {
    format!("{}/podgate", namespace.path("/apis/openreports.io/v1alpha1", "reports"))
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}
