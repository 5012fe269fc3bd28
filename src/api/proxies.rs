//! Who asks: the address of the connection, or what the proxies that the operator trusts say of it.

use std::net::IpAddr;
use std::str::FromStr;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName};

use crate::pool::Client;

static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that a connection comes from; every request that came over a socket has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// An address, or all that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// As an IPv6 address.
    first: u128,
    mask: u128,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no address; expected one such as 10.0.0.1 or a network such as 10.0.0.0/8")]
pub struct NetworkError {
    text: String,
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct Trusted(Vec<Network>);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError { text: text.to_owned() };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_unlike| wrong())?)),
            None => (text, None),
        };
        let address = IpAddr::from_str(address.trim()).map_err(|_unlike| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let free = width
            - bits.filter(|bits| *bits <= width).or(bits.is_none().then_some(width)).ok_or_else(wrong)?;
        let mask = u128::MAX.checked_shl(free).unwrap_or(0);
        Ok(Self { first: bits_of(address) & mask, mask })
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        bits_of(address) & self.mask == self.first
    }
}

/// All addresses as those of IPv6.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Trusted {
    /// These proxies.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    pub(super) fn holds(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// The client of a request.
    pub(super) fn client(&self, request: &Request) -> Client {
        let Some(Peer(peer)) = request.extensions().get::<Peer>() else { return Client::default() };
        Client::at(self.origin(*peer, request.headers()))
    }

    /// The last hop that no trusted proxy vouches for: what stands before it, anybody may have written.
    fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values = headers.get_all(&FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        let mut origin = peer;
        for hop in hops.into_iter().rev() {
            if !self.holds(origin) {
                break;
            }
            match address_of(hop.trim()) {
                Some(address) => origin = address,
                None => break,
            }
        }
        origin
    }
}

/// An address, with or without a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let socket = || hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    hop.trim_matches(['[', ']']).parse().ok().or_else(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(networks: &[&str]) -> Trusted {
        Trusted::new(networks.iter().map(|text| text.parse().expect("a network")).collect())
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let origin = |networks: &[&str], peer: &str, said: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(&FORWARDED_FOR, axum::http::HeaderValue::from_static(value));
            }
            trusted(networks).origin(peer.parse().expect("an address"), &headers).to_string()
        };
        assert_eq!(origin(&[], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1", "nobody is trusted");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.9.9.9"]), "1.2.3.4");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &["6.6.6.6", "[2001:db8::1]:99"]), "2001:db8::1");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4:5"]), "1.2.3.4");
        assert_eq!(origin(&["10.0.0.0/8"], "10.0.0.1", &["unknown"]), "10.0.0.1");
        assert_eq!(origin(&["10.0.0.0/8"], "9.0.0.1", &["1.2.3.4"]), "9.0.0.1");
    }

    #[test]
    fn networks_hold_what_begins_like_them() {
        let holds =
            |network: &str, address: &str| trusted(&[network]).holds(address.parse().expect("an address"));
        assert!(holds("192.168.0.0/16", "192.168.9.9") && !holds("192.168.0.0/16", "192.169.0.0"));
        assert!(holds("10.0.0.1", "10.0.0.1") && !holds("10.0.0.1", "10.0.0.2"));
        assert!(holds("fd00::/8", "fd12::1") && !holds("fd00::/8", "fe80::1"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
        for wrong in ["", "10.0.0.0/33", "a/8", "10.0.0.0/x", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
