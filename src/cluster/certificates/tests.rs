//! A clock that walks, over a cluster that is nothing but what was written to it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::issue;
use super::material::{Certificate, Pair};
use super::plan::{
    Action, Authority, Leaf, Lifetimes, Observed, Stored, Which, Wish, bundle, plan,
};

const DAY: Duration = Duration::from_hours(24);

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn wish() -> Wish {
    Wish {
        names: vec!["podgate.podgate.svc".to_owned()],
        lifetimes: Lifetimes { certificate: DAY * 90, authority: DAY * 365 },
    }
}

/// Two webhook entries and two Secrets.
struct Cluster {
    authority: Stored<Authority>,
    leaf: Stored<Leaf>,
    bundles: Vec<String>,
    trusted: Option<(Certificate, Timestamp)>,
    wish: Wish,
}

impl Cluster {
    fn empty() -> Self {
        Self {
            authority: Stored::Absent,
            leaf: Stored::Absent,
            bundles: vec![String::new(), String::new()],
            trusted: None,
            wish: wish(),
        }
    }

    fn settled(now: Timestamp) -> Self {
        let mut cluster = Self::empty();
        cluster.settle(now);
        cluster
    }

    fn plan(&mut self, now: Timestamp) -> Vec<Action> {
        let trusted = match &self.authority {
            Stored::Present(authority) => {
                let certificate = authority.pair.certificate.clone();
                let holds = |bundle: &String| {
                    Certificate::all(bundle).is_ok_and(|all| all.contains(&certificate))
                };
                self.bundles.iter().all(holds).then_some(certificate)
            }
            _ => None,
        };
        self.trusted = match (trusted, self.trusted.take()) {
            (Some(certificate), Some((before, since))) if certificate == before => {
                Some((before, since))
            }
            (Some(certificate), _) => Some((certificate, now)),
            (None, _) => None,
        };
        let seen = Observed {
            now,
            authority: self.authority.clone(),
            leaf: self.leaf.clone(),
            bundles: self.bundles.clone(),
            trusted_since: self.trusted.as_ref().map(|(_, since)| *since),
        };
        plan(&seen, &self.wish)
    }

    fn act(&mut self, now: Timestamp, action: Action) {
        match action {
            Action::Refuse(which) => panic!("{which:?} is refused"),
            Action::MakeAuthority { previous } => {
                let pair = issue::authority(now, self.wish.lifetimes.authority).unwrap();
                self.authority = Stored::Present(Authority { pair, previous });
            }
            Action::KeepAuthorities { previous } => self.authority_mut().previous = previous,
            Action::Trust(bundle) => self.bundles.fill(bundle),
            Action::MakeLeaf => {
                let signer = self.authority_mut().pair.clone();
                let lifetime = self.wish.lifetimes.certificate;
                let pair = issue::leaf(&signer, &self.wish.names, now, lifetime).unwrap();
                self.leaf = Stored::Present(Leaf { pair, issuers: vec![signer.certificate] });
            }
        }
    }

    /// Does what there is to do at `now`, and tells how often it looked.
    fn settle(&mut self, now: Timestamp) -> usize {
        for round in 0..10 {
            let actions = self.plan(now);
            if actions.is_empty() {
                return round;
            }
            for action in actions {
                self.act(now, action);
            }
        }
        panic!("it never settles");
    }

    fn authority_mut(&mut self) -> &mut Authority {
        match &mut self.authority {
            Stored::Present(authority) => authority,
            other => panic!("{other:?}"),
        }
    }

    fn leaf(&self) -> &Pair {
        match &self.leaf {
            Stored::Present(leaf) => &leaf.pair,
            other => panic!("{other:?}"),
        }
    }

    /// Whether an API server that goes by any of the bundles takes the leaf.
    fn works(&self, now: Timestamp) -> bool {
        let leaf = &self.leaf().certificate;
        let holds = |certificate: &Certificate| {
            certificate.not_before <= now && !certificate.has_expired(now)
        };
        holds(leaf)
            && self.bundles.iter().all(|bundle| {
                Certificate::all(bundle).is_ok_and(|all| {
                    all.iter().any(|authority| holds(authority) && leaf.is_signed_by(authority))
                })
            })
    }
}

#[test]
fn from_nothing_it_takes_three_looks_and_waits_for_nobody() {
    let mut cluster = Cluster::empty();
    let looks: Vec<_> = (0..4)
        .map(|_| {
            let actions = cluster.plan(start());
            for action in actions.clone() {
                cluster.act(start(), action);
            }
            actions
        })
        .collect();
    assert_eq!(looks[0], [Action::MakeAuthority { previous: Vec::new() }]);
    assert!(matches!(looks[1][..], [Action::Trust(_)]), "{:?}", looks[1]);
    assert_eq!(looks[2], [Action::MakeLeaf]);
    assert_eq!(looks[3], []);
    assert!(cluster.works(start()));
    assert!(cluster.leaf().certificate.holds_for(&wish().names));
}

#[test]
fn over_four_years_every_api_server_can_call_every_replica_at_every_step() {
    let mut cluster = Cluster::settled(start());
    let (mut now, mut authorities, mut leaves) = (start(), 1, 1);
    // What the slowest replica serves: the leaf of the look before.
    while now < start() + (4 * 365 * 24).hours() {
        now += 24.hours();
        let served = cluster.leaf().clone();
        for _ in 0..10 {
            let actions = cluster.plan(now);
            if actions.is_empty() {
                break;
            }
            for action in actions {
                authorities += usize::from(matches!(action, Action::MakeAuthority { .. }));
                leaves += usize::from(action == Action::MakeLeaf);
                cluster.act(now, action);
                assert!(cluster.works(now), "at {now}");
                let new = std::mem::replace(&mut cluster.leaf, Stored::Absent);
                cluster.leaf = Stored::Present(Leaf { pair: served.clone(), issuers: Vec::new() });
                assert!(cluster.works(now), "a replica that has not read the new leaf, at {now}");
                cluster.leaf = new;
            }
        }
        let trusted = Certificate::all(&cluster.bundles[0]).unwrap().len();
        assert!(trusted <= 2, "{trusted} authorities are trusted at {now}");
    }
    // Two thirds of a year, and of ninety days; a new authority brings a new leaf.
    assert!((6..=7).contains(&authorities), "{authorities}");
    assert!((24..=32).contains(&leaves), "{leaves}");
}

#[test]
fn a_leaf_of_a_new_authority_waits_until_the_api_servers_have_heard_of_it() {
    let mut cluster = Cluster::settled(start());
    let old = cluster.leaf().clone();
    let now = start() + (250 * 24).hours();
    // The leaf was renewed meanwhile, so that it works.
    cluster.act(now, Action::MakeLeaf);
    let works = cluster.leaf().clone();
    assert_ne!(old, works);
    cluster.settle(now);
    assert_eq!(*cluster.leaf(), works, "bundles were only just written");
    assert_eq!(Certificate::all(&cluster.bundles[0]).unwrap().len(), 2);
    cluster.settle(now + 9.seconds());
    assert_eq!(*cluster.leaf(), works);
    cluster.settle(now + 10.seconds());
    let authority = cluster.authority_mut().pair.certificate.clone();
    assert!(cluster.leaf().certificate.is_signed_by(&authority));
}

#[test]
fn a_bundle_that_was_reset_is_written_again_and_no_leaf_is_made_before() {
    let mut cluster = Cluster::settled(start());
    let wanted = cluster.bundles[1].clone();
    for reset in ["", "not a certificate", "-----BEGIN CERTIFICATE-----\n"] {
        cluster.bundles[1] = reset.to_owned();
        assert_eq!(cluster.plan(start()), [Action::Trust(wanted.clone())]);
        cluster.settle(start());
    }
    // Also where a leaf is due at the same time.
    let due = start() + (61 * 24).hours();
    cluster.bundles[0] = String::new();
    assert_eq!(cluster.plan(due), [Action::Trust(wanted)]);
}

#[test]
fn an_authority_that_ended_under_a_valid_leaf_is_replaced_with_it_at_once() {
    let mut cluster = Cluster::settled(start());
    // A leaf that outlives its authority, as no plan makes one: from settings that were changed.
    let signer = cluster.authority_mut().pair.clone();
    let late = start() + (364 * 24).hours();
    let pair = issue::leaf(&signer, &wish().names, late, DAY).unwrap();
    cluster.leaf = Stored::Present(Leaf { pair, issuers: vec![signer.certificate.clone()] });
    let now = start() + (366 * 24).hours();
    let previous = Vec::new();
    assert_eq!(cluster.plan(now), [Action::MakeAuthority { previous }], "the ended one goes");
    cluster.settle(now);
    assert!(cluster.works(now));
    assert_eq!(Certificate::all(&cluster.bundles[0]).unwrap().len(), 1);
}

#[test]
fn no_leaf_outlives_its_authority() {
    let signer = issue::authority(start(), DAY).unwrap();
    let leaf = issue::leaf(&signer, &wish().names, start(), DAY * 90).unwrap();
    assert_eq!(leaf.certificate.not_after, signer.certificate.not_after);
}

#[test]
fn a_lost_authority_stays_trusted_as_long_as_its_leaf_is_served() {
    let mut cluster = Cluster::settled(start());
    let (old, leaf) = (cluster.authority_mut().pair.certificate.clone(), cluster.leaf().clone());
    for lost in [Stored::Absent, Stored::Broken("half of it".to_owned())] {
        cluster.authority = lost;
        let now = start() + 1.hour();
        assert_eq!(cluster.plan(now), [Action::MakeAuthority { previous: vec![old.clone()] }]);
    }
    cluster.settle(start() + 1.hour());
    assert_eq!(*cluster.leaf(), leaf, "still the old one");
    assert!(cluster.works(start() + 1.hour()));
    cluster.settle(start() + 2.hours());
    assert_ne!(*cluster.leaf(), leaf);
    assert!(Certificate::all(&cluster.bundles[0]).unwrap().contains(&old));
}

#[test]
fn what_was_interrupted_is_gone_on_with() {
    // Only the authority was written.
    let mut cluster = Cluster::empty();
    cluster.act(start(), Action::MakeAuthority { previous: Vec::new() });
    cluster.settle(start());
    assert!(cluster.works(start()));
    // One configuration of two was written.
    let mut cluster = Cluster::settled(start());
    let now = start() + (250 * 24).hours();
    let actions = cluster.plan(now);
    assert!(matches!(actions[..], [Action::MakeAuthority { .. }]), "{actions:?}");
    for action in actions {
        cluster.act(now, action);
    }
    let Some(Action::Trust(bundle)) = cluster.plan(now).into_iter().next() else { panic!() };
    cluster.bundles[0] = bundle.clone();
    assert!(cluster.plan(now).contains(&Action::Trust(bundle)));
    // The leaf's Secret is there and of no use.
    cluster.leaf = Stored::Broken("it has no tls.key".to_owned());
    cluster.settle(now);
    assert!(cluster.works(now));
}

#[test]
fn a_secret_of_somebody_else_stops_everything() {
    let mut cluster = Cluster::empty();
    cluster.leaf = Stored::Foreign;
    assert_eq!(cluster.plan(start()), [Action::Refuse(Which::Leaf)]);
    cluster.authority = Stored::Foreign;
    assert_eq!(cluster.plan(start()), [Action::Refuse(Which::Authority)]);
    // Also when the certificates are in use already.
    let mut cluster = Cluster::settled(start());
    cluster.authority = Stored::Foreign;
    assert_eq!(cluster.plan(start()), [Action::Refuse(Which::Authority)]);
}

#[test]
fn a_certificate_that_has_not_begun_by_the_api_servers_clock_is_made_anew() {
    let mut cluster = Cluster::settled(start());
    // A clock that is a little behind takes what another made: certificates start an hour early.
    assert_eq!(cluster.plan(start() - 50.minutes()), []);
    let past = start() - (300 * 24).hours();
    cluster.settle(past);
    assert!(cluster.works(past));
    assert!(!cluster.authority_mut().previous.is_empty(), "nor is the other forgotten");
    // And when the clock is put right again, nothing needs to be done at once.
    assert!(cluster.works(past + 24.hours()));
}

#[test]
fn two_writers_who_read_the_same_and_write_in_turn_agree() {
    let mut first = Cluster::settled(start());
    let now = start() + (250 * 24).hours();
    // Both plan an authority; the second's write meets a newer version, and it looks again.
    let (one, two) = (first.plan(now), first.plan(now));
    assert_eq!(one, two);
    for action in one {
        first.act(now, action);
    }
    assert!(!first.plan(now).iter().any(|a| matches!(a, Action::MakeAuthority { .. })));
    // One was away while the other did the rest: nothing is left to do.
    first.settle(now);
    first.settle(now + 1.hour());
    first.trusted = None;
    assert_eq!(first.plan(now + 1.hour()), []);
}

#[test]
fn another_name_asks_for_another_leaf() {
    let mut cluster = Cluster::settled(start());
    cluster.wish.names.push("127.0.0.1".to_owned());
    let now = start() + SignedDuration::from_mins(1);
    assert_eq!(cluster.plan(now), [Action::MakeLeaf]);
    cluster.settle(now);
    assert!(cluster.leaf().certificate.holds_for(&cluster.wish.names));
}

#[test]
fn a_key_of_another_certificate_is_no_pair() {
    let (one, other) = (issue::authority(start(), DAY), issue::authority(start(), DAY));
    let (one, other) = (one.unwrap(), other.unwrap());
    let error = Pair::read(&one.chain, &other.key).unwrap_err();
    assert_eq!(error, "the key is not the one of the certificate");
    assert!(Pair::read(&one.chain, "no key").is_err());
    assert_eq!(bundle(&one.certificate, &[]), one.chain, "the PEM that is read is written");
    assert!(!one.certificate.is_signed_by(&other.certificate));
    assert!(!format!("{one:?}").contains("PRIVATE"));
}
