//! Who has signed in. Tokens stay in this process's memory, for an hour at most.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use super::{Seen, Viewers};

/// How long one stays signed in.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// How long the cluster's answer about a token holds.
const ANSWER_HOLDS: SignedDuration = SignedDuration::from_secs(60);
/// Sessions, and answers, that are kept at a time; past it, the oldest go.
const MOST: usize = 1000;

/// A token, which is shown to nobody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Who has signed in, and what the cluster said of tokens lately.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: Mutex<HashMap<String, (Token, Timestamp)>>,
    answers: Mutex<HashMap<Token, (Seen, Timestamp)>>,
}

impl Sessions {
    /// Begins a session, and returns its name. `None` where the system gives no randomness.
    pub(super) fn begin(&self, token: Token, now: Timestamp) -> Option<String> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let mut sessions = lock(&self.by_id);
        make_room(&mut sessions, now, |(_, until)| *until);
        sessions.insert(id.clone(), (token, now + LIFETIME));
        Some(id)
    }

    /// The token of a session that has not ended.
    pub(super) fn token(&self, id: &str, now: Timestamp) -> Option<Token> {
        let sessions = lock(&self.by_id);
        sessions.get(id).filter(|(_, until)| now < *until).map(|(token, _)| token.clone())
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &str) {
        lock(&self.by_id).remove(id);
    }

    /// What the cluster says of a token, a minute old at most.
    pub(super) async fn look(
        &self,
        viewers: &Arc<dyn Viewers>,
        token: &Token,
        now: Timestamp,
    ) -> Result<Seen, String> {
        let known = lock(&self.answers).get(token).filter(|(_, until)| now < *until).cloned();
        if let Some((seen, _)) = known {
            return Ok(seen);
        }
        let seen = viewers.look(&token.0).await?;
        let mut answers = lock(&self.answers);
        make_room(&mut answers, now, |(_, until)| *until);
        answers.insert(token.clone(), (seen.clone(), now + ANSWER_HOLDS));
        Ok(seen)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_room<K: Clone + Eq + std::hash::Hash, V>(
    map: &mut HashMap<K, V>,
    now: Timestamp,
    until: impl Fn(&V) -> Timestamp,
) {
    map.retain(|_, value| now < until(value));
    while map.len() >= MOST {
        let oldest = map.iter().min_by_key(|(_, value)| until(value)).map(|(key, _)| key.clone());
        let Some(oldest) = oldest else { return };
        map.remove(&oldest);
    }
}
