//! While Podgate is down, what it guards stays closed, and nothing else does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use e2e::objects::{host_pid, pod, privileged};
use e2e::{Gate, Rejection};

use crate::{Outcome, SHARED_KERNEL, assert_denied, server, two_violations};

/// Whether the API server refused because it could not ask Podgate.
fn is_failed_call(refusal: &Rejection) -> bool {
    let text = "Internal error occurred: failed calling webhook \"deny.podgate.dev\": failed to call webhook: Post ";
    (refusal.code, refusal.reason.as_str()) == (500, "InternalError")
        && refusal.message.starts_with(text)
}

#[test]
fn stopped_podgate_fails_closed_and_works_again_once_started() -> Outcome {
    let mut gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let (guarded, unguarded) = (gate.guarded()?, gate.unguarded()?);
    let client = server().client();

    let status = gate.podgate_mut().stop()?;
    assert!(status.success(), "asked to end, podgate drains and ends well: {status}");

    let refusal = client.create(&guarded.pods(), &pod("web"))?.rejected()?;
    assert!(is_failed_call(&refusal), "{refusal:?}");
    assert!(refusal.message.ends_with("connect: connection refused"), "{refusal:?}");
    let _ = client.create(&unguarded.pods(), &pod("web"))?.accepted()?;

    gate.podgate_mut().resume()?;

    let _ = client.create(&guarded.pods(), &pod("web"))?.accepted()?;
    let bad = client.create(&guarded.pods(), &privileged(host_pid(pod("bad"))))?.rejected()?;
    assert_denied(&bad, |id| two_violations("spec", id));
    Ok(())
}

#[test]
fn no_bad_pod_slips_in_while_podgate_ends_and_starts() -> Outcome {
    let mut gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let namespace = gate.guarded()?;
    let pods = namespace.pods();
    let bad = privileged(host_pid(pod("web")));
    let done = AtomicBool::new(false);

    let refusals = thread::scope(|scope| {
        let knock = || {
            let mut refusals = Vec::new();
            while !done.load(Ordering::Relaxed) {
                refusals.push(server().client().create(&pods, &bad)?.rejected()?);
            }
            anyhow::Ok(refusals)
        };
        let knockers = [scope.spawn(knock), scope.spawn(knock)];
        let restarted = (0..3).try_for_each(|_| {
            gate.podgate_mut().stop()?;
            gate.podgate_mut().resume()
        });
        done.store(true, Ordering::Relaxed);
        let mut refusals = Vec::new();
        for knocker in knockers {
            refusals.extend(knocker.join().expect("a knocker does not panic")?);
        }
        restarted.map(|()| refusals)
    })?;

    let (denied, failed): (Vec<_>, Vec<_>) =
        refusals.into_iter().partition(|refusal| refusal.code == 403);
    assert!(!denied.is_empty(), "nobody knocked while podgate was there");
    for refusal in &denied {
        assert_denied(refusal, |id| two_violations("spec", id));
    }
    for refusal in &failed {
        assert!(is_failed_call(refusal), "{refusal:?}");
    }
    Ok(())
}
