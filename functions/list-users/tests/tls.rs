//! The way to the database over TLS, by the real binary: whom it trusts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{env, fs, path::PathBuf};

use testkit::{
    events::{self, Setting},
    lambda::Function,
    tls::{AMAZON, TlsStub},
};
use uuid::Uuid;

/// Said once, when Amazon's roots do not fit.
const FALLS_BACK: &str = "the system's roots are used";

/// What a listing is answered over TLS, twice, and what the function writes meanwhile.
async fn listed(url: impl Fn(&str) -> String, roots: &str, with_the_stubs: bool) -> ([u16; 2], String) {
    let setting = Setting::new("list-users").await;
    let stub = TlsStub::start(&setting.service.endpoint).await;
    let store: PathBuf = env::temp_dir().join(format!("{}.pem", Uuid::new_v4()));
    if with_the_stubs {
        stub.write_roots(&store);
    } else {
        fs::write(&store, AMAZON).unwrap();
    }
    let (url, store_file) = (url(&stub.url), store.display().to_string());
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([("AWS_ENDPOINT_URL_DYNAMODB", &*url), ("SSL_CERT_FILE", &*store_file)]);
    if !roots.is_empty() {
        variables.push(("TLS_ROOTS", roots));
    }
    let function = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await;
    let mut statuses = [0; 2];
    for status in &mut statuses {
        let answer = function.invoke(setting.event("list-users").await).await.unwrap();
        *status = events::read(&answer).status;
    }
    let log = function.stop().await;
    fs::remove_file(store).unwrap();
    (statuses, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_none_of_amazons_is_looked_for_in_the_systems_store() {
    let (statuses, log) = listed(str::to_owned, "amazon", true).await;
    assert_eq!(statuses, [200, 200]);
    assert_eq!(log.matches(FALLS_BACK).count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_the_systems_store_does_not_know_either_is_not_trusted() {
    for roots in ["amazon", "system"] {
        assert_eq!(listed(str::to_owned, roots, false).await.0, [503, 503], "{roots}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused_whatever_is_trusted() {
    for roots in ["amazon", "system"] {
        let (statuses, _) = listed(|url| url.replace("localhost", "127.0.0.1"), roots, true).await;
        assert_eq!(statuses, [503, 503], "{roots}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_store_has_it_asked_at_once() {
    for roots in ["", "system"] {
        let (statuses, log) = listed(str::to_owned, roots, true).await;
        assert_eq!(statuses, [200, 200]);
        assert!(!log.contains(FALLS_BACK), "{log}");
    }
}
