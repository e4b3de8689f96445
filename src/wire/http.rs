//! The HTTP client of sources and hooks: one TLS setup, guarded addresses, capped bodies, bounded time.
//! Proxies from the environment are not used: a proxy resolves names itself, past the guard.
//! Retrying is the caller's business; this sends once.

use super::{guard, tls};
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Hops that a GET may be sent on; browsers allow 20, feeds in the wild need two or three.
const REDIRECTS_MAX: usize = 5;

/// Longer than three lost SYN packets; what does not answer by then is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Hosts are many and polled rarely: an idle connection to each would only hold sockets.
const IDLE_CONNECTIONS_PER_HOST_MAX: usize = 4;

/// How we introduce ourselves.
pub const USER_AGENT: &str = concat!("reputed/", env!("CARGO_PKG_VERSION"));

/// Which addresses a client may connect to. Checked for the very address that is connected to, at every redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// An operator's own source URL: its host may be anything, a redirect may not lead from a public to a private address.
    Configured,
    /// A hook's URL: public addresses and these ranges only; redirects are not followed.
    Public { allow: Vec<IpNet> },
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Client {
    reach: Reach,
    /// Connects to anything; only [`Reach::Configured`] uses it, and only until a public address was met.
    open: reqwest::Client,
    /// Connects to what the guard permits.
    guarded: reqwest::Client,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: reqwest::Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
    /// From connecting to the last byte.
    pub timeout: Duration,
    /// Larger answers are an [`Error::TooLarge`]; counted after decompression.
    pub body_bytes_max: usize,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    /// After redirects.
    pub url: Url,
    /// Every hop was a permanent redirect (301, 308): the configured URL may be updated.
    pub moved_permanently: bool,
    pub body: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("address not allowed: {0}")]
    Forbidden(String),
    #[error("answer over {0} bytes")]
    TooLarge(usize),
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    #[error("{0}")]
    Failed(String),
}

impl From<guard::Refused> for Error {
    fn from(refused: guard::Refused) -> Self {
        Error::Forbidden(refused.to_string())
    }
}

impl Client {
    pub fn new(reach: Reach) -> Self {
        Self::with_lookup(reach, Arc::new(|name| Box::pin(async move { system_lookup(&name).await })))
    }

    fn with_lookup(reach: Reach, lookup: Lookup) -> Self {
        let allow = match &reach {
            Reach::Configured => Vec::new(),
            Reach::Public { allow } => allow.clone(),
        };
        let open = build(Resolver { lookup: lookup.clone(), allow: None });
        let guarded = build(Resolver { lookup, allow: Some(allow.into()) });
        Self { reach, open, guarded }
    }

    /// Sends once. A GET of [`Reach::Configured`] follows up to five redirects within the same time limit; every other
    /// 3xx is returned as it is. Status codes are no errors here.
    ///
    /// # Errors
    /// [`Error::Forbidden`] will not mend by itself; the rest may, later.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let timeout = request.timeout;
        tokio::time::timeout(timeout, self.exchange(request)).await.unwrap_or(Err(Error::Timeout(timeout)))
    }

    async fn exchange(&self, request: Request) -> Result<Response, Error> {
        let headers = headers(&request.headers)?;
        let body_bytes_max = request.body_bytes_max;
        let (response, url, hops) = match &self.reach {
            Reach::Public { allow } => {
                guard::permit_url(&request.url, allow)?;
                let url = request.url.clone();
                (hop(&self.guarded, &request.method, url, headers, request.body).await?, request.url, Hops::default())
            }
            Reach::Configured => self.follow(request, headers).await?,
        };
        Ok(Response {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            url,
            moved_permanently: hops.count > 0 && !hops.temporary,
            body: read_body(response, body_bytes_max).await?,
        })
    }

    async fn follow(&self, request: Request, mut headers: HeaderMap) -> Result<(reqwest::Response, Url, Hops), Error> {
        guard::permit_scheme(&request.url)?;
        let mut url = request.url;
        let mut body = request.body;
        let mut hops = Hops::default();
        let mut been_public = false;
        loop {
            if been_public {
                guard::permit_url(&url, &[])?;
            }
            let client = if been_public { &self.guarded } else { &self.open };
            let response = hop(client, &request.method, url.clone(), headers.clone(), body.take()).await?;
            let Some(next) = redirect(&request.method, &response, &url) else {
                return Ok((response, url, hops));
            };
            hops.add(response.status().as_u16())?;
            // An unknown peer counts as public, which is the stricter side.
            been_public |= response.remote_addr().is_none_or(|peer| guard::is_public(peer.ip()));
            guard::permit_scheme(&next)?;
            if next.origin() != url.origin() {
                headers.remove(AUTHORIZATION);
                headers.remove(COOKIE);
            }
            url = next;
        }
    }
}

#[derive(Default)]
struct Hops {
    count: usize,
    temporary: bool,
}

impl Hops {
    fn add(&mut self, status: u16) -> Result<(), Error> {
        self.count += 1;
        self.temporary |= !matches!(status, 301 | 308);
        if self.count > REDIRECTS_MAX {
            return Err(Error::Failed(format!("more than {REDIRECTS_MAX} redirects")));
        }
        Ok(())
    }
}

async fn hop(
    client: &reqwest::Client,
    method: &reqwest::Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
) -> Result<reqwest::Response, Error> {
    let mut builder = client.request(method.clone(), url).headers(headers);
    if let Some(body) = body {
        builder = builder.body(body);
    }
    builder.send().await.map_err(failure)
}

/// Where a GET is sent on to, if it is.
fn redirect(method: &reqwest::Method, response: &reqwest::Response, url: &Url) -> Option<Url> {
    if *method != reqwest::Method::GET || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    url.join(location).ok()
}

/// Counts what comes out of the decoder, so that a small answer cannot unpack into a large one.
async fn read_body(mut response: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(Error::TooLarge(bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let bad = || Error::Failed(format!("header `{name}` cannot be sent"));
        let key = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
        headers.append(key, HeaderValue::try_from(value.as_str()).map_err(|_| bad())?);
    }
    Ok(headers)
}

/// Names the innermost cause: the outer ones only say "error sending request" and repeat the URL, which may hold a key.
fn failure(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    loop {
        if let Some(refused) = cause.downcast_ref::<guard::Refused>() {
            return Error::Forbidden(refused.to_string());
        }
        match cause.source() {
            Some(source) => cause = source,
            None if error.is_timeout() => return Error::Timeout(CONNECT_TIMEOUT),
            None => return Error::Failed(cause.to_string()),
        }
    }
}

fn build(resolver: Resolver) -> reqwest::Client {
    let mut tls = (*tls::client_config()).clone();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_PER_HOST_MAX)
        .build();
    // Everything is passed in: nothing of the machine is read that could fail.
    let Ok(client) = client else { unreachable!("an HTTP client cannot be built from fixed settings") };
    client
}

type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

async fn system_lookup(name: &str) -> std::io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
}

/// Resolves, filters, and hands on only what may be connected to: no second look-up can change the answer.
struct Resolver {
    lookup: Lookup,
    /// `None`: everything may be connected to.
    allow: Option<Arc<[IpNet]>>,
}

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let allow = self.allow.clone();
        Box::pin(async move {
            let found = found.await?;
            let (mut passed, mut refused) = (Vec::with_capacity(found.len()), None);
            for ip in found {
                match allow.as_ref().map_or(Ok(()), |allow| guard::permit(ip, allow)) {
                    Ok(()) => passed.push(SocketAddr::new(ip, 0)),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if passed.is_empty() => Err(why.into()),
                _ => Ok(Box::new(passed.into_iter()) as reqwest::dns::Addrs),
            }
        })
    }
}

impl Request {
    pub fn get(url: Url) -> Self {
        Self {
            method: reqwest::Method::GET,
            url,
            headers: Vec::new(),
            body: None,
            timeout: Duration::from_secs(30),
            body_bytes_max: 8 << 20,
        }
    }
}

impl Response {
    /// Seconds or an HTTP date, against `now`; `None` when absent or unreadable. Capped by the caller.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        parse_retry_after(self.header(RETRY_AFTER.as_str())?, now)
    }

    /// The first header of that name, when it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    Some(at.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests;
