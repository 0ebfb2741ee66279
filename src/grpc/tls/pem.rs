//! Files of certificates and keys, in PEM.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use tokio_rustls::rustls::{
    Error, InconsistentKeys, RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{self, PemObject as _},
    },
};

use super::{TlsError, validity};
use crate::grpc::file_access::{ANY_ACCESS, CHANGES, Demand, ReadBy};

/// Bytes that such a file may have: the bundle of a whole system has a quarter of that.
const FILE_BYTES: u64 = 1 << 20;
/// How the section of a key begins that asks for a passphrase.
const ENCRYPTED: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY";

/// A file that a setting names, and what was in it. It may be a key, so it is not printed.
pub(super) struct PemFile {
    setting: &'static str,
    path: PathBuf,
    pub(super) bytes: Vec<u8>,
}

impl PemFile {
    /// Reads a file of certificates.
    pub(super) fn read(setting: &'static str, path: &Path) -> Result<Self, TlsError> {
        Self::from_open(setting, path, &open(setting, path)?)
    }

    /// Reads a file with a key, unless others can use it.
    pub(super) fn read_private(
        setting: &'static str,
        path: &Path,
        by: ReadBy,
    ) -> Result<Self, TlsError> {
        Self::read_as(setting, path, Demand { forbidden: ANY_ACCESS, harm: "use the key", by })
    }

    /// Reads a file with authorities that identities rest on, unless others can add some.
    pub(super) fn read_authorities(
        setting: &'static str,
        path: &Path,
        by: ReadBy,
    ) -> Result<Self, TlsError> {
        let harm = "add authorities that are trusted";
        Self::read_as(setting, path, Demand { forbidden: CHANGES, harm, by })
    }

    fn read_as(setting: &'static str, path: &Path, demand: Demand) -> Result<Self, TlsError> {
        let file = open(setting, path)?;
        let metadata = file.metadata().map_err(|error| cannot_read(setting, path, &error))?;
        if let Some(problem) = demand.problem(path, &metadata) {
            return Err(TlsError::in_file(setting, path, &problem));
        }
        Self::from_open(setting, path, &file)
    }

    fn from_open(setting: &'static str, path: &Path, file: &File) -> Result<Self, TlsError> {
        let mut bytes = Vec::new();
        let read = file.take(FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| cannot_read(setting, path, &error))?;
        if bytes.len() as u64 > FILE_BYTES {
            let problem = format!("has more than {FILE_BYTES} bytes; certificates have fewer");
            return Err(TlsError::in_file(setting, path, &problem));
        }
        Ok(Self { setting, path: path.to_owned(), bytes })
    }

    /// The certificates, of which there is at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match found {
            Err(error) => Err(self.problem(&format!("cannot be parsed: {error}"))),
            Ok(found) if found.is_empty() => {
                Err(self.problem("has no certificate (BEGIN CERTIFICATE); PEM is expected"))
            }
            Ok(found) => Ok(found),
        }
    }

    /// The first key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| {
            if self.bytes.windows(ENCRYPTED.len()).any(|bytes| bytes == ENCRYPTED) {
                return self.problem(
                    "is protected by a passphrase, for which there is no setting; \
                     `openssl pkey -in FILE -out FILE` writes it without",
                );
            }
            if matches!(error, pem::Error::NoItemsFound) {
                return self.problem("has no key (BEGIN PRIVATE KEY); PEM is expected");
            }
            self.problem(&format!("cannot be parsed: {error}"))
        })
    }

    /// The authorities whose certificates are in the file. An authority that has expired counts for
    /// nothing.
    pub(super) fn authorities(&self, now: UnixTime) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut expired = None;
        for (number, certificate) in (1..).zip(self.certificates()?) {
            if let Err(problem) = validity::check(&certificate, now) {
                expired = Some(format!("certificate {number} {problem}"));
                continue;
            }
            roots.add(certificate).map_err(|error| {
                self.problem(&format!("certificate {number} cannot be used: {error}"))
            })?;
        }
        match expired {
            Some(problem) if roots.is_empty() => {
                Err(self.problem(&format!("has no authority that is valid now: {problem}")))
            }
            Some(_) | None => Ok(roots),
        }
    }

    /// What is wrong with this file.
    pub(super) fn problem(&self, problem: &str) -> TlsError {
        TlsError::in_file(self.setting, &self.path, problem)
    }
}

/// Why a certificate and a key are of no use together.
pub(super) fn not_used(error: &Error, cert: &PemFile, key: &PemFile) -> TlsError {
    if matches!(error, Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) {
        let cert = cert.path.display();
        return key.problem(&format!("is not the key of the certificate in {cert}"));
    }
    // How the library says that it cannot take a key.
    if let Error::General(problem) = error {
        return key.problem(&format!("cannot be used: {problem}"));
    }
    cert.problem(&format!("cannot be used: {error}"))
}

fn open(setting: &'static str, path: &Path) -> Result<File, TlsError> {
    File::open(path).map_err(|error| cannot_read(setting, path, &error))
}

fn cannot_read(setting: &'static str, path: &Path, error: &std::io::Error) -> TlsError {
    TlsError::in_file(setting, path, &format!("cannot be read: {error}"))
}
