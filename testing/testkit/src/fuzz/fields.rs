//! Reading fields in fuzz targets.

use std::collections::BTreeMap;

use shared::http::request::fields::Fields;
use tokio::runtime::{Builder, Runtime};

/// The fields of all forms of Postern.
pub(super) const KNOWN: [&str; 6] = ["name", "email", "password", "new_password", "refresh_token", "scope"];

pub(super) fn values(fields: &Fields, names: &[&'static str]) -> BTreeMap<&'static str, String> {
    names.iter().filter_map(|name| Some((*name, fields.get(name)?.to_owned()))).collect()
}

/// Runs a future without a network. The runtime has timers because requests have a time limit.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
