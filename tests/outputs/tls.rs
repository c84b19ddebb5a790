//! A private certificate authority, and what it signs.

use std::fs;
use std::path::{Path, PathBuf};

use borderflow::deliver::TlsOptions;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// An authority with a folder of its own.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Authority {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join("ca.pem"), certificate.pem()).unwrap();
        Authority { folder, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Certificate and key for `name`, also valid for 127.0.0.1 where `name` is localhost.
    pub(crate) fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let names =
            if name == "localhost" { vec![name.to_owned(), "127.0.0.1".to_owned()] } else { vec![name.to_owned()] };
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")));
        fs::write(&paths.0, certificate.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// Trusts this authority alone.
    pub(crate) fn trusted(&self) -> TlsOptions {
        TlsOptions { ca_file: Some(self.ca()), ..TlsOptions::default() }
    }

    /// Trusts this authority, and presents a certificate of it.
    pub(crate) fn mutual(&self, name: &str) -> TlsOptions {
        let (certificate, key) = self.sign(name);
        TlsOptions { certificate_file: Some(certificate), key_file: Some(key), ..self.trusted() }
    }
}
