//! What a cluster's pods are judged by, read once: for who judges manifests elsewhere as that cluster would.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, ListParams};
use kube::core::PartialObjectMeta;
use kube::{Client, ResourceExt as _};

use super::namespaces;
use super::resources::{GROUP, KINDS, Kind};
use super::watch::list;
use crate::admission::NamespaceLabels;
use crate::policy::{Source, resource};

/// How long the API server may take for all of it.
const BOUND: Duration = Duration::from_secs(30);

/// What a cluster's pods are judged by.
#[derive(Debug, Default)]
pub struct InForce {
    /// Documents of the chart.
    pub files: Vec<Source>,
    /// Documents that are resources.
    pub resources: Vec<Source>,
    /// Digests of the policy sets that the status of resources tells of; none where there is no resource.
    pub digests: BTreeSet<String>,
    /// The labels of all namespaces, where they may be read.
    pub namespaces: HashMap<String, NamespaceLabels>,
    /// What could not be read, and what follows from that.
    pub unknown: Vec<String>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The API server takes its time.
    #[error("the API server has not answered within {} s", BOUND.as_secs())]
    Slow,
    /// The account may not read policies.
    #[error(
        "this account may not list {plural}: a ClusterRole with the verb list on podpolicies and podpolicyexceptions of \
         podgate.dev, bound to it, lets it ({error})"
    )]
    Forbidden {
        /// What it may not list.
        plural: &'static str,
        /// What the API server said.
        error: kube::Error,
    },
    /// The API server is not there, or says something else.
    #[error("cannot list {plural}: {error}")]
    Failed {
        /// What was to be listed.
        plural: &'static str,
        /// What the API server said.
        error: kube::Error,
    },
}

/// Reads the policies of the cluster: resources, and what the chart has installed in podgate's own `namespace`.
///
/// # Errors
/// Where resources cannot be listed. What else cannot be read is told in [`InForce::unknown`].
pub async fn read(client: &Client, namespace: &str) -> Result<InForce, ReadError> {
    let read = async {
        let mut found = InForce::default();
        for kind in KINDS {
            found.take_resources(client, kind).await?;
        }
        found.take_files(client, namespace).await;
        found.take_namespaces(client).await;
        Ok(found)
    };
    tokio::time::timeout(BOUND, read).await.map_err(|_| ReadError::Slow)?
}

impl InForce {
    async fn take_resources(&mut self, client: &Client, kind: Kind) -> Result<(), ReadError> {
        let plural = kind.plural;
        let objects = match list(&kind.api(client), None).await {
            Ok((objects, _)) => objects,
            Err(error) => match code(&error) {
                // The chart can be told to leave them out.
                Some(404) => {
                    self.unknown.push(format!("{plural}.{GROUP} is no resource of this cluster"));
                    return Ok(());
                }
                Some(401 | 403) => return Err(ReadError::Forbidden { plural, error }),
                _ => return Err(ReadError::Failed { plural, error }),
            },
        };
        for object in objects {
            let digest = object.data["status"]["policySet"].as_str();
            self.digests.extend(digest.map(str::to_owned));
            self.resources.push(resource(kind.name, &object.name_any(), &object.data["spec"]));
        }
        Ok(())
    }

    /// The files that the chart mounts.
    async fn take_files(&mut self, client: &Client, namespace: &str) {
        let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
        let params = ListParams::default().labels("app.kubernetes.io/name=podgate");
        let maps = match api.list(&params).await {
            Ok(maps) => maps.items,
            Err(error) => {
                let what =
                    format!("the policies that the chart has put into namespace {namespace}");
                return self.unknown.push(format!("{what} cannot be read: {error}"));
            }
        };
        let maps: Vec<ConfigMap> =
            maps.into_iter().filter(|map| map.name_any().ends_with("-policies")).collect();
        if maps.is_empty() {
            let told =
                format!("there is no podgate in namespace {namespace}, as far as can be seen");
            self.unknown.push(told);
        }
        for map in maps {
            let name = format!("configmap/{}", map.name_any());
            let files = map.data.unwrap_or_default().into_iter();
            let files = files.map(|(file, text)| Source { name: format!("{name}/{file}"), text });
            self.files.extend(files);
        }
    }

    async fn take_namespaces(&mut self, client: &Client) {
        let api = Api::<PartialObjectMeta<Namespace>>::all(client.clone());
        match list(&api, None).await {
            Ok((objects, _)) => {
                let labels = objects.iter().map(|o| (o.name_any(), namespaces::labels(o)));
                self.namespaces = labels.collect();
            }
            Err(error) => {
                self.unknown.push(format!("the labels of namespaces cannot be read: {error}"));
            }
        }
    }
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}
