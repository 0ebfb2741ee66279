//! Answers that gather much of the record: lists, their pages, stories, reconciliations.
//!
//! Such an answer holds what it has found while it waits for the register and for the log. So only
//! a few are under way at a time, and what they hold is reached through this type alone.

use std::{ops::Deref, sync::Arc};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    engine::{
        ReadError,
        kept::{Keepable, ListKey},
        lanes::Lane,
        record::RecordReader,
    },
    projections::walk::Walk,
};

/// An answer under way; the next one begins when it is dropped.
#[derive(Debug)]
pub struct Gathering {
    record: RecordReader,
    _permit: OwnedSemaphorePermit,
}

impl RecordReader {
    /// Waits until there is room for one more list or page of a list.
    pub async fn for_list(&self) -> Result<Gathering, ReadError> {
        self.gathering(Lane::List).await
    }

    /// Waits until there is room for one more answer about one thing: its story, what is behind it.
    /// It does not wait for lists.
    pub async fn for_one(&self) -> Result<Gathering, ReadError> {
        self.gathering(Lane::Story).await
    }

    async fn gathering(&self, lane: Lane) -> Result<Gathering, ReadError> {
        let permit = self.0.lanes.turn(lane).await?;
        Ok(Gathering { record: self.clone(), _permit: permit })
    }
}

impl Gathering {
    /// A list, if it is kept.
    pub fn kept<T: Keepable>(&self, key: ListKey) -> Option<Arc<T>> {
        self.record.0.kept.find(key)
    }

    /// Keeps a list that further pages may be made from.
    pub fn keep<T: Keepable>(&self, key: ListKey, list: &Arc<T>) {
        self.record.0.kept.keep(key, list);
    }

    /// A list as it was kept or, if it was not, as it is worked out now.
    pub async fn list<W: Walk<Answer: Keepable>>(
        &self,
        key: ListKey,
        walk: W,
    ) -> Result<Arc<W::Answer>, ReadError> {
        if let Some(list) = self.kept(key) {
            return Ok(list);
        }
        let _under_way = self.record.0.lanes.turn(Lane::Walk).await?;
        // Another request may have worked out the same list meanwhile.
        if let Some(list) = self.kept(key) {
            return Ok(list);
        }
        let list = Arc::new(self.record.go_through(walk).await?);
        self.keep(key, &list);
        Ok(list)
    }

    /// Works out what grows with the record, piece by piece.
    pub async fn work_out<W: Walk>(&self, walk: W) -> Result<W::Answer, ReadError> {
        self.record.work_out(walk).await
    }

    /// Works out a page of a list, which does not grow with the record.
    pub async fn page<W: Walk>(&self, walk: W) -> Result<W::Answer, ReadError> {
        self.record.go_through(walk).await
    }
}

impl Deref for Gathering {
    type Target = RecordReader;

    fn deref(&self) -> &RecordReader {
        &self.record
    }
}
