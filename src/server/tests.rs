mod wire;

use std::io::Read;
use std::net::TcpStream;

use tokio::sync::mpsc;

use super::files::tests::eventually;
use super::metrics::Rejection;
use super::port::KEEP_ALIVE;
use super::reload::{Origin, Told};
use super::*;
use crate::policy::{self, PolicySet};

/// A server that runs, on ports that the system chose.
struct Running {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    signals: mpsc::UnboundedSender<()>,
    task: tokio::task::JoinHandle<io::Result<()>>,
}

fn start(grace: Duration, max_connections: usize) -> Running {
    start_with(Source::SelfSigned { names: Vec::new() }, grace, max_connections)
}

fn start_with(certificate: Source, grace: Duration, max_connections: usize) -> Running {
    let (policies, compiled) =
        Policies::load(Origin::Embedded(policy::embedded()), Told::default(), None).unwrap();
    let metrics = Arc::new(Metrics::new());
    let store = Arc::new(PolicyStore::new(compiled.set));
    let readiness = Readiness::default();
    let state = State::new(store, Arc::clone(&metrics));
    let state = Arc::new(State { readiness: readiness.clone(), ..state });
    let options = Options {
        listen: ([127, 0, 0, 1], 0).into(),
        certificate,
        clients: None,
        max_connections,
        grace,
        policy_poll: reload::POLL,
        certificate_poll: tls::POLL,
    };
    let listening = readiness.condition("listening");
    let bound = Bound::bind(options, state).unwrap();
    assert!(!readiness.is_ready());
    let address = bound.address().unwrap();
    let (sender, signals) = mpsc::unbounded_channel();
    let task = tokio::spawn(bound.run(policies, signals, listening));
    Running { address, metrics, readiness, signals: sender, task }
}

impl Running {
    async fn ends(self) {
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("the server ends")
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn the_first_signal_drains() {
    let running = start(Duration::ZERO, 8);
    let readiness = running.readiness.clone();
    eventually("the server is ready", || readiness.is_ready()).await;
    running.signals.send(()).unwrap();
    running.ends().await;
    assert!(readiness.is_stopping() && !readiness.is_ready());
}

#[tokio::test]
async fn it_serves_on_for_the_grace_and_the_second_signal_aborts() {
    let running = start(Duration::from_hours(1), 8);
    let readiness = running.readiness.clone();
    eventually("the server is ready", || readiness.is_ready()).await;
    running.signals.send(()).unwrap();
    eventually("readiness is off", || !readiness.is_ready()).await;
    assert!(TcpStream::connect(running.address).is_ok());
    assert!(!running.task.is_finished());
    running.signals.send(()).unwrap();
    running.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_past_the_limit_is_closed_and_counted() {
    let running = start(Duration::ZERO, 1);
    let first = TcpStream::connect(running.address).unwrap();
    let refused = || running.metrics.rejections(Rejection::Connections);
    // The kernel accepts first and the server counts later, so the first may still be on its way.
    eventually("a second connection is refused", || {
        drop(TcpStream::connect(running.address).unwrap());
        refused() > 0
    })
    .await;
    let before = refused();
    let mut second = TcpStream::connect(running.address).unwrap();
    second.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Closed at once: nothing to read, or a reset.
    assert!(matches!(second.read(&mut [0]), Ok(0) | Err(_)));
    eventually("it is counted", || refused() > before).await;
    drop(first);
    running.signals.send(()).unwrap();
    running.ends().await;
}

#[test]
fn a_port_that_is_taken_is_told_with_its_flag() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let store = Arc::new(PolicyStore::new(PolicySet::default()));
    let options = Options {
        listen: taken.local_addr().unwrap(),
        certificate: Source::SelfSigned { names: Vec::new() },
        clients: None,
        max_connections: 1,
        grace: Duration::ZERO,
        policy_poll: reload::POLL,
        certificate_poll: tls::POLL,
    };
    let state = Arc::new(State::new(store, Arc::default()));
    let error = Bound::bind(options, state).unwrap_err().to_string();
    assert!(error.contains("give another address with --listen"), "{error}");
}
