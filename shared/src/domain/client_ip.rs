//! Where a request comes from: the address that API Gateway, or the socket at a desk, saw. Never one that a header claims.

use std::{
    convert::Infallible,
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::{FromRequestParts, Request},
    http::{Extensions, request::Parts},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use lambda_http::request::RequestContext;

/// The address of a client, as far as it tells one from another: an IPv4 address, or the /64 of an IPv6 address. Whoever has one
/// address of a /64 has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientAddress(Option<IpAddr>);

/// How the log names a client: `AUDIT_ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressForm {
    /// Not at all.
    None,
    /// By the first 12 octets of a SHA-256: tells clients apart. It is no secret of which address, since there are few of them.
    Hash,
    /// By its network: /24 or /48.
    #[default]
    Network,
    /// In full.
    Full,
}

impl ClientAddress {
    /// The client of a request. Events that name none have one all the same, the same for all of them: what is counted by
    /// address is then counted together.
    pub fn of(request: &Request) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or_else(|| Self::of_event(request.extensions()))
    }

    fn of_event(extensions: &Extensions) -> Self {
        let text = match extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
            _ => None,
        };
        text.and_then(|text| text.parse::<IpAddr>().ok()).map_or(Self(None), Self::from)
    }

    /// The form that the log shows. `None` where it shall show none, or nobody knows the address.
    pub fn to_log(self, form: AddressForm) -> Option<String> {
        let address = self.0?;
        match form {
            AddressForm::None => None,
            AddressForm::Hash => {
                let digest = digest(&SHA256, self.to_string().as_bytes());
                Some(URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]))
            }
            AddressForm::Network => Some(match address {
                IpAddr::V4(address) => {
                    let [a, b, c, _] = address.octets();
                    format!("{a}.{b}.{c}.0/24")
                }
                IpAddr::V6(address) => format!("{}/48", network(address, 48)),
            }),
            AddressForm::Full => Some(self.to_string()),
        }
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(Some(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(network(address, 64)),
            v4 @ IpAddr::V4(_) => v4,
        }))
    }
}

/// An IPv4 address, or a network such as `2001:db8::/64`.
impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("unknown"),
            Some(IpAddr::V4(address)) => address.fmt(f),
            Some(IpAddr::V6(network)) => write!(f, "{network}/64"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or_default())
    }
}

fn network(address: Ipv6Addr, length: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> ClientAddress {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_a_64_of_ipv6() {
        assert_eq!(client("192.0.2.7").to_string(), "192.0.2.7");
        assert_eq!(client("::ffff:192.0.2.7"), client("192.0.2.7"));
        assert_eq!(client("2001:db8:1:2:3:4:5:6").to_string(), "2001:db8:1:2::/64");
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::1"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(ClientAddress::default().to_string(), "unknown");
    }

    #[test]
    fn the_log_shows_an_address_in_the_form_that_the_operator_chooses() {
        let forms = |address: &str| {
            [AddressForm::None, AddressForm::Network, AddressForm::Full].map(|form| client(address).to_log(form))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(forms("192.0.2.7"), [None, some("192.0.2.0/24"), some("192.0.2.7")]);
        assert_eq!(forms("2001:db8:1:2::7"), [None, some("2001:db8:1::/48"), some("2001:db8:1:2::/64")]);
        let hash = client("192.0.2.7").to_log(AddressForm::Hash).unwrap();
        assert!(hash.len() == 16 && !hash.contains("192"), "{hash}");
        assert_ne!(client("192.0.2.8").to_log(AddressForm::Hash).unwrap(), hash);
        assert_eq!(ClientAddress::default().to_log(AddressForm::Full), None);
    }
}
