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
mod waiting;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tonic::body::Body;

use self::{
    body::Intake,
    budget::{Account, IntakeBudget},
    unpack::Unpacker,
    waiting::WaitingCall,
};
use crate::{
    domain::wire,
    grpc::{
        around::{Answer, Around, HttpRequest},
        connection::ConnectionInfo,
        counted::Sums,
    },
    log::usage::Used,
};

/// Whether the method at this path answers with one message.
pub(super) fn answers_once(path: &str) -> bool {
    methods::of(path).answers_once
}

/// What the calls of a server share; bounds their requests.
#[derive(Clone, Debug, Default)]
pub(super) struct BoundedIntake {
    budget: Arc<IntakeBudget>,
    /// Bytes that calls hold while they wait for their one answer.
    waiting: Arc<AtomicUsize>,
    unpacker: Unpacker,
}

impl BoundedIntake {
    /// Reads the descriptors as well, which otherwise the first call would wait for.
    pub(super) fn prepared() -> Self {
        wire::prepare();
        methods::prepare();
        Self::default()
    }

    /// The sums to which the waiting of a request counts.
    fn sums(&self, request: &HttpRequest) -> Sums {
        let connection = request.extensions().get::<ConnectionInfo>();
        let own = connection.map(|it| Arc::clone(&it.waiting)).unwrap_or_default();
        Sums { all: Arc::clone(&self.waiting), own }
    }

    /// The bytes of requests that are held, and that may be.
    pub(super) fn held(&self) -> Used {
        self.budget.held()
    }

    /// The bytes that calls hold while they wait for their one answer, and that they may.
    pub(super) fn waiting(&self) -> Used {
        waiting::held(self.waiting.load(Relaxed))
    }
}

impl Around for BoundedIntake {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let method = methods::of(request.uri().path());
        let account = Account::open(&self.budget);
        let mut body = Intake::new(method, &request, account.share(), self.unpacker.clone());
        // One message is held until it is answered, when its body has long gone; of many, each is
        // held until the service takes the next.
        let held = if method.takes_one {
            Some(account)
        } else {
            body.keep(account);
            None
        };
        let waiting = method.answers_once.then(|| Arc::new(WaitingCall::new(self.sums(&request))));
        body.waiting.clone_from(&waiting);
        let answer = within(request.map(|inner| Body::new(body.over(inner))));
        Box::pin(async move {
            let _held = (held, waiting);
            answer.await
        })
    }
}
