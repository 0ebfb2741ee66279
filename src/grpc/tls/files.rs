//! The files of a server, and what was in them when they were read together.

use std::{borrow::Cow, path::PathBuf};

use sha2::{Digest as _, Sha256};

use super::{TlsError, pem::PemFile};
use crate::grpc::file_access::ReadBy;

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

/// What was in the files when they were read together, or why one is not read.
pub(super) struct Contents {
    pub(super) cert: Result<PemFile, TlsError>,
    pub(super) key: Result<PemFile, TlsError>,
    /// None: nothing is demanded of clients.
    pub(super) client_ca: Option<Result<PemFile, TlsError>>,
}

/// A digest of the contents of files.
pub(super) type Digest = [u8; 32];

impl TlsFiles {
    /// Reads all of them.
    pub(super) fn read(&self) -> Contents {
        let authorities =
            |path: &PathBuf| PemFile::read_authorities(CLIENT_CA, path, ReadBy::Server);
        Contents {
            cert: PemFile::read(CERT, &self.cert),
            key: PemFile::read_private(KEY, &self.key, ReadBy::Server),
            client_ca: self.clients.authorities().map(authorities),
        }
    }
}

impl Contents {
    /// Differs if the certificate or its key differs, or why one of them is not read.
    pub(super) fn digest_of_pair(&self) -> Digest {
        digest([Some(&self.cert), Some(&self.key)])
    }

    /// Differs if the authorities of clients differ, or why they are not read.
    pub(super) fn digest_of_authorities(&self) -> Digest {
        digest([self.client_ca.as_ref()])
    }
}

fn digest<const N: usize>(files: [Option<&Result<PemFile, TlsError>>; N]) -> Digest {
    let mut all = Sha256::new();
    for file in files {
        let (kind, bytes) = match file {
            None => (0, Cow::default()),
            Some(Ok(file)) => (1, Cow::Borrowed(&*file.bytes)),
            Some(Err(error)) => (2, Cow::Owned(error.to_string().into_bytes())),
        };
        all.update([kind]);
        all.update((bytes.len() as u64).to_be_bytes());
        all.update(&bytes);
    }
    all.finalize().into()
}
