//! Names of hosts become addresses, but for those that only this machine or its own link can reach.
//!
//! Who owns a name says where it leads: to a service that trusts whoever sits on this machine, or to the cloud's own metadata,
//! which hands out credentials. An operator who wants such a place names its address, or `localhost`.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// As the system resolves names, without places that are nobody else's business.
#[derive(Debug)]
pub(super) struct Resolver;

/// A name that leads where no name may.
#[derive(Debug, thiserror::Error)]
#[error(
    "the name '{name}' leads to this machine or its own link; allow its address instead, if that is meant"
)]
struct Hidden {
    name: String,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            let all: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let is_local = is_localhost(name);
            let open: Vec<SocketAddr> =
                all.iter().copied().filter(|address| is_local || is_open(address.ip())).collect();
            if open.is_empty() && !all.is_empty() {
                return Err(Hidden { name: name.to_owned() }.into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

/// The names of this machine itself (RFC 6761).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// True for addresses that other machines may have.
fn is_open(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            !(address.is_loopback() || address.is_link_local() || address.is_unspecified())
        }
        IpAddr::V6(address) => {
            !(address.is_loopback() || address.is_unicast_link_local() || address.is_unspecified())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_link_are_hidden() {
        let open = |text: &str| is_open(text.parse().expect("an address"));
        for hidden in [
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "0.0.0.0",
            "::1",
            "::",
            "fe80::1",
            "::ffff:169.254.169.254",
        ] {
            assert!(!open(hidden), "{hidden}");
        }
        assert!(open("10.0.0.1") && open("192.168.1.1") && open("1.1.1.1") && open("2001:db8::1"));
        assert!(
            is_localhost("LOCALHOST.") && is_localhost("a.localhost") && !is_localhost("localhost.example")
        );
    }
}
