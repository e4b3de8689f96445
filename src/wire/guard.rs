//! Which addresses lie in public, and which lead inside: to this machine, its network, or through a tunnel to either.
//! Pure: resolves nothing and connects to nothing. It refuses to know names, only addresses, since a name may answer
//! differently the next time.
//! Source: IANA special-purpose address registries for IPv4 and IPv6 (RFC 6890 and updates), read in November 2026.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Ranges of IPv4 that are not public.
const V4: [(Ipv4Net, &str); 19] = [
    (v4(0, 0, 0, 0, 8), "unspecified"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "carrier-grade NAT"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol assignment"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 31, 196, 0, 24), "protocol assignment"),
    (v4(192, 52, 193, 0, 24), "protocol assignment"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(192, 175, 48, 0, 24), "protocol assignment"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(255, 255, 255, 255, 32), "broadcast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// Ranges of IPv6 that are not public, the first that holds an address names it. Those that carry an IPv4 address
/// inside are refused whatever it is: somebody else's gateway decides where they end.
const V6: [(Ipv6Net, &str); 19] = [
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified"),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), "IPv4-mapped"),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), "IPv4-translated"),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "IPv4-compatible"),
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), "NAT64"),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "NAT64"),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo"),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "benchmarking"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "protocol assignment"),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), "protocol assignment"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

/// The only part of IPv6 that is handed out for public use.
const V6_PUBLIC: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(s: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]), length)
}

/// An address that may not be connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("{ip} is {why}")]
    Address { ip: IpAddr, why: &'static str },
    #[error("scheme `{0}` is neither http nor https")]
    Scheme(String),
    #[error("the URL has no host")]
    NoHost,
}

pub fn is_public(ip: IpAddr) -> bool {
    not_public(ip).is_none()
}

/// What kind of address it is when it is not public.
pub fn not_public(ip: IpAddr) -> Option<&'static str> {
    match ip {
        IpAddr::V4(ip) => V4.iter().find(|(net, _)| net.contains(&ip)).map(|(_, why)| *why),
        IpAddr::V6(ip) => match V6.iter().find(|(net, _)| net.contains(&ip)) {
            Some((_, why)) => Some(why),
            None if !V6_PUBLIC.contains(&ip) => Some("not global"),
            None => None,
        },
    }
}

/// # Errors
/// [`Refused::Address`] unless `ip` is public or lies in one of the ranges of `allow`.
pub fn permit(ip: IpAddr, allow: &[IpNet]) -> Result<(), Refused> {
    match not_public(ip) {
        Some(why) if !allow.iter().any(|net| net.contains(&ip)) => Err(Refused::Address { ip, why }),
        _ => Ok(()),
    }
}

/// What can be said of a URL before its name is resolved: scheme, and a host that is an address in whatever spelling
/// (`url` reads decimal, octal, hexadecimal and shortened ones as IPv4).
///
/// # Errors
/// Why no request may go there.
pub fn permit_url(url: &Url, allow: &[IpNet]) -> Result<(), Refused> {
    permit_scheme(url)?;
    match url.host() {
        Some(Host::Ipv4(ip)) => permit(ip.into(), allow),
        Some(Host::Ipv6(ip)) => permit(ip.into(), allow),
        Some(Host::Domain(_)) => Ok(()),
        None => Err(Refused::NoHost),
    }
}

/// # Errors
/// [`Refused::Scheme`] for anything but `http` and `https`.
pub fn permit_scheme(url: &Url) -> Result<(), Refused> {
    match url.scheme() {
        "http" | "https" => Ok(()),
        other => Err(Refused::Scheme(other.to_owned())),
    }
}

#[cfg(test)]
mod tests;
