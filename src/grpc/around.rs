//! What is done around the calls of all services, one layer for each concern.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tonic::body::Body;
use tower::{Layer, Service};

pub(super) type HttpRequest = http::Request<Body>;
pub(super) type HttpResponse = http::Response<Body>;
pub(super) type Answer<E> = Pin<Box<dyn Future<Output = Result<HttpResponse, E>> + Send>>;

/// One concern of every call.
pub(super) trait Around {
    /// Answers a request, by way of what is within or without it. A concern that has nothing to do
    /// with a request passes the answer on as it is, which costs nothing.
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E>;
}

/// The layer of a concern. The transport clones the whole service for every call, so a concern is
/// shared and not copied.
#[derive(Debug)]
pub(super) struct AroundLayer<A>(Arc<A>);

impl<A> AroundLayer<A> {
    pub(super) fn new(around: A) -> Self {
        Self(Arc::new(around))
    }
}

impl<A> Clone for AroundLayer<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A service with a concern around it.
#[derive(Debug)]
pub(super) struct Surrounded<S, A> {
    within: S,
    around: Arc<A>,
}

impl<S: Clone, A> Clone for Surrounded<S, A> {
    fn clone(&self) -> Self {
        Self { within: self.within.clone(), around: Arc::clone(&self.around) }
    }
}

impl<S, A> Layer<S> for AroundLayer<A> {
    type Service = Surrounded<S, A>;

    fn layer(&self, within: S) -> Surrounded<S, A> {
        Surrounded { within, around: Arc::clone(&self.0) }
    }
}

impl<S, A> Service<HttpRequest> for Surrounded<S, A>
where
    S: Service<HttpRequest, Response = HttpResponse>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    A: Around,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.within.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest) -> Answer<S::Error> {
        let Self { within, around } = self;
        around.around(request, |request| Box::pin(within.call(request)))
    }
}
