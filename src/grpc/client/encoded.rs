//! Reads that leave their answers as they came: for callers that pass bytes on, or count them.
//!
//! Decoding costs a client more than receiving; a caller that does not look into the events need
//! not pay for it.

use std::marker::PhantomData;

use bytes::{Buf as _, Bytes};
use prost::Message;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder},
    codegen::http::uri::PathAndQuery,
};
use tonic_prost::{ProstCodec, ProstEncoder};

use super::{Answers, Client};
use crate::domain::{
    limits,
    proto::{ReadRequest, SubscribeRequest},
};

/// Encodes requests as ever, and takes each answer as the bytes of one message.
#[derive(Clone, Copy, Debug, Default)]
struct KeepsBytes<RequestMessage>(PhantomData<fn() -> RequestMessage>);

impl<RequestMessage: Message + Default + 'static> Codec for KeepsBytes<RequestMessage> {
    type Encode = RequestMessage;
    type Decode = Bytes;
    type Encoder = ProstEncoder<RequestMessage>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<RequestMessage, ()>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self(PhantomData)
    }
}

impl<RequestMessage> Decoder for KeepsBytes<RequestMessage> {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        // The message is one piece of memory already, so this shares it.
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

impl Client {
    /// Reads as [`Client::read`] does; each item is an encoded `ReadResponse`.
    pub fn read_encoded(&self, request: ReadRequest) -> Answers<Bytes> {
        self.encoded(request, "/handover.v1.EventStoreService/Read")
    }

    /// The frames of a subscription, as they came.
    pub fn subscribe_encoded(&self, request: SubscribeRequest) -> Answers<Bytes> {
        self.encoded(request, "/handover.v1.EventStoreService/Subscribe")
    }

    fn encoded<RequestMessage>(&self, request: RequestMessage, path: &'static str) -> Answers<Bytes>
    where
        RequestMessage: Message + Default + 'static,
    {
        self.stream(|over| async move {
            let grpc = Grpc::new(over.authorized());
            let mut grpc = grpc.max_decoding_message_size(limits::REQUEST_BYTES);
            let ready = grpc.ready().await;
            ready.map_err(|error| Status::from_error(error.into()))?;
            let path = PathAndQuery::from_static(path);
            grpc.server_streaming(Request::new(request), path, KeepsBytes::default()).await
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use prost::Message as _;

    use super::*;
    use crate::{
        domain::proto::{AppendRequest, NewEvent, ReadResponse, StreamWrite},
        grpc::client::fake::Fake,
    };

    #[tokio::test]
    async fn what_is_left_encoded_is_what_would_have_been_decoded() {
        let client = Fake::default().client().await;
        let any = crate::domain::proto::Any {
            type_url: "type.googleapis.com/demo.v1.Noted".to_owned(),
            value: vec![7; 300].into(),
        };
        let event = NewEvent { payload: Some(any), ..NewEvent::default() };
        let write = StreamWrite {
            stream: "demo/1".to_owned(),
            expected_revision: None,
            events: vec![event; 20],
        };
        let request = AppendRequest { writes: vec![write], ..AppendRequest::default() };
        client.append(request).await.unwrap();

        let decoded: Vec<ReadResponse> =
            client.read(ReadRequest::default()).try_collect().await.unwrap();
        let encoded: Vec<Bytes> =
            client.read_encoded(ReadRequest::default()).try_collect().await.unwrap();
        let messages: Vec<ReadResponse> =
            encoded.into_iter().map(|bytes| ReadResponse::decode(bytes).unwrap()).collect();
        assert!(decoded.len() > 1, "one message would not tell where each ends");
        assert_eq!(messages, decoded);
    }
}
