//! The HTTPS client for AWS and its root certificates.
//!
//! The certificates of AWS's public endpoints are issued by Amazon's own roots. Parsing the hundred other roots of
//! the system's trust store would delay each cold start. This is an optimization and not certificate pinning: if an
//! endpoint has another issuer (a partition with other roots, a private endpoint, a TLS-inspecting proxy), the
//! request is sent again with the system's store.

use std::{
    error::Error as StdError,
    io, iter,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use rustls::{CertificateError, Error as TlsError};
use tracing::warn;

use crate::config::Roots;

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2. <https://www.amazontrust.com/repository/>
const AMAZON: &str = include_str!("amazon_roots.pem");

/// A client that trusts these roots.
pub fn client(roots: Roots) -> SharedHttpClient {
    match roots {
        Roots::System => trusting(TrustStore::default()),
        Roots::Amazon => SharedHttpClient::new(Fallback {
            amazon: trusting(TrustStore::empty().with_pem_certificate(AMAZON)),
            system: trusting(TrustStore::default()),
            has_fallen_back: Arc::default(),
        }),
    }
}

fn trusting(store: TrustStore) -> SharedHttpClient {
    // Building a context cannot fail before its certificates are parsed, and a test parses them.
    let context = TlsContext::builder().with_trust_store(store).build().unwrap_or_default();
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build_https()
}

/// A client with Amazon's roots that falls back to the system's trust store.
#[derive(Debug)]
struct Fallback {
    amazon: SharedHttpClient,
    system: SharedHttpClient,
    /// Set after the first fallback; later requests use the system's trust store at once.
    has_fallen_back: Arc<AtomicBool>,
}

impl HttpClient for Fallback {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(FallbackConnector {
            amazon: self.amazon.http_connector(settings, components),
            system: Arc::new(SystemConnector {
                client: self.system.clone(),
                settings: settings.clone(),
                components: components.clone(),
                connector: OnceLock::new(),
            }),
            has_fallen_back: self.has_fallen_back.clone(),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.amazon.connector_metadata()
    }
}

#[derive(Debug)]
struct FallbackConnector {
    amazon: SharedHttpConnector,
    system: Arc<SystemConnector>,
    has_fallen_back: Arc<AtomicBool>,
}

/// A connector that is created on first use, since creating it parses the whole trust store.
#[derive(Debug)]
struct SystemConnector {
    client: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    connector: OnceLock<SharedHttpConnector>,
}

impl SystemConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.connector.get_or_init(|| self.client.http_connector(&self.settings, &self.components)).call(request)
    }
}

impl HttpConnector for FallbackConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.has_fallen_back.load(Ordering::Relaxed) {
            return self.system.call(request);
        }
        // A streaming body could not be sent again. Postern sends none.
        let Some(again) = request.try_clone() else { return self.amazon.call(request) };
        let (first, system, has_fallen_back) =
            (self.amazon.call(request), self.system.clone(), self.has_fallen_back.clone());
        HttpConnectorFuture::new(async move {
            match first.await {
                // The handshake failed, so no part of the request was sent.
                Err(error) if is_unknown_issuer(&error) => {
                    if !has_fallen_back.swap(true, Ordering::Relaxed) {
                        warn!("the certificate of an endpoint has no Amazon root; using the system's trust store");
                    }
                    system.call(again).await
                }
                outcome => outcome,
            }
        })
    }
}

fn is_unknown_issuer(error: &(dyn StdError + 'static)) -> bool {
    iter::successors(Some(error), |&error| cause(error)).any(|error| {
        matches!(error.downcast_ref(), Some(TlsError::InvalidCertificate(CertificateError::UnknownIssuer)))
    })
}

/// The cause of an error. The `source` of an `io::Error` skips the error that it wraps.
fn cause<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    /// As published by Amazon Trust Services.
    const FINGERPRINTS: [&str; 5] = [
        "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
        "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
        "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
        "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
        "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
    ];

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }

    #[test]
    fn the_roots_are_the_five_that_amazon_publishes() {
        let certificates = AMAZON.split("-----BEGIN CERTIFICATE-----").skip(1).map(|text| {
            let base64: String = text.lines().take_while(|line| !line.starts_with("-----END")).collect();
            STANDARD.decode(base64).unwrap()
        });
        let fingerprints: Vec<String> = certificates
            .map(|der| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der))
            .map(|digest| hex(digest.as_ref()))
            .collect();
        assert_eq!(fingerprints, FINGERPRINTS);
    }

    #[test]
    fn only_an_unknown_issuer_causes_the_fallback() {
        let refused = |error| io::Error::new(io::ErrorKind::InvalidData, TlsError::InvalidCertificate(error));
        assert!(is_unknown_issuer(&io::Error::other(refused(CertificateError::UnknownIssuer))));
        assert!(!is_unknown_issuer(&refused(CertificateError::NotValidForName)));
        assert!(!is_unknown_issuer(&refused(CertificateError::Expired)));
        assert!(!is_unknown_issuer(&io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
}
