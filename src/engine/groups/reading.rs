//! What a group reads of the log: what comes next, what had to be left behind, and the events that
//! are on their way to a consumer.

use tokio::sync::mpsc;

use super::{books::Book, members::Members, messages::Delivered, pages::Pages};
use crate::{
    domain::{
        event::{Direction, Micros, Position},
        filter::Filter,
        group::{ConsumerId, Moment, Outgoing, Work, is_of_groups},
        limits,
        name::StreamName,
    },
    engine::{
        Head, ReadError,
        reader::{Reader, Span},
    },
    log::index,
};

/// Events that are read at once for a consumer, of those that were not read lately.
const FETCHED_AT_ONCE: usize = 256;

/// What a group reads, and what it holds of that.
pub(super) struct GroupReader {
    pub(super) reader: Reader,
    filter: Filter,
    /// The group passes over what is recorded before this time; absent: it has.
    held: Option<Micros>,
    /// What the group's work holds counts here.
    pub(super) book: Book,
    pages: Pages,
}

impl GroupReader {
    /// Reads for a group what matches, passing over what is recorded before a time.
    pub(super) fn new(reader: Reader, filter: Filter, held: Option<Micros>, book: Book) -> Self {
        Self { reader, filter, held, book, pages: Pages::default() }
    }

    /// How far can be read: a filter finds nothing that the index does not know yet.
    pub(super) fn available(&self, head: Head, indexed: Position) -> Position {
        if self.filter.is_all() { head.position } else { head.position.min(indexed) }
    }

    /// Lets go of what was read: what is to be sent later is read again.
    pub(super) fn let_go(&mut self) {
        self.pages.clear();
    }

    /// Reads the next page if there is a consumer to give it to; whether there was anything to
    /// read.
    pub(super) async fn read_on(
        &mut self,
        work: &mut Work,
        available: Position,
        now: Moment,
    ) -> Result<bool, ReadError> {
        self.pass_held(work, available).await?;
        self.feed(work, now).await?;
        let read = work.read();
        let wanted = work.has_credit()
            && work.ready() == 0
            && work.listed() < limits::GROUP_UNFINISHED
            && self.book.has_room();
        if !wanted || read >= available {
            return Ok(wanted && work.ready() > 0);
        }
        let span = Span { cursor: read, end: available, direction: Direction::Forwards };
        let Some(encoded) = self.reader.next(&self.filter, span, u64::MAX).await? else {
            work.looked_up_to(available);
            return Ok(false);
        };
        let last = encoded.last;
        for head in self.pages.keep(encoded.events, self.reader.streams().is_short())? {
            if !is_of_groups(&head.stream) {
                work.offer(&head.stream, head.position, now);
            }
        }
        work.looked_up_to(last);
        Ok(true)
    }

    /// Passes over what is recorded before the time at which the group begins.
    pub(super) async fn pass_held(
        &mut self,
        work: &mut Work,
        available: Position,
    ) -> Result<(), ReadError> {
        let Some(time) = self.held else { return Ok(()) };
        let passed = self.reader.recorded_before(time, available).await?;
        work.looked_up_to(passed);
        if passed < available {
            self.held = None;
        }
        Ok(())
    }

    /// Lists more events of streams that had too many.
    async fn feed(&mut self, work: &mut Work, now: Moment) -> Result<(), ReadError> {
        for (stream, after, limit) in work.hungry() {
            let up_to = work.read();
            let name = StreamName::parse(&stream).ok();
            let found = match name.and_then(|name| self.filter.only_stream(&name)) {
                Some(filter) => {
                    let span = index::Span { after, up_to };
                    self.reader.matches(&filter, span, Direction::Forwards, limit).await?
                }
                None => Vec::new(),
            };
            work.feed(&stream, &found, limit, now);
        }
        Ok(())
    }

    /// Sends what consumers are to be given, as far as they have taken what was sent before.
    pub(super) async fn send(
        &mut self,
        work: &mut Work,
        members: &mut Members,
    ) -> Result<(), ReadError> {
        for (id, frames) in members.frames() {
            self.send_to(id, &frames, work, members).await?;
        }
        Ok(())
    }

    async fn send_to(
        &mut self,
        id: ConsumerId,
        frames: &mpsc::Sender<Delivered>,
        work: &mut Work,
        members: &mut Members,
    ) -> Result<(), ReadError> {
        // One that has gone is forgotten when it says so.
        while let Ok(permit) = frames.try_reserve() {
            let outgoing: Vec<_> = work.outgoing(id).take(FETCHED_AT_ONCE).collect();
            let frame = self.next_frame(&outgoing).await?;
            work.sent(id, frame.last_delivery());
            let withdrawn = work.take_withdrawn(id);
            if frame.attempts.is_empty() && withdrawn.is_empty() {
                return Ok(());
            }
            members.sent(id, frame.last_delivery());
            permit.send(Delivered { withdrawn, ..frame });
        }
        Ok(())
    }

    /// As many of the first as make a frame; those that are not at hand are read.
    async fn next_frame(&mut self, outgoing: &[Outgoing]) -> Result<Delivered, ReadError> {
        let (mut frame, is_whole) = self.frame(outgoing);
        if !is_whole {
            self.fetch(outgoing).await?;
            frame = self.frame(outgoing).0;
        }
        if let ([first, ..], true) = (outgoing, frame.attempts.is_empty()) {
            // Those that come first in the log were read. If they are large, this one was not.
            self.fetch(std::slice::from_ref(first)).await?;
            frame = self.frame(outgoing).0;
        }
        Ok(frame)
    }

    /// Reads those that were not read lately.
    async fn fetch(&mut self, outgoing: &[Outgoing]) -> Result<(), ReadError> {
        let positions = outgoing.iter().map(|outgoing| outgoing.position);
        let missing = positions.filter(|position| self.pages.get(*position).is_none());
        let mut missing: Vec<_> = missing.collect();
        missing.sort_unstable();
        let encoded = self.reader.events_at(missing).await?;
        self.pages.keep(encoded.events, self.reader.streams().is_short())?;
        Ok(())
    }

    /// As many of the first as were read lately and fit; whether all that fit were.
    fn frame(&self, outgoing: &[Outgoing]) -> (Delivered, bool) {
        let most = self.reader.streams().page_bytes();
        let (mut events, mut attempts, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut is_whole = true;
        for next in outgoing {
            let Some(event) = self.pages.get(next.position) else {
                is_whole = false;
                break;
            };
            bytes += event.len();
            if !events.is_empty() && bytes > most {
                break;
            }
            events.push(event);
            attempts.push(next.attempts);
        }
        let first = outgoing.first().filter(|_| !events.is_empty());
        let first_delivery = first.map_or(0, |first| first.delivery);
        let events = self.reader.streams().hold(events.concat().into());
        (Delivered { events, first_delivery, attempts, withdrawn: Vec::new() }, is_whole)
    }
}
