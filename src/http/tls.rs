//! The listener's certificate and key (S-01): TLS 1.2 and 1.3 by rustls with ring.

use std::{path::PathBuf, sync::Arc};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use crate::config::TlsSettings;

/// Why the listener's certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds nothing fitting.
    #[error("{}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key do not fit each other, or cannot be used.
    #[error("certificate or key: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Reads certificate and key; the ALPN protocols are added by the server.
///
/// # Errors
///
/// [`TlsError`].
pub fn server_config(settings: &TlsSettings) -> Result<ServerConfig, TlsError> {
    let unreadable = |file: &PathBuf, reason: &dyn std::fmt::Display| TlsError::Unreadable {
        file: file.clone(),
        reason: reason.to_string(),
    };
    let file = &settings.certificate_file;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|e| unreadable(file, &e))?;
    if chain.is_empty() {
        return Err(unreadable(file, &"holds no certificate"));
    }
    let file = &settings.key_file;
    let key = PrivateKeyDer::from_pem_file(file).map_err(|e| unreadable(file, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_needs_its_own_key() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = directory.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let one = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let certificate_file = write("one.crt", &one.cert.pem());
        let fitting = write("one.key", &one.signing_key.serialize_pem());
        let foreign = write("other.key", &other.signing_key.serialize_pem());
        let empty = write("empty.pem", "");
        let with = |certificate_file: &PathBuf, key_file: &PathBuf| {
            server_config(&TlsSettings {
                certificate_file: certificate_file.clone(),
                key_file: key_file.clone(),
            })
        };
        assert!(with(&certificate_file, &fitting).is_ok());
        assert!(matches!(with(&certificate_file, &foreign), Err(TlsError::Unusable(_))));
        assert!(matches!(with(&empty, &fitting), Err(TlsError::Unreadable { .. })));
        assert!(matches!(with(&certificate_file, &empty), Err(TlsError::Unreadable { .. })));
    }
}
