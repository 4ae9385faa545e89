//! A TLS endpoint in front of the embedded DynamoDB. Its certificate chain has the shape of Amazon's: a leaf, an
//! intermediate and a root, each with an RSA key of 2048 bits.

use std::{fs, path::Path, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Amazon's root certificates, which are compiled into the functions.
pub const AMAZON: &str = include_str!("../../../shared/src/aws/amazon_roots.pem");

/// A TLS endpoint for DynamoDB.
pub struct TlsStub {
    /// `https://localhost:PORT`. The certificate is for `localhost`.
    pub url: String,
    root: String,
}

impl TlsStub {
    /// Terminates TLS in front of `upstream`, `http://host:port`.
    pub async fn start(upstream: &str) -> Self {
        let root = CertifiedIssuer::self_signed(authority("Root of a stub"), key()).expect("a certificate");
        let intermediate = CertifiedIssuer::signed_by(authority("Intermediate of a stub"), key(), &root);
        let intermediate = intermediate.expect("a certificate");
        let leaf_key = key();
        let leaf =
            CertificateParams::new(["localhost".to_owned()]).and_then(|leaf| leaf.signed_by(&leaf_key, &intermediate));
        let chain = vec![leaf.expect("a certificate").der().clone(), intermediate.der().clone()];
        let leaf_key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, leaf_key));
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("TLS is configured")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let upstream = upstream.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                // A client may close its connection at any time.
                tokio::spawn(async move { pass(acceptor, client, &upstream).await.ok() });
            }
        });
        Self { url, root: root.pem() }
    }

    /// Writes a trust store with Amazon's five roots and the stub's own. A client that uses it parses one certificate
    /// more than on Lambda.
    pub fn write_roots(&self, file: &Path) {
        fs::write(file, format!("{AMAZON}\n{}", self.root)).expect("the roots can be written");
    }
}

async fn pass(acceptor: TlsAcceptor, client: TcpStream, upstream: &str) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key")
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
