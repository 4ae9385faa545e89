//! TLS connections of the real binary to its database, and the trust stores that verify them.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{env, fs, path::PathBuf};

use shared::domain::user::PublicId;
use testkit::{
    FunctionEnv,
    events::{self, SampleFixture},
    tls::{AMAZON, TlsStub},
};

/// The log message when Amazon's root certificates do not verify a certificate.
const FALLBACK: &str = "the certificate of an endpoint has no Amazon root";

/// Lists users twice over TLS. Returns the statuses and the log.
async fn list_twice(url: impl Fn(&str) -> String, roots: &str, trusts_stub: bool) -> ([u16; 2], String) {
    let fixture = SampleFixture::new(FunctionEnv::list_users(), "list-users").await;
    let stub = TlsStub::start(&fixture.service.endpoint).await;
    let store: PathBuf = env::temp_dir().join(format!("{}.pem", PublicId::random()));
    if trusts_stub {
        stub.write_roots(&store);
    } else {
        fs::write(&store, AMAZON).unwrap();
    }
    let env = fixture.env.clone().with_database(&url(&stub.url)).with("SSL_CERT_FILE", &store.display().to_string());
    let env = if roots.is_empty() { env } else { env.with("TLS_ROOTS", roots) };
    let function = env.start(env!("CARGO_BIN_EXE_list-users")).await;
    let mut statuses = [0; 2];
    for status in &mut statuses {
        let answer = function.invoke(fixture.event("list-users").await).await.unwrap();
        *status = events::read(&answer).status;
    }
    let log = function.stop().await;
    fs::remove_file(store).unwrap();
    (statuses, log)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_other_than_amazon_is_verified_with_the_system_trust_store() {
    let (statuses, log) = list_twice(str::to_owned, "amazon", true).await;
    assert_eq!(statuses, [200, 200]);
    assert_eq!(log.matches(FALLBACK).count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_in_neither_trust_store_is_rejected() {
    for roots in ["amazon", "system"] {
        assert_eq!(list_twice(str::to_owned, roots, false).await.0, [503, 503], "{roots}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_name_is_rejected_with_either_trust_store() {
    for roots in ["amazon", "system"] {
        let (statuses, _) = list_twice(|url| url.replace("localhost", "127.0.0.1"), roots, true).await;
        assert_eq!(statuses, [503, 503], "{roots}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_trust_store_is_used_without_a_fallback() {
    for roots in ["", "system"] {
        let (statuses, log) = list_twice(str::to_owned, roots, true).await;
        assert_eq!(statuses, [200, 200]);
        assert!(!log.contains(FALLBACK), "{log}");
    }
}
