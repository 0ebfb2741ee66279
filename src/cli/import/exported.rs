//! Lines that an export of this very store wrote: each is the event that it was written from.
//!
//! An export names each event by its position (`e5`). A line with such an id is the event at that
//! position if it says the same, however that event was recorded. Without that rule an import would
//! record again what a command had recorded, as the newest word about its claim.

use std::collections::VecDeque;

use futures_util::TryStreamExt as _;

use super::{
    failures::again,
    kept::{Kept, key},
    recordings::Repeat,
};
use crate::{
    cli::exit::Failure,
    domain::{
        event::Position,
        known::Known,
        proto::{
            AppendResponse, ClaimRetracted, Filter, FilterItem, GetHeadRequest, ReadRequest,
            RecordedEvent, Undoing, Undone, read_request::Start,
        },
    },
    grpc::client::{Client, ClientError},
};

/// Events that are read at once: an export has them in their order.
const PAGE_EVENTS: u64 = 256;

/// What an import has read of the store, to know the store's own events again.
#[derive(Debug)]
pub(super) struct Exported {
    /// Where the log ended when the import began. What it records itself lies behind.
    head: Position,
    /// Events that follow each other without a gap.
    page: VecDeque<RecordedEvent>,
    /// Which event retracts a claim, of each that is retracted.
    retractions: Option<Kept>,
}

impl Exported {
    /// Of an import that begins now.
    pub(super) async fn begin(client: &Client) -> Result<Self, Failure> {
        let head = client.get_head(GetHeadRequest::default()).await.map_err(again)?;
        Ok(Self { head: head.position, page: VecDeque::new(), retractions: None })
    }

    /// The answer to the recording of a line, if an export of this store wrote the line.
    pub(super) async fn answer(
        &mut self,
        client: &Client,
        id: Option<&str>,
        row: &Repeat,
    ) -> Result<Option<AppendResponse>, Failure> {
        let Some(position) = id.and_then(exported_position) else { return Ok(None) };
        if !self.is_at(client, position, row).await? {
            return Ok(None);
        }
        let mut by = self.retracted(client, position).await?;
        if let Some(claim) = row.about.filter(|_| by.is_none() && !row.retracts) {
            by = self.retracted(client, claim).await?;
        }
        let undone = by.map(|by| Undone { position, by, how: Undoing::Retracted.into() });
        let (first_position, undone) = (position, Vec::from_iter(undone));
        Ok(Some(AppendResponse { first_position, duplicate: true, undone, ..<_>::default() }))
    }

    /// Whether the event at a position of this store says what a row says.
    pub(super) async fn is_at(
        &mut self,
        client: &Client,
        position: Position,
        row: &Repeat,
    ) -> Result<bool, Failure> {
        let event = self.event(client, position).await.map_err(again)?;
        Ok(event.is_some_and(|event| row.says_what_is_recorded(event)))
    }

    async fn event(
        &mut self,
        client: &Client,
        position: Position,
    ) -> Result<Option<&RecordedEvent>, ClientError> {
        if !(1..=self.head).contains(&position) {
            return Ok(None);
        }
        if self.number(position).is_none() {
            self.page.clear();
            let start = Some(Start::AfterPosition(position - 1));
            let request = ReadRequest { start, limit: Some(PAGE_EVENTS), ..Default::default() };
            let mut batches = client.read(request);
            while let Some(batch) = batches.try_next().await? {
                self.page.extend(batch.events);
            }
        }
        Ok(self.number(position).and_then(|number| self.page.get(number)))
    }

    /// Where on the page the event at a position is.
    fn number(&self, position: Position) -> Option<usize> {
        let first = self.page.front()?.position;
        let number = usize::try_from(position.checked_sub(first)?).ok()?;
        self.page.get(number).map(|_| number)
    }

    /// The event that retracts the claim at a position.
    async fn retracted(
        &mut self,
        client: &Client,
        claim: Position,
    ) -> Result<Option<Position>, Failure> {
        let retractions = match &self.retractions {
            Some(retractions) => retractions,
            None => self.retractions.insert(retractions(client).await?),
        };
        let found = retractions.get(&key(&claim.to_string()))?;
        let found = found.as_deref().and_then(<[u8]>::first_chunk).copied();
        Ok(found.map(u64::from_le_bytes))
    }
}

/// All retractions of a store, by the claims that they retract.
async fn retractions(client: &Client) -> Result<Kept, Failure> {
    let types = vec![<ClaimRetracted as prost::Name>::full_name()];
    let items = vec![FilterItem { types, ..FilterItem::default() }];
    let filter = Some(Filter { items });
    let mut all = Kept::default();
    let mut batches = client.read(ReadRequest { filter, ..ReadRequest::default() });
    while let Some(batch) = batches.try_next().await.map_err(again)? {
        for event in &batch.events {
            let payload = event.payload.as_ref();
            let known = payload.and_then(|it| Known::read(it.type_name(), &it.value)?.ok());
            if let Some(claim) = known.and_then(|known| known.about()) {
                all.set(key(&claim.to_string()), event.position.to_le_bytes().into())?;
            }
        }
    }
    Ok(all)
}

/// The position in an id that an export wrote.
fn exported_position(id: &str) -> Option<Position> {
    let position = id.strip_prefix('e')?.parse().ok()?;
    (format!("e{position}") == id).then_some(position)
}
