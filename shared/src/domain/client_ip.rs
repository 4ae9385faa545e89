//! The client's IP address: its identity for rate limiting, and its forms in the log.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The network that identifies a client: an IPv4 address, or the /64 of an IPv6 address. A subscriber usually controls
/// every address of a /64. The default value stands for an unknown address.
///
/// ```
/// use std::net::IpAddr;
/// use shared::domain::client_ip::{AddressForm, ClientAddress};
///
/// let client = ClientAddress::from("2001:db8:1:2::7".parse::<IpAddr>()?);
/// assert_eq!(client.to_string(), "2001:db8:1:2::/64");
/// assert_eq!(client.to_log(AddressForm::Network).as_deref(), Some("2001:db8:1::/48"));
/// # Ok::<_, std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientAddress(Option<IpAddr>);

/// The form of client addresses in the log: `AUDIT_ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressForm {
    /// Omitted.
    None,
    /// The first 12 bytes of the address's SHA-256. It correlates requests but does not hide the address: the IPv4
    /// space is small enough to enumerate.
    Hash,
    /// The network: /24 for IPv4, /48 for IPv6.
    #[default]
    Network,
    /// The whole address, or the /64 of an IPv6 address.
    Full,
}

impl ClientAddress {
    /// The address in the form for the log. `None` if the form omits it or the address is unknown.
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
    fn a_client_is_identified_by_its_ipv4_address_or_its_ipv6_64() {
        assert_eq!(client("192.0.2.7").to_string(), "192.0.2.7");
        assert_eq!(client("::ffff:192.0.2.7"), client("192.0.2.7"));
        assert_eq!(client("2001:db8:1:2:3:4:5:6").to_string(), "2001:db8:1:2::/64");
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::1"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_eq!(ClientAddress::default().to_string(), "unknown");
    }

    #[test]
    fn the_log_shows_addresses_in_the_configured_form() {
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
