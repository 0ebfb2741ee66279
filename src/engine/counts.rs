//! Questions about figures: now, as of a moment, and watched.

use super::watching::{Look, Watch, Watched};
use crate::{
    domain::event::Position,
    engine::{AsOf, ReadError, RecordReader},
    projections::{
        counts::{Change, CountAnswer, CountQuery, CountWalk, changes, country_counts},
        register::Register,
    },
};

impl RecordReader {
    /// The figures as of a moment; a moment that has not come yet is refused, by the clock where it
    /// is a time.
    pub async fn get(&self, query: CountQuery, as_of: AsOf) -> Result<CountAnswer, ReadError> {
        let at = self.moment(as_of).await?;
        let query = CountQuery { as_of: Some(at), ..query };
        let answer = match query.occurred.clone() {
            Some(occurred) => self.work_out(CountWalk::new(query, occurred)).await?,
            None => self.look_up(move |register| country_counts(register, &query)).await?,
        };
        Ok(CountAnswer { position: at, ..answer })
    }

    /// The figures now, and then every change of them.
    pub async fn watch(
        &self,
        query: CountQuery,
    ) -> Result<(CountAnswer, Watch<CountQuery>), ReadError> {
        let first = self.get(query.clone(), AsOf::Now).await?;
        let watch = self.watch_from(query, first.position)?;
        Ok((first, watch))
    }
}

impl Watched for CountQuery {
    type Change = Change;

    fn look(&self, register: &Register, since: Position) -> Look<Change> {
        Look { changes: changes(register, since, self), up_to: None }
    }
}
