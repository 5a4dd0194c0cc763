//! One Podgate and the namespaces it guards.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::apiserver::ApiServer;
use crate::certificates::Authority;
use crate::client::{Answer, Client, Rejection};
use crate::control_plane::{self, WEBHOOK_CLIENT};
use crate::objects;
use crate::podgate::{Podgate, Serving};
use crate::poll::wait_for;
use crate::webhook::{DENY, Registration};

/// The label by which a namespace names the gate that guards it.
const LABEL: &str = "podgate.dev/e2e-gate";

/// Refuses the pod that proves that the gate is closed, whatever the policies under test say.
const CANARY: &str = "\
apiVersion: podgate.dev/v1
kind: PodPolicy
metadata:
  name: e2e-canary
spec:
  enforcement: Deny
  match:
    podSelector: {matchLabels: {podgate.dev/e2e-canary: \"true\"}}
  rules:
  - privileged: {}
";

/// A Podgate with policies of its own, registered with an API server. Once dropped, it is unregistered; while a test
/// fails, it prints what it and the API server wrote.
pub struct Gate<'server> {
    server: &'server ApiServer,
    name: String,
    podgate: Podgate,
}

/// A namespace of one test.
#[derive(Debug)]
pub struct Namespace {
    /// Its name.
    pub name: String,
}

impl<'server> Gate<'server> {
    /// Starts Podgate with `policies`, registers it, and returns once the API server asks it.
    pub fn start(server: &'server ApiServer, policies: &[&str]) -> Result<Self> {
        let gate = Self::prepare(server, policies, &[])?;
        gate.open()
    }

    /// The same with a Podgate that talks to the cluster, with these arguments.
    pub fn in_cluster(
        server: &'server ApiServer,
        policies: &[&str],
        arguments: &[&str],
    ) -> Result<Self> {
        Self::prepare(server, policies, arguments)?.open()
    }

    /// The same with a Podgate that makes its own certificates: `namespace` must exist, and the `caBundle`s are
    /// left to Podgate.
    pub fn managed(
        server: &'server ApiServer,
        policies: &[&str],
        namespace: &Namespace,
        arguments: &[&str],
    ) -> Result<Self> {
        let mut gate = Self::prepare_managed(server, policies, namespace, arguments)?;
        gate.register(None)?;
        gate.podgate.resume()?;
        gate.guarded()?;
        Ok(gate)
    }

    /// A Podgate that cannot make its certificates in `namespace`: what it logged once it said `what`. It stays
    /// unready, and counts the failure.
    pub fn managed_in_vain(
        server: &'server ApiServer,
        namespace: &Namespace,
        what: &str,
    ) -> Result<String> {
        let mut gate = Self::prepare_managed(server, &[], namespace, &[])?;
        gate.podgate.launch()?;
        wait_for("podgate to say what is wrong", Duration::from_secs(20), || {
            Ok(gate.podgate.output().is_ok_and(|text| text.contains(what)).then_some(()))
        })?;
        let failures = "podgate_certificate_management_failures_total";
        wait_for("the failure to be counted", Duration::from_secs(5), || {
            Ok((gate.podgate.metric(failures)? > 0).then_some(()))
        })?;
        let (code, body) = gate.podgate.admin("/readyz")?;
        ensure!(code == 503, "it is ready without a certificate: {body}");
        gate.podgate.output()
    }

    fn prepare_managed(
        server: &'server ApiServer,
        policies: &[&str],
        namespace: &Namespace,
        arguments: &[&str],
    ) -> Result<Self> {
        let name = server.unique("gate");
        let folder = server.folder_for(&name)?;
        let policies = [policies, &[CANARY]].concat();
        let own = [
            "--namespace",
            &namespace.name,
            "--webhook-configuration",
            &name,
            "--tls-san",
            "127.0.0.1",
        ];
        let arguments = [&own[..], arguments].concat();
        let podgate = Podgate::prepare(&folder, Serving::Managed, &policies)?
            .in_cluster(server.kubeconfig(), &arguments);
        Ok(Self { server, name, podgate })
    }

    fn prepare(server: &'server ApiServer, policies: &[&str], arguments: &[&str]) -> Result<Self> {
        let name = server.unique("gate");
        let folder = server.folder_for(&name)?;
        let serving = Serving::Files(server.authority().server(&name)?);
        let mut podgate = Podgate::prepare(&folder, serving, &[policies, &[CANARY]].concat())?;
        if !arguments.is_empty() {
            podgate = podgate.in_cluster(server.kubeconfig(), arguments);
        }
        Ok(Self { server, name, podgate })
    }

    fn open(mut self) -> Result<Self> {
        self.podgate.resume()?;
        self.register(Some(&self.server.authority().pem))?;
        self.guarded()?;
        Ok(self)
    }

    fn register(&self, authority: Option<&str>) -> Result<()> {
        let registration = self.registration(authority);
        let _ = self.server.client().create(MUTATING, &registration.mutating())?.accepted()?;
        let _ = self.server.client().create(VALIDATING, &registration.validating())?.accepted()?;
        Ok(())
    }

    /// The files that Podgate serves, by name.
    pub fn files(&self) -> Result<BTreeMap<String, String>> {
        self.podgate.policy_files()
    }

    /// From here on Podgate is asked about policies themselves: returns once a broken one is refused.
    pub fn guard_policies(&self) -> Result<()> {
        let registration = self.registration(Some(&self.server.authority().pem));
        let _ = self.server.client().create(VALIDATING, &registration.policies())?.accepted()?;
        let broken = json!({
            "apiVersion": "podgate.dev/v1",
            "kind": "PodPolicy",
            "metadata": {"name": "canary"},
            // The schema cannot know that the rule is listed twice.
            "spec": {"rules": [{"privileged": {}}, {"privileged": {}}]},
        });
        let path = "/apis/podgate.dev/v1/podpolicies?dryRun=All";
        wait_for("the API server to ask podgate about policies", Duration::from_secs(20), || {
            Ok((self.server.client().create(path, &broken)?.code == 422).then_some(()))
        })
    }

    /// The paths of the webhook configurations, and what they were registered as.
    #[must_use]
    pub fn configurations(&self) -> [(String, serde_json::Value); 2] {
        let registration = self.registration(None);
        [(MUTATING, registration.mutating()), (VALIDATING, registration.validating())]
            .map(|(path, object)| (format!("{path}/{}", self.name), object))
    }

    /// The Podgate behind the gate.
    #[must_use]
    pub fn podgate(&self) -> &Podgate {
        &self.podgate
    }

    /// The Podgate behind the gate, to stop it and start it again.
    pub fn podgate_mut(&mut self) -> &mut Podgate {
        &mut self.podgate
    }

    /// Gives Podgate a certificate of an authority that nobody has heard of, and tells the API server of that one only.
    pub fn change_authority(&self) -> Result<()> {
        let authority =
            Authority::new(&self.server.folder_for(&format!("{}-authority", self.name))?)?;
        self.podgate.replace_certificate(&authority.server("rotated")?)?;
        let registration = self.registration(Some(&authority.pem));
        let objects =
            [(MUTATING, registration.mutating()), (VALIDATING, registration.validating())];
        for (configurations, object) in objects {
            let path = format!("{configurations}/{}", self.name);
            let _ = self.server.client().merge(&path, &object)?.accepted()?;
        }
        Ok(())
    }

    fn registration<'gate>(&'gate self, authority: Option<&'gate str>) -> Registration<'gate> {
        let label = (LABEL, self.name.as_str());
        Registration { name: &self.name, port: self.podgate.port(), authority, label }
    }

    /// The same as [`Gate::start`], where only the API server may call, by its client certificate.
    pub fn for_the_apiserver_only(server: &'server ApiServer, policies: &[&str]) -> Result<Self> {
        let authority = server.authority().certificate();
        let authority = authority.to_str().context("the run's folder has a plain name")?;
        let name = format!("--tls-client-name={WEBHOOK_CLIENT}");
        Self::in_cluster(server, policies, &["--tls-client-ca", authority, &name])
    }

    /// Posts `review` to Podgate as `user`, who holds a certificate of the API server's own authority.
    pub fn post_as(&self, user: &str, review: &serde_json::Value) -> Result<Answer> {
        let authority = self.server.authority();
        let kubeconfig = self.server.folder_for(&self.server.unique("caller"))?.join("kubeconfig");
        let url = format!("https://127.0.0.1:{}", self.podgate.port());
        control_plane::kubeconfig(&kubeconfig, &url, authority, &authority.client(user, "")?)?;
        Client::new(&kubeconfig)?.create("/validate", review)
    }

    /// A new namespace in which Podgate is asked about every pod.
    pub fn guarded(&self) -> Result<Namespace> {
        let namespace = self.unguarded()?;
        self.guard(&namespace)?;
        Ok(namespace)
    }

    /// A new namespace in which nobody is asked yet, for objects that were there before Podgate.
    pub fn unguarded(&self) -> Result<Namespace> {
        let name = self.server.unique("ns");
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let _ = self.server.client().create("/api/v1/namespaces", &object)?.accepted()?;
        Ok(Namespace { name })
    }

    /// From here on Podgate is asked about `namespace`: returns once a pod it must refuse is refused there.
    pub fn guard(&self, namespace: &Namespace) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}", namespace.name);
        let label = json!({"metadata": {"labels": {LABEL: self.name}}});
        let _ = self.server.client().merge(&path, &label)?.accepted()?;
        let canary = objects::labelled(
            objects::privileged(objects::pod("canary")),
            "podgate.dev/e2e-canary",
            "true",
        );
        let pods = format!("{path}/pods?dryRun=All");
        let refusal = wait_for("the API server to ask podgate", Duration::from_secs(20), || {
            let answer = self.server.client().create(&pods, &canary)?;
            // The watch of configurations and namespaces has not got there yet: the pod is let through.
            if answer.code == 201 { Ok(None) } else { answer.rejected().map(Some) }
        })?;
        ensure!(is_denial(&refusal), "the canary was refused by something else: {refusal:?}");
        Ok(())
    }
}

/// Where webhook configurations are created.
const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

fn is_denial(refusal: &Rejection) -> bool {
    refusal.code == 403 && refusal.message.contains(DENY)
}

impl Namespace {
    /// The path of a collection in this namespace.
    #[must_use]
    pub fn path(&self, api: &str, resource: &str) -> String {
        format!("{api}/namespaces/{}/{resource}", self.name)
    }

    /// The path of the pods in this namespace.
    #[must_use]
    pub fn pods(&self) -> String {
        self.path("/api/v1", "pods")
    }
}

impl Drop for Gate<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            dump(&self.podgate.log_end());
            dump(&self.server.log_end());
        }
        let policies = format!("{VALIDATING}/{}-policies", self.name);
        let _ = self.server.client().delete(&policies);
        for configurations in [MUTATING, VALIDATING] {
            // It names namespaces of this gate only, so one that stays harms nobody.
            let _ = self.server.client().delete(&format!("{configurations}/{}", self.name));
        }
    }
}

#[expect(clippy::print_stderr, reason = "the test harness shows it beside the failure")]
fn dump(text: &str) {
    eprintln!("{text}");
}

/// The id in `… (decision <id>)`.
pub fn decision_id(message: &str) -> Result<&str> {
    let (_, rest) = message
        .split_once("(decision ")
        .with_context(|| format!("no decision id in: {message}"))?;
    let (id, _) = rest.split_once(')').with_context(|| format!("no decision id in: {message}"))?;
    Ok(id)
}
