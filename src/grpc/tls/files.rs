//! The files of a server, and what was in them when they were read together.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{TlsError, pem::PemFile};

/// Names of the settings.
pub(super) const CERT: &str = "tls-cert";
const KEY: &str = "tls-key";
const CLIENT_CA: &str = "tls-client-ca";

/// What is demanded of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They need no certificate, and none is looked at.
    Off,
    /// A certificate that is sent has to be of an authority in this file.
    Optional(PathBuf),
    /// A certificate of an authority in this file has to be sent.
    Required(PathBuf),
}

impl ClientCertificates {
    fn authorities(&self) -> Option<&PathBuf> {
        match self {
            Self::Off => None,
            Self::Optional(path) | Self::Required(path) => Some(path),
        }
    }
}

/// The files of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate, and behind it those of the authorities between.
    pub cert: PathBuf,
    /// The key of the certificate.
    pub key: PathBuf,
    /// What is demanded of clients.
    pub clients: ClientCertificates,
}

/// What was in the files when they were read together.
pub(super) struct Contents {
    pub(super) cert: PemFile,
    pub(super) key: PemFile,
    pub(super) client_ca: Option<PemFile>,
}

impl TlsFiles {
    /// Reads all of them.
    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        Ok(Contents {
            cert: PemFile::read(CERT, &self.cert)?,
            key: PemFile::read_private(KEY, &self.key)?,
            client_ca: self
                .clients
                .authorities()
                .map(|path| PemFile::read(CLIENT_CA, path))
                .transpose()?,
        })
    }
}

impl Contents {
    /// Differs if any of the files differs.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut all = Sha256::new();
        for file in [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()] {
            let bytes = file.map_or(&[][..], |file| &file.bytes);
            all.update((bytes.len() as u64).to_be_bytes());
            all.update(bytes);
        }
        all.finalize().into()
    }
}
