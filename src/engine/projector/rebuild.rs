//! Building a projection anew while the old one answers, and how far projections are.

use std::sync::{Arc, PoisonError};

use super::shared::{Progress, Rebuild, Shared, decoded, failed};
use crate::{
    domain::event::Position,
    engine::{ReadError, record::RecordReader},
    projections::{Projection as _, register::Register},
};

/// Events that the new register may be behind when the old one waits for it.
const CLOSE: Position = 1_000;

/// What a projection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectionState {
    /// It has not reached the head yet.
    CatchingUp,
    /// It follows the head.
    Live,
    /// It answers while a second one is being built.
    Rebuilding,
    /// It has stopped.
    Failed,
}

/// How far a projection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// The version of its rules and of its saved state.
    pub version: u32,
    /// The last position that it has taken in.
    pub position: Position,
    /// The head that its lag is counted to.
    pub head: Position,
    /// What it is doing.
    pub state: ProjectionState,
    /// The last position that the one being built anew has taken in.
    pub rebuild: Option<Position>,
    /// Why it failed, or why the last rebuild did; empty: nothing failed.
    pub failure: String,
}

impl RecordReader {
    /// How far each projection is, by name.
    pub fn projections(&self) -> Vec<ProjectionStatus> {
        let shared = &self.0;
        let (head, progress) = (shared.reader.head().position, shared.progress.borrow().clone());
        let rebuild = shared.rebuild.borrow().clone();
        let state = if progress.failed.is_some() {
            ProjectionState::Failed
        } else if rebuild.position.is_some() {
            ProjectionState::Rebuilding
        } else if progress.position < head {
            ProjectionState::CatchingUp
        } else {
            ProjectionState::Live
        };
        let failure = progress.failed.or(rebuild.failure);
        vec![ProjectionStatus {
            name: Register::NAME,
            version: Register::VERSION,
            position: progress.position,
            head,
            state,
            rebuild: rebuild.position,
            failure: failure.map(|error| error.to_string()).unwrap_or_default(),
        }]
    }

    /// Starts to build a projection anew; answers whether one was begun, or was already under
    /// way. Absent: there is none of that name.
    pub fn rebuild(&self, name: &str) -> Option<bool> {
        (name == Register::NAME).then(|| {
            self.0.rebuild.send_if_modified(|rebuild| {
                let begun = rebuild.position.is_none();
                if begun {
                    *rebuild = Rebuild { position: Some(0), failure: None };
                    tokio::spawn(run(Arc::clone(&self.0)));
                }
                begun
            })
        })
    }
}

/// Builds a register from the beginning of the log, and lets it take the place of the old one.
async fn run(shared: Arc<Shared>) {
    let stopping = shared.reader.stopping().clone();
    let built = tokio::select! {
        built = shared.rebuilt() => built,
        () = stopping.cancelled() => Err(ReadError::Stopping),
    };
    let failure = built.err();
    if let Some(error) = &failure {
        tracing::error!(projection = Register::NAME, %error, "a rebuild failed");
    }
    shared.rebuild.send_replace(Rebuild { position: None, failure });
}

impl Shared {
    async fn rebuilt(self: &Arc<Self>) -> Result<(), ReadError> {
        let mut register = Register::default();
        let mut end = self.progress.borrow().position;
        while end - register.position() > CLOSE {
            register = self.fill(register, end, &self.shows_rebuild()).await?;
            end = self.progress.borrow().position;
        }
        // The old one waits, so that both stand at the same position when they change places.
        let _applying = self.applying.lock().await;
        let end = self.progress.borrow().position;
        let register = self.fill(register, end, &self.shows_rebuild()).await?;
        let taken_over = move |shared: &Self| {
            *shared.register.write().unwrap_or_else(PoisonError::into_inner) = register;
            shared.kept.clear();
        };
        self.blocking(taken_over).await
    }

    fn shows_rebuild(&self) -> impl Fn(Position) {
        |position| self.rebuild.send_modify(|rebuild| rebuild.position = Some(position))
    }

    /// Compares the figures with others, which are brought to the same position; `None`: they are
    /// equal. Where the projection is behind the others, it is waited for.
    pub(in crate::engine) async fn difference(
        self: &Arc<Self>,
        mut other: Register,
    ) -> Result<Option<String>, ReadError> {
        if let Some(error) = self.reached(other.position()).await? {
            return Ok(Some(error.to_string()));
        }
        let mut end = self.progress.borrow().position;
        while end.saturating_sub(other.position()) > CLOSE {
            let before = other.position();
            other = self.fill(other, end, &|_| {}).await?;
            if other.position() == before {
                break;
            }
            end = self.progress.borrow().position;
        }
        let _applying = self.applying.lock().await;
        let end = self.progress.borrow().position;
        let other = self.fill(other, end, &|_| {}).await?;
        self.blocking(move |shared| {
            let what = || format!("the figures are not those of the events up to position {end}");
            (*shared.register() != other).then(what)
        })
        .await
    }

    /// Waits until the projection has taken in so much; why it never will, if it has stopped.
    async fn reached(&self, position: Position) -> Result<Option<ReadError>, ReadError> {
        let stopping = self.reader.stopping().clone();
        let mut progress = self.progress.subscribe();
        let is_over = |it: &Progress| it.position >= position || it.failed.is_some();
        tokio::select! {
            over = progress.wait_for(is_over) => match over {
                Ok(over) if over.position < position => Ok(over.failed.clone()),
                Ok(_) => Ok(None),
                Err(_) => Err(ReadError::Stopping),
            },
            () = stopping.cancelled() => Err(ReadError::Stopping),
        }
    }

    /// Applies everything up to `end`, page by page.
    async fn fill(
        self: &Arc<Self>,
        mut register: Register,
        end: Position,
        on_page: &(dyn Fn(Position) + Sync),
    ) -> Result<Register, ReadError> {
        let mut cursor = register.position();
        while let Some(encoded) = self.page(cursor, end).await? {
            cursor = encoded.last;
            register = self
                .blocking(move |_| {
                    for (position, taken) in decoded(encoded.events)? {
                        register.apply(position, taken).map_err(failed)?;
                    }
                    Ok::<_, ReadError>(register)
                })
                .await??;
            on_page(cursor);
        }
        Ok(register)
    }
}
