//! Unpacking compressed messages, within bounds of memory and of time.
//!
//! A gzip stream ends with the length of what it unpacks to, so that much is made ready and no
//! more. What takes time in such a stream are not its bytes but its blocks, each of which may bring
//! tables of its own and unpack to nothing; so the blocks are counted.

use std::{num::NonZero, sync::Arc, thread};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use zlib_rs::{Inflate, InflateFlush, Status as Inflated};

use super::budget::BudgetShare;
use crate::{
    domain::{proto::ErrorReason, violation::Violations, wire::Room},
    engine::LARGE,
    grpc::{
        intake::{methods::Method, refusal::unreadable},
        status::{REQUEST, RpcError, overloaded},
    },
};

/// Bytes of the shortest gzip stream, what each begins with, and how often it can hold its length.
const SHORTEST: usize = 18;
const BEGINNING: [u8; 3] = [0x1f, 0x8b, 8];
const TIGHTEST: usize = 1_032;
/// Tells the library to expect gzip, with the largest window there is.
const GZIP_WINDOW: u8 = 16 + 15;
/// Blocks that any stream may have, and how many bytes each block beyond them has to unpack to.
/// Encoders make blocks of thousands of bytes.
const BLOCKS: usize = 64;
const BLOCK_BYTES: usize = 256;
/// Large messages that may wait to be unpacked.
const WAITING: usize = 64;

/// Unpacks the messages of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Unpacker(Arc<Places>);

#[derive(Debug)]
struct Places {
    /// For those that are being unpacked: half of the processors.
    turns: Arc<Semaphore>,
    /// For those, and the ones that wait.
    waiting: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        let turns = (thread::available_parallelism().map_or(1, NonZero::get) / 2).max(1);
        let waiting = Semaphore::new(turns + WAITING);
        Self { turns: Arc::new(Semaphore::new(turns)), waiting }
    }
}

/// A compressed message, and what it should be.
#[derive(Debug)]
pub(super) struct Packed {
    content: Bytes,
    /// Bytes that it says it unpacks to.
    size: usize,
    method: &'static Method,
}

impl Packed {
    /// Looks at how long the message says it is.
    pub(super) fn new(content: Bytes, method: &'static Method) -> Result<Self, Status> {
        let size = announced(&content).ok_or_else(|| unreadable(TRUNCATED))?;
        if size > method.limit {
            let (limit, mut violations) = (method.limit, Violations::default());
            let problem = format!("is to unpack to {size} bytes; the limit is {limit}");
            violations.beyond(REQUEST, problem);
            return Err(RpcError::from(violations).into());
        }
        Ok(Self { content, size, method })
    }

    /// Whether it can be unpacked in a task.
    pub(super) fn is_small(&self) -> bool {
        self.size < LARGE && self.content.len() < LARGE
    }

    /// Bytes that it takes until it is unpacked.
    pub(super) fn bytes(&self) -> usize {
        self.content.len() + self.size
    }

    /// Unpacks it. The content of a single message is looked at here already, because all that the
    /// codec would do with it before costs more.
    pub(super) fn unpacked(self) -> Result<Bytes, Status> {
        let unpacked = unpack(&self.content, self.size).map_err(unreadable)?;
        if self.method.takes_one {
            let checked = Room::default().check(&self.method.message, &unpacked);
            checked.map_err(|violations| RpcError::from(violations.of_whole(REQUEST)))?;
        }
        Ok(unpacked.into())
    }
}

impl Unpacker {
    /// Unpacks a large message beside the tasks; `held` is what the call holds besides it.
    pub(super) async fn apart(
        self,
        packed: Packed,
        account: BudgetShare,
        held: usize,
    ) -> Result<Bytes, Status> {
        let full = |_| {
            overloaded(format!(
                "{WAITING} large compressed messages wait to be unpacked, which is the most there \
                 may be; send this one again later"
            ))
        };
        let Places { turns, waiting } = &*self.0;
        let _waits = waiting.try_acquire().map_err(full)?;
        let turn = Arc::clone(turns).acquire_owned().await;
        // Only now, or those that wait would hold the room of those that have a turn.
        account.hold(held + packed.bytes(), true)?;
        let unpacking = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            packed.unpacked()
        });
        unpacking.await.unwrap_or_else(|_| {
            let message = "unpacking the message failed";
            Err(RpcError::new(Code::Internal, ErrorReason::Internal, message).into())
        })
    }
}

const TRUNCATED: &str = "is marked as compressed, but is not a whole gzip stream";
const CORRUPT: &str = "is marked as compressed, but its gzip stream cannot be unpacked";
const OTHER_SIZE: &str = "is a gzip stream of another length than it says at its end";
const MANY_BLOCKS: &str = "is a gzip stream of many blocks that hold little";

/// Unpacks a gzip stream of one member that says it has `size` bytes.
fn unpack(packed: &[u8], size: usize) -> Result<Vec<u8>, &'static str> {
    let mut inflate = Inflate::new(true, GZIP_WINDOW);
    // One byte more than there should be shows where there are more.
    let mut unpacked = vec![0; size + 1];
    let (mut taken, mut made) = (0, 0);
    for _ in 0..BLOCKS + size / BLOCK_BYTES {
        let input = packed.get(taken..).unwrap_or_default();
        let output = unpacked.get_mut(made..).unwrap_or_default();
        if output.is_empty() {
            return Err(OTHER_SIZE);
        }
        let ended = input.is_empty();
        // It returns at the end of each block.
        let inflated = inflate.decompress(input, output, InflateFlush::Block);
        taken = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
        made = usize::try_from(inflate.total_out()).unwrap_or(usize::MAX);
        match inflated {
            Ok(Inflated::StreamEnd) if made == size && taken == packed.len() => {
                unpacked.truncate(size);
                return Ok(unpacked);
            }
            Ok(Inflated::StreamEnd) => return Err(OTHER_SIZE),
            Ok(Inflated::Ok | Inflated::BufError) if ended => return Err(TRUNCATED),
            // A block that lay in bits which were taken before counts as no progress.
            Ok(Inflated::Ok | Inflated::BufError) => {}
            Err(_) => return Err(CORRUPT),
        }
    }
    Err(MANY_BLOCKS)
}

/// What a stream says at its end that it unpacks to; `None`: it is no whole stream.
fn announced(packed: &[u8]) -> Option<usize> {
    if packed.len() < SHORTEST || !packed.starts_with(&BEGINNING) {
        return None;
    }
    let size = usize::try_from(u32::from_le_bytes(*packed.last_chunk()?)).ok()?;
    // What follows a cut are bytes of the content, which make any number.
    Some(size).filter(|size| size / TIGHTEST <= packed.len())
}
