//! When the files of a running server are taken up again, and what is logged about it.
//!
//! The contents are compared, not times or inodes: mounted secrets are exchanged by renaming a
//! folder, and copies keep the times of their originals. To read some KiB costs less than to be
//! wrong.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::UnixTime;

use super::{
    TlsErrors,
    files::{Contents, Digest, TlsFiles},
    in_use::{self, InUse},
    validity,
};
use crate::grpc::reloads::{Reloaded, Reloads};

/// What was found so far.
#[derive(Debug)]
pub(super) struct Looks {
    pair: Unit,
    authorities: Unit,
    /// What could not be taken up.
    reloads: Arc<Reloads>,
    expiry_logged: bool,
}

/// Files that are taken up together, and what was found in them.
#[derive(Debug)]
struct Unit {
    what: Reloaded,
    in_use: Digest,
    last: Digest,
    /// What the log says when it is not taken up.
    refusal: &'static str,
}

/// What a look at a unit came to.
enum Looked<T> {
    /// It holds what is in use.
    Same,
    /// It holds this, which is new.
    New(T),
    /// It holds something that is not taken up, or not yet.
    Other,
}

impl<T> Looked<T> {
    /// What is new in it.
    fn into_new(self) -> Option<T> {
        match self {
            Self::New(new) => Some(new),
            Self::Same | Self::Other => None,
        }
    }

    fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }
}

impl Unit {
    fn new(what: Reloaded, in_use: Digest, refusal: &'static str) -> Self {
        Self { what, in_use, last: in_use, refusal }
    }

    /// Takes up what was found, if it has changed since what is in use was read, and if the look
    /// before found it as well or a signal requests it.
    fn look<T>(
        &mut self,
        found: Digest,
        signalled: bool,
        reloads: &Reloads,
        made: impl FnOnce() -> Result<T, TlsErrors>,
    ) -> Looked<T> {
        let found_before = std::mem::replace(&mut self.last, found) == found;
        if found == self.in_use {
            if reloads.fits(self.what) && !signalled {
                let what = self.what.name();
                tracing::info!(what, "TLS: the files hold again what is in use");
            }
            return Looked::Same;
        }
        if !signalled && !found_before {
            return Looked::Other;
        }
        match made() {
            Ok(new) => {
                self.in_use = found;
                reloads.fits(self.what);
                Looked::New(new)
            }
            Err(errors) => {
                let problem = errors.in_line();
                if reloads.failed(self.what, problem.clone(), signalled) {
                    tracing::warn!(problem, "{}", self.refusal);
                }
                Looked::Other
            }
        }
    }
}

impl Looks {
    /// The contents that are in use from the start.
    pub(super) fn new(contents: &Contents, reloads: Arc<Reloads>) -> Self {
        let pair = Unit::new(
            Reloaded::Tls,
            contents.digest_of_pair(),
            "TLS: the files are not taken up; the certificate in use stays",
        );
        let authorities = Unit::new(
            Reloaded::ClientCa,
            contents.digest_of_authorities(),
            "TLS: the authorities of clients are not taken up; those in use stay",
        );
        Self { pair, authorities, reloads, expiry_logged: false }
    }

    /// Takes up what is there, whatever was there before.
    pub(super) fn now(&mut self, files: &TlsFiles, in_use: &InUse) -> Option<InUse> {
        self.look(files, in_use, true)
    }

    /// Takes up what has changed since the contents in use were read, if the look before found it
    /// as well.
    pub(super) fn again(&mut self, files: &TlsFiles, in_use: &InUse) -> Option<InUse> {
        self.look(files, in_use, false)
    }

    fn look(&mut self, files: &TlsFiles, in_use: &InUse, signalled: bool) -> Option<InUse> {
        let (contents, reloads) = (files.read(), &self.reloads);
        let pair = contents.digest_of_pair();
        let pair = self.pair.look(pair, signalled, reloads, || in_use::pair(&contents));
        let verifier = || Ok(in_use::verifier(files, &contents)?);
        let authorities = contents.digest_of_authorities();
        let verifier = self.authorities.look(authorities, signalled, reloads, verifier);
        if signalled && pair.is_same() && verifier.is_same() {
            tracing::info!("TLS: the files hold what is in use");
        }
        let (pair, verifier) = (pair.into_new(), verifier.into_new());
        if pair.is_none() && verifier.is_none() {
            return None;
        }
        self.expiry_logged &= pair.is_none();
        let pair = pair.unwrap_or_else(|| in_use.pair.clone());
        let verifier = verifier.unwrap_or_else(|| in_use.verifier.clone());
        match InUse::new(pair, verifier) {
            Ok(new) => Some(new),
            Err(problem) => {
                tracing::error!(%problem, "TLS: the new files cannot be used");
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
        let contents = files.read();
        let in_use = in_use::made(&files, &contents).unwrap();
        let mut looks = Looks::new(&contents, Arc::clone(&reloads));
        assert!(looks.again(&files, &in_use).is_none(), "nothing has changed");

        write(&files.cert, &second.0);
        assert!(looks.again(&files, &in_use).is_none(), "it may be half written");
        write(&files.key, &second.1);
        assert!(looks.again(&files, &in_use).is_none(), "it may be half written still");
        assert_eq!(failing(), None, "no mismatch was found");
        assert!(looks.again(&files, &in_use).is_some(), "it has not changed any more");
        assert!(looks.again(&files, &in_use).is_none(), "it is in use");

        write(&files.key, &first.1);
        assert!(looks.again(&files, &in_use).is_none() && failing().is_none());
        assert!(looks.again(&files, &in_use).is_none());
        let found = failing().expect("a mismatch that stays");
        assert!(looks.again(&files, &in_use).is_none());
        assert_eq!(failing(), Some(found));
        assert!(looks.now(&files, &in_use).is_none(), "a signal does not make it fit");
        write(&files.key, &second.1);
        assert!(looks.again(&files, &in_use).is_none());
        assert_eq!(failing(), None, "what is in use is there again");
    }

    #[test]
    fn a_unit_that_does_not_fit_holds_up_no_change_of_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name| dir.path().join(name);
        let clients = ClientCertificates::Required(path("ca"));
        let files = TlsFiles { cert: path("cert"), key: path("key"), clients };
        let ca = path("ca");
        let (first, second, other) = (pair(), pair(), pair());
        write(&files.cert, &first.0);
        write(&files.key, &first.1);
        write(&ca, &first.0);
        let reloads = Arc::new(Reloads::default());
        let failing = || {
            let usage = reloads.usage(&[Reloaded::Tls, Reloaded::ClientCa]);
            usage.into_iter().map(|it| it.failing.is_some()).collect::<Vec<_>>()
        };
        let contents = files.read();
        let in_use = in_use::made(&files, &contents).unwrap();
        let mut looks = Looks::new(&contents, Arc::clone(&reloads));
        let same_pair = |new: &InUse, old: &InUse| Arc::ptr_eq(new.certified(), old.certified());
        let same_verifier = |new: &InUse, old: &InUse| match (&new.verifier, &old.verifier) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            _ => false,
        };

        write(&ca, "-----BEGIN CERTIFICATE-----");
        write(&files.cert, &second.0);
        write(&files.key, &second.1);
        let renewed = looks.now(&files, &in_use).expect("the pair fits");
        assert!(!same_pair(&renewed, &in_use) && same_verifier(&renewed, &in_use));
        assert_eq!(failing(), [false, true]);
        write(&ca, &other.0);
        write(&files.key, &first.1);
        let narrowed = looks.now(&files, &renewed).expect("the authorities fit");
        assert!(same_pair(&narrowed, &renewed) && !same_verifier(&narrowed, &renewed));
        assert_eq!(failing(), [true, false]);
        write(&files.key, &second.1);
        assert!(looks.now(&files, &narrowed).is_none(), "it is in use");
        assert_eq!(failing(), [false, false]);
    }
}
