//! When the files of a running server are taken up again, and what is logged about it.
//!
//! The contents are compared, not times or inodes: mounted secrets are exchanged by renaming a
//! folder, and copies keep the times of their originals. To read some KiB costs less than to be
//! wrong.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::UnixTime;

use super::{
    TlsError,
    files::{Contents, TlsFiles},
    in_use::{InUse, made},
    validity,
};
use crate::grpc::reloads::{Reloaded, Reloads};

/// A digest of all contents, or why they cannot be read.
type Found = Result<[u8; 32], TlsError>;

/// What was found so far.
#[derive(Debug)]
pub(super) struct Looks {
    in_use: [u8; 32],
    last: Found,
    /// What could not be taken up.
    reloads: Arc<Reloads>,
    expiry_logged: bool,
}

impl Looks {
    /// The contents that are in use from the start.
    pub(super) fn new(contents: &Contents, reloads: Arc<Reloads>) -> Self {
        let in_use = contents.digest();
        Self { in_use, last: Ok(in_use), reloads, expiry_logged: false }
    }

    /// Takes up what is there, whatever was there before.
    pub(super) fn now(&mut self, files: &TlsFiles) -> Option<InUse> {
        let read = files.read();
        self.last = found(&read);
        if self.last == Ok(self.in_use) {
            self.reloads.fits();
            tracing::info!("TLS: the files hold what is in use");
            return None;
        }
        self.take_up(files, read, true)
    }

    /// Takes up what has changed since the contents in use were read, if the look before found it
    /// as well.
    pub(super) fn again(&mut self, files: &TlsFiles) -> Option<InUse> {
        let read = files.read();
        let found = found(&read);
        if found == Ok(self.in_use) {
            if self.reloads.fits() {
                tracing::info!("TLS: the files hold again what is in use");
            }
            self.last = found;
            return None;
        }
        if std::mem::replace(&mut self.last, found.clone()) != found {
            return None;
        }
        self.take_up(files, read, false)
    }

    fn take_up(
        &mut self,
        files: &TlsFiles,
        read: Result<Contents, TlsError>,
        signalled: bool,
    ) -> Option<InUse> {
        let taken = read.and_then(|contents| Ok((contents.digest(), made(files, &contents)?)));
        match taken {
            Ok((digest, new)) => {
                (self.in_use, self.expiry_logged) = (digest, false);
                self.reloads.fits();
                Some(new)
            }
            Err(problem) => {
                if self.reloads.failed(Reloaded::Tls, problem.to_string(), signalled) {
                    tracing::warn!(
                        %problem,
                        "TLS: the files are not taken up; the certificate in use stays"
                    );
                }
                None
            }
        }
    }

    /// Logs once that the certificate in use has expired.
    pub(super) fn warn_if_expired(&mut self, until: Option<UnixTime>, now: UnixTime) {
        let Some(until) = until.filter(|until| *until < now) else { return };
        if !std::mem::replace(&mut self.expiry_logged, true) {
            let until = validity::shown(until);
            tracing::error!(until, "TLS: the certificate in use has expired; clients refuse it");
        }
    }
}

fn found(read: &Result<Contents, TlsError>) -> Found {
    read.as_ref().map(Contents::digest).map_err(Clone::clone)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::*;
    use crate::grpc::tls::files::ClientCertificates;

    /// A certificate and its key, in PEM.
    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn what_two_looks_found_is_taken_up_and_a_pair_that_is_half_written_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = (dir.path().join("cert"), dir.path().join("key"));
        let files = TlsFiles { cert, key, clients: ClientCertificates::Off };
        let (first, second) = (pair(), pair());
        write(&files.cert, &first.0);
        write(&files.key, &first.1);
        let reloads = Arc::new(Reloads::default());
        let failing = || reloads.usage(&[Reloaded::Tls]).remove(0).failing;
        let mut looks = Looks::new(&files.read().unwrap(), Arc::clone(&reloads));
        assert!(looks.again(&files).is_none(), "nothing has changed");

        write(&files.cert, &second.0);
        assert!(looks.again(&files).is_none(), "it may be half written");
        write(&files.key, &second.1);
        assert!(looks.again(&files).is_none(), "it may be half written still");
        assert_eq!(failing(), None, "no mismatch was found");
        assert!(looks.again(&files).is_some(), "it has not changed any more");
        assert!(looks.again(&files).is_none(), "it is in use");

        write(&files.key, &first.1);
        assert!(looks.again(&files).is_none() && failing().is_none());
        assert!(looks.again(&files).is_none());
        let found = failing().expect("a mismatch that stays");
        assert!(looks.again(&files).is_none());
        assert_eq!(failing(), Some(found));
        assert!(looks.now(&files).is_none(), "a signal does not make it fit");
        write(&files.key, &second.1);
        assert!(looks.again(&files).is_none());
        assert_eq!(failing(), None, "what is in use is there again");
    }
}
