//! Who has signed in. Tokens stay in this process's memory, for an hour at most.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::{Seen, Viewers};

/// How long one stays signed in.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// How long the cluster's answer about a token holds.
const ANSWER_HOLDS: SignedDuration = SignedDuration::from_secs(60);
/// Sessions, and answers, that are kept at a time; past it, the oldest go.
const MOST: usize = 1000;
/// Tokens that the cluster is asked about at a time: whoever sends many made-up ones waits, and the API server does not.
const ASKED_AT_ONCE: usize = 4;

/// A token, which is shown to nobody.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Token(pub(super) String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Who has signed in, and what the cluster said of tokens lately.
#[derive(Debug)]
pub(super) struct Sessions {
    by_id: Mutex<HashMap<String, (Token, Timestamp)>>,
    answers: Mutex<HashMap<Token, (Seen, Timestamp)>>,
    asking: Semaphore,
}

impl Default for Sessions {
    fn default() -> Self {
        let asking = Semaphore::new(ASKED_AT_ONCE);
        Self { by_id: Mutex::default(), answers: Mutex::default(), asking }
    }
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

    fn known(&self, token: &Token, now: Timestamp) -> Option<Seen> {
        let answers = lock(&self.answers);
        answers.get(token).filter(|(_, until)| now < *until).map(|(seen, _)| seen.clone())
    }

    /// What the cluster says of a token, a minute old at most.
    pub(super) async fn look(
        &self,
        viewers: &Arc<dyn Viewers>,
        token: &Token,
        now: Timestamp,
    ) -> Result<Seen, String> {
        if let Some(seen) = self.known(token, now) {
            return Ok(seen);
        }
        let _permit = self.asking.acquire().await.map_err(|error| error.to_string())?;
        // Somebody may have asked meanwhile.
        if let Some(seen) = self.known(token, now) {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{BoxFuture, join_all};

    use super::*;

    /// Takes a moment over each token.
    #[derive(Debug, Default)]
    struct Slow {
        now: AtomicUsize,
        most: AtomicUsize,
        asked: AtomicUsize,
    }

    impl Viewers for Slow {
        fn look<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Seen, String>> {
            Box::pin(async move {
                let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
                self.most.fetch_max(now, Ordering::Relaxed);
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                self.now.fetch_sub(1, Ordering::Relaxed);
                Ok(Seen::Unknown)
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_cluster_is_asked_about_few_tokens_at_a_time_and_each_once() {
        let (sessions, slow) = (Sessions::default(), Arc::new(Slow::default()));
        let viewers: Arc<dyn Viewers> = Arc::clone(&slow) as _;
        let now = Timestamp::UNIX_EPOCH;
        let tokens: Vec<Token> = (0..40).map(|n| Token((n % 20).to_string())).collect();
        let looks = tokens.iter().map(|token| sessions.look(&viewers, token, now));
        assert!(join_all(looks).await.iter().all(|seen| *seen == Ok(Seen::Unknown)));
        assert_eq!(slow.most.load(Ordering::Relaxed), ASKED_AT_ONCE);
        assert_eq!(slow.asked.load(Ordering::Relaxed), 20);
    }
}
