//! Certificates: what podgate serves, and whether the API server would trust it.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::cluster::Cluster;
use super::reviews;
use super::{Finding, Options};

const CERTIFICATE: &str = "certificate";
const TRUST: &str = "caBundle";
/// A certificate that ends within this was not rotated when it should have been.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// For one address that may not be reachable from here.
const PATIENCE: Duration = Duration::from_secs(2);

type Chain = Vec<CertificateDer<'static>>;

pub(super) async fn look(cluster: &Cluster, options: &Options, now: Timestamp) -> Vec<Finding> {
    let Options { namespace, certificate_secret, .. } = options;
    let mut findings = Vec::new();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{certificate_secret}");
    let stored = match cluster.get(&path).await {
        Ok(Some(secret)) => {
            let chain = certificates(&secret["data"]["tls.crt"]);
            findings.push(leaf(&chain, options, now));
            chain
        }
        Ok(None) => {
            let found = format!("there is no Secret {certificate_secret} in namespace {namespace}");
            let advice =
                "name it with --certificate-secret, or see whether podgate's controller runs";
            findings.push(Finding::doubtful(CERTIFICATE, found, advice));
            Chain::new()
        }
        Err(error) => {
            findings.push(Finding::unknown(CERTIFICATE, "podgate's Secret", &error));
            Chain::new()
        }
    };
    let entries = match reviews::entries(cluster, options).await {
        Ok(entries) => entries,
        Err(error) => {
            findings.push(Finding::unknown(TRUST, "podgate's webhook configurations", &error));
            return findings;
        }
    };
    for (_, entry) in entries {
        let addresses = addresses(cluster, &entry).await;
        findings.push(trust(&entry, addresses, &stored, now).await);
    }
    findings
}

/// The certificates of base64 of PEM, as Secrets and webhook configurations hold them.
fn certificates(field: &Value) -> Chain {
    let pem = STANDARD.decode(field.as_str().unwrap_or_default()).unwrap_or_default();
    CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect()
}

/// What is to be said of the certificate itself.
fn leaf(chain: &Chain, options: &Options, now: Timestamp) -> Finding {
    let Options { namespace, service, certificate_secret, .. } = options;
    let leaf = chain.first().and_then(|leaf| X509Certificate::from_der(leaf).ok());
    let Some((_, leaf)) = leaf else {
        let found = format!("Secret {certificate_secret} holds no certificate in tls.crt");
        let advice =
            "write a certificate and its key there, or let podgate make them (--tls-managed)";
        return Finding::wrong(CERTIFICATE, found, advice);
    };
    let ends = Timestamp::from_second(leaf.validity().not_after.timestamp()).unwrap_or_default();
    let renew = "see the log of podgate's controller, or of whoever makes the certificate";
    if ends <= now {
        let found = format!("the certificate ended at {ends}: no pod can be created");
        return Finding::wrong(CERTIFICATE, found, renew);
    }
    let name = format!("{service}.{namespace}.svc");
    let names = leaf.subject_alternative_name().ok().flatten();
    let has = names.is_some_and(|names| {
        let dns = |general: &GeneralName<'_>| matches!(general, GeneralName::DNSName(dns) if *dns == name);
        names.value.general_names.iter().any(dns)
    });
    if !has {
        let found = format!("the certificate does not name {name}, by which the API server calls");
        let advice = "make one that names it; --service and --namespace of `podgate serve` say which names it makes";
        return Finding::wrong(CERTIFICATE, found, advice);
    }
    if ends.duration_since(now) < SOON {
        let found = format!("the certificate ends at {ends}, and is not renewed yet");
        return Finding::doubtful(CERTIFICATE, found, renew);
    }
    Finding::fine(CERTIFICATE, format!("the certificate names {name} and holds until {ends}"))
}

/// Where a webhook can be asked: the Service's own address, then those behind it.
async fn addresses(cluster: &Cluster, entry: &Value) -> Vec<String> {
    let config = &entry["clientConfig"];
    if let Some(url) = config["url"].as_str() {
        let authority = url.trim_start_matches("https://").split('/').next().unwrap_or_default();
        let port = if authority.contains(':') { "" } else { ":443" };
        return vec![format!("{authority}{port}")];
    }
    let text = |field: &str| config["service"][field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let port = config["service"]["port"].as_u64().unwrap_or(443);
    let path = format!("/api/v1/namespaces/{namespace}/services/{name}");
    // Whether they can be read is told by the checks that are about them.
    let service = cluster.get(&path).await.ok().flatten().unwrap_or_default();
    let mut addresses = Vec::new();
    if let Some(ip) = service["spec"]["clusterIP"].as_str().filter(|ip| *ip != "None") {
        addresses.push(socket(ip, port));
    }
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let port_name = ports
        .into_iter()
        .find(|p| p["port"].as_u64() == Some(port))
        .map(|p| p["name"].as_str().unwrap_or_default().to_owned())
        .unwrap_or_default();
    let path = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{name}"
    );
    for slice in cluster.list(&path).await.unwrap_or_default() {
        let ports = slice["ports"].as_array().into_iter().flatten();
        let port = ports
            .into_iter()
            .find(|p| p["name"].as_str().unwrap_or_default() == port_name)
            .and_then(|p| p["port"].as_u64());
        let endpoints = slice["endpoints"].as_array().into_iter().flatten();
        for address in endpoints.into_iter().filter_map(|e| e["addresses"][0].as_str()) {
            addresses.extend(port.map(|port| socket(address, port)));
        }
    }
    addresses
}

fn socket(ip: &str, port: u64) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

/// Whether the API server trusts the entry's server, by the chain that is served where that can be had.
async fn trust(entry: &Value, addresses: Vec<String>, stored: &Chain, now: Timestamp) -> Finding {
    let name = entry["name"].as_str().unwrap_or_default();
    let config = &entry["clientConfig"];
    let bundle = certificates(&config["caBundle"]);
    if bundle.is_empty() {
        let found = format!(
            "the caBundle of {name} holds no certificate: the API server trusts nobody there"
        );
        let advice = "see the log of podgate's controller: it writes the caBundle";
        return Finding::wrong(TRUST, found, advice);
    }
    let service = |field: &str| config["service"][field].as_str().unwrap_or_default();
    let host = match config["url"].as_str() {
        Some(_) => addresses
            .first()
            .and_then(|a| a.rsplit_once(':'))
            .map_or("", |(host, _)| host)
            .to_owned(),
        None => format!("{}.{}.svc", service("name"), service("namespace")),
    };
    let served = {
        let (bundle, host) = (bundle.clone(), host.clone());
        let ask = move || {
            addresses
                .iter()
                .map(|address| served(address, &host, &bundle))
                .find(|served| !matches!(served, Served::Nobody))
        };
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    };
    let advice = "let podgate's controller write the caBundle, or put the CA of the served certificate there";
    match served {
        Some(Served::Trusted(address)) => {
            return Finding::fine(TRUST, format!("{name} trusts what {address} serves as {host}"));
        }
        Some(Served::Refused(address, error)) => {
            let found = format!("{name} does not trust what {address} serves as {host}: {error}");
            if config["url"].is_null() && verify(stored, &bundle, &host, now).is_ok() {
                let advice = "it would trust the Secret's certificate: either podgate has not loaded that yet, or this machine \
                              reaches another host by that address; ask from a node";
                return Finding::doubtful(TRUST, found, advice);
            }
            return Finding::wrong(TRUST, found, advice);
        }
        Some(Served::Nobody) | None => {}
    }
    if stored.is_empty() {
        let found = format!(
            "{host} cannot be reached from here, and there is no Secret to compare the caBundle of {name} with"
        );
        return Finding::doubtful(TRUST, found, "ask from a machine that can, such as a node");
    }
    match verify(stored, &bundle, &host, now) {
        Ok(()) => {
            let found = format!(
                "{name} trusts the certificate of the Secret ({host} cannot be reached from here)"
            );
            Finding::fine(TRUST, found)
        }
        Err(error) => {
            let found =
                format!("{name} does not trust the certificate of the Secret as {host}: {error}");
            Finding::wrong(TRUST, found, advice)
        }
    }
}

enum Served {
    Trusted(String),
    Refused(String, String),
    /// Nobody there, as seen from here.
    Nobody,
}

fn roots(bundle: &Chain) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(bundle.iter().cloned());
    Arc::new(roots)
}

/// Shakes hands as the API server does, and says nothing.
fn served(address: &str, host: &str, bundle: &Chain) -> Served {
    let Some(mut stream) = connect(address) else { return Served::Nobody };
    let shaken = (|| {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots(bundle))
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
        let mut connection =
            ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(|error| error.to_string())?;
        }
        Ok(())
    })();
    match shaken {
        Ok(()) => Served::Trusted(address.to_owned()),
        Err(error) => Served::Refused(address.to_owned(), error),
    }
}

fn connect(address: &str) -> Option<TcpStream> {
    let address = address.to_socket_addrs().ok()?.next()?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

/// Whether a client that trusts `bundle` accepts `chain` from `host` at this time.
fn verify(chain: &Chain, bundle: &Chain, host: &str, now: Timestamp) -> Result<(), String> {
    let (leaf, intermediates) = chain.split_first().ok_or("there is none")?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(bundle), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let valid = verifier.verify_server_cert(leaf, intermediates, &name, &[], now);
    valid.map(|_| ()).map_err(|error| error.to_string())
}
