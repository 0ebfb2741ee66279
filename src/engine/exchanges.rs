//! The story of an exchange, watched.

use super::watching::{Look, Watch, Watched};
use crate::{
    domain::event::Position,
    engine::{AsOf, ReadError, RecordReader},
    projections::{
        register::Register,
        story::{Story, StoryChange, StoryQuery, change, story},
    },
};

impl RecordReader {
    /// The story now, with the position that it is true for, and then every change of it. Absent:
    /// nothing is recorded of the exchange yet, and the watch waits for it.
    pub async fn watch_exchange(
        &self,
        query: StoryQuery,
    ) -> Result<(Option<Story>, Position, Watch<StoryQuery>), ReadError> {
        let at = self.moment(AsOf::Now).await?;
        let question = query.clone();
        let found = self.query(move |register| story(register, &question, at)).await?;
        Ok((found, at, self.watch_from(query, at)?))
    }
}

impl Watched for StoryQuery {
    type Change = StoryChange;

    fn look(&self, register: &Register, since: Position) -> Look<StoryChange> {
        let (change, up_to) = change(register, self, since);
        Look { changes: change.into_iter().collect(), up_to }
    }
}
