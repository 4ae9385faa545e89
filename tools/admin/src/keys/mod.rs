//! `admin keys`: the private key set, and the public set beside it.

mod key_set_pair;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod publish;
pub(crate) mod retire;
pub(crate) mod rotate;

use std::time::Duration;

use shared::domain::keys::Algorithm;

/// The effect on tokens whose key is removed.
fn consequence(refresh: Duration) -> String {
    format!("is rejected within JWT_KEYS_REFRESH ({} s); sessions survive, and clients refresh", refresh.as_secs())
}

/// The environment variable that selects `algorithm` in the functions.
fn setting(algorithm: Algorithm) -> String {
    format!("JWT_ALGORITHM={algorithm}")
}
