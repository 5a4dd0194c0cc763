//! While Podgate is down, what it guards stays closed, and nothing else does.

use anyhow::Result;
use e2e::Gate;
use e2e::objects::{host_pid, pod, privileged};

use crate::{SHARED_KERNEL, assert_denied, server, two_violations};

#[test]
fn stopped_podgate_fails_closed_and_works_again_once_started() -> Result<()> {
    let mut gate = Gate::start(server(), &[SHARED_KERNEL])?;
    let (guarded, unguarded) = (gate.guarded()?, gate.unguarded()?);
    let client = server().client();

    let status = gate.podgate_mut().stop()?;
    assert!(status.success(), "asked to end, podgate drains and ends well: {status}");

    let refusal = client.create(&guarded.pods(), &pod("web"))?.rejected()?;
    assert_eq!((refusal.code, refusal.reason.as_str()), (500, "InternalError"), "{refusal:?}");
    let start = "Internal error occurred: failed calling webhook \"deny.podgate.dev\": failed to call webhook: Post ";
    assert!(refusal.message.starts_with(start), "{refusal:?}");
    assert!(refusal.message.ends_with("connect: connection refused"), "{refusal:?}");
    let _ = client.create(&unguarded.pods(), &pod("web"))?.accepted()?;

    gate.podgate_mut().resume()?;

    let _ = client.create(&guarded.pods(), &pod("web"))?.accepted()?;
    let bad = client.create(&guarded.pods(), &privileged(host_pid(pod("bad"))))?.rejected()?;
    assert_denied(&bad, |id| two_violations("spec", id));
    Ok(())
}
