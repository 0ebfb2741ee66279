//! What a call sends, on its way to the codec: bounded over all calls and unpacked. What cannot be
//! read is reported as the sender's fault.
//!
//! The codec keeps a message until it is whole, and a service until it is answered, so what all
//! calls hold of large messages is counted here ([`budget`]). A compressed message is unpacked here
//! ([`unpack`]) and not by the codec, which would do it in a task that others wait for.

mod body;
mod budget;
mod framing;
mod methods;
mod refusal;
#[cfg(test)]
mod tests;
mod unpack;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tonic::body::Body;
use tower::{Layer, Service};

use self::{
    body::Intake,
    budget::{Account, Budget},
    unpack::Unpacker,
};
use crate::domain::wire;

/// What the calls of a server share.
#[derive(Clone, Debug, Default)]
pub(super) struct IntakeLayer {
    budget: Arc<Budget>,
    unpacker: Unpacker,
}

impl IntakeLayer {
    /// Reads the descriptors as well, which otherwise the first call would wait for.
    pub(super) fn prepared() -> Self {
        wire::prepare();
        methods::prepare();
        Self::default()
    }
}

/// A service with bounded requests.
#[derive(Clone, Debug)]
pub(super) struct Bounded<S> {
    calls: S,
    shared: IntakeLayer,
}

impl<S> Layer<S> for IntakeLayer {
    type Service = Bounded<S>;

    fn layer(&self, calls: S) -> Bounded<S> {
        Bounded { calls, shared: self.clone() }
    }
}

type HttpRequest = http::Request<Body>;
type HttpResponse = http::Response<Body>;

impl<S> Service<HttpRequest> for Bounded<S>
where
    S: Service<HttpRequest, Response = HttpResponse>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = HttpResponse;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.calls.poll_ready(context)
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let method = methods::of(request.uri().path());
        let account = Account::open(&self.shared.budget);
        let mut body = Intake::new(method, &request, account.share(), self.shared.unpacker.clone());
        // One message is held until it is answered, when its body has long gone; of many, each is
        // held until the service takes the next.
        let held = if method.takes_one {
            Some(account)
        } else {
            body.keep(account);
            None
        };
        let answer = self.calls.call(request.map(|inner| Body::new(body.over(inner))));
        Box::pin(async move {
            let _held = held;
            answer.await
        })
    }
}
