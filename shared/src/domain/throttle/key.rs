//! The identifiers under which attempts are counted.

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::DeviceId;
use crate::domain::{client_ip::ClientAddress, session::SessionId, user::PublicId};

/// The identifier of a counter: a SHA-256 in base64url without padding, so the table holds no e-mail or IP address in
/// plaintext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleKey {
    id: String,
    kind: &'static str,
}

impl ThrottleKey {
    /// Guesses at an account from one address. The account is named by its canonical email address; malformed
    /// addresses are counted as typed.
    pub fn pair(account: &str, client: ClientAddress) -> Self {
        Self::hashed("pair", &[account, &client.to_string()])
    }

    /// Guesses at an account from a device. Without the device's identifier, the key cannot be found.
    pub fn device(account: &str, device: &DeviceId) -> Self {
        Self::hashed("device", &[account, &device.to_text()])
    }

    /// Guesses at the caller's own password by the holder of one of the account's sessions, or of a token without
    /// session.
    pub fn session_pair(user: PublicId, session: Option<SessionId>) -> Self {
        let session = session.map(|session| session.to_string()).unwrap_or_default();
        Self::hashed("session-pair", &[&user.to_string(), &session])
    }

    /// Guesses at an account from all addresses.
    pub fn account(account: &str) -> Self {
        Self::hashed("account", &[account])
    }

    /// Guesses from an address at all accounts.
    pub fn address(client: ClientAddress) -> Self {
        Self::hashed("address", &[&client.to_string()])
    }

    /// Sign-ups from an address.
    pub fn sign_ups(client: ClientAddress) -> Self {
        Self::hashed("sign-ups", &[&client.to_string()])
    }

    fn hashed(kind: &'static str, parts: &[&str]) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(kind.as_bytes());
        for part in parts {
            // Only the first part can contain a NUL, so the separator is unambiguous.
            digest.update(&[0]);
            digest.update(part.as_bytes());
        }
        Self { id: URL_SAFE_NO_PAD.encode(digest.finish()), kind }
    }

    /// Whether this is the counter of an account, in which log-ins of new clients are counted too.
    pub fn is_account(&self) -> bool {
        self.kind == "account"
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_distinct_identifiers_that_hide_the_address() {
        let client = ClientAddress::from(std::net::IpAddr::from([192, 0, 2, 7]));
        let ids = [
            ThrottleKey::pair("ada@example.com", client),
            ThrottleKey::pair("ada@example.com", ClientAddress::default()),
            ThrottleKey::account("ada@example.com"),
            ThrottleKey::address(client),
            ThrottleKey::sign_ups(client),
            ThrottleKey::session_pair(PublicId::from_bytes([7; 16]), None),
        ];
        for (position, id) in ids.iter().enumerate() {
            assert_eq!(id.as_str().len(), 43);
            assert!(!ids[..position].contains(id));
        }
    }

    /// docs/reference/data-model.md describes the identifiers:
    /// `printf 'account\0ada@example.com' | openssl dgst -sha256 -binary | basenc --base64url`.
    #[test]
    fn an_identifier_is_computed_as_the_documentation_says() {
        assert_eq!(ThrottleKey::account("ada@example.com").as_str(), "fiG_0JNchwmkMN7ZeFtUYIN1GdzECFp3PP9IwHavEJ4");
    }
}
