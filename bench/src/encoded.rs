//! Counts the events of answers to reads and subscriptions without decoding them.

use bytes::{Buf as _, Bytes};
use futures_util::TryStreamExt as _;
use handover::{
    cli::exit::{Exit, Failure},
    domain::proto::ReadRequest,
    grpc::client::Client,
};

/// What encoded `ReadResponse`s hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) events: u64,
    /// Of the events, each with the tag and length before it: as they are stored.
    pub(super) bytes: u64,
}

/// Tag of `ReadResponse.events`, a message.
const EVENTS_KEY: u64 = 1 << 3 | 2;

impl Counted {
    /// Counts the events of a frame of a subscription; absent: it is a frame of another sort.
    pub(super) fn of_frame(mut frame: Bytes) -> Result<Option<Self>, Failure> {
        let mut number = || prost::encoding::decode_varint(&mut frame);
        if number().map_err(|it| undecodable(&it))? != EVENTS_KEY {
            return Ok(None);
        }
        number().map_err(|it| undecodable(&it))?;
        Self::of(frame).map(Some)
    }

    /// Steps over the events of a message; what follows them is its position.
    pub(super) fn of(mut message: Bytes) -> Result<Self, Failure> {
        let whole = message.len();
        let mut events = 0;
        let mut rest = whole;
        while message.has_remaining() {
            let key =
                prost::encoding::decode_varint(&mut message).map_err(|it| undecodable(&it))?;
            if key != EVENTS_KEY {
                break;
            }
            let length =
                prost::encoding::decode_varint(&mut message).map_err(|it| undecodable(&it))?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > message.remaining() {
                return Err(Failure::new(Exit::Failed, "an answer to a read ends within an event"));
            }
            message.advance(length);
            events += 1;
            rest = message.remaining();
        }
        let tail = if events == 0 { whole } else { rest };
        Ok(Self { events, bytes: (whole - tail) as u64 })
    }
}

fn undecodable(error: &prost::DecodeError) -> Failure {
    Failure::new(Exit::Failed, format!("an answer to a read cannot be decoded: {error}"))
}

/// Reads everything after a position once, and counts it.
pub(super) async fn counted(client: &Client, request: ReadRequest) -> Result<Counted, Failure> {
    let mut messages = client.read_encoded(request);
    let mut all = Counted::default();
    while let Some(message) = messages.try_next().await? {
        let Counted { events, bytes } = Counted::of(message)?;
        all.events += events;
        all.bytes += bytes;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use handover::domain::proto::{
        CaughtUp, EventBatch, ReadResponse, RecordedEvent, SubscribeResponse,
        subscribe_response::Frame,
    };

    #[test]
    fn encoded_events_are_counted_without_being_decoded() {
        let event = |stream: &str| RecordedEvent { stream: stream.into(), ..Default::default() };
        for events in [vec![], vec![event("")], vec![event("demo/1"), event(&"x".repeat(300))]] {
            let response = |position| {
                let events = events.clone();
                ReadResponse { events, position, ..Default::default() }
            };
            let bare = response(0).encoded_len() as u64;
            for position in [0, 7, 300] {
                let message = response(position).encode_to_vec();
                let expected = Counted { events: events.len() as u64, bytes: bare };
                assert_eq!(Counted::of(message.into()).unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_frame_of_a_subscription_is_counted_if_it_has_events() {
        let events = vec![RecordedEvent { position: 7, ..Default::default() }; 3];
        let count = |frame| {
            let frame = SubscribeResponse { frame: Some(frame), ..Default::default() };
            let frame = frame.encode_to_vec();
            Counted::of_frame(frame.into()).unwrap().map(|counted| counted.events)
        };
        assert_eq!(count(Frame::Events(EventBatch { events })), Some(3));
        assert_eq!(count(Frame::CaughtUp(CaughtUp { position: 9, recorded_at: None })), None);
    }

    #[test]
    fn a_message_that_ends_within_an_event_is_refused() {
        for message in [&[10, 5, 1][..], &[10], &[0xFF; 11]] {
            assert!(Counted::of(Bytes::copy_from_slice(message)).is_err(), "{message:?}");
        }
    }
}
