//! Taking part in a consumer group.

use futures_util::Stream;

use super::{Answers, Client, without};
use crate::domain::proto;

impl Client {
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
}
