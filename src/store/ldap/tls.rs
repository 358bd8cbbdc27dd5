//! The TLS client of all connections: whom we trust, and the certificate that we show.

use std::{path::Path, sync::Arc};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::open::LdapSetupError;
use crate::config::ldap::LdapSettings;

/// Makes the client; certificates of servers are always verified.
///
/// # Errors
///
/// [`LdapSetupError::File`] for a file that holds nothing fitting, [`LdapSetupError::Tls`] for a key that is not
/// the certificate's.
pub(super) fn tls_config(settings: &LdapSettings) -> Result<Arc<ClientConfig>, LdapSetupError> {
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in certificates("ca_file", path)? {
                roots.add(certificate).map_err(|e| unusable("ca_file", path, &e))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(Arc::new(match (&settings.certificate_file, &settings.key_file) {
        (Some(certificate), Some(key)) => {
            let chain = certificates("certificate_file", certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable("key_file", key, &e))?;
            config.with_client_auth_cert(chain, key)?
        }
        _ => config.with_no_client_auth(),
    }))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, LdapSetupError> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|e| unusable(key, path, &e))?;
    match certificates.is_empty() {
        true => Err(unusable(key, path, &"holds no certificate")),
        false => Ok(certificates),
    }
}

fn unusable(key: &'static str, path: &Path, reason: &dyn std::fmt::Display) -> LdapSetupError {
    LdapSetupError::File { key, path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_their_content_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = directory.path().join(name);
            std::fs::write(&file, text).unwrap();
            Some(file)
        };
        let one = rcgen::generate_simple_self_signed(vec!["gateway".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["gateway".to_owned()]).unwrap();
        let certificate_file = write("one.crt", &one.cert.pem());
        let key_file = write("one.key", &one.signing_key.serialize_pem());
        let foreign = write("other.key", &other.signing_key.serialize_pem());
        let empty = write("empty.pem", "");
        let good = LdapSettings { certificate_file, key_file, ..Default::default() };
        assert!(tls_config(&good).is_ok());
        assert!(tls_config(&LdapSettings::default()).is_ok());
        let error = |settings: LdapSettings| tls_config(&settings).unwrap_err();
        let named = |settings| match error(settings) {
            LdapSetupError::File { key, .. } => key,
            other => panic!("{other}"),
        };
        let missing = Some("/nonexistent/ca.pem".into());
        assert_eq!(named(LdapSettings { ca_file: missing, ..good.clone() }), "ca_file");
        assert_eq!(named(LdapSettings { ca_file: empty.clone(), ..good.clone() }), "ca_file");
        assert_eq!(
            named(LdapSettings { certificate_file: empty.clone(), ..good.clone() }),
            "certificate_file"
        );
        assert_eq!(named(LdapSettings { key_file: empty, ..good.clone() }), "key_file");
        let mismatch = LdapSettings { key_file: foreign, ..good };
        assert!(matches!(error(mismatch), LdapSetupError::Tls(_)));
    }
}
