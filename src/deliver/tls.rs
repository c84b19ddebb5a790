//! TLS towards a peer: whose word counts about who it is, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::StartError;

/// How a peer is verified. By default: by the system's authorities, and by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// PEM file of the only authorities that count; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file of our own certificate and what it is signed by.
    pub certificate_file: Option<PathBuf>,
    /// PEM file of its key.
    pub key_file: Option<PathBuf>,
    /// The name the peer's certificate must hold; `None`: that of its address.
    pub server_name: Option<String>,
    /// Verify nothing: whoever answers gets the alerts.
    pub insecure: bool,
}

impl TlsOptions {
    /// Reads the files.
    ///
    /// # Errors
    /// The key whose file cannot serve.
    pub(super) fn client_config(&self) -> Result<ClientConfig, StartError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| StartError::new("ca_file", error))?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        } else {
            builder.with_root_certificates(self.authorities()?)
        };
        match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("certificate_file", certificate)?;
                let secret =
                    PrivateKeyDer::from_pem_file(key).map_err(|error| StartError::of_file("key_file", key, error))?;
                builder
                    .with_client_auth_cert(chain, secret)
                    .map_err(|error| StartError::of_file("certificate_file", certificate, error))
            }
            (Some(_), None) => Err(StartError::new("key_file", "certificate_file needs key_file beside it")),
            (None, Some(_)) => Err(StartError::new("certificate_file", "key_file needs certificate_file beside it")),
            (None, None) => Ok(builder.with_no_client_auth()),
        }
    }

    fn authorities(&self) -> Result<RootCertStore, StartError> {
        let mut store = RootCertStore::empty();
        if let Some(path) = &self.ca_file {
            for certificate in certificates("ca_file", path)? {
                store.add(certificate).map_err(|error| StartError::of_file("ca_file", path, error))?;
            }
            return Ok(store);
        }
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
            let problem = format!("this system has no certificate authorities{why}; name those of your own in a file");
            return Err(StartError::new("ca_file", problem));
        }
        Ok(store)
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let problem = |error: rustls::pki_types::pem::Error| StartError::of_file(key, path, error);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(problem)?.collect::<Result<_, _>>().map_err(problem)?;
    if found.is_empty() {
        return Err(StartError::of_file(key, path, "expected certificates in PEM, found none"));
    }
    Ok(found)
}

/// The verifier of `insecure`: any certificate does; the handshake's signature must still be right.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
