//! The servers that are measured.

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Ticks of `utime` and `stime` a second; Linux tells programs 100, whatever the kernel's own clock.
const TICKS: f64 = 100.0;
/// How often a server that starts is asked whether it is ready.
const POLL: Duration = Duration::from_millis(1);

/// A running server; dropping it ends it.
pub(crate) struct Server {
    child: Child,
    /// Where reviews are sent.
    pub(crate) url: String,
    /// From exec until it was ready.
    pub(crate) ready: Duration,
}

impl Server {
    /// `podgate serve` with the policies at `policies`, everything else by default.
    pub(crate) fn podgate(policies: &str) -> Result<Self> {
        Self::podgate_with(policies, &[])
    }

    /// The same with these settings.
    pub(crate) fn podgate_with(policies: &str, settings: &[&str]) -> Result<Self> {
        let (port, admin) = (free_port()?, free_port()?);
        let mut command = Command::new(sibling("podgate")?);
        command
            .args(["serve", "--tls-self-signed", "--policies", policies])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--admin-listen", &format!("127.0.0.1:{admin}")])
            .args(settings);
        Self::start(command, port, || is_ready(admin))
    }

    /// The floor.
    pub(crate) fn floor() -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(sibling("floor")?);
        command.env("FLOOR_LISTEN", format!("127.0.0.1:{port}"));
        Self::start(command, port, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    fn start(mut command: Command, port: u16, is_ready: impl Fn() -> bool) -> Result<Self> {
        let started = Instant::now();
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let url = format!("https://127.0.0.1:{port}/validate?timeout=10s");
        let mut server = Self { child, url, ready: Duration::ZERO };
        while !is_ready() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended early: {status}");
            }
            if started.elapsed() > Duration::from_secs(10) {
                bail!("{command:?} is not ready after ten seconds");
            }
            thread::sleep(POLL);
        }
        server.ready = started.elapsed();
        Ok(server)
    }

    /// Resident memory in KiB.
    pub(crate) fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let line = line.context("the kernel tells VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Processor time used so far, in seconds.
    pub(crate) fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name of the program stands in parentheses and may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("a stat line names the program")?;
        let ticks = |index| -> Result<f64> {
            Ok(fields.split(' ').nth(index).context("a stat line is long")?.parse()?)
        };
        Ok((ticks(11)? + ticks(12)?) / TICKS)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From exec to ready with the whole library, in milliseconds: the median of `times`.
pub(crate) fn time_to_ready(times: usize) -> Result<f64> {
    let mut all = Vec::new();
    for _ in 0..times {
        all.push(Server::podgate("policies")?.ready.as_secs_f64() * 1e3);
    }
    Ok(crate::load::median(all))
}

/// A program that was built beside this one.
pub(crate) fn sibling(name: &str) -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(name))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn is_ready(admin: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, admin))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}
