//! Whom to trust: the given bundle, else the platform's authorities, else Mozilla's.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::{Code, Error, Result};

const ACCEPTED: &str = "the path of a PEM file with at least one certificate";

/// A TLS configuration with a provider of its own: rustls panics where the process has several or none.
pub(super) fn tls(ca_bundle: Option<&Path>) -> Result<ClientConfig> {
    let roots = match ca_bundle {
        Some(path) => bundle(path)?,
        None => platform(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::new(Code::InvalidConfig, "no TLS version is available"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn bundle(path: &Path) -> Result<RootCertStore> {
    let refuse = |why: String| Error::config("ca_bundle", format!("{} ({why})", path.display()), ACCEPTED);
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|_| refuse("not readable as PEM".to_owned()))?;
        roots.add(certificate).map_err(|_| refuse("holds a broken certificate".to_owned()))?;
    }
    if roots.is_empty() { Err(refuse("holds no certificate".to_owned())) } else { Ok(roots) }
}

fn platform() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Platform stores hold old certificates that no longer parse; the rest is still good.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::debug!("the platform has no certificate authorities; using Mozilla's");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_bundle_that_cannot_work_is_refused_by_name() {
        let file = |content: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(content.as_bytes()).unwrap();
            file
        };
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        for content in ["", "no certificate", broken, cut] {
            let error = tls(Some(file(content).path())).unwrap_err();
            assert_eq!(error.code(), Code::InvalidConfig, "{content}");
            assert_eq!(error.context()["option"], "ca_bundle");
        }
        let error = tls(Some(Path::new("does/not/exist.pem"))).unwrap_err();
        assert_eq!(error.context()["option"], "ca_bundle");
    }
}
