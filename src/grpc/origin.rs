//! Where a connection comes from: its address, whether it is encrypted, and its certificate.

use std::{net::SocketAddr, sync::Arc};

use tokio_rustls::rustls::pki_types::UnixTime;

/// What is known of the client's side of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Its address; absent: the system does not say.
    pub(crate) address: Option<SocketAddr>,
    /// What it sends is encrypted.
    pub(crate) encrypted: bool,
    /// What its certificate says; absent: it has none, or one without a usable subject.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
}

/// A client's certificate, of an authority that the server trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientCertificate {
    /// Its subject, as in `CN=desk,O=Example`.
    pub(crate) subject: String,
    /// When it expires; `None`: never.
    pub(crate) until: Option<UnixTime>,
}

impl Origin {
    /// Whether no other machine can read what comes over the connection.
    pub(crate) fn is_private(&self) -> bool {
        let loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        self.encrypted || self.address.is_some_and(loopback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_private_on_this_machine_alone() {
        let origin = |address: &str, encrypted| Origin {
            address: Some(address.parse().unwrap()),
            encrypted,
            certificate: None,
        };
        assert!(origin("127.0.0.1:1", false).is_private());
        assert!(origin("[::ffff:127.0.0.1]:1", false).is_private());
        assert!(!origin("10.0.0.1:1", false).is_private());
        assert!(origin("10.0.0.1:1", true).is_private());
        assert!(!Origin::default().is_private(), "nothing is known of it");
    }
}
