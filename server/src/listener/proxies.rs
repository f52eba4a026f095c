//! Who really asks, when a proxy stands between. A header that names the client is believed from a trusted proxy only,
//! and only the one that this proxy writes: the other would come from the client unchanged.

use std::net::IpAddr;

use axum::http::{HeaderMap, request::Parts};
use serde::Deserialize;
use trusted_proxies::{Config, Trusted};

use crate::config::ConfigError;

/// Which header the trusted proxies write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`: what nearly all do.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

/// The trusted proxies.
#[derive(Debug)]
pub(crate) struct Proxies {
    config: Config,
    header: ForwardedHeader,
}

impl Proxies {
    /// From the settings: addresses and networks such as `10.0.0.0/8`.
    pub(crate) fn new(trusted: &[String], header: ForwardedHeader) -> Result<Self, ConfigError> {
        let mut config = Config::new();
        for network in trusted {
            config.add_trusted_ip(network).map_err(|_| {
                let reason = format!("{network:?} is neither an address nor a network such as 10.0.0.0/8");
                ConfigError::new("trusted_proxies", reason)
            })?;
        }
        match header {
            ForwardedHeader::XForwardedFor => {
                config.trust_x_forwarded_for();
                config.trust_x_forwarded_proto();
            }
            ForwardedHeader::Forwarded => config.trust_forwarded(),
        }
        Ok(Self { config, header })
    }

    /// Whether an address is one of them.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.config.is_ip_trusted(&peer.to_canonical())
    }

    /// The address that asks: the peer's own, or behind trusted proxies the last one that is none of them.
    pub(crate) fn client(&self, peer: IpAddr, parts: &Parts) -> IpAddr {
        Trusted::from(peer.to_canonical(), parts, &self.config).ip().to_canonical()
    }

    /// Whether a trusted proxy says that the client came to it over TLS.
    pub(crate) fn say_encrypted(&self, peer: IpAddr, parts: &Parts) -> bool {
        // Without its header the library would answer with what the request says of itself.
        self.trusts(peer)
            && self.tells(&parts.headers)
            && Trusted::from(peer.to_canonical(), parts, &self.config)
                .scheme()
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    fn tells(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-proto",
            ForwardedHeader::Forwarded => "forwarded",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn client(header: ForwardedHeader, peer: &str, headers: &[(&str, &str)]) -> (String, bool) {
        let trusted = ["10.0.0.0/8".to_owned(), "2001:db8::7".to_owned()];
        let proxies = Proxies::new(&trusted, header).unwrap();
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let peer = peer.parse().unwrap();
        (proxies.client(peer, &parts).to_string(), proxies.say_encrypted(peer, &parts))
    }

    #[test]
    fn an_untrusted_peer_is_believed_nothing() {
        let forged = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=192.0.2.1;proto=https"),
        ];
        for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            assert_eq!(client(header, "198.51.100.9", &forged), ("198.51.100.9".to_owned(), false));
        }
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_counts() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let told = [("x-forwarded-for", "203.0.113.5, 192.0.2.1, 10.1.2.3"), ("x-forwarded-proto", "https")];
        assert_eq!(client(XForwardedFor, "10.0.0.1", &told), ("192.0.2.1".to_owned(), true));
        assert_eq!(client(XForwardedFor, "::ffff:10.0.0.1", &told).0, "192.0.2.1", "an IPv4 peer of an IPv6 socket");
        let told = [("forwarded", "for=203.0.113.5;proto=http, for=\"[2001:db8::1]:4000\";proto=https")];
        assert_eq!(client(Forwarded, "2001:db8::7", &told), ("2001:db8::1".to_owned(), true));
    }

    #[test]
    fn the_header_that_the_proxy_does_not_write_is_the_clients_own_and_not_believed() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let told = [("forwarded", "for=203.0.113.5;proto=https"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(client(XForwardedFor, "10.0.0.1", &told), ("192.0.2.1".to_owned(), false));
        assert_eq!(client(Forwarded, "10.0.0.1", &told), ("203.0.113.5".to_owned(), true));
    }

    #[test]
    fn nonsense_from_a_trusted_proxy_leaves_its_own_address() {
        let told = [("x-forwarded-for", "unknown")];
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1", &told), ("10.0.0.1".to_owned(), false));
        assert!(Proxies::new(&["10.0.0.0/33".to_owned()], ForwardedHeader::default()).is_err());
    }
}
