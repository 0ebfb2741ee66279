//! A client of the services, in the project's own words: no tonic type leaves this layer.
//!
//! Each method is one call, tried once. What is to be tried again, and when, is decided above, in
//! [`crate::client`]. Cloning is cheap; clones share one connection.

mod calls;
mod encoded;
#[cfg(test)]
pub(crate) mod fake;
mod streams;

use std::{sync::Arc, time::Duration};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _, TryStreamExt as _,
    stream::{BoxStream, once},
};
use streams::Streams;
use tonic::{
    Request, Status, Streaming,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::domain::proto;
pub use crate::grpc::client_error::{ClientError, ClientErrorKind};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
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
}

impl Client {
    /// Connects to `address`, as in `http://127.0.0.1:50051`; the scheme may be left out.
    pub async fn connect(address: &str) -> Result<Self, ClientError> {
        let endpoint = endpoint(address)?;
        let channel =
            endpoint.connect().await.map_err(|error| ClientError::unreachable(address, &error))?;
        Ok(Self::over(channel, Some(endpoint)))
    }

    /// Will connect to `address` with the first call, and again with the first call after the
    /// connection was lost. Must be called within a tokio runtime.
    pub fn lazy(address: &str) -> Result<Self, ClientError> {
        let endpoint = endpoint(address)?;
        Ok(Self::over(endpoint.connect_lazy(), Some(endpoint)))
    }

    /// Speaks over a channel that is already there, for example one within the process. There is no
    /// other connection, so streams beyond 960 at a time are refused.
    pub fn from_channel(channel: Channel) -> Self {
        Self::over(channel, None)
    }

    fn over(channel: Channel, endpoint: Option<Endpoint>) -> Self {
        Self { streams: Arc::new(Streams::new(channel.clone(), endpoint)), channel }
    }

    /// Whether the server says, by health, that all of its services can be used.
    pub async fn serving(&self) -> Result<bool, ClientError> {
        let mut health = HealthClient::new(self.channel.clone());
        let answer = health.check(timed(HealthCheckRequest::default())).await?.into_inner();
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

    /// Opens a stream over a connection that has room for it.
    fn stream<T: Send + 'static, F>(&self, open: impl FnOnce(Self) -> F) -> Answers<T>
    where
        F: Future<Output = Result<tonic::Response<Streaming<T>>, Status>> + Send + 'static,
    {
        match self.streams.open() {
            Err(full) => once(std::future::ready(Err(full))).boxed(),
            Ok((channel, permit)) => {
                let answers = flatten(open(Self::from_channel(channel)));
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

fn endpoint(address: &str) -> Result<Endpoint, ClientError> {
    let url =
        if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    if !url.starts_with("http://") {
        return Err(ClientError::address(address, "only http:// addresses are supported"));
    }
    let endpoint = Endpoint::from_shared(url)
        .map_err(|error| ClientError::address(address, &error.to_string()))?;
    if !matches!(endpoint.uri().path(), "" | "/") || endpoint.uri().query().is_some() {
        return Err(ClientError::address(
            address,
            "it ends with the port; the server has no paths",
        ));
    }
    endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .user_agent(concat!("handover/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| ClientError::address(address, &error.to_string()))
}

fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(ANSWER_TIMEOUT);
    request
}

/// A stream that opens when it is first polled, so that a failure to open is an item like others.
fn flatten<T: Send + 'static>(
    opening: impl Future<Output = Result<tonic::Response<Streaming<T>>, Status>> + Send + 'static,
) -> Answers<T> {
    once(opening.map(|answer| answer.map(tonic::Response::into_inner)))
        .try_flatten()
        .map_err(ClientError::from)
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
