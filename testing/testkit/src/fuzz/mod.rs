//! Fuzz targets: one function for each parser of untrusted bytes. Each panics if a property of Postern is violated.
//!
//! `testing/fuzz/` runs them with inputs of libFuzzer, and `tests/corpus.rs` with the inputs in `testing/fuzz/corpus/`.

mod body;
mod cursor;
mod email;
mod event;
mod token;

use std::collections::BTreeMap;

use shared::http::request::fields::Fields;
use tokio::runtime;

pub use self::{body::body, cursor::cursor, email::email, event::event, token::token};

/// The fields of all forms of Postern.
const KNOWN: [&str; 6] = ["name", "email", "password", "new_password", "refresh_token", "scope"];

fn values(fields: &Fields, names: &[&'static str]) -> BTreeMap<&'static str, String> {
    names.iter().filter_map(|name| Some((*name, fields.get(name)?.to_owned()))).collect()
}

/// Runs a future without a network. The runtime has timers because requests have a time limit.
fn block_on<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: runtime::Runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
