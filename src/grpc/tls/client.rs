//! The client's side: which authorities it trusts, and the certificate that it shows.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::UnixTime},
};

use super::{
    HTTP1, HTTP2, TlsError, VERSIONS,
    pem::{PemFile, not_used},
    provider, validity,
};
use crate::grpc::file_access::ReadBy;

/// Names of the options.
const CA: &str = "tls-ca";
const CERT: &str = "tls-cert";
const KEY: &str = "tls-key";

/// The files of a client that speaks TLS. Without any, it trusts the authorities of the system and
/// shows no certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTls {
    /// The authorities that may have issued the server's certificate; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// The client's own certificate, and behind it those of the authorities between.
    pub cert: Option<PathBuf>,
    /// The key of that certificate.
    pub key: Option<PathBuf>,
}

impl ClientTls {
    /// Whether any file is named.
    pub fn is_given(&self) -> bool {
        self.ca.is_some() || self.cert.is_some() || self.key.is_some()
    }

    /// Reads the files; what does not fit is refused.
    pub(in crate::grpc) fn load(&self) -> Result<TlsConnector, TlsError> {
        let now = UnixTime::now();
        let ca = self.ca.as_deref().map(|path| PemFile::read(CA, path)).transpose()?;
        let roots = roots(CA, ca.as_ref(), now)?;
        let versions =
            ClientConfig::builder_with_provider(provider()).with_protocol_versions(&VERSIONS);
        let builder = versions.map_err(|error| TlsError::new(CA, error.to_string()))?;
        let builder = builder.with_root_certificates(roots);
        let mut config = match (&self.cert, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(_), None) => return Err(alone(CERT, KEY)),
            (None, Some(_)) => return Err(alone(KEY, CERT)),
            (Some(cert), Some(key)) => {
                let (cert, key) =
                    (PemFile::read(CERT, cert)?, PemFile::read_private(KEY, key, ReadBy::Command)?);
                let chain = cert.certificates()?;
                let own = chain.first().ok_or_else(|| cert.problem("has no certificate"))?;
                validity::check(own, now).map_err(|problem| cert.problem(&problem))?;
                let made = builder.with_client_auth_cert(chain, key.key()?);
                made.map_err(|error| not_used(&error, &cert, &key))?
            }
        };
        config.alpn_protocols = vec![HTTP2.to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// Speaks HTTP/1.1 to other servers, whose authorities are in the file that `setting` names, or are
/// those of the system.
pub(in crate::grpc) fn for_https(
    setting: &'static str,
    ca: Option<&Path>,
    by: ReadBy,
) -> Result<TlsConnector, TlsError> {
    let ca = ca.map(|path| PemFile::read_authorities(setting, path, by)).transpose()?;
    let roots = roots(setting, ca.as_ref(), UnixTime::now())?;
    let versions =
        ClientConfig::builder_with_provider(provider()).with_protocol_versions(&VERSIONS);
    let builder = versions.map_err(|error| TlsError::new(setting, error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The authorities in a file, or those of the system.
fn roots(
    setting: &'static str,
    ca: Option<&PemFile>,
    now: UnixTime,
) -> Result<RootCertStore, TlsError> {
    if let Some(ca) = ca {
        return ca.authorities(now);
    }
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        let problem = format!(
            "this system has no certificates of authorities{why}; name the server's authority"
        );
        return Err(TlsError::new(setting, problem));
    }
    Ok(roots)
}

fn alone(given: &'static str, missing: &'static str) -> TlsError {
    TlsError::new(given, format!("{missing} has to be given as well"))
}
