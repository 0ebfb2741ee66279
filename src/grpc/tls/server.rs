//! The server's side: what is in use, and the files that it was made of.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::{TlsAcceptor, rustls::pki_types::UnixTime};

use super::{
    TlsErrors,
    files::TlsFiles,
    in_use::{self, InUse},
    looks::Looks,
};
use crate::{
    domain::event::Micros,
    grpc::reloads::{ReloadUsage, Reloaded, Reloads},
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A server's TLS. Clones share what is in use.
///
/// A connection keeps what it began with, so a reload ends none. The files are taken up again
///
/// - when [`ServerTls::reload`] is called, at once;
/// - when two looks in a row, two seconds apart, found the same new content. A
///   pair that is only half written is not taken for one that does not fit.
///
/// A certificate with its key is taken up by itself, and so are the authorities of clients.
#[derive(Clone, Debug)]
pub struct ServerTls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    files: TlsFiles,
    in_use: RwLock<InUse>,
    looks: Mutex<Looks>,
    reloads: Arc<Reloads>,
}

impl ServerTls {
    /// Reads the files for the first time; what does not fit is refused.
    pub fn load(files: TlsFiles) -> Result<Self, TlsErrors> {
        let contents = files.read();
        let in_use = in_use::made(&files, &contents)?;
        tracing::info!(until = in_use.shown_until(), "TLS: the certificate is valid");
        let reloads = Arc::<Reloads>::default();
        let looks = Mutex::new(Looks::new(&contents, Arc::clone(&reloads)));
        Ok(Self(Arc::new(Shared { files, in_use: RwLock::new(in_use), looks, reloads })))
    }

    /// Takes up what the files hold now, and logs what came of it.
    pub fn reload(&self) {
        self.looks(Looks::now);
    }

    /// Looks whether the files hold something new.
    fn look(&self) {
        self.looks(Looks::again);
    }

    fn looks(&self, look: impl FnOnce(&mut Looks, &TlsFiles, &InUse) -> Option<InUse>) {
        let mut looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(new) = look(&mut looks, &self.0.files, &self.in_use()) {
            let until = new.shown_until();
            *self.0.in_use.write().unwrap_or_else(PoisonError::into_inner) = new;
            tracing::info!(until, "TLS: new files are in use for new connections");
        }
        looks.warn_if_expired(self.in_use().pair.until, UnixTime::now());
    }

    fn in_use(&self) -> InUse {
        self.0.in_use.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until when the certificate in use is valid; `None`: for ever.
    pub(in crate::grpc) fn valid_until(&self) -> Option<Micros> {
        let seconds = Micros::try_from(self.in_use().pair.until?.as_secs()).ok()?;
        seconds.checked_mul(1_000_000)
    }

    /// How the reading of its files has gone.
    pub(in crate::grpc) fn reloads(&self) -> Vec<ReloadUsage> {
        self.0.reloads.usage(&[Reloaded::Tls, Reloaded::ClientCa])
    }

    /// What the next connection is accepted with.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.in_use().config)
    }

    /// Looks at the files for as long as it is awaited.
    pub(in crate::grpc) async fn follow_files(&self) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let tls = self.clone();
            // A disk may take its time.
            let _ = tokio::task::spawn_blocking(move || tls.look()).await;
        }
    }
}
