//! Under which request ids a row may have been recorded, and what has become of its recordings.
//!
//! A row is recorded in one way: with its identity texts folded, about the recording of its claim
//! that stands. It may have been recorded in others: as it was typed, by an older build, or about
//! an earlier recording of its claim. All of them are looked up before the row is recorded. So a
//! row is recorded once, in whatever spelling it comes, and a line about a row that was recorded
//! anew stays with the recording that it was about.

use prost::Message;

use super::{
    again::lost,
    check::{self, Valid, Written},
    claimed::Claimed,
    content::{Contents, ImportedContent},
    failures::{again, is_about_the_row},
    kept::Key,
};
use crate::{
    cli::{
        exit::{Exit, Failure},
        lines::{Line, RowError},
    },
    domain::{
        event::Position,
        known::Known,
        name::{StreamName, is_of_the_server},
        proto::{Any, AppendRequest, AppendResponse, NewEvent, RecordedEvent, StreamWrite},
    },
    grpc::client::{Client, ClientError},
};

/// A revision that no stream has, so an append that expects it records nothing.
const NO_REVISION: u64 = u64::MAX;

/// What a way differs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// As the row is recorded, about the recording of its claim that was its own at first.
    Own,
    /// As it was typed: an older build recorded it so.
    Typed,
    /// About another recording of its claim.
    Elsewhere,
}

/// A way in which a row may have been recorded.
#[derive(Debug)]
struct Way {
    kind: Kind,
    content: ImportedContent,
    write: StreamWrite,
    /// The number of the recording that is the row's own.
    number: u64,
}

impl Way {
    fn new(kind: Kind, written: Written, contents: &Contents) -> Result<Self, Failure> {
        let content = ImportedContent::of(&written);
        let number = contents.copies(&content.key())?;
        let Written { stream, event } = written;
        let (stream, events) = (stream.as_str().to_owned(), vec![event]);
        let write = StreamWrite { stream, expected_revision: None, events };
        Ok(Self { kind, content, write, number })
    }

    fn request(&self, number: u64) -> AppendRequest {
        let request_id = self.content.request_id(number).to_string();
        AppendRequest { request_id, writes: vec![self.write.clone()], ..AppendRequest::default() }
    }

    /// The first answer to the recording with this number, and what undid it since; `None`: there
    /// is none. The server looks at a request id before it looks at a revision, so an append that
    /// expects what cannot be shows whether its id was used and records nothing.
    async fn recalled(
        &self,
        client: &Client,
        number: u64,
    ) -> Result<Option<AppendResponse>, ClientError> {
        let request = self.request(number);
        let mut anew = request.clone();
        anew.writes.iter_mut().for_each(|write| write.expected_revision = Some(NO_REVISION));
        match client.append(anew).await {
            Err(error) if error.reason == "REQUEST_ID_REUSED" => {
                client.append(request).await.map(Some)
            }
            Err(error) if !is_about_the_row(&error) => Err(error),
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

/// A row that is to be recorded if it is not there yet.
#[derive(Debug)]
pub(super) struct Repeat {
    /// The stream that lines about it are for, as it was typed.
    pub(super) stream: StreamName,
    /// The claim that it is about.
    pub(super) about: Option<Position>,
    /// It is a retraction.
    pub(super) retracts: bool,
    /// The event that retracted the claim of this retraction already; 0: none, or it is none.
    pub(super) retracted: Position,
    /// In the order in which they are looked up.
    ways: Vec<Way>,
    /// The one of them in which it is recorded.
    recorded: usize,
    /// The content of the row itself.
    content: Key,
    /// Its content as it was typed, where that differs.
    typed: Option<Key>,
}

impl Repeat {
    /// The row of a line that names this claim; or why it can't be taken.
    pub(super) fn of(
        line: &Line,
        claim: Option<&Claimed>,
        contents: &Contents,
    ) -> Result<Result<Self, RowError>, Failure> {
        let stream = claim.map(|claim| claim.stream.clone());
        let valid = match check::valid(line, claim.map(|claim| claim.own), stream.clone()) {
            Ok(valid) => valid,
            Err(error) => return Ok(Err(error)),
        };
        let retracts = matches!(valid.known, Some(Known::ClaimRetracted(_)));
        let mut row = Self { retracts, ..Self::itself(valid, contents)? };
        let Some(claim) = claim else { return Ok(Ok(row)) };
        // A retraction was meant for the row as it was, and not for what was recorded anew.
        if retracts {
            return Ok(Ok(Self { retracted: claim.retracted, ..row }));
        }
        for &other in &claim.others {
            match check::valid(line, Some(other), stream.clone()) {
                Ok(valid) => row.may_be_about(other, valid, claim.target == other, contents)?,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(row))
    }

    fn itself(valid: Valid, contents: &Contents) -> Result<Self, Failure> {
        let Valid { typed, folded, known } = valid;
        let stream = typed.stream.clone();
        let (typed, own) = match folded {
            Some(folded) => (Some(Way::new(Kind::Typed, typed, contents)?), folded),
            None => (None, typed),
        };
        let own = Way::new(Kind::Own, own, contents)?;
        let (content, typed_content) =
            (own.content.key(), typed.as_ref().map(|it| it.content.key()));
        let ways: Vec<Way> = typed.into_iter().chain([own]).collect();
        let recorded = ways.len().saturating_sub(1);
        let about = known.and_then(|known| known.about());
        let typed = typed_content;
        let retracts = false;
        Ok(Self { stream, about, retracts, retracted: 0, ways, recorded, content, typed })
    }

    fn may_be_about(
        &mut self,
        claim: Position,
        valid: Valid,
        is_target: bool,
        contents: &Contents,
    ) -> Result<(), Failure> {
        let Valid { typed, folded, .. } = valid;
        let numbers = self.ways.iter().map(|way| (way.kind, way.number));
        let number = |kind| numbers.clone().find(|(it, _)| *it == kind).map_or(0, |(_, it)| it);
        let (of_typed, of_own) = (number(Kind::Typed), number(Kind::Own));
        let spellings = match folded {
            Some(folded) => vec![(typed, of_typed), (folded, of_own)],
            None => vec![(typed, of_own)],
        };
        for (written, number) in spellings {
            let way = Way::new(Kind::Elsewhere, written, contents)?;
            self.ways.push(Way { number, ..way });
        }
        if is_target {
            (self.recorded, self.about) = (self.ways.len() - 1, Some(claim));
        }
        Ok(())
    }

    /// Whether an event of the store says what the row says, in whatever spelling.
    pub(super) fn says_what_is_recorded(&self, event: &RecordedEvent) -> bool {
        let own = self.ways.iter().filter(|way| way.kind != Kind::Elsewhere);
        own.flat_map(|way| way.write.events.iter().map(|it| (&way.write.stream, it)))
            .any(|(stream, typed)| says_the_same(stream, typed, event))
    }

    /// What an import remembers of the row's recordings by.
    pub(super) fn content(&self) -> Key {
        self.content
    }

    /// The append that records the row.
    pub(super) fn request(&self) -> Option<AppendRequest> {
        self.ways.get(self.recorded).map(|way| way.request(way.number))
    }

    /// The answer to the row's recording, if there is one in another way than that in which it
    /// would be recorded; with `all`, in that one too. What it costs is paid by few rows: most can
    /// be in one way only, which the append itself shows.
    pub(super) async fn found(
        &self,
        client: &Client,
        all: bool,
        contents: &mut Contents,
    ) -> Result<Option<AppendResponse>, Failure> {
        let elsewhere = self.ways.iter().any(|way| way.kind == Kind::Elsewhere);
        for (index, way) in self.ways.iter().enumerate() {
            if index == self.recorded && !all && !elsewhere {
                continue;
            }
            let recalled = way.recalled(client, way.number).await.map_err(again)?;
            if recalled.is_some() {
                let typed = self.typed.filter(|_| way.kind == Kind::Typed);
                contents.add(&typed.unwrap_or(self.content))?;
                return Ok(recalled);
            }
        }
        Ok(None)
    }
}

/// Whether a typed event and a recorded one are the same, their identity texts folded. Metadata and
/// the client's own tags count; what the server derives does not.
fn says_the_same(stream: &str, typed: &NewEvent, recorded: &RecordedEvent) -> bool {
    let (Some(one), Some(other)) = (&typed.payload, &recorded.payload) else { return false };
    let read = |any: &Any| Known::read(any.type_name(), &any.value).and_then(Result::ok);
    let same_payload = match (read(one), read(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.type_name() == other.type_name() && one.value == other.value,
    };
    let own = recorded.tags.iter().filter(|tag| !is_of_the_server(tag));
    let folded = |stream: &str| StreamName::parse(stream).map(|stream| stream.folded()).ok();
    same_payload
        && folded(stream) == folded(&recorded.stream)
        && own.eq(&typed.tags)
        && typed.metadata == recorded.metadata
}

/// What has become of the recordings of a row.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Recordings {
    /// Those that stand for it beside its own.
    #[prost(message, repeated, tag = "1")]
    others: Vec<Recording>,
    /// The answer to one that stands, or else to the last one.
    #[prost(message, optional, tag = "2")]
    answer: Option<AppendResponse>,
    /// The number that the next one gets.
    #[prost(uint64, tag = "3")]
    next: u64,
}

/// One recording of a row.
#[derive(Clone, PartialEq, Message)]
struct Recording {
    /// Which copy of its content it is; absent: it is about another recording of its claim.
    #[prost(uint64, optional, tag = "1")]
    copy: Option<u64>,
    #[prost(uint64, tag = "2")]
    position: Position,
}

impl Recordings {
    /// Looks up all recordings of a row, in every way.
    pub(super) async fn of(client: &Client, row: &Repeat) -> Result<Self, ClientError> {
        let mut all = Self::default();
        for (index, way) in row.ways.iter().enumerate() {
            let mut number = 0;
            while let Some(answer) = way.recalled(client, number).await? {
                all.note(way.kind, number, answer);
                number += 1;
            }
            if index == row.recorded {
                all.next = number;
            }
        }
        Ok(all)
    }

    /// Records the row once more.
    pub(super) async fn record_anew(
        &mut self,
        client: &Client,
        row: &Repeat,
    ) -> Result<(), ClientError> {
        let Some(way) = row.ways.get(row.recorded) else { return Ok(()) };
        let answer = client.append(way.request(self.next)).await?;
        self.note(way.kind, self.next, answer);
        self.next += 1;
        Ok(())
    }

    fn note(&mut self, kind: Kind, number: u64, answer: AppendResponse) {
        let position = answer.first_position;
        match kind {
            Kind::Own => self.others.push(Recording { copy: Some(number), position }),
            Kind::Elsewhere => self.others.push(Recording { copy: None, position }),
            // Other rows of the file may be typed so.
            Kind::Typed => {}
        }
        let rank = |answer: &AppendResponse| (lost(answer).is_none(), answer.first_position);
        if self.answer.as_ref().is_none_or(|known| rank(known) < rank(&answer)) {
            self.answer = Some(answer);
        }
    }

    /// Takes the answer to a recording that no request id finds, if there is no other.
    pub(super) fn recorded_otherwise(&mut self, answer: AppendResponse) {
        self.answer.get_or_insert(answer);
    }

    /// Notes that what was recorded now is there already for every other copy.
    pub(super) fn is_known(&mut self) {
        self.answer.iter_mut().for_each(|answer| answer.duplicate = true);
    }

    /// The answer to a recording that stands, or else to the last one.
    pub(super) fn answer(&self) -> Option<&AppendResponse> {
        self.answer.as_ref()
    }

    /// One of them that has its effect.
    pub(super) fn standing(&self) -> Option<Position> {
        let stands = self.answer.as_ref().filter(|answer| lost(answer).is_none());
        stands.map(|answer| answer.first_position)
    }

    /// The positions that a line about the row may name beside the row's own, after so many copies
    /// of the row in the file: what these have recorded is theirs.
    pub(super) fn others(&self, own: Position, copies: u64) -> Vec<Position> {
        let free = |it: &&Recording| it.copy.is_none_or(|copy| copy >= copies);
        let positions = self.others.iter().filter(free).map(|recording| recording.position);
        positions.filter(|position| *position != own).collect()
    }
}

/// What an import remembers of recordings.
pub(super) fn decoded(bytes: &[u8]) -> Result<Recordings, Failure> {
    let damaged = |_| Failure::new(Exit::Failed, "the import's temporary file was changed");
    Recordings::decode(bytes).map_err(damaged)
}
