//! A client of the services, in the project's own words: no tonic type leaves this layer.
//!
//! Each method is one call, tried once. What is to be tried again, and when, is decided above, in
//! [`crate::client`]. Cloning is cheap; clones share one connection.

mod calls;
pub mod collector;
mod connector;
mod custom;
mod encoded;
#[cfg(test)]
pub(crate) mod fake;
mod streams;
mod token;

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _, TryStreamExt as _,
    stream::{BoxStream, once},
};
use tonic::{
    Code, Request, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

pub use self::token::ClientToken;
use self::{
    connector::{Connector, Ended},
    streams::Streams,
    token::Authorized,
};
use crate::domain::proto;
pub use crate::grpc::{
    client_error::{ClientError, ClientErrorKind, HistoryChange},
    tls::ClientTls,
};

/// How long a single answer may take. Streams have no end of their own, hence no deadline.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a ping checks that a quiet connection still stands.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Bytes that one stream may have under way to this client; a few pages.
const STREAM_WINDOW: u32 = 1 << 20;
/// Bytes that all streams together may have under way to this client.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// What a streaming call answers with, until it ends or fails.
pub type Answers<T> = BoxStream<'static, Result<T, ClientError>>;

/// The answer to one append of a pipeline: acknowledged, or not and why.
pub type AppendOutcome = Result<proto::AppendResponse, ClientError>;

/// A connection to a server, and others for what streams there are beyond one connection.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
    streams: Arc<Streams>,
    ended: Ended,
    token: Option<ClientToken>,
    /// The address, if what is sent there can be read on the way.
    exposed: Option<String>,
}

impl Client {
    /// Connects to `address`, as in `http://127.0.0.1:50051`; the scheme may be left out. By
    /// `https://` the authorities of the system are trusted.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        Self::connect_with(address, &ClientTls::default()).await
    }

    /// Connects to `address` with the certificates of `tls`; without a scheme, by `https://`.
    pub async fn connect_with(address: &str, tls: &ClientTls) -> Result<Self, ClientError> {
        let connector = connector(address, tls)?;
        let channel =
            connector.connect().await.map_err(|error| ClientError::unreachable(address, &error))?;
        Ok(Self::over(channel, Some(connector)).to(address))
    }

    /// Will connect to `address` with the first call, and again with the first call after the
    /// connection was lost. Must be called within a tokio runtime.
    pub fn lazy(address: &str) -> Result<Self, ClientError> {
        Self::lazy_with(address, &ClientTls::default())
    }

    /// The same, with the certificates of `tls`, which are read once, now.
    pub fn lazy_with(address: &str, tls: &ClientTls) -> Result<Self, ClientError> {
        let connector = connector(address, tls)?;
        Ok(Self::over(connector.connect_lazy(), Some(connector)).to(address))
    }

    /// The same client, which logs in by a token from now on. It is refused if it would be sent in
    /// plain text to another machine.
    pub fn with_token(self, token: ClientToken) -> Result<Self, ClientError> {
        if let Some(address) = &self.exposed {
            let problem = "a token would be sent there in plain text, and each machine between \
                           could use it; connect by https://";
            return Err(ClientError::address(address, problem));
        }
        Ok(Self { token: Some(token), ..self })
    }

    /// Notes whether what is sent to an address can be read on the way.
    fn to(self, address: &str) -> Self {
        let exposed = self.streams.is_exposed().then(|| address.to_owned());
        Self { exposed, ..self }
    }

    /// Speaks over a channel that is already there, for example one within the process. There is no
    /// other connection, so streams beyond 960 at a time are refused.
    pub fn from_channel(channel: Channel) -> Self {
        Self::over(channel, None)
    }

    fn over(channel: Channel, connector: Option<Connector>) -> Self {
        let ended = connector.as_ref().map(|it| it.ended.clone()).unwrap_or_default();
        let streams = Arc::new(Streams::new(channel.clone(), connector));
        Self { streams, channel, ended, token: None, exposed: None }
    }

    /// The way of a call.
    fn authorized(&self) -> Authorized {
        Authorized::over(self.channel.clone(), self.token.clone())
    }

    /// What a call failed with. Where TLS ended the connection, that is the reason: the call itself
    /// reports only that it was cancelled, or that the connection is gone.
    fn failed(&self, status: Status) -> ClientError {
        failed(&self.ended, status)
    }

    /// Whether the server says, by health, that all of its services can be used.
    pub async fn serving(&self) -> Result<bool, ClientError> {
        let mut health = HealthClient::new(self.channel.clone());
        let answer = health.check(timed(HealthCheckRequest::default())).await;
        let answer = answer.map_err(|status| self.failed(status))?.into_inner();
        Ok(answer.status() == ServingStatus::Serving)
    }

    /// Appends a pipeline of requests; the outcomes come in the order of the requests.
    ///
    /// An `Err` inside is one append that was not acknowledged; an `Err` outside ends the
    /// pipeline, and leaves the fate of all appends without an outcome unknown. Nothing is sent
    /// before the answers are first polled, and both sides advance together from then on.
    pub fn append_stream(
        &self,
        requests: impl Stream<Item = proto::AppendRequest> + Send + 'static,
    ) -> Answers<AppendOutcome> {
        let requests = requests.map(|append| proto::AppendStreamRequest { append: Some(append) });
        let answers =
            self.stream(|over| async move { over.store_service().append_stream(requests).await });
        let answers = without(answers, |answer| answer.heartbeat);
        answers.and_then(async |answer| outcome(answer)).boxed()
    }

    /// Reads events that are in the log now, in batches.
    pub fn read(&self, request: proto::ReadRequest) -> Answers<proto::ReadResponse> {
        let answers = self.stream(|over| async move { over.store_service().read(request).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// Reads events and then follows the log.
    pub fn subscribe(&self, request: proto::SubscribeRequest) -> Answers<proto::SubscribeResponse> {
        let answers =
            self.stream(|over| async move { over.store_service().subscribe(request).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// The figures, and then every change of them.
    pub fn watch_country_counts(
        &self,
        request: proto::WatchCountryCountsRequest,
    ) -> Answers<proto::WatchCountryCountsResponse> {
        let answers = self
            .stream(|over| async move { over.count_service().watch_country_counts(request).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// The story of one exchange, and then every change of it.
    pub fn watch_exchange(
        &self,
        request: proto::WatchExchangeRequest,
    ) -> Answers<proto::WatchExchangeResponse> {
        let answers = self
            .stream(|over| async move { over.exchange_service().watch_exchange(request).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// Verifies what the server has stored: how far that is, and last what was found.
    pub fn verify(&self, request: proto::VerifyRequest) -> Answers<proto::VerifyResponse> {
        let answers =
            self.stream(|over| async move { over.verification_service().verify(request).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// Takes part in a group for as long as `requests` go on. Nothing is sent before the answers
    /// are first polled, and both sides advance together from then on.
    pub fn consume(
        &self,
        requests: impl Stream<Item = proto::ConsumeRequest> + Send + 'static,
    ) -> Answers<proto::ConsumeResponse> {
        let answers =
            self.stream(|over| async move { over.group_service().consume(requests).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// The bytes of a piece of the record, for a backup.
    pub fn fetch_piece(
        &self,
        request: proto::FetchPieceRequest,
    ) -> Answers<proto::FetchPieceResponse> {
        let answers =
            self.stream(|over| async move { over.backup_service().fetch_piece(request).await });
        without(answers, |answer| answer.heartbeat)
    }

    /// Opens a stream over a connection that has room for it.
    fn stream<T: Send + 'static, F>(&self, open: impl FnOnce(Self) -> F) -> Answers<T>
    where
        F: Future<Output = Result<tonic::Response<Streaming<T>>, Status>> + Send + 'static,
    {
        match self.streams.open() {
            Err(full) => once(std::future::ready(Err(full))).boxed(),
            Ok((channel, permit)) => {
                let over = Self { token: self.token.clone(), ..Self::from_channel(channel) };
                let answers = flatten(open(over), self.ended.clone());
                answers.inspect(move |_| _ = &permit).boxed()
            }
        }
    }
}

/// The answers that are no heartbeats.
pub(super) fn without<T: Send + 'static>(
    answers: Answers<T>,
    heartbeat: fn(&T) -> bool,
) -> Answers<T> {
    answers.try_filter(move |answer| std::future::ready(!heartbeat(answer))).boxed()
}

fn connector(address: &str, tls: &ClientTls) -> Result<Connector, ClientError> {
    let scheme = if tls.is_given() { "https" } else { "http" };
    let url =
        if address.contains("://") { address.to_owned() } else { format!("{scheme}://{address}") };
    let tls = match url.split_once("://") {
        Some(("https", _)) => Some(tls.load().map_err(|error| ClientError::tls(&error))?),
        Some(("http", _)) if tls.is_given() => {
            let problem = "certificates are named (tls-ca, tls-cert, tls-key), so it has to begin \
                           with https://";
            return Err(ClientError::address(address, problem));
        }
        Some(("http", _)) => None,
        _ => return Err(ClientError::address(address, "it begins with http:// or https://")),
    };
    Ok(Connector::new(endpoint(address, url)?, tls))
}

fn endpoint(address: &str, url: String) -> Result<Endpoint, ClientError> {
    let endpoint = Endpoint::from_shared(url)
        .map_err(|error| ClientError::address(address, &error.to_string()))?;
    if !matches!(endpoint.uri().path(), "" | "/") || endpoint.uri().query().is_some() {
        return Err(ClientError::address(
            address,
            "it ends with the port; the server has no paths",
        ));
    }
    endpoint
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .user_agent(concat!("handover/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| ClientError::address(address, &error.to_string()))
}

fn failed(ended: &Ended, status: Status) -> ClientError {
    let lost = [Code::Unknown, Code::Internal, Code::Cancelled, Code::Unavailable];
    let lost = lost.contains(&status.code());
    let error = ClientError::of_call(status, ended.address());
    match ended.why() {
        Some(why) if lost && error.reason.is_empty() => ClientError::untrusted(why),
        _ => error,
    }
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_TIMEOUT);
    request
}

/// A stream that opens when it is first polled, so that a failure to open is an item like others.
fn flatten<T: Send + 'static>(
    opening: impl Future<Output = Result<tonic::Response<Streaming<T>>, Status>> + Send + 'static,
    ended: Ended,
) -> Answers<T> {
    once(opening.map(|answer| answer.map(tonic::Response::into_inner)))
        .try_flatten()
        .map_err(move |status| failed(&ended, status))
        .boxed()
}

fn outcome(answer: proto::AppendStreamResponse) -> Result<AppendOutcome, ClientError> {
    use proto::append_stream_response::Outcome;
    match answer.outcome {
        Some(Outcome::Appended(response)) => Ok(Ok(response)),
        Some(Outcome::Rejection(rejection)) => Ok(Err(ClientError::from(rejection))),
        None => Err(ClientError::protocol("an answer to an append has no outcome")),
    }
}
