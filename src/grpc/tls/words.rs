//! What errors of TLS mean, in words, with what to do about them.

use std::{error::Error as StdError, fmt, io};

use tokio_rustls::rustls::{
    AlertDescription, CertificateError, Error, InvalidMessage, pki_types::ServerName,
};

use super::validity::shown;

/// The side that met the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::grpc) enum Side {
    /// The server, about a client.
    Server,
    /// A client, about the server.
    Client,
}

/// Why no connection to a server stands that is encrypted and leads to the right one, in words. It
/// does not pass by waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::grpc) struct Untrusted(pub(in crate::grpc) String);

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Untrusted {}

/// Why a handshake, or what came after it, failed; `None`: it is not the fault of TLS.
pub(in crate::grpc) fn of_handshake(error: &io::Error, side: Side) -> Option<String> {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())?;
    Some(match (cause, side) {
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), Side::Server) => {
            "the client does not speak TLS; its address for this server has to begin with https://"
                .to_owned()
        }
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), Side::Client) => {
            "the server does not speak TLS; if it serves plain text, its address begins with \
             http://"
                .to_owned()
        }
        (Error::NoCertificatesPresented, Side::Server) => {
            "the client has sent no certificate, and tls-client-auth is required".to_owned()
        }
        (Error::InvalidCertificate(problem), side) => certificate(problem, side),
        (Error::AlertReceived(alert), side) => refusal(*alert, side),
        (Error::PeerIncompatible(problem), _) => {
            format!("client and server have no way in common to speak TLS: {problem:?}")
        }
        (Error::NoApplicationProtocol, _) => "no protocol in common (ALPN)".to_owned(),
        (other, _) => other.to_string(),
    })
}

/// What is wrong with the certificate of the other side.
fn certificate(problem: &CertificateError, side: Side) -> String {
    let whose = match side {
        Side::Server => "the client's certificate",
        Side::Client => "the server's certificate",
    };
    match (problem, side) {
        (CertificateError::NotValidForNameContext { expected, presented }, _) => {
            let name = match expected {
                ServerName::DnsName(name) => name.as_ref().to_owned(),
                ServerName::IpAddress(address) => std::net::IpAddr::from(*address).to_string(),
                _ => "this name".to_owned(),
            };
            format!("{whose} is not for {name}, but for {}", names(presented))
        }
        (CertificateError::UnknownIssuer, Side::Server) => {
            format!("{whose} was not issued by an authority in tls-client-ca")
        }
        (CertificateError::UnknownIssuer, Side::Client) => {
            format!("{whose} was not issued by an authority that is trusted here (--tls-ca)")
        }
        (CertificateError::ExpiredContext { not_after, .. }, _) => {
            format!("{whose} expired on {}", shown(*not_after))
        }
        (CertificateError::NotValidYetContext { not_before, .. }, _) => {
            format!("{whose} is valid from {} on, which is later than now", shown(*not_before))
        }
        (CertificateError::InvalidPurposeContext { .. }, Side::Server) => {
            format!("{whose} is not for clients (extended key usage clientAuth)")
        }
        (CertificateError::InvalidPurposeContext { .. }, Side::Client) => {
            format!("{whose} is not for servers (extended key usage serverAuth)")
        }
        (CertificateError::Other(other), _) if other.to_string().contains("CaUsedAsEndEntity") => {
            format!("{whose} is that of an authority (CA:TRUE), which no side may show as its own")
        }
        (other, _) => format!("{whose} is refused: {other}"),
    }
}

/// The names that a certificate is for, as they are meant.
fn names(presented: &[String]) -> String {
    // The library says `DnsName("a")` and `IpAddress(..)`.
    let inner = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    match presented {
        [] => "no name (it has no subjectAltName)".to_owned(),
        presented => presented.iter().map(inner).collect::<Vec<_>>().join(", "),
    }
}

/// What the other side refuses.
fn refusal(alert: AlertDescription, side: Side) -> String {
    match (alert, side) {
        (AlertDescription::CertificateRequired, Side::Client) => {
            "the server requires a certificate of its clients: --tls-cert and --tls-key name it"
                .to_owned()
        }
        (AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion, _) => {
            format!("the other side speaks no TLS that is spoken here ({alert:?})")
        }
        (alert, Side::Client) => {
            format!("the server refuses this client's certificate, or that it has none ({alert:?})")
        }
        (alert, Side::Server) => {
            format!("the client refuses the server's certificate ({alert:?})")
        }
    }
}
