//! Looks, does what the plan says, and looks again.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, PostParams};
use kube::client::Body;
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::material::Certificate;
use super::plan::{Action, Authority, Lifetimes, Observed, Stored, Which, Wish, plan};
use super::{issue, secrets};
use crate::cluster::watch::{Listener, follow};
use crate::cluster::{Clock, ca_bundle};

/// Rounds in a row before a pause: somebody may write against us.
const ROUNDS: u32 = 8;
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Which objects are kept, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Podgate's own namespace.
    pub namespace: String,
    /// The Service that the API server calls.
    pub service: String,
    /// Further names and addresses that the leaf holds for.
    pub more_names: Vec<String>,
    /// The Secret of the leaf; the authority's is called the same with `-ca` behind it.
    pub secret: String,
    /// The webhook configurations of both kinds.
    pub configuration: String,
    /// How long certificates hold.
    pub lifetimes: Lifetimes,
}

impl Settings {
    fn authority_secret(&self) -> String {
        format!("{}-ca", self.secret)
    }

    fn wish(&self) -> Wish {
        let (service, namespace) = (&self.service, &self.namespace);
        let mut names = vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
            format!("{service}.{namespace}"),
            service.clone(),
        ];
        names.extend(
            self.more_names
                .iter()
                .filter(|name| !names.contains(name))
                .cloned()
                .collect::<Vec<_>>(),
        );
        Wish { names, lifetimes: self.lifetimes }
    }
}

/// A chain and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The certificate, and its issuers if there are any between.
    pub chain: String,
    /// The private key.
    pub key: String,
}

impl fmt::Debug for Pem {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem")
    }
}

/// What stands in the cluster by the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What is to be served; nobody else's and nothing broken.
    pub leaf: Option<Arc<Pem>>,
    /// When the leaf ends, in seconds since 1970.
    pub leaf_not_after: Option<i64>,
    /// When the authority ends, in seconds since 1970.
    pub authority_not_after: Option<i64>,
    /// Why the last look or write failed.
    pub problem: Option<String>,
}

/// Why certificates are not as they should be.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A Secret of somebody else's.
    #[error(
        "Secret {namespace}/{name} was not made by podgate for Service {service}, and is never written: name another with \
         --certificate-secret, or remove it"
    )]
    Foreign {
        /// Where it is.
        namespace: String,
        /// Its name.
        name: String,
        /// The Service that it should have been made for.
        service: String,
    },
    /// The API server did not do what was asked.
    #[error("cannot {what}: {cause}")]
    Api {
        /// What was attempted.
        what: String,
        /// What it said.
        cause: kube::Error,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}: check --service, --namespace and --tls-san")]
    Make(String),
}

/// Keeps the certificates.
pub struct Keeper {
    client: Client,
    settings: Settings,
    /// Where the API server tells no time.
    clock: Clock,
    trusted: Option<(Certificate, Timestamp)>,
}

/// What one look found.
struct Look {
    seen: Observed,
    configurations: Vec<ca_bundle::Configuration>,
    authority_version: Option<String>,
    leaf_version: Option<String>,
}

impl Keeper {
    /// Keeps what `settings` names.
    #[must_use]
    pub fn new(client: Client, settings: Settings, clock: Clock) -> Self {
        Self { client, settings, clock, trusted: None }
    }

    /// Keeps the certificates for ever: writes while `leads` holds, and always tells in `kept` what there is.
    pub async fn run(mut self, mut leads: watch::Receiver<bool>, kept: watch::Sender<Kept>) {
        let (sender, mut changes) = watch::channel(());
        let _watches = self.watch(&sender);
        let look_every = self.settings.lifetimes.look_every();
        let mut pause = FIRST_PAUSE;
        loop {
            let leading = *leads.borrow_and_update();
            let wait = match self.settle(leading, &kept).await {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    kept.send_if_modified(|kept| kept.problem.take().is_some());
                    look_every
                }
                Err(problem) => {
                    tell(&kept, &problem);
                    let wait = pause.min(look_every);
                    pause = pause.saturating_mul(2);
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = changes.changed() => {}
                lease = leads.changed() => if lease.is_err() { return },
            }
        }
    }

    /// Looks and acts until nothing is left to do.
    async fn settle(&mut self, leading: bool, kept: &watch::Sender<Kept>) -> Result<(), Problem> {
        for _ in 0..ROUNDS {
            let look = self.look().await?;
            publish(kept, &look.seen);
            let actions = plan(&look.seen, &self.settings.wish());
            if let Some(Action::Refuse(which)) = actions.first() {
                return Err(self.foreign(*which));
            }
            if actions.is_empty() || !leading {
                return Ok(());
            }
            for action in actions {
                self.act(&look, action).await?;
            }
        }
        Ok(())
    }

    fn foreign(&self, which: Which) -> Problem {
        let Settings { namespace, service, secret, .. } = self.settings.clone();
        let name = if which == Which::Leaf { secret } else { self.settings.authority_secret() };
        Problem::Foreign { namespace, name, service }
    }

    async fn look(&mut self) -> Result<Look, Problem> {
        let now = self.now().await?;
        let service = &self.settings.service;
        let (leaf_name, authority_name) =
            (self.settings.secret.clone(), self.settings.authority_secret());
        let leaf = self.secret(&leaf_name).await?;
        let authority = self.secret(&authority_name).await?;
        let name = &self.settings.configuration;
        let configurations = ca_bundle::read(&self.client, name).await.map_err(|cause| {
            Problem::Api { what: format!("read the webhook configurations {name}"), cause }
        })?;
        let version =
            |secret: &Option<Secret>| secret.as_ref().and_then(ResourceExt::resource_version);
        let (leaf_version, authority_version) = (version(&leaf), version(&authority));
        let leaf = secrets::leaf(leaf.as_ref(), service);
        let authority = secrets::authority(authority.as_ref(), service);
        for (name, reason) in [(leaf_name, broken(&leaf)), (authority_name, broken(&authority))] {
            if let Some(reason) = reason {
                tracing::warn!(name, reason, "Secret is of no use and is made anew");
            }
        }
        let bundles: Vec<String> =
            configurations.iter().flat_map(ca_bundle::Configuration::bundles).collect();
        let trusted_since = self.trusted_since(&authority, &bundles, now);
        let seen = Observed { now, authority, leaf, bundles, trusted_since };
        Ok(Look { seen, configurations, authority_version, leaf_version })
    }

    /// The API server's time: it is the one that checks what is made here, and a wrong clock of ours must not
    /// end a certificate that it takes for good.
    async fn now(&self) -> Result<Timestamp, Problem> {
        let failed = |cause| Problem::Api { what: "ask the API server".to_owned(), cause };
        let request = http::Request::get("/version").body(Body::empty());
        let request = request.map_err(|error| failed(kube::Error::HttpError(error)))?;
        let response = self.client.send(request).await.map_err(failed)?;
        let date = response.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        Ok(date.map_or_else(|| (self.clock)(), |date| date.timestamp()))
    }

    /// Since when all of `bundles` were seen to hold the authority.
    fn trusted_since(
        &mut self,
        authority: &Stored<Authority>,
        bundles: &[String],
        now: Timestamp,
    ) -> Option<Timestamp> {
        let Stored::Present(authority) = authority else {
            self.trusted = None;
            return None;
        };
        let present = &authority.pair.certificate;
        let trusts =
            |bundle: &String| Certificate::all(bundle).is_ok_and(|all| all.contains(present));
        if !bundles.iter().all(trusts) {
            self.trusted = None;
        } else if self.trusted.as_ref().is_none_or(|(certificate, _)| certificate != present) {
            self.trusted = Some((present.clone(), now));
        }
        self.trusted.as_ref().map(|(_, since)| *since)
    }

    async fn act(&self, look: &Look, action: Action) -> Result<(), Problem> {
        let Settings { namespace, service, secret, lifetimes, .. } = &self.settings;
        let now = look.seen.now;
        let authority = match &look.seen.authority {
            Stored::Present(authority) => Some(authority),
            _ => None,
        };
        match (action, authority) {
            (Action::MakeAuthority { previous }, _) => {
                let pair = issue::authority(now, lifetimes.authority).map_err(Problem::Make)?;
                tracing::info!(%namespace, until = %pair.certificate.not_after, "new authority");
                self.write_authority(look, &Authority { pair, previous }).await
            }
            (Action::KeepAuthorities { previous }, Some(authority)) => {
                let authority = Authority { pair: authority.pair.clone(), previous };
                self.write_authority(look, &authority).await
            }
            (Action::MakeLeaf, Some(authority)) => {
                let names = self.settings.wish().names;
                let pair = issue::leaf(&authority.pair, &names, now, lifetimes.certificate)
                    .map_err(Problem::Make)?;
                tracing::info!(%namespace, until = %pair.certificate.not_after, "new serving certificate");
                let issuer = &authority.pair.certificate;
                let version = look.leaf_version.clone();
                self.write(secrets::of_leaf(secret, service, version, &pair, issuer)).await
            }
            (Action::Trust(bundle), _) => {
                for configuration in &look.configurations {
                    let written = configuration.trust(&self.client, &bundle).await;
                    let what = || format!("write the caBundle of {}", self.settings.configuration);
                    unless_newer(written, what)?;
                }
                Ok(())
            }
            // The plan asks for none of these: there is nothing to refuse any more, nor to do without an authority.
            (Action::Refuse(_) | Action::KeepAuthorities { .. } | Action::MakeLeaf, _) => Ok(()),
        }
    }

    async fn write_authority(&self, look: &Look, authority: &Authority) -> Result<(), Problem> {
        let (name, service) = (self.settings.authority_secret(), &self.settings.service);
        let version = look.authority_version.clone();
        self.write(secrets::of_authority(&name, service, version, authority)).await
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.settings.namespace)
    }

    async fn secret(&self, name: &str) -> Result<Option<Secret>, Problem> {
        self.secrets().get_opt(name).await.map_err(|cause| Problem::Api {
            what: format!("read Secret {}/{name}", self.settings.namespace),
            cause,
        })
    }

    /// Writes a Secret over the version that it names, or a new one.
    async fn write(&self, secret: Secret) -> Result<(), Problem> {
        let (api, name, params) = (self.secrets(), secret.name_any(), PostParams::default());
        let written = if secret.metadata.resource_version.is_some() {
            api.replace(&name, &params, &secret).await
        } else {
            api.create(&params, &secret).await
        };
        let what = || format!("write Secret {}/{name}", self.settings.namespace);
        unless_newer(written.map(drop), what)
    }

    /// Says in `changed` whenever one of the objects is another. What is there is looked at anew: a watch may be late.
    fn watch(&self, changed: &watch::Sender<()>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let named = |name: &str| Some(format!("metadata.name={name}"));
        let listener = || Changed(changed.clone());
        for kind in ca_bundle::KINDS {
            let (api, fields) =
                (ca_bundle::api(&self.client, kind), named(&self.settings.configuration));
            tasks.spawn(follow(kind.to_owned(), api, fields, listener()));
        }
        for name in [self.settings.secret.clone(), self.settings.authority_secret()] {
            tasks.spawn(follow(format!("Secret {name}"), self.secrets(), named(&name), listener()));
        }
        tasks
    }
}

/// Hears that something has changed, and not what.
struct Changed(watch::Sender<()>);

impl<K> Listener<K> for Changed {
    fn listed(&mut self, _: Vec<K>) {
        self.0.send_replace(());
    }

    fn applied(&mut self, _: K) {
        self.0.send_replace(());
    }

    fn deleted(&mut self, _: K) {
        self.0.send_replace(());
    }

    fn up(&mut self, _: bool) {}
}

fn broken<T>(stored: &Stored<T>) -> Option<&String> {
    match stored {
        Stored::Broken(reason) => Some(reason),
        _ => None,
    }
}

/// A write that met a newer version is no failure: the next look sees that one.
fn unless_newer(written: kube::Result<()>, what: impl Fn() -> String) -> Result<(), Problem> {
    match written {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        result => result.map_err(|cause| Problem::Api { what: what(), cause }),
    }
}

fn publish(kept: &watch::Sender<Kept>, seen: &Observed) {
    let end = |certificate: &Certificate| Some(certificate.not_after.as_second());
    kept.send_if_modified(|kept| {
        let mut new = Kept { problem: kept.problem.clone(), ..Kept::default() };
        if let Stored::Present(leaf) = &seen.leaf {
            let pem = Pem { chain: leaf.pair.chain.clone(), key: leaf.pair.key.clone() };
            new.leaf = Some(Arc::new(pem));
            new.leaf_not_after = end(&leaf.pair.certificate);
        }
        if let Stored::Present(authority) = &seen.authority {
            new.authority_not_after = end(&authority.pair.certificate);
        }
        let changed = new != *kept;
        *kept = new;
        changed
    });
}

fn tell(kept: &watch::Sender<Kept>, problem: &Problem) {
    let text = problem.to_string();
    kept.send_if_modified(|kept| {
        let news = kept.problem.as_ref() != Some(&text);
        if news {
            tracing::error!("certificates: {text}");
        }
        kept.problem = Some(text);
        news
    });
}

#[cfg(test)]
mod tests;
