//! The codec of the services: protobuf, with buffers that begin small.
//!
//! A call gets its buffers when it begins and keeps them until it ends. Most calls need little, and
//! followers, of whom there may be thousands, wait for most of their time; so a buffer grows when
//! there is something to put into it, instead of being ready for a page.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// Bytes that a buffer begins with: most answers fit.
const BEGINS_WITH: usize = 512;
/// Bytes of small messages that are sent together.
const TOGETHER: usize = 32 << 10;

/// Encodes answers and decodes requests.
#[derive(Clone, Debug)]
pub(crate) struct LeanCodec<Answer, Asked>(PhantomData<(Answer, Asked)>);

impl<Answer, Asked> Default for LeanCodec<Answer, Asked> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Answer, Asked> Codec for LeanCodec<Answer, Asked>
where
    Answer: Message + Send + 'static,
    Asked: Message + Default + Send + 'static,
{
    type Encode = Answer;
    type Decode = Asked;
    type Encoder = ProstEncoder<Answer>;
    type Decoder = ProstDecoder<Asked>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<Answer, Asked>::raw_encoder(BufferSettings::new(BEGINS_WITH, TOGETHER))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<Answer, Asked>::raw_decoder(BufferSettings::new(BEGINS_WITH, TOGETHER))
    }
}
