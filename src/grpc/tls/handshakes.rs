//! Handshakes: each in a task of its own, with a deadline, so that a slow one holds up no other
//! connection.
//!
//! A connection counts from its acceptance on, so handshakes are within the number of connections.
//! One that fails is logged with the client's address, and is never passed on. Any client can cause
//! such lines, so they are bounded in number.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::Stream;
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{
    server::ServerTls,
    wire::Wire,
    words::{Side, of_handshake},
};
use crate::grpc::{connection::Connection, connections::ConnectionPlace, incoming::Admitted};

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections, as they can be used.
#[derive(Debug)]
pub(in crate::grpc) struct Handshakes<S> {
    admitted: S,
    /// Absent: connections are plain text, and need no handshake.
    tls: Option<ServerTls>,
    under_way: JoinSet<Option<Connection<Wire>>>,
}

impl<S> Handshakes<S> {
    pub(in crate::grpc) fn new(admitted: S, tls: Option<ServerTls>) -> Self {
        Self { admitted, tls, under_way: JoinSet::new() }
    }

    /// The next connection whose handshake succeeded.
    fn poll_shaken(&mut self, context: &mut Context<'_>) -> Option<Connection<Wire>> {
        while let Poll::Ready(Some(ended)) = self.under_way.poll_join_next(context) {
            if let Ok(Some(connection)) = ended {
                return Some(connection);
            }
        }
        None
    }
}

impl<S> Stream for Handshakes<S>
where
    S: Stream<Item = io::Result<Admitted<TcpStream>>> + Unpin,
{
    type Item = io::Result<Connection<Wire>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(connection) = self.poll_shaken(context) {
                return Poll::Ready(Some(Ok(connection)));
            }
            let admitted = match ready!(Pin::new(&mut self.admitted).poll_next(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(admitted)) => admitted,
            };
            match &self.tls {
                None => return Poll::Ready(Some(Ok(plain(admitted)))),
                Some(tls) => {
                    let acceptor = tls.acceptor();
                    self.under_way.spawn(shaken(acceptor, admitted));
                }
            }
        }
    }
}

fn plain(admitted: Admitted<TcpStream>) -> Connection<Wire> {
    let Admitted { connection, place } = admitted;
    Connection::new(Admitted { connection: Wire::Plain(connection), place })
}

/// The connection after its handshake; `None`: that failed.
async fn shaken(acceptor: TlsAcceptor, admitted: Admitted<TcpStream>) -> Option<Connection<Wire>> {
    let Admitted { connection: stream, place } = admitted;
    let peer = stream.peer_addr().ok();
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let connection = Wire::Tls(Box::new(stream.into()));
            Some(Connection::new(Admitted { connection, place }))
        }
        Ok(Err(error)) => {
            place.failed_handshake();
            log_failure(&place, peer, &error);
            None
        }
        Err(_) => {
            place.failed_handshake();
            let problem = format!("it took longer than {} s", HANDSHAKE_TIMEOUT.as_secs());
            log_problem(&place, peer, &problem);
            None
        }
    }
}

fn log_failure(place: &ConnectionPlace, peer: Option<SocketAddr>, error: &io::Error) {
    match of_handshake(error, Side::Server) {
        Some(problem) => log_problem(place, peer, &problem),
        // Whatever checks that a port is open does this, and often.
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            tracing::debug!(peer = shown(peer), "a connection ended during its TLS handshake");
        }
        None => log_problem(place, peer, &error.to_string()),
    }
}

fn log_problem(place: &ConnectionPlace, peer: Option<SocketAddr>, problem: &str) {
    if let Some(left_out) = place.line_of_handshake() {
        tracing::warn!(peer = shown(peer), problem, left_out, "a TLS handshake failed");
    }
}

fn shown(peer: Option<SocketAddr>) -> String {
    peer.map(|address| address.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{net::TcpListener, sync::Semaphore};
    use tokio_rustls::rustls::{
        ServerConfig, crypto::ring::default_provider, pki_types::PrivateKeyDer,
    };

    use super::*;

    fn acceptor() -> TlsAcceptor {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_is_never_begun_is_given_up_and_frees_its_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (connection, _) = listener.accept().await.unwrap();
        let places = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&places).try_acquire_owned().unwrap();
        let handshake = shaken(acceptor(), Admitted { connection, place: permit.into() });
        let ended = tokio::time::timeout(10 * HANDSHAKE_TIMEOUT, handshake).await;
        assert!(ended.expect("it is given up").is_none());
        assert_eq!(places.available_permits(), 1);
        drop(silent);
    }
}
