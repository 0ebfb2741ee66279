//! Records what concerns one group, in its stream.

use std::sync::Arc;

use bytes::Bytes;
use prost::{Message, Name};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::{
        digest,
        event::{Append, Digest, NewEvent, RequestId, Revision, Write},
        group::{Chain, Checkpoint, Entry, GroupName},
        name::TypeName,
        proto::Any,
    },
    engine::{AppendError, Appended, appender::Appender},
};

/// A request that records something and can be repeated.
#[derive(Clone, Copy, Debug)]
pub struct Repeatable {
    /// Its id.
    pub request_id: RequestId,
    /// Digest of what it asks for, without the id.
    pub digest: Digest,
}

impl Repeatable {
    /// The digest of `request`, which no longer contains its id.
    pub fn new(request_id: RequestId, request: &impl Message) -> Self {
        let hash = Sha256::new().chain_update(request.encode_to_vec());
        Self { request_id, digest: digest::shortened(hash) }
    }
}

/// How a request to change a group is recorded.
#[derive(Clone, Debug, Default)]
pub struct GroupRequest {
    /// What a repetition of it is known by; absent: it is not safe to repeat.
    pub repeat: Option<Repeatable>,
    /// The identity that sent it; absent: the one that the server is configured with.
    pub by: Option<Arc<str>>,
}

/// The stream of one group, open for the server's own events.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) name: GroupName,
    pub(super) appender: Appender,
    /// The checkpoints in it.
    chain: Chain,
}

impl Recording {
    /// Records in the stream of a group that has these checkpoints.
    pub(super) fn new(name: GroupName, appender: Appender, chain: Chain) -> Self {
        Self { name, appender, chain }
    }

    /// Records events together, if the stream holds as many as expected.
    pub(super) async fn record(
        &self,
        events: Vec<NewEvent>,
        request: GroupRequest,
        expected_revision: Option<Revision>,
    ) -> Result<Appended, AppendError> {
        let write = Write { stream: self.name.stream(), expected_revision, events };
        let append = Append {
            request_id: request.repeat.map(|repeat| repeat.request_id),
            writes: vec![write],
            condition: None,
            recorded_by: request.by,
        };
        self.appender.append_own(append, request.repeat.map(|repeat| repeat.digest)).await
    }

    /// The next checkpoint is a whole one, and needs nothing that was recorded before.
    pub(super) fn begin_anew(&mut self) {
        self.chain.begin_anew();
    }

    /// Records how far the group is, behind these events and together with them.
    pub(super) async fn checkpoint(
        &mut self,
        mut events: Vec<NewEvent>,
        now: Checkpoint,
        request: GroupRequest,
    ) -> Result<Appended, AppendError> {
        let entries = self.chain.entries(&now);
        events.extend(entries.iter().map(|entry| match entry {
            Entry::Whole(whole) => event(whole),
            Entry::Changes(changes) => event(changes),
        }));
        let appended = self.record(events, request, None).await;
        match &appended {
            Ok(Appended { duplicate: false, .. }) => self.chain.recorded(now, &entries),
            // It was recorded long ago, perhaps, or it may be recorded yet.
            Ok(_) | Err(_) => self.chain.begin_anew(),
        }
        appended
    }
}

/// An event that the server records of itself.
pub(super) fn event(message: &impl Name) -> NewEvent {
    let Any { type_url, value } = Any::pack(message);
    NewEvent {
        type_url,
        type_name: type_of(message),
        payload: Bytes::clone(&value),
        tags: Vec::new(),
        metadata: std::collections::BTreeMap::new(),
    }
}

fn type_of<M: Name>(_: &M) -> TypeName {
    type_name::<M>()
}

/// The name of a message's type, as filters name it.
pub(super) fn type_name<M: Name>() -> TypeName {
    TypeName::parse(&M::full_name()).expect("the name of a message of ours")
}
