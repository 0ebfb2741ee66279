//! What protects a server, and what an operator has to know of that.

use crate::{
    domain::event::Micros,
    grpc::{
        access::Access,
        reloads::{ReloadUsage, Reloaded},
        tls::ServerTls,
    },
};

/// What protects a server. Without it, connections are plain text, and all calls are permitted.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// What encrypts connections.
    pub tls: Option<ServerTls>,
    /// What admits calls.
    pub access: Option<Access>,
    /// What other machines may do and see because `--insecure` permits it, in sentences.
    pub warnings: Vec<String>,
}

/// How the protection is.
#[derive(Clone, Debug, Default)]
pub struct ProtectionUsage {
    /// The certificate in use; `None`: connections are plain text.
    pub certificate: Option<CertificateUsage>,
    /// How the reading of each thing has gone that is read again while the server runs.
    pub reloads: Vec<ReloadUsage>,
    /// What other machines may do and see because `--insecure` permits it, in sentences.
    pub warnings: Vec<String>,
}

/// The certificate in use.
#[derive(Clone, Copy, Debug)]
pub struct CertificateUsage {
    /// Until when it is valid; `None`: for ever.
    pub valid_until: Option<Micros>,
}

impl Protection {
    /// How it is now.
    pub(super) fn usage(&self) -> ProtectionUsage {
        let certificate =
            self.tls.as_ref().map(|tls| CertificateUsage { valid_until: tls.valid_until() });
        let mut reloads = self.access.as_ref().map(Access::reloads).unwrap_or_default();
        reloads.extend(self.tls.iter().flat_map(ServerTls::reloads));
        ProtectionUsage { certificate, reloads, warnings: self.warnings.clone() }
    }
}

impl ProtectionUsage {
    /// How many of a kind cannot be taken up, and how many times that happened; 0 for what the
    /// server does not have.
    pub fn failures(&self, what: Reloaded) -> (u64, u64) {
        let those = self.reloads.iter().filter(|it| it.what == what);
        those.fold((0, 0), |(failing, failures), it| {
            (failing + u64::from(it.failing.is_some()), failures + it.failures)
        })
    }
}
