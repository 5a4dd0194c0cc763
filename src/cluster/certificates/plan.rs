//! What is to be done about the certificates, from what stands in the cluster. Pure: no clock, no key, no call.
//!
//! The order is what keeps every API server able to call every replica at every moment: an authority is in each
//! `caBundle` before a leaf of it is written, and it stays there until it has ended itself, which no leaf of it
//! outlives.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::issue::still_valid;
use super::material::{Certificate, Pair};

/// How long certificates hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of the serving certificate.
    pub certificate: Duration,
    /// Of the authority.
    pub authority: Duration,
}

impl Lifetimes {
    /// How long every `caBundle` must have held an authority before a leaf of it replaces one that works:
    /// an API server hears of a change of its configuration by a watch, a moment later.
    pub(super) fn settling(&self) -> Duration {
        Duration::from_secs(10).min(self.certificate / 10)
    }

    /// How often to look at the least.
    pub(super) fn look_every(&self) -> Duration {
        Duration::from_mins(1).min(self.certificate.min(self.authority) / 20)
    }
}

/// One of the two Secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored<T> {
    /// There is none.
    Absent,
    /// Somebody else made it, or podgate for another Service.
    Foreign,
    /// Podgate's, and of no use.
    Broken(String),
    /// Podgate's.
    Present(T),
}

/// The authority that signs, and those that signed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) pair: Pair,
    pub(super) previous: Vec<Certificate>,
}

/// The serving certificate, and the authority that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) pair: Pair,
    pub(super) issuers: Vec<Certificate>,
}

/// Everything that the plan looks at.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// By the API server's clock: it is the one that checks the certificate.
    pub(super) now: Timestamp,
    pub(super) authority: Stored<Authority>,
    pub(super) leaf: Stored<Leaf>,
    /// What each webhook entry trusts, as PEM.
    pub(super) bundles: Vec<String>,
    /// Since when every entry was seen to trust the present authority.
    pub(super) trusted_since: Option<Timestamp>,
}

/// What the certificates should be.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) names: Vec<String>,
    pub(super) lifetimes: Lifetimes,
}

/// Which Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Authority,
    Leaf,
}

/// One step. Steps of one plan do not depend on each other; what depends on one is planned at the next look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Write nothing at all: this Secret is not ours.
    Refuse(Which),
    /// Make an authority, and go on trusting these.
    MakeAuthority { previous: Vec<Certificate> },
    /// Trust these beside the present authority.
    KeepAuthorities { previous: Vec<Certificate> },
    /// Put this bundle into every webhook entry that holds another.
    Trust(String),
    /// Make a leaf of the present authority.
    MakeLeaf,
}

/// What to do now.
pub(super) fn plan(seen: &Observed, wish: &Wish) -> Vec<Action> {
    // A Secret of somebody else's means that a setting is wrong: then the rest is not to be trusted either.
    if seen.authority == Stored::Foreign {
        return vec![Action::Refuse(Which::Authority)];
    }
    if seen.leaf == Stored::Foreign {
        return vec![Action::Refuse(Which::Leaf)];
    }
    let now = seen.now;
    let leaf = match &seen.leaf {
        Stored::Present(leaf) => Some(leaf),
        _ => None,
    };
    let Some(authority) = usable(&seen.authority, now) else {
        return vec![Action::MakeAuthority { previous: trusted(&seen.authority, leaf, now) }];
    };
    let present = &authority.pair.certificate;
    let mut previous = trusted(&seen.authority, leaf, now);
    previous.retain(|certificate| certificate != present);
    let mut actions = Vec::new();
    let bundle = bundle(present, &previous);
    if seen.bundles.iter().any(|found| *found != bundle) {
        actions.push(Action::Trust(bundle));
    }
    if previous != authority.previous {
        actions.push(Action::KeepAuthorities { previous });
    }
    if leaf_is_due(leaf, present, wish, now) && may_replace_leaf(seen, leaf, present, wish) {
        actions.push(Action::MakeLeaf);
    }
    actions
}

/// The authority, where it can sign and is not to be replaced yet.
fn usable(authority: &Stored<Authority>, now: Timestamp) -> Option<&Authority> {
    match authority {
        Stored::Present(authority) if !is_due(&authority.pair.certificate, now) => Some(authority),
        _ => None,
    }
}

/// Whatever may have signed a leaf that somebody still serves.
fn trusted(authority: &Stored<Authority>, leaf: Option<&Leaf>, now: Timestamp) -> Vec<Certificate> {
    let mut certificates = Vec::new();
    if let Stored::Present(authority) = authority {
        certificates.push(authority.pair.certificate.clone());
        certificates.extend(authority.previous.iter().cloned());
    }
    // The authority's Secret may have been lost: its leaf is served all the same.
    certificates.extend(leaf.into_iter().flat_map(|leaf| leaf.issuers.iter().cloned()));
    still_valid(certificates, now)
}

/// Two thirds of its time are over, or it has not begun: by the API server's clock it may then be refused.
fn is_due(certificate: &Certificate, now: Timestamp) -> bool {
    let (from, until) = (certificate.not_before, certificate.not_after);
    let renewal = from.as_second() + (until.as_second() - from.as_second()) / 3 * 2;
    now.as_second() >= renewal || now < from
}

fn leaf_is_due(leaf: Option<&Leaf>, authority: &Certificate, wish: &Wish, now: Timestamp) -> bool {
    leaf.is_none_or(|leaf| {
        let certificate = &leaf.pair.certificate;
        is_due(certificate, now)
            || !certificate.is_signed_by(authority)
            || !certificate.holds_for(&wish.names)
    })
}

/// Whether everybody who calls trusts the present authority, for long enough to have heard of it.
fn may_replace_leaf(
    seen: &Observed,
    leaf: Option<&Leaf>,
    authority: &Certificate,
    wish: &Wish,
) -> bool {
    let trusted = |bundle: &String| {
        Certificate::all(bundle).is_ok_and(|certificates| certificates.contains(authority))
    };
    if !seen.bundles.iter().all(trusted) {
        return false;
    }
    let works = leaf.is_some_and(|leaf| {
        let certificate = &leaf.pair.certificate;
        !certificate.has_expired(seen.now) && certificate.not_before <= seen.now
    });
    let settling = SignedDuration::try_from(wish.lifetimes.settling()).unwrap_or_default();
    !works || seen.trusted_since.is_some_and(|since| seen.now.duration_since(since) >= settling)
}

/// The `caBundle`: the present authority first.
pub(super) fn bundle(present: &Certificate, previous: &[Certificate]) -> String {
    std::iter::once(present).chain(previous).map(Certificate::pem).collect()
}
