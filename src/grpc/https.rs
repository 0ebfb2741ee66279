//! A client of HTTP/1.1 for other servers than ours: stores of objects. Its TLS is that of the
//! product, with the same provider; the authorities are those of the system, or of `SSL_CERT_FILE`.

use std::{
    error::Error,
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, Uri, uri::Scheme};
use http_body::Body;
use hyper::{body::Incoming, rt};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection, HttpConnector},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::sync::OnceCell;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tower::Service;

use crate::grpc::{
    file_access::ReadBy,
    tls::{Side, Wire, for_https, of_handshake},
};

/// What names the authorities of servers.
const CA: &str = "SSL_CERT_FILE";
/// How long connecting may take, and how long the handshake after that.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting may take to the services that give a machine its credentials: they are near
/// or not there.
const LINK_LOCAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection is kept that nothing uses. Stores end theirs sooner or later.
const IDLE: Duration = Duration::from_secs(15);

type BoxError = Box<dyn Error + Send + Sync>;

/// Sends requests, and keeps connections for the next ones.
pub(crate) struct HttpsClient<B> {
    client: Client<Connector, B>,
    near: Client<Connector, B>,
}

impl<B> fmt::Debug for HttpsClient<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsClient").finish_non_exhaustive()
    }
}

impl<B> HttpsClient<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    /// A client without connections. The authorities are read when the first one needs them.
    pub(crate) fn new() -> Self {
        let tls = Arc::default();
        let client = |within| {
            let connector = Connector::new(within, &tls);
            let mut builder = Client::builder(TokioExecutor::new());
            builder.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(connector)
        };
        Self { client: client(CONNECT_TIMEOUT), near: client(LINK_LOCAL_TIMEOUT) }
    }

    /// Sends a request, and takes the beginning of its answer.
    pub(crate) async fn send(&self, request: Request<B>) -> Result<Response<Incoming>, Unanswered> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let near = host.starts_with("169.254.");
        let client = if near { &self.near } else { &self.client };
        client.request(request).await.map_err(|error| {
            let is_connect = error.is_connect();
            let mut why = innermost(&error);
            if near {
                why.push_str(
                    "; no credentials are in the environment, and no service near this machine \
                     gives any",
                );
            }
            Unanswered { is_connect, why: format!("{host} {}: {why}", what(is_connect)) }
        })
    }
}

fn what(is_connect: bool) -> &'static str {
    if is_connect { "cannot be reached" } else { "ended the connection" }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Unanswered {
    /// Nothing was sent.
    pub(crate) is_connect: bool,
    why: String,
}

/// The cause of all others, which says most.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

/// Makes connections, by TLS where the address begins with `https`.
#[derive(Clone)]
struct Connector {
    tcp: HttpConnector,
    within: Duration,
    tls: Arc<OnceCell<TlsConnector>>,
}

impl Connector {
    fn new(within: Duration, tls: &Arc<OnceCell<TlsConnector>>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(within));
        Self { tcp, within, tls: Arc::clone(tls) }
    }
}

impl Service<Uri> for Connector {
    type Response = Line;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Line, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (tcp, tls, within) = (self.tcp.call(uri.clone()), Arc::clone(&self.tls), self.within);
        async move {
            let stream = tcp.await?.into_inner();
            if uri.scheme() != Some(&Scheme::HTTPS) {
                return Ok(Line(TokioIo::new(Wire::Plain(stream))));
            }
            let tls = tls.get_or_try_init(trusting).await?;
            let host = uri.host().unwrap_or_default();
            let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
            let name = ServerName::try_from(host.to_owned())?;
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer in TLS");
            let handshake = tokio::time::timeout(within, tls.connect(name, stream)).await;
            let stream = handshake.map_err(late)?.map_err(|error| {
                of_handshake(&error, Side::Client).map_or(error, io::Error::other)
            })?;
            Ok(Line(TokioIo::new(Wire::Tls(Box::new(stream.into())))))
        }
        .boxed()
    }
}

/// TLS that trusts the authorities of the system.
async fn trusting() -> Result<TlsConnector, BoxError> {
    let read = || for_https(CA, None, ReadBy::Command);
    Ok(tokio::task::spawn_blocking(read).await??)
}

/// A connection as the client takes it.
struct Line(TokioIo<Wire>);

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl rt::Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl rt::Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
