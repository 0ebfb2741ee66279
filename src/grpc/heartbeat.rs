//! Heartbeats: no stream of answers is silent for long.
//!
//! The pings of HTTP/2 end at the next proxy, and HTTP/1 has none. Proxies end a stream on which
//! nothing came for some time, though its connection is alive. So a stream that has nothing to send
//! sends a heartbeat. Subscriptions do so by themselves, because they can say how far they are.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep};
use tonic::Status;

use crate::{
    domain::proto,
    grpc::{
        answers::Answers,
        passthrough::{ConsumeFrame, ReadFrame},
    },
};

/// An answer that can be a heartbeat.
pub(crate) trait Heartbeat: Clone + Send + Unpin + 'static {
    /// A heartbeat of a stream that was sent nothing yet and is true for a position.
    fn heartbeat(position: u64) -> Self;

    /// Takes from an answer what the heartbeats after it say.
    fn follow(&mut self, _sent: &Self) {}
}

impl Heartbeat for proto::AppendStreamResponse {
    fn heartbeat(_: u64) -> Self {
        Self { heartbeat: true, ..Self::default() }
    }
}

impl Heartbeat for ConsumeFrame {
    fn heartbeat(_: u64) -> Self {
        let rest = proto::ConsumeResponse { heartbeat: true, ..Default::default() };
        Self { rest, ..Self::default() }
    }
}

impl Heartbeat for ReadFrame {
    fn heartbeat(position: u64) -> Self {
        let rest = proto::ReadResponse { position, heartbeat: true, ..Default::default() };
        Self { rest, ..Self::default() }
    }
}

impl Heartbeat for proto::WatchCountryCountsResponse {
    fn heartbeat(position: u64) -> Self {
        Self { position, heartbeat: true, ..Self::default() }
    }

    fn follow(&mut self, sent: &Self) {
        // A watch that resumes between the changes of one position would lose the rest.
        if !sent.more {
            self.position = sent.position;
        }
    }
}

impl Heartbeat for proto::VerifyResponse {
    fn heartbeat(_: u64) -> Self {
        Self { heartbeat: true, ..Self::default() }
    }
}

impl Heartbeat for proto::WatchExchangeResponse {
    fn heartbeat(position: u64) -> Self {
        Self { position, heartbeat: true, ..Self::default() }
    }

    fn follow(&mut self, sent: &Self) {
        self.position = sent.position;
    }
}

/// The answers, with a heartbeat whenever there was none for so long. `position` is what the stream
/// is true for before its first answer.
pub(crate) fn lively<T: Heartbeat>(
    answers: impl Stream<Item = Result<T, Status>> + Send + 'static,
    silence: Duration,
    position: u64,
) -> Answers<T> {
    let now = Instant::now();
    let due = Box::pin(tokio::time::sleep_until(now + silence));
    let (answers, beat) = (answers.boxed(), T::heartbeat(position));
    Box::pin(Lively { answers, beat, silence, sent: now, due })
}

struct Lively<T> {
    answers: Answers<T>,
    beat: T,
    silence: Duration,
    /// When something was sent last.
    sent: Instant,
    /// Rings at some time until a heartbeat is due. It is not set anew with every answer.
    due: Pin<Box<Sleep>>,
}

impl<T> fmt::Debug for Lively<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lively").field("silence", &self.silence).finish_non_exhaustive()
    }
}

impl<T: Heartbeat> Stream for Lively<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Poll::Ready(answer) = this.answers.poll_next_unpin(context) {
            if let Some(Ok(answer)) = &answer {
                this.beat.follow(answer);
                this.sent = Instant::now();
            }
            return Poll::Ready(answer);
        }
        loop {
            ready!(this.due.as_mut().poll(context));
            let now = Instant::now();
            let silent = now >= this.sent + this.silence;
            if silent {
                this.sent = now;
            }
            this.due.as_mut().reset(this.sent + this.silence);
            if silent {
                return Poll::Ready(Some(Ok(this.beat.clone())));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};
    use tokio::sync::mpsc;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(20);

    fn answer(position: u64) -> proto::WatchExchangeResponse {
        proto::WatchExchangeResponse { position, ..Default::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_comes_after_silence_alone_and_says_the_last_position() {
        let (send, answers) = mpsc::channel::<proto::WatchExchangeResponse>(1);
        let answers = stream::unfold(answers, |mut answers: mpsc::Receiver<_>| async {
            Some((Ok(answers.recv().await?), answers))
        });
        let mut lively = lively(answers, SILENCE, 3);
        let begun = Instant::now();
        let beat = lively.next().await.unwrap().unwrap();
        assert!(beat.heartbeat && begun.elapsed() >= SILENCE, "{:?}", begun.elapsed());
        assert_eq!(beat.position, 3);
        tokio::time::sleep(SILENCE * 3 / 4).await;
        send.send(answer(7)).await.unwrap();
        assert_eq!(lively.next().await.unwrap().unwrap(), answer(7));
        tokio::time::sleep(SILENCE * 3 / 4).await;
        assert!(lively.next().now_or_never().is_none(), "an answer puts the heartbeat off");
        let beat = lively.next().await.unwrap().unwrap();
        assert!(beat.heartbeat && beat.position == 7 && beat.story.is_none(), "{beat:?}");
        drop(send);
        assert!(lively.next().await.is_none(), "it ends with its answers");
    }
}
