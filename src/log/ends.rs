//! Where each of some encoded events ends.
//!
//! The events are exactly the wire encoding of `repeated RecordedEvent events = 1`: each is a tag,
//! a length and as many bytes.

use bytes::Bytes;

/// The tag byte of `repeated RecordedEvent events = 1`: field 1, length-delimited.
pub const EVENT_TAG: u8 = 0x0A;

/// Bytes that are not a frame's body, or not its events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a frame: {0}")]
pub struct MalformedFrame(pub &'static str);

/// Where each event ends in the bytes of all, rising; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// Counted while the events were parsed.
    Counted(Vec<u32>),
    /// As they are stored with a block, big-endian `u16`s: read in place, so that taking a block
    /// apart allocates nothing for each of its events.
    Stored(Bytes),
}

impl Ends {
    /// Finds the ends of encoded events.
    pub(super) fn parse(encoded: &[u8]) -> Result<Self, MalformedFrame> {
        let mut ends = Vec::new();
        let mut rest = encoded;
        while let Some((&tag, mut after)) = rest.split_first() {
            if tag != EVENT_TAG {
                return Err(MalformedFrame("an event does not begin with its tag"));
            }
            let length = prost::encoding::decode_varint(&mut after)
                .map_err(|_| MalformedFrame("an event's length is not a varint"))?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            rest = after.get(length..).ok_or(MalformedFrame("an event is cut off"))?;
            let end = u32::try_from(encoded.len() - rest.len());
            ends.push(end.map_err(|_| MalformedFrame("its events have more than 4 GiB"))?);
        }
        if ends.is_empty() {
            return Err(MalformedFrame("it has no events"));
        }
        Ok(Self::Counted(ends))
    }

    /// The number of events.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Counted(ends) => ends.len(),
            Self::Stored(ends) => ends.len() / 2,
        }
    }

    /// Where the event with this number, from 0, ends.
    pub(super) fn get(&self, number: usize) -> Option<usize> {
        match self {
            Self::Counted(ends) => ends.get(number).map(|end| *end as usize),
            Self::Stored(ends) => {
                let (end, _) = ends.get(number * 2..)?.split_first_chunk()?;
                Some(usize::from(u16::from_be_bytes(*end)))
            }
        }
    }

    /// How many events end at or before `limit`.
    pub(super) fn up_to(&self, limit: usize) -> usize {
        match self {
            Self::Counted(ends) => ends.partition_point(|end| *end as usize <= limit),
            // A block has few, and a page takes most blocks whole.
            Self::Stored(_) if self.get(self.len() - 1) <= Some(limit) => self.len(),
            Self::Stored(_) => {
                (0..self.len()).take_while(|number| self.get(*number) <= Some(limit)).count()
            }
        }
    }

    /// Whether they rise from above 0 to `length`.
    pub(super) fn fit(&self, length: usize) -> bool {
        let mut before = 0;
        let rising = (0..self.len()).filter_map(|number| self.get(number)).all(|end| {
            let rises = end > before;
            before = end;
            rises
        });
        rising && before == length && length > 0
    }
}
