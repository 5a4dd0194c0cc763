//! One writer: a Lease says which replica it is.
//!
//! A holder's clock is never compared with ours. As in client-go, a Lease has lapsed when it has been seen
//! unchanged for as long as it says it holds, by our own clock. It keeps writers out of each other's way; what
//! keeps them from undoing each other is the version that every write carries.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::watch;

use super::Clock;

/// How long a Lease holds that nobody renews.
const DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed, or looked at.
const INTERVAL: Duration = Duration::from_secs(4);
/// How long a holder that cannot renew it goes on: well before anybody else may take it.
const GIVE_UP: SignedDuration = SignedDuration::from_secs(10);

/// A Lease that this replica holds or waits for.
#[derive(Clone)]
pub struct Election {
    /// The way to the API.
    pub client: Client,
    /// Where the Lease is.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Who this replica is: no two may be the same.
    pub identity: String,
    /// The clock.
    pub clock: Clock,
}

/// What was seen of the Lease, and since when it stands so.
#[derive(Debug, Clone, Default)]
struct Seen {
    spec: Option<LeaseSpec>,
    since: Option<Timestamp>,
}

impl Seen {
    fn look(&mut self, lease: Option<&Lease>, now: Timestamp) {
        let spec = lease.and_then(|lease| lease.spec.clone());
        if self.since.is_none() || spec != self.spec {
            *self = Self { spec, since: Some(now) };
        }
    }
}

/// What to write, where the Lease is ours to write: to take it, or to renew it.
fn claim(seen: &Seen, identity: &str, now: Timestamp) -> Option<LeaseSpec> {
    let time = MicroTime(now);
    let before = seen.spec.clone().unwrap_or_default();
    let holder = before.holder_identity.as_deref().unwrap_or_default();
    let duration = i32::try_from(DURATION.as_secs()).ok();
    if holder == identity {
        return Some(LeaseSpec {
            renew_time: Some(time),
            lease_duration_seconds: duration,
            ..before
        });
    }
    let holds = SignedDuration::from_secs(before.lease_duration_seconds.unwrap_or(0).into());
    let lapsed = seen.since.is_some_and(|since| now.duration_since(since) >= holds);
    (holder.is_empty() || lapsed).then(|| LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: duration,
        acquire_time: Some(time.clone()),
        renew_time: Some(time),
        lease_transitions: Some(before.lease_transitions.unwrap_or(0).saturating_add(1)),
        ..LeaseSpec::default()
    })
}

impl Election {
    /// Takes part until the future is dropped, and says in `leads` whether this replica is the one.
    pub async fn run(self, leads: watch::Sender<bool>) {
        let mut seen = Seen::default();
        let mut renewed: Option<Timestamp> = None;
        let mut told = String::new();
        loop {
            match self.round(&mut seen).await {
                Ok(true) => renewed = Some((self.clock)()),
                Ok(false) => renewed = None,
                Err(error) => {
                    // Once: without the permission it is the same for ever, and nothing is written.
                    let error = error.to_string();
                    if error != told {
                        tracing::warn!(error, lease = self.name, "cannot take or renew the lease");
                        told = error;
                    }
                }
            }
            let fresh = renewed.is_some_and(|at| (self.clock)().duration_since(at) < GIVE_UP);
            if leads.send_if_modified(|leads| std::mem::replace(leads, fresh) != fresh) {
                tracing::info!(lease = self.name, leads = fresh, "this replica's turn to write");
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Gives the Lease back, so that the next replica need not wait for it to lapse.
    pub async fn release(&self) -> kube::Result<()> {
        let api = self.api();
        let Some(mut lease) = api.get_opt(&self.name).await? else { return Ok(()) };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return Ok(());
        }
        spec.holder_identity = None;
        api.replace(&self.name, &PostParams::default(), &lease).await?;
        Ok(())
    }

    /// Looks, and writes where the Lease is ours. Whether it now is.
    async fn round(&self, seen: &mut Seen) -> kube::Result<bool> {
        let api = self.api();
        let lease = api.get_opt(&self.name).await?;
        let now = (self.clock)();
        seen.look(lease.as_ref(), now);
        let Some(spec) = claim(seen, &self.identity, now) else { return Ok(false) };
        let written = match lease {
            None => {
                let metadata =
                    ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                let new = Lease { metadata, spec: Some(spec) };
                api.create(&PostParams::default(), &new).await
            }
            // With the version that was read.
            Some(old) => {
                let new = Lease { spec: Some(spec), ..old };
                api.replace(&self.name, &PostParams::default(), &new).await
            }
        };
        match written {
            Ok(lease) => {
                seen.look(Some(&lease), now);
                Ok(true)
            }
            // Somebody else was faster: what it says now is seen at the next look.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn api(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lease(spec: LeaseSpec) -> Lease {
        Lease { spec: Some(spec), ..Lease::default() }
    }

    #[test]
    fn a_lease_that_nobody_has_is_taken_and_then_renewed() {
        let mut seen = Seen::default();
        seen.look(None, at(0));
        let spec = claim(&seen, "a", at(0)).unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("a"));
        assert_eq!(spec.lease_transitions, Some(1));
        seen.look(Some(&lease(spec)), at(0));
        let renewed = claim(&seen, "a", at(4)).unwrap();
        assert_eq!(renewed.acquire_time, Some(MicroTime(at(0))));
        assert_eq!(renewed.renew_time, Some(MicroTime(at(4))));
        assert_eq!(renewed.lease_transitions, Some(1));
    }

    #[test]
    fn a_lease_lapses_by_our_own_clock_however_wrong_the_holders_is() {
        let mut seen = Seen::default();
        seen.look(None, at(0));
        // The holder's clock is years behind: its renewals look old, and are news all the same.
        let held = |second| {
            let mut first = Seen::default();
            first.look(None, at(second));
            lease(claim(&first, "b", at(second)).unwrap())
        };
        for second in 0..10 {
            let now = at(1_000_000_000 + second * 10);
            seen.look(Some(&held(second)), now);
            assert_eq!(claim(&seen, "a", now), None);
        }
        let last = 1_000_000_090;
        seen.look(Some(&held(9)), at(last + 14));
        assert_eq!(claim(&seen, "a", at(last + 14)), None);
        let taken = claim(&seen, "a", at(last + 15)).unwrap();
        assert_eq!(taken.holder_identity.as_deref(), Some("a"));
        assert_eq!(taken.lease_transitions, Some(2));
    }

    #[test]
    fn a_lease_that_was_given_back_is_taken_at_once() {
        let mut seen = Seen::default();
        let given_back = LeaseSpec { lease_duration_seconds: Some(15), ..LeaseSpec::default() };
        seen.look(Some(&lease(given_back)), at(0));
        assert!(claim(&seen, "a", at(0)).is_some());
    }
}
