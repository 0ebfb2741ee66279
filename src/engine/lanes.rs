//! How many queries may look at the register at once, by how long they take.
//!
//! A lookup (the figures of countries, what a preference has to fit) never waits for what has to be
//! worked out. Pieces of such work wait for each other in the order in which they come, however
//! long their questions are. Only a few long questions are under way, because each holds what it
//! has gathered so far.

use std::{num::NonZero, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::ReadError;

/// Pieces that are worked out at once, at most; the machine is also there for appends.
const PIECES: usize = 4;
/// Things that are looked up at once, at most.
const LOOK_UPS: usize = 4;
/// Questions in several pieces that are under way at once.
const WALKS: usize = 2;

/// Lists that are under way at once, and as many answers about one thing. Each holds a list, and a
/// page of it of up to 1 MiB.
const GATHERINGS: usize = 8;

/// The permits of each sort.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    look_ups: Arc<Semaphore>,
    pieces: Arc<Semaphore>,
    walks: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    stories: Arc<Semaphore>,
}

/// How long the register is looked at for a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// For a lookup: it does not grow with the record.
    LookUp,
    /// For a piece of what is worked out.
    Piece,
    /// For all pieces of a question; each needs a permit of its own as well.
    Walk,
    /// For a list or a page of it until it is made; it has permits of the above meanwhile.
    List,
    /// The same for what one thing amounts to.
    Story,
}

/// Half of the processors, since working out is nothing but computing.
pub(super) fn concurrent_pieces() -> usize {
    (processors() / 2).clamp(1, PIECES)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

impl Default for Lanes {
    fn default() -> Self {
        let permits = |count| Arc::new(Semaphore::new(count));
        Self {
            look_ups: permits(processors().clamp(1, LOOK_UPS)),
            pieces: permits(concurrent_pieces()),
            walks: permits(WALKS),
            lists: permits(GATHERINGS),
            stories: permits(GATHERINGS),
        }
    }
}

impl Lanes {
    /// Waits for a turn, which lasts until the permit is dropped.
    pub(super) async fn turn(&self, lane: Lane) -> Result<OwnedSemaphorePermit, ReadError> {
        let lane = match lane {
            Lane::LookUp => &self.look_ups,
            Lane::Piece => &self.pieces,
            Lane::Walk => &self.walks,
            Lane::List => &self.lists,
            Lane::Story => &self.stories,
        };
        Arc::clone(lane).acquire_owned().await.map_err(|_| ReadError::Stopping)
    }
}
