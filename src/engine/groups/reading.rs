//! What a group reads of the log: what comes next, what had to be left behind, and the events that
//! are on their way to a consumer.

use bytes::BytesMut;
use tokio::sync::mpsc;

use super::{consumer::Delivered, task::Group};
use crate::{
    domain::{
        event::{Direction, Position},
        group::{ConsumerId, Outgoing, is_of_groups},
        limits,
        name::StreamName,
    },
    engine::{ReadError, reader::Span},
    log::index,
};

/// Events that are read at once for a consumer, of those that were not read lately.
const FETCHED_AT_ONCE: usize = 256;

impl Group {
    /// Reads the next page if there is a consumer to give it to; whether there was anything to
    /// read.
    pub(super) async fn read_on(&mut self, available: Position) -> Result<bool, ReadError> {
        self.pass_held(available).await?;
        self.feed().await?;
        let (read, now) = (self.work.read(), self.now());
        let wanted = self.work.has_credit()
            && self.work.ready() == 0
            && self.work.listed() < limits::GROUP_UNFINISHED
            && self.book.has_room();
        if !wanted || read >= available {
            return Ok(wanted && self.work.ready() > 0);
        }
        let span = Span { cursor: read, end: available, direction: Direction::Forwards };
        let Some(run) = self.reader.next(&self.filter, span, u64::MAX).await? else {
            self.work.looked_up_to(available);
            return Ok(false);
        };
        let last = run.last;
        for head in self.pages.keep(run.events, self.reader.is_short())? {
            if !is_of_groups(&head.stream) {
                self.work.offer(&head.stream, head.position, now);
            }
        }
        self.work.looked_up_to(last);
        Ok(true)
    }

    /// Passes over what is recorded before the time at which the group begins.
    pub(super) async fn pass_held(&mut self, available: Position) -> Result<(), ReadError> {
        let Some(time) = self.held else { return Ok(()) };
        let passed = self.reader.recorded_before(time, available).await?;
        self.work.looked_up_to(passed);
        if passed < available {
            self.held = None;
        }
        Ok(())
    }

    /// Lists more events of streams that had too many.
    async fn feed(&mut self) -> Result<(), ReadError> {
        for (stream, after, asked) in self.work.hungry() {
            let up_to = self.work.read();
            self.reader.indexed(up_to).await?;
            let name = StreamName::parse(&stream).ok();
            let found = match name.and_then(|name| self.filter.only_stream(&name)) {
                Some(filter) => {
                    let span = index::Span { after, up_to };
                    let ask = move |log: &crate::log::Log, blocking| {
                        let lookup = log.index().lookup(blocking);
                        Ok(lookup.matches(&filter, span, Direction::Forwards, asked)?)
                    };
                    self.reader.ask(ask).await?
                }
                None => Vec::new(),
            };
            self.work.feed(&stream, &found, asked, self.now());
        }
        Ok(())
    }

    /// Sends what consumers are to be given, as far as they have taken what was sent before.
    pub(super) async fn send(&mut self) -> Result<(), ReadError> {
        let consumers: Vec<_> =
            self.consumers.iter().map(|(id, link)| (*id, link.frames.clone())).collect();
        for (id, frames) in consumers {
            self.send_to(id, &frames).await?;
        }
        Ok(())
    }

    async fn send_to(
        &mut self,
        id: ConsumerId,
        frames: &mpsc::Sender<Delivered>,
    ) -> Result<(), ReadError> {
        // One that has gone is forgotten when it says so.
        while let Ok(permit) = frames.try_reserve() {
            let outgoing: Vec<_> = self.work.outgoing(id).take(FETCHED_AT_ONCE).collect();
            let frame = if outgoing.is_empty() {
                Delivered::default()
            } else {
                self.fetch(&outgoing).await?;
                self.frame(&outgoing)
            };
            self.work.sent(id, frame.last_delivery());
            let withdrawn = self.work.take_withdrawn(id);
            if frame.attempts.is_empty() && withdrawn.is_empty() {
                return Ok(());
            }
            if let Some(link) = self.consumers.get_mut(&id) {
                link.under_way.push_back(frame.last_delivery());
            }
            permit.send(Delivered { withdrawn, ..frame });
        }
        Ok(())
    }

    /// Reads those that were not read lately.
    async fn fetch(&mut self, outgoing: &[Outgoing]) -> Result<(), ReadError> {
        let mut missing: Vec<_> = outgoing
            .iter()
            .map(|outgoing| outgoing.position)
            .filter(|position| self.pages.get(*position).is_none())
            .collect();
        missing.sort_unstable();
        if missing.is_empty() {
            return Ok(());
        }
        let run = self.reader.events_at(missing).await?;
        self.pages.keep(run.events, self.reader.is_short())?;
        Ok(())
    }

    /// As many of the first as were read and fit.
    fn frame(&self, outgoing: &[Outgoing]) -> Delivered {
        let most = self.reader.page_bytes();
        let mut events = BytesMut::new();
        let mut frame = Delivered::default();
        for Outgoing { delivery, position, attempts } in outgoing {
            let Some(event) = self.pages.get(*position) else { break };
            if !frame.attempts.is_empty() && events.len() + event.len() > most {
                break;
            }
            if frame.attempts.is_empty() {
                frame.first_delivery = *delivery;
            }
            events.extend_from_slice(&event);
            frame.attempts.push(*attempts);
        }
        frame.events = self.reader.hold(events.freeze());
        frame
    }
}
