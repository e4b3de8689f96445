//! Signing by Standard Webhooks (<https://www.standardwebhooks.com>, version 1): HMAC-SHA256 over `id.timestamp.body`.
//! Pure. Keys live in a type that cannot be printed.

use crate::secret::Secret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// What a secret may begin with; the rest is base64.
const PREFIX: &str = "whsec_";

/// Key sizes in bytes that the specification allows.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A decoded key.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Says nothing of the secret, only what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("secret is not `whsec_` and base64")]
    NotBase64,
    #[error("secret of {0} bytes, the standard wants 24 to 64")]
    Size(usize),
}

impl Key {
    /// `whsec_<base64>`, the prefix optional.
    ///
    /// # Errors
    /// The operator has to make another secret.
    pub fn parse(secret: &Secret) -> Result<Self, KeyError> {
        let text = secret.expose();
        let key = BASE64_STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| KeyError::NotBase64)?;
        if KEY_BYTES.contains(&key.len()) { Ok(Self(key)) } else { Err(KeyError::Size(key.len())) }
    }

    fn sign(&self, id: &str, second: i64, body: &[u8]) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{second}.").as_bytes());
        mac.update(body);
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The value of `webhook-signature`: one signature per key, separated by spaces. `second`: since 1970.
/// `None`: no key.
pub fn sign(keys: &[Key], id: &str, second: i64, body: &[u8]) -> Option<String> {
    let signatures: Vec<String> = keys.iter().filter_map(|key| key.sign(id, second, body)).collect();
    (!signatures.is_empty()).then(|| signatures.join(" "))
}
