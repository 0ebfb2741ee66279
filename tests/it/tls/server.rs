//! Servers with TLS, whose log a test reads, and their clients.

use std::{path::Path, process::Command, sync::mpsc::Receiver};

use handover::grpc::client::{Client, ClientError, ClientTls};

use super::certificates::{Authority, Folder};
use crate::{
    lifecycle::{line_with, start_logged},
    support::{Held, data_dir},
};

/// A server that serves, with what it needs.
pub(crate) struct Secure {
    pub(crate) folder: Folder,
    pub(crate) authority: Authority,
    child: Held,
    pub(crate) log: Receiver<String>,
    /// Host and port.
    pub(crate) at: String,
    /// Where its metrics are; empty: nowhere.
    pub(crate) metrics: String,
    _data: tempfile::TempDir,
}

/// Paths as arguments of the command line.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

impl Secure {
    /// A server with a certificate of a new authority.
    pub(crate) fn start() -> Self {
        Self::start_with(|_, _| Vec::new())
    }

    /// The same, with more arguments, for which files may be written.
    pub(crate) fn start_with(arguments: impl FnOnce(&Folder, &Authority) -> Vec<String>) -> Self {
        let (folder, authority) = (Folder::new(), Authority::new("servers"));
        folder.write("ca.pem", &authority.pem);
        let (cert, key) = folder.pair("server", &authority.server());
        let more = arguments(&folder, &authority);
        let mut all = vec!["--tls-cert", text(&cert), "--tls-key", text(&key)];
        all.extend(more.iter().map(String::as_str));
        let (data_dir, data) = data_dir();
        let (child, log) = start_logged(&data, "127.0.0.1:0", &all);
        let started = line_with(&log, "starting");
        let after = |key| started.split(key).nth(1).and_then(|rest| rest.split(' ').next());
        let at = after(" address=").expect("the address is in the line").to_owned();
        let metrics = after(" metrics=").unwrap_or_default().to_owned();
        line_with(&log, "serving");
        Self { folder, authority, child, log, at, metrics, _data: data_dir }
    }

    /// The address by a name that the certificate has.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.at)
    }

    /// What a client of this server trusts; it has no certificate.
    pub(crate) fn trust(&self) -> ClientTls {
        ClientTls { ca: Some(self.folder.path("ca.pem")), ..ClientTls::default() }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect_with(&self.url(), &self.trust()).await.expect("a connection")
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.expect("kill can be run").success());
    }
}

/// Why a client gets no answer: when it connects, or with its first call.
pub(crate) async fn refused(address: &str, tls: &ClientTls) -> ClientError {
    match Client::connect_with(address, tls).await {
        Err(error) => error,
        Ok(client) => client.serving().await.expect_err("it is refused"),
    }
}
