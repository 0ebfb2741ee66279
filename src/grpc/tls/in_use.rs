//! What rustls serves with: made of the contents of a server's files, or refused.
//!
//! A certificate and its key are one unit, and the authorities of clients are another. Neither is
//! of use in parts, and neither needs the other: a unit that does not fit leaves its own old state
//! in use, and holds up no change of the other one.

use std::sync::Arc;

use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::UnixTime,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::{
    HTTP1, HTTP2, TlsError, TlsErrors, VERSIONS,
    files::{CERT, ClientCertificates, Contents, TlsFiles},
    pem::not_used,
    provider, validity,
};

/// A certificate with its key.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    certified: Arc<CertifiedKey>,
    /// Until when the certificate is valid. None: for ever.
    pub(super) until: Option<UnixTime>,
}

/// What looks at the certificates of clients; `None`: nothing does.
pub(super) type Verifier = Option<Arc<dyn ClientCertVerifier>>;

/// What is in use, by its units.
#[derive(Clone, Debug)]
pub(super) struct InUse {
    pub(super) config: Arc<ServerConfig>,
    pub(super) pair: Pair,
    pub(super) verifier: Verifier,
}

impl InUse {
    /// What rustls serves with, of these units.
    pub(super) fn new(pair: Pair, verifier: Verifier) -> Result<Self, TlsError> {
        let versions =
            ServerConfig::builder_with_provider(provider()).with_protocol_versions(&VERSIONS);
        let builder = versions.map_err(|error| TlsError::new(CERT, error.to_string()))?;
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        };
        let own = SingleCertAndKey::from(Arc::clone(&pair.certified));
        let mut config = builder.with_cert_resolver(Arc::new(own));
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(Self { config: Arc::new(config), pair, verifier })
    }

    /// The certificate with its key, for tests that compare what is in use.
    #[cfg(test)]
    pub(super) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.pair.certified
    }

    /// Until when, as logs have it.
    pub(super) fn shown_until(&self) -> String {
        self.pair.until.map_or_else(|| "without an end".to_owned(), validity::shown)
    }
}

/// What rustls serves with, of what was in the files, or everything that is wrong with them.
pub(super) fn made(files: &TlsFiles, contents: &Contents) -> Result<InUse, TlsErrors> {
    match (pair(contents), verifier(files, contents)) {
        (Ok(pair), Ok(verifier)) => InUse::new(pair, verifier).map_err(TlsErrors::from),
        (Err(errors), Ok(_)) => Err(errors),
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(errors), Err(error)) => Err(errors.and(error)),
    }
}

/// The certificate with its key.
pub(super) fn pair(contents: &Contents) -> Result<Pair, TlsErrors> {
    let chain = contents.cert.as_ref().map_err(Clone::clone).and_then(|cert| {
        let chain = cert.certificates()?;
        let own = chain.first().ok_or_else(|| cert.problem("has no certificate"))?;
        validity::check(own, UnixTime::now()).map_err(|problem| cert.problem(&problem))?;
        let until = validity::until(own);
        Ok((cert, chain, until))
    });
    let key = contents.key.as_ref().map_err(Clone::clone);
    let key = key.and_then(|file| Ok((file, file.key()?)));
    let ((cert, chain, until), (file, key)) = match (chain, key) {
        (Ok(chain), Ok(key)) => (chain, key),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => return Err(error.into()),
        (Err(first), Err(second)) => return Err(TlsErrors::from(first).and(second)),
    };
    let certified = CertifiedKey::from_der(chain, key, &provider());
    let certified = certified.map_err(|error| not_used(&error, cert, file))?;
    Ok(Pair { certified: Arc::new(certified), until })
}

/// What looks at the certificates of clients.
pub(super) fn verifier(files: &TlsFiles, contents: &Contents) -> Result<Verifier, TlsError> {
    let Some(file) = &contents.client_ca else { return Ok(None) };
    let file = file.as_ref().map_err(Clone::clone)?;
    let roots = Arc::new(file.authorities(UnixTime::now())?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    if matches!(files.clients, ClientCertificates::Optional(_)) {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder.build();
    verifier.map(Some).map_err(|error| file.problem(&format!("cannot be used: {error}")))
}
