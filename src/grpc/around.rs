//! What is done around the calls of all services, one layer for each concern.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tonic::body::Body;
use tower::{Layer, Service};

pub(super) type HttpRequest = http::Request<Body>;
pub(super) type HttpResponse = http::Response<Body>;
pub(super) type Answer<E> = Pin<Box<dyn Future<Output = Result<HttpResponse, E>> + Send>>;

/// One concern of every call.
pub(super) trait Around {
    /// Answers a request, by way of what is within or without it.
    fn around<F, E>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> F,
    ) -> Answer<E>
    where
        F: Future<Output = Result<HttpResponse, E>> + Send + 'static,
        E: Send + 'static;
}

/// The layer of a concern.
#[derive(Clone, Debug)]
pub(super) struct AroundLayer<A>(pub(super) A);

/// A service with a concern around it.
#[derive(Clone, Debug)]
pub(super) struct Surrounded<S, A> {
    within: S,
    around: A,
}

impl<S, A: Clone> Layer<S> for AroundLayer<A> {
    type Service = Surrounded<S, A>;

    fn layer(&self, within: S) -> Surrounded<S, A> {
        Surrounded { within, around: self.0.clone() }
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
        around.around(request, |request| within.call(request))
    }
}
