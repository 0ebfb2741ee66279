//! Connections to a server: TCP, and TLS where the address begins with `https://`.
//!
//! Each connection notes why TLS ended it. With TLS 1.3 a server refuses a client's certificate
//! only after the client is connected, and the library above reports that call as cancelled. And a
//! client that speaks plain text to TLS sees the connection end, and nothing else.

use std::{
    error::Error,
    fmt, io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::Uri;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tonic::transport::{Channel, Endpoint};
use tower::Service;

use crate::grpc::{
    gathering::Gathering,
    tls::{HTTP2, Side, Untrusted, Wire, of_handshake},
};

/// How long connecting may take, and how long the handshake after that.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How a record of TLS begins that says why a connection ends: an alert, of version 3.
const ALERT: [u8; 2] = [21, 3];

/// What that means on a connection of plain text.
const SPEAKS_TLS: &str = "the server speaks TLS; its address begins with https://";

type BoxError = Box<dyn Error + Send + Sync>;

/// Why TLS ended the newest connection that it ended, until another one has brought something.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    why: Arc<Mutex<Option<String>>>,
    /// Of the server; absent: the connection was given.
    address: Option<Arc<str>>,
}

impl Ended {
    fn of(uri: &Uri) -> Self {
        let address = uri.to_string();
        Self { why: Arc::default(), address: Some(address.trim_end_matches('/').into()) }
    }

    /// The address of the server.
    pub(super) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The reason, in words.
    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, why: Option<String>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// Makes connections to one server.
#[derive(Clone)]
pub(super) struct Connector {
    endpoint: Endpoint,
    tcp: HttpConnector,
    tls: Option<TlsConnector>,
    pub(super) ended: Ended,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encrypted = self.tls.is_some();
        f.debug_struct("Connector")
            .field("to", self.endpoint.uri())
            .field("tls", &encrypted)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Connects to an endpoint, by TLS if there is some.
    pub(super) fn new(endpoint: Endpoint, tls: Option<TlsConnector>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let ended = Ended::of(endpoint.uri());
        Self { endpoint, tcp, tls, ended }
    }

    /// Whether it connects in plain text to another machine.
    pub(super) fn is_exposed(&self) -> bool {
        let host = self.endpoint.uri().host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = |address: IpAddr| address.to_canonical().is_loopback();
        let own = host == "localhost" || host.parse().is_ok_and(loopback);
        self.tls.is_none() && !own
    }

    /// A channel that is connected.
    pub(super) async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        self.endpoint.connect_with_connector(self.clone()).await
    }

    /// A channel that connects with its first call.
    pub(super) fn connect_lazy(&self) -> Channel {
        self.endpoint.connect_with_connector_lazy(self.clone())
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Connection>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (tcp, tls, ended) = (self.tcp.call(uri.clone()), self.tls.clone(), self.ended.clone());
        async move {
            let stream = tcp.await?.into_inner();
            let wire = match tls {
                None => Wire::Plain(stream),
                Some(tls) => encrypted(&tls, stream, &uri).await?,
            };
            Ok(TokioIo::new(Connection {
                wire,
                begun: Vec::new(),
                ended,
                gathering: Gathering::default(),
            }))
        }
        .boxed()
    }
}

/// The connection after the handshake, if it leads to the server that is meant.
async fn encrypted(tls: &TlsConnector, stream: TcpStream, uri: &Uri) -> Result<Wire, BoxError> {
    let host = uri.host().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Untrusted(format!("{host} cannot be the name of a server: {error}")))?;
    let handshake = tokio::time::timeout(CONNECT_TIMEOUT, tls.connect(name, stream)).await;
    let handshake = handshake.map_err(|_| {
        let problem = "the server does not answer in TLS; if it serves plain text, its address \
                       begins with http://";
        io::Error::new(io::ErrorKind::TimedOut, problem)
    })?;
    let stream = handshake.map_err(|error| failed(&error))?;
    if stream.get_ref().1.alpn_protocol() != Some(HTTP2) {
        let problem = "the server speaks TLS, but no HTTP/2 over it (ALPN h2)";
        return Err(Untrusted(problem.to_owned()).into());
    }
    Ok(Wire::Tls(Box::new(stream.into())))
}

fn failed(error: &io::Error) -> BoxError {
    if let Some(problem) = of_handshake(error, Side::Client) {
        return Untrusted(problem).into();
    }
    let problem = format!("the connection ended during the TLS handshake ({error})");
    io::Error::new(error.kind(), problem).into()
}

/// A connection that notes why TLS ends it.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire,
    /// The first bytes that came, out of TLS if there is some.
    begun: Vec<u8>,
    ended: Ended,
    gathering: Gathering,
}

impl Connection {
    /// Takes note of a read.
    fn note(&mut self, polled: &Poll<io::Result<()>>, came: &[u8]) {
        match (&self.wire, polled) {
            (Wire::Tls(_), Poll::Ready(Err(error))) => {
                if let Some(problem) = of_handshake(error, Side::Client) {
                    self.ended.note(Some(problem));
                }
            }
            (_, Poll::Ready(Ok(()))) if self.begun.len() < ALERT.len() => {
                let wanted = ALERT.len() - self.begun.len();
                self.begun.extend(came.iter().take(wanted));
                if self.begun.len() == ALERT.len() {
                    let refused = matches!(self.wire, Wire::Plain(_)) && self.begun == ALERT;
                    self.ended.note(refused.then(|| SPEAKS_TLS.to_owned()));
                }
            }
            _ => {}
        }
    }

    /// The end of a write. On a connection that has brought nothing yet, an error waits for what
    /// can be read: the reason came before the end, but the system reports the end first.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        while matches!(polled, Poll::Ready(Err(_))) && self.begun.len() < ALERT.len() {
            let mut space = [0; 1 << 10];
            let mut buffer = ReadBuf::new(&mut space);
            let read = Pin::new(&mut self.wire).poll_read(context, &mut buffer);
            self.note(&read, buffer.filled());
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => break,
            }
        }
        polled
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.wire).poll_read(context, buffer);
        let came = buffer.filled().get(before..).unwrap_or_default();
        self.note(&polled, came);
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.gathering.waits(context) {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.wire).poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.wire).poll_flush(context);
        if polled.is_ready() {
            self.gathering.flushed();
        }
        self.written(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.wire).poll_shutdown(context);
        self.written(context, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.gathering.waits(context) {
            return Poll::Pending;
        }
        let polled = Pin::new(&mut self.wire).poll_write_vectored(context, parts);
        self.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }
}
