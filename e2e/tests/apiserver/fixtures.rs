//! Upstream's failing test pods, and random ones, repaired: the API server takes each that it took before, and its own
//! Pod Security lets those in of which nothing is left.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use e2e::oracle::Fixture;
use e2e::{Repaired, oracle};
use serde_json::{Value, json};

use crate::{Outcome, server};

/// Namespaces by the labels of Pod Security that they carry: level and version.
#[derive(Default)]
struct Namespaces(BTreeMap<(String, String), String>);

/// Where only the pod itself has to be right.
const ANYTHING: (&str, &str) = ("privileged", "latest");

impl Namespaces {
    /// What a dry run of creating `pod` there comes to.
    fn create(&mut self, (level, version): (&str, &str), pod: &Value) -> Result<(u16, String)> {
        let label = (level.to_owned(), version.to_owned());
        if !self.0.contains_key(&label) {
            let name = server().unique("corpus");
            let labels = json!({
                "pod-security.kubernetes.io/enforce": level,
                "pod-security.kubernetes.io/enforce-version": version,
            });
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
            let _ = server().client().create("/api/v1/namespaces", &object)?.accepted()?;
            self.0.insert(label.clone(), name);
        }
        let namespace = &self.0[&label];
        let mut pod = pod.clone();
        pod["metadata"]["namespace"] = json!(namespace);
        // Some are named after a check, which is no name for a pod.
        pod["metadata"]["name"] = json!("fixture");
        let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
        let answer = server().client().create(&path, &pod)?;
        Ok((answer.code, answer.body["message"].as_str().unwrap_or_default().to_owned()))
    }
}

#[test]
fn repaired_fixture_is_taken_where_the_fixture_was_and_admitted_where_nothing_is_left() -> Outcome {
    let mut namespaces = Namespaces::default();
    let (mut seen, mut taken, mut admitted) = (0, 0, 0);
    oracle::judgements(&["fixtures"], |line| {
        let Fixture { id, level, version, pod, allowed } = serde_json::from_str(line)?;
        if allowed {
            return Ok(());
        }
        seen += 1;
        let repaired = Repaired::by_standard(&level, &version, pod)?;
        if !repaired.changed {
            return Ok(());
        }
        let (before, _) = namespaces.create(ANYTHING, &serde_json::from_str(pod.get())?)?;
        let (after, message) = namespaces.create(ANYTHING, &repaired.pod).context(id.clone())?;
        ensure!((before, after) == (201, 201), "{id}: {before} became {after}: {message}");
        taken += 1;
        if repaired.is_whole() {
            let (code, message) = namespaces.create((&level, &version), &repaired.pod)?;
            ensure!(code == 201, "{id}: {message}");
            admitted += 1;
        }
        Ok(())
    })?;
    println!("{seen} failing fixtures, {taken} changed ones taken, {admitted} of them admitted");
    assert_eq!(seen, 3486);
    assert!(admitted > 100 && taken >= admitted);
    Ok(())
}

/// All that is ever filled in.
const ALL: &str = "{fix: All, standard: {level: Restricted, version: v1.37}, rules: [userNamespace: {}, \
                   readOnlyRootFilesystem: {}, serviceAccountToken: {}, hostPaths: {allowed: [/]}]}";
const RANDOM: [&str; 5] = ["random", "-count", "2000", "-seed", "7"];

#[test]
fn no_pod_is_repaired_into_one_that_the_api_server_refuses() -> Outcome {
    let mut namespaces = Namespaces::default();
    let (mut changed, mut refused) = (0, 0);
    oracle::judgements(&RANDOM, |line| {
        let Fixture { id, pod, .. } = serde_json::from_str(line)?;
        let mut pod: Value = serde_json::from_str(pod.get())?;
        // What nobody may send in a creation.
        for (part, field) in [("spec", "ephemeralContainers"), ("metadata", "deletionTimestamp")] {
            if let Some(part) = pod[part].as_object_mut() {
                part.remove(field);
            }
        }
        let repaired = Repaired::by(ALL, &serde_json::value::to_raw_value(&pod)?)?;
        if !repaired.changed {
            return Ok(());
        }
        if namespaces.create(ANYTHING, &pod)?.0 != 201 {
            refused += 1;
            return Ok(());
        }
        changed += 1;
        let (after, message) = namespaces.create(ANYTHING, &repaired.pod)?;
        ensure!(after == 201, "{id}: {message}\n{}", repaired.pod);
        Ok(())
    })?;
    println!("{changed} random pods repaired and taken, {refused} others never to be taken");
    assert!(changed > 300, "{changed}");
    Ok(())
}
