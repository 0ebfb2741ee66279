//! What rustls serves with: made of the contents of a server's files, or refused.

use std::sync::Arc;

use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::UnixTime,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    HTTP1, HTTP2, TlsError, VERSIONS,
    files::{CERT, ClientCertificates, Contents, TlsFiles},
    pem::not_used,
    provider, validity,
};

/// What is in use, and until when its certificate is valid.
#[derive(Clone, Debug)]
pub(super) struct InUse {
    pub(super) config: Arc<ServerConfig>,
    /// None: for ever.
    pub(super) until: Option<UnixTime>,
}

impl InUse {
    /// Until when, as logs have it.
    pub(super) fn shown_until(&self) -> String {
        self.until.map_or_else(|| "without an end".to_owned(), validity::shown)
    }
}

/// What rustls serves with, of what was in the files.
pub(super) fn made(files: &TlsFiles, contents: &Contents) -> Result<InUse, TlsError> {
    let now = UnixTime::now();
    let (cert, key) = (&contents.cert, &contents.key);
    let chain = cert.certificates()?;
    let own = chain.first().ok_or_else(|| cert.problem("has no certificate"))?;
    validity::check(own, now).map_err(|problem| cert.problem(&problem))?;
    let until = validity::until(own);
    let versions =
        ServerConfig::builder_with_provider(provider()).with_protocol_versions(&VERSIONS);
    let builder = versions.map_err(|error| TlsError::new(CERT, error.to_string()))?;
    let builder = match verifier(files, contents, now)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain, key.key()?);
    let mut config = config.map_err(|error| not_used(&error, cert, key))?;
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok(InUse { config: Arc::new(config), until })
}

/// What looks at the certificates of clients; `None`: nothing does.
fn verifier(
    files: &TlsFiles,
    contents: &Contents,
    now: UnixTime,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let Some(file) = &contents.client_ca else { return Ok(None) };
    let roots = Arc::new(file.authorities(now)?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    if matches!(files.clients, ClientCertificates::Optional(_)) {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build();
    verifier.map(Some).map_err(|error| file.problem(&format!("cannot be used: {error}")))
}
