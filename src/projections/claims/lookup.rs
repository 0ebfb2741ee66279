//! Finding rows: by event, by what they are about, by kind.

use super::{Claims, NestedThen, Place, Row, STANDING, View, Vocabulary};
use crate::domain::{event::Position, nesting::Nesting, symbol::Symbol};
use crate::projections::search::Words;

impl Claims {
    /// What the record said just after `position`.
    pub fn at(&self, position: Position) -> View<'_> {
        View::new(self, position, None)
    }

    /// What the record says now.
    pub fn now(&self) -> View<'_> {
        self.at(STANDING - 1)
    }

    /// The same for callers that look at one position often; `nested` is of that position.
    pub fn again_at<'a>(&'a self, position: Position, nested: &'a NestedThen) -> View<'a> {
        View::new(self, position, Some(nested))
    }

    /// Names, legs, actors and whatever else rows refer to.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// All rows, in the order in which they were recorded.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row that an event brought.
    pub fn row(&self, event: Position) -> Option<&Row> {
        self.rows.get(self.place(event)? as usize)
    }

    /// All readings of a claim, in the order in which they were recorded.
    pub fn readings(&self, claim: Position) -> impl Iterator<Item = &Row> {
        let later = self.corrections.get(&claim).map(Vec::as_slice).unwrap_or_default();
        self.row(claim).into_iter().chain(self.rows_at(later))
    }

    /// The exchanges that anything was ever recorded of, or that a report called a larger one, in
    /// the order of the first events that name them, with these; of one event, by id.
    pub fn named(&self) -> &[(Position, Symbol)] {
        self.named.order()
    }

    /// The series of which a total was ever claimed, in no order.
    pub fn series(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.series.keys().copied()
    }

    /// Rows about one exchange that figures are made of, or grouped by.
    pub fn figure_rows(&self, exchange: Symbol) -> impl Iterator<Item = &Row> {
        self.rows_at(self.figure_places(exchange))
    }

    /// The other rows about one exchange.
    pub fn other_rows(&self, exchange: Symbol) -> impl Iterator<Item = &Row> {
        self.rows_at(self.other_places(exchange))
    }

    /// The running totals of a series.
    pub fn series_rows(&self, series: Symbol) -> impl Iterator<Item = &Row> {
        self.rows_at(self.series.get(&series).map(Vec::as_slice).unwrap_or_default())
    }

    /// The registrations of a source that were recorded by `position`, in their order.
    pub fn source_rows(
        &self,
        source: Symbol,
        position: Position,
    ) -> impl DoubleEndedIterator<Item = &Row> {
        let rows = self.sources.get(&source).map(Vec::as_slice).unwrap_or_default();
        self.rows_at(rows.get(..self.recorded_by(rows, position)).unwrap_or_default())
    }

    /// How many of some rows, in the order of their recording, there were by `position`.
    fn recorded_by(&self, rows: &[Place], position: Position) -> usize {
        let known = |place: &Place| self.row_at(*place).is_some_and(|row| row.from <= position);
        rows.partition_point(known)
    }

    /// The places of all statements, rising.
    pub fn statements(&self) -> &[Place] {
        &self.statements
    }

    /// The places of the rows about one exchange that figures are not made of, rising.
    pub fn other_places(&self, exchange: Symbol) -> &[Place] {
        self.exchanges.get(&exchange).map(|known| known.others.as_slice()).unwrap_or_default()
    }

    /// The places of the rows about one exchange that figures are made of, or grouped by, rising.
    pub fn figure_places(&self, exchange: Symbol) -> &[Place] {
        self.exchanges.get(&exchange).map(|known| known.figures.as_slice()).unwrap_or_default()
    }

    /// The places of the rows that cite a source, its registrations among them, rising.
    pub fn citing(&self, source: Symbol) -> &[Place] {
        self.by_source.get(&source).map(Vec::as_slice).unwrap_or_default()
    }

    /// The corrections and retractions that cite a source, rising.
    pub fn citing_events(&self, source: Symbol) -> &[Position] {
        self.cited.get(&source).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every source that was ever registered or cited, in no order, some twice.
    pub fn all_sources(&self) -> impl Iterator<Item = Symbol> + '_ {
        let cited = self.cited.keys().filter(|source| !source.is_empty());
        self.by_source.keys().chain(cited).copied()
    }

    /// The events that backed or contested a claim.
    pub fn opinion_rows(&self, claim: Position) -> impl Iterator<Item = &Row> {
        self.rows_at(self.opinions.get(&claim).map(Vec::as_slice).unwrap_or_default())
    }

    /// The words by which statements and registrations of sources are found.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Whether a claim was ever corrected, whatever became of that.
    pub fn is_corrected(&self, claim: Position) -> bool {
        self.corrections.contains_key(&claim)
    }

    /// How the exchanges nested just after `position`, if that is how they nest now.
    pub(super) fn nesting_now(&self, position: Position) -> Option<&Nesting> {
        (position >= self.nested.since()).then(|| self.nested.now())
    }

    /// The exchanges that were ever reported to be a portion of another.
    pub fn ever_nested(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.nested.ever()
    }

    pub(super) fn place(&self, event: Position) -> Option<Place> {
        let place = self.rows.binary_search_by_key(&event, |row| row.from).ok()?;
        Place::try_from(place).ok()
    }

    /// The first reading of the claim that `event` brought or corrected, if it still stands.
    pub(super) fn standing(&self, event: Position) -> Option<Row> {
        let first = self.row(self.row(event)?.claim)?;
        (first.to == STANDING).then_some(*first)
    }

    /// How a claim reads now, given the position of its first reading; absent: it does not stand.
    pub fn reading_now(&self, claim: Position) -> Option<&Row> {
        let first = self.row(claim).filter(|row| row.to == STANDING)?;
        let later = self.corrections.get(&claim).map(Vec::as_slice).unwrap_or_default();
        Some(self.rows_at(later).rev().find(|row| row.to == STANDING).unwrap_or(first))
    }

    /// The corrections of a claim that were recorded by `position`, in their order.
    pub(super) fn corrected_by(
        &self,
        claim: Position,
        position: Position,
    ) -> impl DoubleEndedIterator<Item = &Row> {
        let later = self.corrections.get(&claim).map(Vec::as_slice).unwrap_or_default();
        self.rows_at(later.get(..self.recorded_by(later, position)).unwrap_or_default())
    }

    /// The corrections of a claim that were recorded after `position`, in their order.
    pub fn corrected_after(
        &self,
        claim: Position,
        position: Position,
    ) -> impl Iterator<Item = &Row> {
        let later = self.corrections.get(&claim).map(Vec::as_slice).unwrap_or_default();
        self.rows_at(later.get(self.recorded_by(later, position)..).unwrap_or_default())
    }

    /// How the exchanges nest now.
    pub fn nested_now(&self) -> &Nesting {
        self.nested.now()
    }

    /// The row at a place.
    pub fn row_at(&self, place: Place) -> Option<&Row> {
        self.rows.get(place as usize)
    }

    fn rows_at<'a>(
        &'a self,
        places: &'a [Place],
    ) -> impl DoubleEndedIterator<Item = &'a Row> + use<'a> {
        places.iter().filter_map(|place| self.rows.get(*place as usize))
    }
}
