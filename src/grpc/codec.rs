//! The codec of the services: protobuf, with buffers that begin small, and requests that are
//! looked at before they are decoded.
//!
//! A call gets its buffers when it begins and keeps them until it ends. Most calls need little.
//! Thousands of calls may follow the log, and these wait for most of their time. So a buffer grows
//! when there is something to put into it, instead of being ready for a page.

use std::marker::PhantomData;

use bytes::Buf as _;
use prost::{Message, Name};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::{
    domain::{violation::Violations, wire::Room},
    engine::apart,
    grpc::status::{REQUEST, RpcError},
};

/// Bytes that a buffer begins with: most answers fit.
const BEGINS_WITH: usize = 512;
/// Bytes of small messages that are sent together.
const TOGETHER: usize = 32 << 10;

/// A request as its service takes it.
pub trait DecodedRequest: Sized {
    /// The message that is sent.
    type Message: Message + Name + Default;

    /// The request from its message, or from what is wrong with the message.
    fn from_decoded(decoded: Result<Self::Message, Violations>) -> Result<Self, Status>;
}

/// A message that cannot be decoded ends the call.
impl<M: Message + Name + Default> DecodedRequest for M {
    type Message = M;

    fn from_decoded(decoded: Result<M, Violations>) -> Result<M, Status> {
        decoded.map_err(|violations| RpcError::from(violations).into())
    }
}

/// Encodes answers and decodes requests.
#[derive(Clone, Debug)]
pub struct BoundedCodec<Answer, Request>(PhantomData<(Answer, Request)>);

impl<Answer, Request> Default for BoundedCodec<Answer, Request> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Answer, Request> Codec for BoundedCodec<Answer, Request>
where
    Answer: Message + Send + 'static,
    Request: DecodedRequest + Send + 'static,
{
    type Encode = Answer;
    type Decode = Request;
    type Encoder = ProstEncoder<Answer>;
    type Decoder = BoundedDecoder<Request>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Answer, ()>::raw_encoder(BufferSettings::new(BEGINS_WITH, TOGETHER))
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

/// Decodes requests of bounded content.
#[derive(Clone, Debug)]
pub struct BoundedDecoder<Request>(PhantomData<Request>);

impl<Request: DecodedRequest> Decoder for BoundedDecoder<Request> {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        let decoded = apart(message.remaining(), || decoded(message));
        Request::from_decoded(decoded.map_err(|violations| violations.of_whole(REQUEST))).map(Some)
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BEGINS_WITH, TOGETHER)
    }
}

fn decoded<M: Message + Name + Default>(message: &mut DecodeBuf<'_>) -> Result<M, Violations> {
    // A message comes whole, in one piece.
    let checked = Room::default().check(&M::full_name(), message.chunk());
    let decoded =
        checked.and_then(|()| M::decode(&mut *message).map_err(|it| undecodable::<M>(&it)));
    // What a refused message leaves would be taken for the next one.
    message.advance(message.remaining());
    decoded
}

fn undecodable<M: Name>(error: &prost::DecodeError) -> Violations {
    let mut violations = Violations::default();
    violations.add("", format!("is not a {}: {error}", M::full_name()));
    violations
}
