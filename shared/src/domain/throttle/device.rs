//! Devices: browsers that have logged in (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

use std::fmt;

use aws_lc_rs::{error::Unspecified, rand};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The identifier of a device: 32 random bytes, in base64url without padding 43 characters. It is a secret of the
/// browser. Only its hash together with an account is stored: [`ThrottleKey::device`](super::ThrottleKey::device).
///
/// ```
/// use shared::domain::throttle::DeviceId;
///
/// let device = DeviceId::random()?;
/// assert_eq!(DeviceId::parse(&device.to_text()), Some(device));
/// assert_eq!(DeviceId::parse("short"), None);
/// # Ok::<_, aws_lc_rs::error::Unspecified>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceId([u8; 32]);

impl DeviceId {
    /// A new identifier. Fails if the operating system provides no randomness.
    pub fn random() -> Result<Self, Unspecified> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Parses the text form.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Hides the identifier.
impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceId(..)")
    }
}
