//! Fuzz target for stored password hashes and the setting that lists their schemes.

use shared::domain::password::{LegacyHashes, PasswordHash};

/// Inspects a stored hash, and reads the same text as the setting. A hash within the limits can be listed; a list is
/// the same after it was written and read.
pub fn hash(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    if let Ok(list) = text.parse::<LegacyHashes>() {
        assert_eq!(list.to_string().parse(), Ok(list), "{text:?}");
    }
    if let Ok(scheme) = PasswordHash::from_stored(text).inspect() {
        let mut list = LegacyHashes::default();
        list.add(scheme);
        assert_eq!(list.to_string().parse(), Ok(list), "{scheme}");
    }
}
