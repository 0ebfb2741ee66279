//! What calls that are answered once hold until their clients take it.
//!
//! The transport takes an answer when its client has room for it, so a client that opens no window
//! leaves it here. Where much is held in all, a connection that has not taken an answer gets no
//! other one: it is refused and may be sent again. A connection that takes its answers is served.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http_body::Body as _;
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use tonic::{Status, body::Body};

use crate::{
    grpc::{
        around::{Answer, Around, HttpRequest, HttpResponse},
        connection::ConnectionInfo,
        counted::{Counted, Shares, Sums},
        intake,
        status::overloaded,
    },
    log::usage::Used,
};

/// From 64 MiB of answers in all on, a connection leaves one alone; from twice as much on, a small
/// one.
const SHARES: Shares = Shares { much: 64 << 20, share: 0, little: 16 << 10 };

/// Counts the answers of all connections until they are sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<AtomicUsize>);

impl Unread {
    /// The bytes that are held, and with which all but the smallest answers are refused.
    pub(super) fn held(&self) -> Used {
        Used::of(self.0.load(Relaxed), 2 * SHARES.much)
    }
}

impl Around for Unread {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let once = intake::answers_once(request.uri().path());
        if !once {
            return within(request);
        }
        let connection = request.extensions().get::<ConnectionInfo>();
        let own = connection.map(|it| Arc::clone(&it.unread)).unwrap_or_default();
        let answer = within(request);
        let sums = Sums { all: Arc::clone(&self.0), own };
        Box::pin(answer.map(|answer| answer.map(|response| held(response, sums))))
    }
}

/// The response with its message encoded and counted, or a refusal where too much is held.
fn held(response: HttpResponse, sums: Sums) -> HttpResponse {
    let (parts, mut body) = response.into_parts();
    if body.is_end_stream() {
        return HttpResponse::from_parts(parts, body);
    }
    // The one message is there already; encoding it here tells how large it is.
    let Some(mut first) = body.frame().now_or_never() else {
        return HttpResponse::from_parts(parts, body);
    };
    if let Some(Ok(frame)) = &mut first
        && let Some(data) = frame.data_mut()
    {
        let counted = Counted::new(data.len(), sums);
        if !counted.fits(SHARES) {
            return refusal().into_http();
        }
        *data = Bytes::from_owner(Message { bytes: std::mem::take(data), _counted: counted });
    }
    let frames = stream::iter(first).chain(BodyStream::new(body));
    HttpResponse::from_parts(parts, Body::new(StreamBody::new(frames)))
}

fn refusal() -> Status {
    let message = format!(
        "answers that were not taken hold {} bytes, and this connection has not taken its own; \
         read them, and send this request again",
        SHARES.much
    );
    overloaded(message).into()
}

/// A message that counts until it is dropped.
struct Message {
    bytes: Bytes,
    _counted: Counted,
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use tonic::Code;

    use super::*;

    const MUCH: usize = SHARES.much;

    fn answer(bytes: usize, all: &Arc<AtomicUsize>, own: &Arc<AtomicUsize>) -> HttpResponse {
        let body = Full::new(Bytes::from(vec![7; bytes])).map_err(|never| match never {});
        let sums = Sums { all: Arc::clone(all), own: Arc::clone(own) };
        held(HttpResponse::new(Body::new(body)), sums)
    }

    fn is_refused(response: &HttpResponse) -> bool {
        let status = Status::from_header_map(response.headers());
        assert!(status.as_ref().is_none_or(|it| it.code() == Code::ResourceExhausted));
        status.is_some()
    }

    #[tokio::test]
    async fn an_answer_counts_until_it_is_sent_and_stays_what_it_was() {
        let (all, own) = Default::default();
        let response = answer(1_000, &all, &own);
        assert_eq!((all.load(Relaxed), own.load(Relaxed)), (1_000, 1_000));
        let sent = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, vec![7; 1_000]);
        drop(sent);
        assert_eq!((all.load(Relaxed), own.load(Relaxed)), (0, 0));
    }

    #[test]
    fn a_connection_that_leaves_its_answers_gets_no_more_where_much_is_held() {
        const EACH: usize = 1 << 20;
        let all = Arc::default();
        let [greedy, good] = std::array::from_fn(|_| Arc::default());
        let mut left: Vec<_> = (0..MUCH / EACH).map(|_| answer(EACH, &all, &greedy)).collect();
        assert!(!left.iter().any(is_refused));
        assert!(is_refused(&answer(100, &all, &greedy)), "it has not taken what it has");
        assert!(!is_refused(&answer(EACH, &all, &good)), "another one is served");
        assert_eq!(all.load(Relaxed), MUCH, "a refusal holds nothing, nor does what was taken");

        let others: Vec<_> =
            (0..MUCH / EACH).map(|_| answer(EACH, &all, &Arc::default())).collect();
        assert!(!others.iter().any(is_refused), "each has left one");
        assert!(is_refused(&answer(EACH, &all, &good)), "twice as much is held");
        assert!(
            !is_refused(&answer(SHARES.little, &all, &good)),
            "what is small is still answered"
        );

        drop(others);
        left.pop();
        assert!(!is_refused(&answer(100, &all, &greedy)), "there is room again");
    }
}
