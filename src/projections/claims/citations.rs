//! What rows are found by apart from their subject: the words of their texts, and their sources.

use super::{Claims, Content, Place, Row, Touched, View};
use crate::domain::{event::Position, known::Known, symbol::Symbol};

impl Claims {
    /// Adds a row with the words by which it is found: what was said, on which occasion, by whom
    /// and what about; of a source its title and publisher.
    pub(super) fn add_found_by(&mut self, known: &Known, row: Row) -> Touched {
        let place = Place::try_from(self.rows.len()).unwrap_or(Place::MAX);
        let touched = self.add(row);
        if let Known::StatementMade(it) = known {
            let speaker = it.speaker.as_ref().map_or("", |speaker| speaker.name.as_str());
            let topics = it.topics.iter().map(String::as_str);
            let texts = [it.text.as_str(), it.occasion.as_str(), speaker];
            self.words.enter(place, texts.into_iter().chain(topics));
        } else if let Known::SourceRegistered(it) = known {
            self.words.enter(place, [it.title.as_str(), it.publisher.as_str()].into_iter());
        }
        touched
    }

    /// Notes the source of a correction or retraction. All others are cited by their rows.
    pub(super) fn cite(&mut self, at: Position, known: &Known) {
        if matches!(known, Known::ClaimCorrected(_) | Known::ClaimRetracted(_)) {
            let source = self.vocabulary.attributed(known).source;
            self.cited.entry(source).or_default().push(at);
        }
    }
}

impl View<'_> {
    /// How many of some rows are claims, events about claims included, that are not retracted. A
    /// claim counts by the source of its latest reading. The registration of a source is none.
    pub fn citations(&self, places: &[Place]) -> u32 {
        let rows = places.iter().filter_map(|place| self.claims().row_at(*place));
        let rows = rows.take_while(|row| row.from <= self.at());
        let claims = rows.filter(|row| !matches!(row.content, Content::Source(_)));
        u32::try_from(claims.filter(|row| self.is_latest(row)).count()).unwrap_or(u32::MAX)
    }

    /// How many corrections and retractions that cite a source are not retracted.
    pub fn citing_events(&self, source: Symbol) -> u32 {
        let events = self.claims().citing_events(source).iter();
        let so_far = events.take_while(|event| **event <= self.at());
        let standing = so_far.filter(|event| !self.is_undone(**event)).count();
        u32::try_from(standing).unwrap_or(u32::MAX)
    }

    /// Whether a row is how its claim reads.
    fn is_latest(&self, row: &Row) -> bool {
        let latest = || self.reading(row.claim).is_some_and(|latest| latest.from == row.from);
        row.stands_at(self.at()) && (!self.claims().is_corrected(row.claim) || latest())
    }

    /// Whether a correction was withdrawn by itself, and not together with its claim.
    fn is_undone(&self, event: Position) -> bool {
        let first = |row: &Row| self.claims().row(row.claim).map(|first| first.to);
        self.claims()
            .row(event)
            .is_some_and(|row| row.to <= self.at() && first(row) != Some(row.to))
    }
}
