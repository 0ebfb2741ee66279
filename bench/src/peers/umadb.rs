//! UmaDB over gRPC, with the settings that its own Rust client gives a connection.

mod messages;

use std::{marker::PhantomData, sync::Arc, time::Duration};

use bytes::{Buf as _, Bytes};
use futures_util::{StreamExt as _, TryStreamExt as _};
use handover::cli::exit::Failure;
use prost::Message;
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder},
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::{ProstCodec, ProstEncoder};

use self::messages::{
    AppendCondition, AppendRequest, AppendResponse, Event, HeadRequest, HeadResponse, Query,
    QueryItem, ReadRequest, ReadResponse, SubscribeRequest,
};
use super::{
    connection::{Arrivals, Connection, Progress, failed},
    work::{self, Batch, Place, Selection, Source},
};
use crate::encoded::Counted;

const NAME: &str = "UmaDB";
/// Bytes under way on a stream and on a connection, as its client has them.
const WINDOWS: (u32, u32) = (4 << 20, 8 << 20);
/// How often a connection is checked, and how long the answer may take, as its client has them.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(10));
/// Bytes of one answer at most.
const ANSWER_BYTES: usize = 64 << 20;

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct Umadb {
    channel: Channel,
    source: Arc<Source>,
}

/// Encodes requests, and takes each answer as the bytes of one message.
#[derive(Clone, Copy, Debug, Default)]
struct LeftEncoded<Sent>(PhantomData<fn() -> Sent>);

impl<Sent: Message + Default + 'static> Codec for LeftEncoded<Sent> {
    type Encode = Sent;
    type Decode = Bytes;
    type Encoder = ProstEncoder<Sent>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Sent, ()>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Self(PhantomData)
    }
}

impl<Sent> Decoder for LeftEncoded<Sent> {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

impl Umadb {
    pub(super) async fn connect(address: &str, source: Arc<Source>) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(|it| failed(NAME, it))?;
        let (stream, connection) = WINDOWS;
        let (interval, timeout) = KEEP_ALIVE;
        let endpoint = endpoint
            .tcp_nodelay(true)
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(timeout)
            .initial_stream_window_size(stream)
            .initial_connection_window_size(connection);
        let channel = endpoint.connect().await.map_err(|it| failed(NAME, it))?;
        Ok(Self { channel, source })
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Failure> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES);
        grpc.ready().await.map_err(|it| failed(NAME, it))?;
        Ok(grpc)
    }

    async fn unary<Sent, Got>(&self, path: &'static str, sent: Sent) -> Result<Got, Failure>
    where
        Sent: Message + 'static,
        Got: Message + Default + 'static,
    {
        let codec = ProstCodec::<Sent, Got>::default();
        let path = PathAndQuery::from_static(path);
        let answer = self.ready().await?.unary(Request::new(sent), path, codec).await;
        answer.map(Response::into_inner).map_err(|it| failed(NAME, it))
    }

    async fn streaming<C>(
        &self,
        path: &'static str,
        sent: C::Encode,
        codec: C,
    ) -> Result<Streaming<C::Decode>, Failure>
    where
        C: Codec,
        C::Encode: Send + Sync + 'static,
        C::Decode: Send + Sync + 'static,
    {
        let path = PathAndQuery::from_static(path);
        let answer = self.ready().await?.server_streaming(Request::new(sent), path, codec).await;
        answer.map(Response::into_inner).map_err(|it| failed(NAME, it))
    }

    fn request(&self, batch: &Batch) -> AppendRequest {
        let events = batch.events().map(|event| self.event(&event, batch.place)).collect();
        AppendRequest { events, condition: None }
    }

    /// An event; its stream is a tag, because this store has no streams.
    fn event(&self, event: &work::Event, place: Place) -> Event {
        let mut tags = vec![stream_tag(event.stream)];
        if place == Place::Tens {
            tags.extend(event.share.map(share_tag));
        }
        let data = self.source.identity.payload(event.number);
        Event { name: event_type(event.kind), tags, data, uuid: String::new() }
    }
}

fn stream_tag(stream: u64) -> String {
    format!("bench-stream:{stream}")
}

fn share_tag(of: u64) -> String {
    format!("bench-share:{of}")
}

fn event_type(kind: u64) -> String {
    format!("bench.v1.Kind{kind}")
}

fn query(selection: Selection) -> Option<Query> {
    let (types, tags) = match selection {
        Selection::All => return None,
        Selection::Share(of) => (Vec::new(), vec![share_tag(of)]),
        Selection::Stream(stream) => (Vec::new(), vec![stream_tag(stream)]),
        Selection::One(event) => (vec![event_type(event.kind)], vec![stream_tag(event.stream)]),
    };
    Some(Query { items: vec![QueryItem { types, tags }] })
}

#[tonic::async_trait]
impl Connection for Umadb {
    async fn append(&self, batch: &Batch) -> Result<(), Failure> {
        let _: AppendResponse = self.unary("/umadb.v1.DCB/Append", self.request(batch)).await?;
        Ok(())
    }

    async fn append_after(&self, batch: &Batch, seen: Option<u64>) -> Result<u64, Failure> {
        let mut request = self.request(batch);
        let stream = batch.events().next().map(|event| Selection::Stream(event.stream));
        let fail_if_events_match = stream.and_then(query);
        request.condition = Some(AppendCondition { fail_if_events_match, after: seen });
        let answer: AppendResponse = self.unary("/umadb.v1.DCB/Append", request).await?;
        Ok(answer.position)
    }

    async fn read(&self, selection: Selection, progress: Progress<'_>) -> Result<(), Failure> {
        let request = ReadRequest { query: query(selection), ..ReadRequest::default() };
        let path = "/umadb.v1.DCB/Read";
        if matches!(selection, Selection::Stream(_) | Selection::One(_)) {
            let codec = ProstCodec::<ReadRequest, ReadResponse>::default();
            let mut answers = self.streaming(path, request, codec).await?;
            while let Some(answer) = answers.try_next().await.map_err(|it| failed(NAME, it))? {
                progress(answer.events.len() as u64);
            }
            return Ok(());
        }
        let codec = LeftEncoded::<ReadRequest>::default();
        let mut answers = self.streaming(path, request, codec).await?;
        while let Some(answer) = answers.try_next().await.map_err(|it| failed(NAME, it))? {
            if !progress(Counted::of(answer)?.events) {
                break;
            }
        }
        Ok(())
    }

    async fn follow(&self) -> Result<Arrivals, Failure> {
        let head: HeadResponse = self.unary("/umadb.v1.DCB/Head", HeadRequest {}).await?;
        let request = SubscribeRequest { after: head.position, ..SubscribeRequest::default() };
        let codec = ProstCodec::<SubscribeRequest, ReadResponse>::default();
        let answers = self.streaming("/umadb.v1.DCB/Subscribe", request, codec).await?;
        let arrived = answers.map_err(|it| failed(NAME, it)).map_ok(|answer| {
            answer.events.into_iter().filter_map(|it| it.event).map(|it| it.data).collect()
        });
        Ok(arrived.boxed())
    }
}
