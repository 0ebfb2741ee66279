//! TLS on both sides: which files are read and what is refused in them, the settings of rustls, and
//! what its errors mean.
//!
//! ```text
//!    files --> pem, validity --> in_use --> ServerTls --> handshakes   the server
//!              pem ----------------------> ClientTls --> connector    the client
//! ```
//!
//! The server's files are read again while it runs: [`ServerTls`] says when. What does not fit is
//! refused at the start, and later leaves what is in use.

mod client;
mod files;
mod handshakes;
mod in_use;
mod looks;
mod pem;
mod server;
mod subject;
mod validity;
mod wire;
mod words;

use std::{path::Path, sync::Arc};

use thiserror::Error;
use tokio_rustls::rustls::{
    SupportedProtocolVersion,
    crypto::{CryptoProvider, ring},
    version::{TLS12, TLS13},
};

pub use self::{
    client::ClientTls,
    files::{ClientCertificates, TlsFiles},
    server::ServerTls,
};
pub(super) use self::{
    client::for_https,
    handshakes::Handshakes,
    wire::Wire,
    words::{Side, Untrusted, of_handshake},
};

/// HTTP/2 as ALPN names it.
pub(super) const HTTP2: &[u8] = b"h2";
/// HTTP/1.1 as ALPN names it: gRPC-Web comes by it.
const HTTP1: &[u8] = b"http/1.1";
/// The versions that are spoken. Older ones are broken, and rustls has none of them.
static VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// The cryptography. It is named wherever it is used: with the default of a process, two libraries
/// in one program could choose differently.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What is wrong with a file of TLS, or with what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {problem}")]
pub struct TlsError {
    /// The setting that names the file.
    setting: &'static str,
    problem: String,
}

impl TlsError {
    fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }

    fn in_file(setting: &'static str, path: &Path, problem: &str) -> Self {
        Self::new(setting, format!("{} {problem}", path.display()))
    }
}

/// What is wrong with the files of a server: one thing at least.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", lines(.0))]
pub struct TlsErrors(Vec<TlsError>);

impl TlsErrors {
    /// These, and another one.
    fn and(mut self, error: TlsError) -> Self {
        self.0.push(error);
        self
    }

    /// All of them in one line.
    fn in_line(&self) -> String {
        self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

impl From<TlsError> for TlsErrors {
    fn from(error: TlsError) -> Self {
        Self(vec![error])
    }
}

fn lines(errors: &[TlsError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
