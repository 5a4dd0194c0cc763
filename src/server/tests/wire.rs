//! Clients that are slow, silent or cut off, over real TLS. Time is the runtime's own and is moved on
//! when nobody has anything to do, so that ten seconds take none.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::server::files::tests::Volume;

/// A server with a certificate that a client can trust.
struct Trusted {
    running: Running,
    authority: CertificateDer<'static>,
    _volume: Volume,
}

async fn start_trusted() -> Trusted {
    start_for(Duration::ZERO).await
}

/// The same, which serves on for `grace` once it was told to end.
async fn start_for(grace: Duration) -> Trusted {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let volume = Volume::new(&[
        ("tls.crt", certificate.pem().as_bytes()),
        ("tls.key", key.serialize_pem().as_bytes()),
    ]);
    let source = Source::Files { certificate: volume.path("tls.crt"), key: volume.path("tls.key") };
    let running = start_with(source, grace, 8);
    let readiness = running.readiness.clone();
    eventually("the server is ready", || readiness.is_ready()).await;
    let authority = CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap();
    Trusted { running, authority, _volume: volume }
}

impl Trusted {
    async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(self.running.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    /// How long the server bears with `stream`, in seconds.
    async fn closes(&self, mut stream: impl AsyncReadExt + Unpin) -> u64 {
        let started = Instant::now();
        let mut read = [0; 1024];
        // An answer, such as HTTP's 408 or HTTP/2's GOAWAY, may come before the end.
        while matches!(stream.read(&mut read).await, Ok(1..)) {}
        started.elapsed().as_secs()
    }
}

const ABOUT_TEN: std::ops::RangeInclusive<u64> = 10..=12;

#[tokio::test(start_paused = true)]
async fn a_client_that_never_shakes_hands_is_closed_and_counted() {
    let server = start_trusted().await;
    let stream = TcpStream::connect(server.running.address).await.unwrap();
    let seconds = server.closes(stream).await;
    assert!(ABOUT_TEN.contains(&seconds), "{seconds}");
    assert_eq!(server.running.metrics.rejections(Rejection::Handshake), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_is_closed() {
    let server = start_trusted().await;
    for protocol in [b"h2".as_slice(), b"http/1.1"] {
        let stream = server.connect(protocol).await;
        let seconds = server.closes(stream).await;
        assert!(ABOUT_TEN.contains(&seconds), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_headers_is_closed() {
    let server = start_trusted().await;
    let mut stream = server.connect(b"http/1.1").await;
    stream.write_all(b"POST /validate HTTP/1.1\r\nHost: local").await.unwrap();
    stream.flush().await.unwrap();
    let seconds = server.closes(stream).await;
    assert!(ABOUT_TEN.contains(&seconds), "{seconds}");
}

/// What an HTTP/2 client says first, with settings that ask for nothing.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The preface, and the headers of a POST whose body is still to come.
fn unfinished_post() -> Vec<u8> {
    // By HPACK's static table: `:method: POST`, `:scheme: https`, and the names of the two others.
    let fields = b"\x83\x87\x04\x09/validate\x01\x01x";
    let length = u8::try_from(fields.len()).unwrap();
    // HEADERS with END_HEADERS, on stream 1.
    let header = [0, 0, length, 1, 4, 0, 0, 0, 1];
    [PREFACE, &header, fields].concat()
}

#[tokio::test(start_paused = true)]
async fn an_http2_client_that_answers_no_ping_is_closed() {
    let server = start_trusted().await;
    let mut stream = server.connect(b"h2").await;
    stream.write_all(&unfinished_post()).await.unwrap();
    stream.flush().await.unwrap();
    let seconds = server.closes(stream).await;
    let (ask, wait) = KEEP_ALIVE;
    let bearable = (ask + wait).as_secs();
    assert!((bearable - 1..=bearable + 2).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_request_in_flight_is_answered_while_the_server_drains() {
    let server = start_trusted().await;
    let body = include_bytes!("../../../e2e/reviews/small.json");
    let (first, rest) = body.split_at(1000);
    let mut stream = server.connect(b"http/1.1").await;
    let head = format!(
        "POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Said when the body is first asked for: from here on the request is in flight.
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first).await.unwrap();
    let metrics = Arc::clone(&server.running.metrics);
    let readiness = server.running.readiness.clone();
    server.running.signals.send(()).unwrap();
    eventually("readiness is off", || !readiness.is_ready()).await;
    let task = server.running.task;
    assert!(!task.is_finished());
    stream.write_all(rest).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"uid\":"), "{answer}");
    task.await.unwrap().unwrap();
    assert_eq!(metrics.rejections(Rejection::BrokenBody), 0);
}

#[tokio::test]
async fn whoever_goes_asks_an_http1_client_to_leave_and_answers_it_all_the_same() {
    let server = start_for(Duration::from_hours(1)).await;
    let body = include_str!("../../../e2e/reviews/small.json");
    let request = format!(
        "POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = server.connect(b"http/1.1").await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 4096];
    let read = stream.read(&mut head).await.unwrap();
    let kept = String::from_utf8_lossy(&head[..read]).to_lowercase();
    assert!(kept.starts_with("http/1.1 200 ok") && !kept.contains("connection:"), "{kept}");

    let readiness = server.running.readiness.clone();
    server.running.signals.send(()).unwrap();
    eventually("readiness is off", || !readiness.is_ready()).await;
    // The grace has just begun: what is open is answered, once, and what comes anew, too.
    for mut stream in [stream, server.connect(b"http/1.1").await] {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let answer = answer.to_lowercase();
        assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    server.running.signals.send(()).unwrap();
    server.running.ends().await;
}

/// HTTP/2 frames as they come in: type, flags and payload.
async fn frame(stream: &mut TlsStream<TcpStream>) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    stream.read_exact(&mut payload).await.unwrap();
    Some((head[3], head[4], payload))
}

const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

/// An HTTP/2 client that asked nothing and was told, by a server that drains, that no stream of it will be read.
async fn dismissed(server: &Trusted) -> TlsStream<TcpStream> {
    let mut stream = server.connect(b"h2").await;
    stream.write_all(PREFACE).await.unwrap();
    // The server acknowledges the settings, so it knows of the connection when it is told to stop.
    while !matches!(frame(&mut stream).await, Some((4, ACK, _))) {}
    server.running.signals.send(()).unwrap();
    let mut goodbyes = Vec::new();
    while let Some((kind, flags, payload)) = frame(&mut stream).await {
        match kind {
            PING if flags == 0 => {
                let answer = [&[0, 0, 8, PING, ACK, 0, 0, 0, 0], payload.as_slice()].concat();
                stream.write_all(&answer).await.unwrap();
            }
            GOAWAY => goodbyes.push(payload[..4].to_vec()),
            _ => {}
        }
    }
    assert_eq!(goodbyes, [[0x7f, 0xff, 0xff, 0xff], [0; 4]], "first any stream, then none");
    stream
}

#[tokio::test]
async fn a_request_that_crosses_the_goodbye_meets_no_reset() {
    let server = start_trusted().await;
    let mut stream = dismissed(&server).await;
    let (socket, _) = stream.get_mut();
    for _ in 0..100 {
        // A reset would come back on the loopback before the second of these.
        socket.write_all(&[0; 1024]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    assert!(!server.running.task.is_finished());
    drop(stream);
    server.running.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_lets_go_holds_up_the_end_for_two_seconds() {
    let server = start_trusted().await;
    let _stream = dismissed(&server).await;
    let started = Instant::now();
    server.running.task.await.unwrap().unwrap();
    let took = started.elapsed();
    let linger = connections::LINGER;
    assert!((linger..linger + Duration::from_secs(1)).contains(&took), "{took:?}");
}
