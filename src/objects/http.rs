//! The HTTP client of stores: that of the product, with a bound for each request and for each wait
//! within an answer. The library has none here, because it would bring another provider of
//! cryptography.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, header::USER_AGENT, uri::Scheme};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use object_store::{
    ClientConfigKey, ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
        HttpResponse, HttpResponseBody, HttpService,
    },
};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::grpc::https::HttpsClient;

/// How long a request may take without its bytes.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// The slowest line on which bytes of a request are taken to move, in bytes a second.
const SLOWEST: u64 = 64 << 10;
/// How long an answer may bring nothing.
const QUIET_WITHIN: Duration = Duration::from_secs(20);
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("handover/", env!("CARGO_PKG_VERSION")));

/// Makes clients for a store and for the services that give credentials. They share connections.
#[derive(Clone, Debug)]
pub(super) struct Connector(Arc<HttpsClient<HttpRequestBody>>);

impl Default for Connector {
    fn default() -> Self {
        Self(Arc::new(HttpsClient::new()))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let is_set = |key| {
            let value = options.get_config_value(&key).unwrap_or_default();
            !["", "false"].contains(&value.as_str())
        };
        for key in [ClientConfigKey::ProxyUrl, ClientConfigKey::AllowInvalidCertificates] {
            if is_set(key) {
                let what = format!("{} is set, and is not supported here", key.as_ref());
                return Err(object_store::Error::NotSupported { source: what.into() });
            }
        }
        let service = Service {
            client: Arc::clone(&self.0),
            may_be_plain: is_set(ClientConfigKey::AllowHttp),
        };
        Ok(HttpClient::new(service))
    }
}

/// Sends the requests of one client.
#[derive(Debug)]
struct Service {
    client: Arc<HttpsClient<HttpRequestBody>>,
    may_be_plain: bool,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if request.uri().scheme() != Some(&Scheme::HTTPS) && !self.may_be_plain {
            let what = "the endpoint is plain HTTP, which AWS_ALLOW_HTTP=true or \
                        AZURE_ALLOW_HTTP=true permits";
            return Err(failed(HttpErrorKind::Unknown, what));
        }
        request.headers_mut().entry(USER_AGENT).or_insert(AGENT);
        let bytes = request.body().content_length() as u64;
        let within = ANSWER_WITHIN + Duration::from_secs(bytes / SLOWEST);
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = timeout(within, self.client.send(request)).await.map_err(|_| {
            let what = format!("{host} did not answer within {} s", within.as_secs());
            failed(HttpErrorKind::Timeout, &what)
        })?;
        let answer = answer.map_err(|error| {
            let kind =
                if error.is_connect { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        Ok(answer.map(|body| HttpResponseBody::new(Answer::new(body))))
    }
}

fn failed(kind: HttpErrorKind, what: &str) -> HttpError {
    HttpError::new(kind, std::io::Error::other(what.to_owned()))
}

/// The body of an answer, which ends with an error when it brings nothing for long.
#[derive(Debug)]
struct Answer {
    body: Incoming,
    quiet: Pin<Box<Sleep>>,
}

impl Answer {
    fn new(body: Incoming) -> Self {
        Self { body, quiet: Box::pin(sleep_until(Instant::now() + QUIET_WITHIN)) }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.quiet.as_mut().reset(Instant::now() + QUIET_WITHIN);
            let cut = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            return Poll::Ready(frame.map(|frame| frame.map_err(cut)));
        }
        ready!(self.quiet.as_mut().poll(context));
        let what = format!("the answer stopped for {} s", QUIET_WITHIN.as_secs());
        Poll::Ready(Some(Err(failed(HttpErrorKind::Timeout, &what))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
