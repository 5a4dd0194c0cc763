//! Nothing is lost: what a client was told is in the store afterwards, whatever dies on the way.
#![allow(clippy::panic, reason = "helpers of tests may fail as tests do")]

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use e2e::fleet::Fleet;
use e2e::{Postgres, run_podgate};
use podgate::ledger::store::Store;
use podgate::ledger::verify::{Place, Verifier};

fn run<F: Future<Output = Result<()>>>(test: F) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    if let Err(error) = runtime.block_on(test) {
        panic!("{error:?}");
    }
}

#[test]
fn webhooks_that_are_killed_under_load_lose_nothing_that_was_answered() {
    run(async {
        let mut fleet = Fleet::prepare("webhook", None)?;
        fleet.start_controller()?;
        let mut webhook = fleet.webhook("webhook-0", &[])?;
        let load = fleet.client(&webhook)?;
        for _ in 0..3 {
            load.until_more(300).await?;
            webhook.kill()?;
            webhook.start()?;
        }
        load.until_more(300).await?;
        let denied = load.stop().await?;
        let stored = fleet.holds(&denied).await?;
        assert!(fleet.has_no_gap().await?);
        let store = Store::open_existing(fleet.store()).await?;
        assert_eq!(store.chains().await?.len(), 4, "each start is a chain");
        println!("{} denials were seen, {stored} are stored", denied.len());
        Ok(())
    });
}

#[test]
fn a_controller_that_is_killed_or_away_gets_everything_afterwards() {
    run(async {
        let mut fleet = Fleet::prepare("controller", None)?;
        // It comes late, too.
        let (first, second) = (
            fleet.webhook("webhook-0", &[])?,
            fleet.webhook("webhook-1", &["--ledger-send-address=127.0.0.1"])?,
        );
        let (one, two) = (fleet.client(&first)?, fleet.client(&second)?);
        one.until_more(300).await?;
        fleet.start_controller()?;
        for _ in 0..3 {
            two.until_more(300).await?;
            fleet.kill_controller()?;
            one.until_more(300).await?;
            fleet.start_controller()?;
        }
        let (one, two) = (one.stop().await?, two.stop().await?);
        // Both send the same numbers.
        let denied: HashSet<String> = one.union(&two).cloned().collect();
        fleet.holds(&denied).await?;
        let store = Store::open_existing(fleet.store()).await?;
        let unsent =
            |webhook: &e2e::fleet::Webhook| webhook.metric("podgate_ledger_unsent_records");
        e2e::wait_for("everything to be sent", Duration::from_secs(30), || {
            Ok((unsent(&first)? == 0 && unsent(&second)? == 0).then_some(()))
        })?;
        assert!(fleet.has_no_gap().await?);
        let stored: u64 = store.chains().await?.iter().map(|chain| chain.head.seq).sum();
        assert!(
            stored >= (one.len() + two.len()) as u64,
            "{stored} of {} and {}",
            one.len(),
            two.len()
        );
        assert_eq!(first.metric("podgate_ledger_lost_total")?, 0);
        assert!(first.metric("podgate_ledger_send_failures_total")? > 0);
        Ok(())
    });
}

#[test]
fn a_full_spool_is_told_and_empties_once_there_is_room() {
    run(async {
        let mut fleet = Fleet::prepare("full", None)?;
        let webhook = fleet.webhook("webhook-0", &["--ledger-spool-max=256KiB"])?;
        let load = fleet.client(&webhook)?;
        load.until_more(200).await?;
        e2e::wait_for("the spool to be full", Duration::from_secs(30), || {
            Ok((webhook.metric("podgate_ledger_spool_failing")? == 1).then_some(()))
        })?;
        // Answers go on; what is beyond the spool waits in memory.
        load.until_more(100).await?;
        let denied = load.stop().await?;
        fleet.start_controller()?;
        fleet.holds(&denied).await?;
        assert!(fleet.has_no_gap().await?);
        assert_eq!(webhook.metric("podgate_ledger_lost_total")?, 0);
        assert_eq!(webhook.metric("podgate_ledger_spool_failing")?, 0);
        Ok(())
    });
}

#[test]
fn where_nothing_may_pass_unrecorded_a_full_spool_refuses() {
    run(async {
        let fleet = Fleet::prepare("refuse", None)?;
        let webhook = fleet.webhook(
            "webhook-0",
            &["--ledger-spool-max=1KiB", "--ledger-unrecorded=refuse", "--record=all"],
        )?;
        let answer = fleet.post(&webhook, include_str!("../../reviews/small.json")).await?;
        let (first, status) = (&answer["response"]["allowed"], &answer["response"]["status"]);
        assert_eq!(first, false, "{answer}");
        assert_eq!(status["code"], 500);
        assert!(
            status["message"].as_str().unwrap_or_default().contains("lets nothing pass unrecorded"),
            "{status}"
        );
        Ok(())
    });
}

/// A disk of 300 KiB, which fills up, and then has room again.
#[test]
fn a_disk_that_is_full_loses_nothing_that_finds_room_in_memory() {
    if !is_root() {
        println!("skipped: mounting a small disk needs root");
        return;
    }
    run(async {
        let mut fleet = Fleet::prepare("disk", None)?;
        let disk = fleet.folder().join("webhook-0.spool");
        std::fs::create_dir(&disk)?;
        let _mounted = Mounted::new(&disk)?;
        let webhook = fleet.webhook("webhook-0", &[])?;
        let load = fleet.client(&webhook)?;
        e2e::wait_for("the disk to be full", Duration::from_mins(1), || {
            Ok((webhook.metric("podgate_ledger_spool_failing")? == 1).then_some(()))
        })?;
        load.until_more(50).await?;
        let denied = load.stop().await?;
        let log = std::fs::read_to_string(fleet.folder().join("webhook-0.err"))?;
        assert!(log.contains("No space left on device"), "{log}");
        fleet.start_controller()?;
        fleet.holds(&denied).await?;
        assert!(fleet.has_no_gap().await?);
        drop(webhook);
        Ok(())
    });
}

#[test]
fn a_stranger_cannot_put_records_in() {
    run(async {
        let mut fleet = Fleet::prepare("stranger", None)?;
        fleet.start_controller()?;
        for (certificate, why) in [
            (None, "without a certificate"),
            (Some("stranger"), "of the authority, with another name"),
        ] {
            let refused = fleet.post_records(certificate).await;
            assert!(refused.is_err(), "{why}: {refused:?}");
        }
        assert_eq!(fleet.post_records(Some("localhost")).await?, 415, "no media type");
        Ok(())
    });
}

#[test]
fn what_was_written_anywhere_is_proved_by_the_command_line() {
    run(async {
        let postgres = Postgres::start()?;
        let mut fleet = Fleet::prepare("verify", Some(postgres.database("ledger")?))?;
        let key = fleet.folder().join("key.pem").display().to_string();
        let public = said(&["ledger", "key", &key])?;
        fleet.start_controller()?;
        let mut webhook = fleet.webhook("webhook-0", &["--ledger-key", &key])?;
        let load = fleet.client(&webhook)?;
        load.until_more(200).await?;
        let denied = load.stop().await?;
        fleet.holds(&denied).await?;
        webhook.end()?;
        let out = fleet.folder().join("webhook-0.out").display().to_string();
        let spool = webhook.spool().display().to_string();
        for ledger in [fleet.store(), &out, &spool] {
            let told = said(&["ledger", "verify", ledger, "--key", &key])?;
            assert!(told.contains("nothing is altered or missing"), "{ledger}: {told}");
            assert!(told.contains(public.trim()), "{told}");
        }
        let since = said(&[
            "ledger",
            "query",
            "--ledger",
            fleet.store(),
            "--since",
            "1h",
            "--decision",
            "denied",
            "--namespace",
            "sh*",
        ])?;
        assert!(since.contains("100 decisions; for more: --after "), "{since}");
        let exported = said(&["ledger", "export", "--ledger", fleet.store()])?;
        assert!(exported.lines().count() >= denied.len());
        // The owner of the database is no friend.
        postgres.query(
            "ledger",
            "UPDATE records SET line = replace(line, '\"denied\"', '\"warned\"') WHERE seq = 7",
        )?;
        postgres.query("ledger", "DELETE FROM records WHERE seq = 9")?;
        let mut verifier = Verifier::new(None);
        let store = Store::open_existing(fleet.store()).await?;
        for chain in store.chains().await? {
            for (line, text) in store.lines(&chain.chain, 0, 100_000).await? {
                verifier.read(&text, &Place { source: "postgres".into(), line });
            }
        }
        let report = verifier.finish();
        let told: Vec<&str> =
            report.chains[0].problems.iter().map(|problem| problem.text.as_str()).collect();
        assert_eq!(
            told,
            [
                "record 7 was altered (postgres:7)",
                "record 9 is missing (the numbers leave them out)"
            ]
        );
        Ok(())
    });
}

/// What a command prints, which must succeed.
fn said(arguments: &[&str]) -> Result<String> {
    let output = run_podgate(arguments, Path::new("/nowhere"), "")?;
    let said = String::from_utf8(output.stdout)?;
    anyhow::ensure!(
        output.status.success(),
        "{arguments:?}: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(said)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// A small disk of memory.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn new(at: &std::path::Path) -> Result<Self> {
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=300k", "podgate-test"])
            .arg(at)
            .status()
            .context("cannot run mount")?;
        anyhow::ensure!(status.success(), "mount failed");
        Ok(Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
