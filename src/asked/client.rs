//! Asks origins over the network, and gives up early.
//!
//! Nothing is sent but the request line, the Host and the agent; no redirect is followed, no proxy
//! is used, and the address that is connected to is one that was looked at.

#![expect(clippy::disallowed_methods, reason = "asking is one of the ends, and has a clock")]

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use jiff::Timestamp;
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::Uri;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::{Answer, Ask, Asked};
use crate::limits::{ASKED_AT_ONCE, ASKED_BYTES, ASKED_HEADER_BYTES, ASKED_WITHIN};
use crate::viewer::plain;

/// What CloudFront calls itself where the viewer's agent is not forwarded.
const AGENT: &str = "Amazon CloudFront";

/// Asks every question, a few at once. `private` lets private addresses be asked as well.
pub fn ask(asks: Vec<Ask>, private: bool) -> Vec<Asked> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(asks.len()));
    let work = || {
        while let Some(ask) = asks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let at = Timestamp::now();
            let answer = one(ask, private);
            let asked = Asked { at, ask: ask.clone(), answer };
            done.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        }
    };
    thread::scope(|scope| {
        for _ in 0..ASKED_AT_ONCE.min(asks.len()) {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort();
    done
}

fn one(ask: &Ask, private: bool) -> Answer {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(ASKED_WITHIN))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .max_response_header_size(ASKED_HEADER_BYTES)
        .user_agent(AutoHeaderValue::Provided(Arc::new(AGENT.to_owned())))
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .build();
    let refused = Arc::new(Mutex::new(false));
    let pinned = Pinned {
        connect: format!("http://{}:{}/", ask.connect, ask.port),
        private,
        refused: refused.clone(),
        inner: DefaultResolver::default(),
    };
    let agent = Agent::with_parts(config, DefaultConnector::default(), pinned);
    let sent = match ask.method.as_str() {
        "HEAD" => agent.head(&ask.url).call(),
        "GET" => agent.get(&ask.url).call(),
        _ => return Answer::NotAsked("only GET and HEAD are asked".to_owned()),
    };
    let answer = match sent {
        Ok(mut answer) => {
            let header = |name: &str| {
                answer.headers().get(name).and_then(|value| value.to_str().ok()).map(plain)
            };
            let kind = header("content-type")
                .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
            let server = header("server");
            let told = header("content-length").and_then(|length| length.parse().ok());
            let status = answer.status().as_u16();
            let head = ask.method == "HEAD";
            match read(&mut answer.body_mut().as_reader()) {
                // What was promised and what came are two things.
                Ok(length) if !head => Ok((status, kind, length, server)),
                Ok(_) => Ok((status, kind, told, server)),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    };
    match answer {
        Ok((status, content_type, content_length, server)) => {
            Answer::Said { status, content_type, content_length, server }
        }
        Err(_) if *refused.lock().unwrap_or_else(PoisonError::into_inner) => {
            Answer::NotAsked(format!("{} has a private address only", plain(&ask.connect)))
        }
        Err(Error::Timeout(_)) => Answer::TimedOut,
        Err(Error::HostNotFound) => {
            Answer::NotAsked(format!("{} has no address", plain(&ask.connect)))
        }
        Err(error) => Answer::Failed(plain(&error.to_string())),
    }
}

/// The length of a body; `None` where it is longer than what is read.
fn read(body: &mut impl Read) -> Result<Option<u64>, Error> {
    let mut length = 0;
    let mut part = [0; 4096];
    while length <= ASKED_BYTES {
        match body.read(&mut part).map_err(Error::from)? {
            0 => return Ok(Some(length)),
            more => length += more as u64,
        }
    }
    Ok(None)
}

/// Resolves one name, whatever the URL says, and keeps private addresses out.
#[derive(Debug)]
struct Pinned {
    connect: String,
    private: bool,
    refused: Arc<Mutex<bool>>,
    inner: DefaultResolver,
}

impl Resolver for Pinned {
    fn resolve(
        &self,
        _: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let connect: Uri = self.connect.parse().map_err(|_| Error::HostNotFound)?;
        let all = self.inner.resolve(&connect, config, timeout)?;
        let mut kept = self.empty();
        let allowed = |address: &&SocketAddr| self.private || !is_private(address.ip());
        for address in all.iter().filter(allowed) {
            kept.push(*address);
        }
        if kept.is_empty() {
            let refused = !all.is_empty();
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
            return Err(Error::HostNotFound);
        }
        Ok(kept)
    }
}

/// Whether an address is not one of the public Internet: one's own machine and network, the
/// metadata of a cloud machine, and all that leads there in another spelling.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let last = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // IPv4 in its clothes: mapped, compatible (`::` and `::1` are among these), translated.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0, 0, ..] => is_private_v4(last()),
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_private_v4(last()),
        [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_private_v4(Ipv4Addr::new(a, b, c, d))
        }
        // All of the Internet is in 2000::/3; what of it documents or tunnels is not asked.
        [first, second, ..] => {
            !(0x2000..0x4000).contains(&first)
                || (first == 0x2001 && (second < 0x200 || second == 0xdb8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_spelling() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ];
        for text in private {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in
            ["52.84.1.1", "8.8.8.8", "2600:9000:2000::1", "64:ff9b::808:808", "::ffff:8.8.8.8"]
        {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }
}
