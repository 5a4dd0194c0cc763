//! What the containers of the tests run: one static program in an image of its own, and the node's sandbox too.
//!
//! `cluster/image.rs` compiles this file by itself, so it uses nothing but the standard library.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io, thread};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => loop {
            thread::park();
        },
        ["serve", port, text] => serve(port, text),
        ["get", address] => get(address),
        ["cat", file] => fs::read_to_string(file),
        _ => Err(io::Error::other("probe [serve PORT TEXT | get ADDRESS:PORT | cat FILE]")),
    };
    match done {
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("{arguments:?}: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Answers every request with `text`.
fn serve(port: &str, text: &str) -> io::Result<String> {
    let port = port.parse().map_err(io::Error::other)?;
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    say(&format!("serving {text} on {port}\n"));
    for stream in listener.incoming() {
        let mut stream = stream?;
        // What is asked for makes no difference, but it must have been read: unread bytes would reset the connection.
        let _ = stream.read(&mut [0; 4096])?;
        write!(stream, "HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len())?;
    }
    Ok(String::new())
}

/// The body of what is served at `address`.
fn get(address: &str) -> io::Result<String> {
    let address = address.parse().map_err(io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .ok_or_else(|| io::Error::other(format!("no HTTP answer: {answer:?}")))
}

fn say(text: &str) {
    // Who does not listen any more is told nothing.
    let _ = io::stdout().write_all(text.as_bytes());
}
