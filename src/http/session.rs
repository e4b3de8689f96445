//! Browser sessions, and the throttle of those who guess. In memory: a restart logs everybody out, nothing else.

use super::auth::Caller;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

/// A working week without logging in again.
pub const LIFE: SignedDuration = SignedDuration::from_hours(24 * 7);
/// More than any team has browsers; beyond, the oldest is logged out.
pub const SESSIONS_MAX: usize = 1_000;
/// Tries to log in from one address, also in one burst. Generous to typing, hopeless for guessing.
const TRIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Addresses that are remembered at once.
const ADDRESSES_MAX: usize = 10_000;

const COOKIE: &str = "reputed_session";
/// 256 bits from the system: not to be guessed.
const ID_BYTES: usize = 32;

struct Session {
    caller: Caller,
    ends_at: Timestamp,
}

/// By the hash of the id: whoever reads our memory cannot log in with it, and looking up tells nothing by its time.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    /// Begins one and returns its id, to be kept by the browser. `None` when the system has no randomness to give.
    pub fn begin(&self, caller: Caller, now: Timestamp) -> Option<String> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes).ok()?;
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let mut sessions = self.lock();
        if sessions.len() >= SESSIONS_MAX {
            sessions.retain(|_, session| session.ends_at > now);
        }
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.ends_at).map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(key(&id), Session { caller, ends_at: now.saturating_add(LIFE).unwrap_or(now) });
        Some(id)
    }

    pub fn find(&self, id: &str, now: Timestamp) -> Option<Caller> {
        self.lock().get(&key(id)).filter(|session| session.ends_at > now).map(|session| session.caller.clone())
    }

    pub fn end(&self, id: &str) {
        self.lock().remove(&key(id));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Session>> {
        // Inserting and removing leave the map whole whatever panics in between.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(id: &str) -> [u8; 32] {
    *blake3::hash(id.as_bytes()).as_bytes()
}

/// The session id of a request.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE && !value.is_empty()).then_some(value))
}

/// `Set-Cookie`; `id` empty takes it away. `secure` when people reach us by TLS.
pub fn set_cookie(id: &str, secure: bool) -> String {
    let age = if id.is_empty() { 0 } else { LIFE.as_secs() };
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}")
}

/// Lets each address try to log in so often and no oftener, right or wrong.
pub struct Throttle(DefaultKeyedRateLimiter<IpAddr>);

impl Throttle {
    pub fn new() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(TRIES_PER_MINUTE)))
    }

    /// False: not now. With too many addresses at once to remember, nobody new may try.
    pub fn admits(&self, address: IpAddr) -> bool {
        if self.0.len() >= ADDRESSES_MAX {
            self.0.retain_recent();
            self.0.shrink_to_fit();
        }
        self.0.len() < ADDRESSES_MAX && self.0.check_key(&network(address)).is_ok()
    }
}

/// One household or server has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::auth::{Right, Role};
    use super::*;

    fn caller() -> Caller {
        Caller { who: "ann".into(), right: Right::Person(Role::Viewer), brands: None }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_session_ends() {
        let sessions = Sessions::default();
        let id = sessions.begin(caller(), at(0)).unwrap();
        assert_eq!(sessions.find(&id, at(60)), Some(caller()));
        assert_eq!(sessions.find("guess", at(60)), None);
        assert_eq!(sessions.find(&id, at(LIFE.as_secs())), None);
        sessions.end(&id);
        assert_eq!(sessions.find(&id, at(60)), None);
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.begin(caller(), at(0)).unwrap();
        let second = sessions.begin(caller(), at(1)).unwrap();
        for n in 2..=SESSIONS_MAX as i64 {
            sessions.begin(caller(), at(n)).unwrap();
        }
        assert_eq!(sessions.find(&first, at(2)), None);
        assert!(sessions.find(&second, at(2)).is_some());
        assert_eq!(sessions.lock().len(), SESSIONS_MAX);
    }

    #[test]
    fn finds_its_cookie_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, "a=b; reputed_session=; x".parse().unwrap());
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, "c=d;reputed_session=abc".parse().unwrap());
        assert_eq!(cookie(&headers), Some("abc"));
        assert!(set_cookie("abc", true).contains("Secure") && !set_cookie("abc", false).contains("Secure"));
        assert!(set_cookie("", true).contains("Max-Age=0"));
    }

    #[test]
    fn who_tries_too_often_waits() {
        let throttle = Throttle::new();
        let (guesser, neighbour) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        let admitted = (0..100).filter(|_| throttle.admits(guesser)).count();
        assert_eq!(admitted, TRIES_PER_MINUTE.get() as usize);
        assert!(!throttle.admits(neighbour), "the same network");
        assert!(throttle.admits("192.0.2.1".parse().unwrap()));
    }
}
