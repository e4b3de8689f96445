//! What every connection outward shares: TLS roots, the HTTP client, websockets, backoff, the private-address guard, size caps.

pub mod backoff;
pub mod guard;
pub mod http;
pub mod tls;
pub mod websocket;
