//! Opens a store that may be damaged, and asks everything of it: each answer is right, or it is an
//! error. What is wrong is never served, and nothing brings the server down.

use std::time::Duration;

use futures_util::StreamExt as _;
use handover::{
    domain::proto::{GetHeadRequest, ReadDirection, ReadRequest, RecordedEvent},
    grpc::client::{Client, ClientError, ClientErrorKind},
};

use super::{process::Process, shim::World, story};
use crate::support::tagged;

/// How long a client waits before it repeats what the server was not ready for, and how often it
/// repeats what failed otherwise and may pass.
const RETRY: Duration = Duration::from_millis(50);
const RETRIES: usize = 20;
/// What says to the operator what to do.
const ADVICE: &str = "put it back from a backup (`handover restore`)";

/// What came of it.
#[derive(Debug)]
pub(super) enum Found {
    /// It does not open: the exit code, and what it said.
    Refused(Option<i32>, String),
    /// It serves the first so many events; not everything if there are errors.
    Served(u64, Vec<ClientError>),
}

impl Found {
    /// Fails unless it holds these events and gives all of them.
    pub(super) fn assert_whole(&self, story: &[RecordedEvent]) {
        let whole = matches!(self, Self::Served(head, errors)
            if *head == story.len() as u64 && errors.is_empty());
        assert!(whole, "it is not served as it was: {self:#?}");
    }

    /// Fails unless it was refused for damage: the exit code says so, and the message names what is
    /// damaged and what to do.
    pub(super) fn assert_damaged(&self, name: &str) {
        let Self::Refused(code, words) = self else {
            panic!("it is served though {name} is damaged: {self:#?}")
        };
        assert_eq!(*code, Some(7), "the code of damage: {words}");
        assert!(words.contains(name), "it does not name {name}: {words}");
        assert_eq!(words.matches(ADVICE).count(), 1, "it does not say what to do: {words}");
    }

    /// Fails unless every error names what is damaged.
    pub(super) fn assert_named(&self, name: &str) {
        let Self::Served(_, errors) = self else { return self.assert_damaged(name) };
        for error in errors {
            assert_eq!(error.kind, ClientErrorKind::DataLoss, "{error:?}");
            assert_eq!(error.reason, "DATA_DAMAGED", "{error:?}");
            assert!(error.message.contains(name), "it does not name {name}: {error:?}");
        }
    }
}

/// Opens what is in the world; `story` is what it should hold.
pub(super) async fn probe(world: &World, story: &[RecordedEvent]) -> Found {
    let server = Process::start(world, None);
    let Some(client) = server.client().await else {
        let (status, said) = server.end().await;
        assert_eq!(said.panics(), Vec::<&String>::new(), "{said:#?}");
        return Found::Refused(status.code(), said.lines.join("\n"));
    };
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head").position;
    assert!(head <= story.len() as u64, "{head} events, and there were {}", story.len());
    let story: Vec<_> = story.iter().take(usize::try_from(head).expect("few")).cloned().collect();
    let mut errors = queried(&client, &story).await;
    if errors.is_empty() {
        let figures = story::figures(&client, 0..story::recognise(&story)).await;
        // A projection that has met passing trouble stays as it is until the next start.
        errors.extend(figures.err().filter(|error| error.kind != ClientErrorKind::Unavailable));
    }
    let (_, said) = server.stop().await;
    assert_eq!(said.panics(), Vec::<&String>::new(), "{said:#?}");
    Found::Served(head, errors)
}

/// Reads everything forwards, backwards and by filter; returns the errors.
async fn queried(client: &Client, story: &[RecordedEvent]) -> Vec<ClientError> {
    let mut errors = Vec::new();
    errors.extend(read(client, ReadRequest::default(), story.iter()).await);
    let direction = ReadDirection::Backwards.into();
    let backwards = ReadRequest { direction, ..ReadRequest::default() };
    errors.extend(read(client, backwards, story.iter().rev()).await);
    for tag in story::TAGS {
        let request = ReadRequest { filter: Some(tagged(&[tag])), ..ReadRequest::default() };
        let wanted = story.iter().filter(|event| event.tags.contains(&tag.into()));
        errors.extend(read(client, request, wanted).await);
    }
    errors
}

/// Reads, and checks that what comes is what was wanted, up to an error if there is one.
async fn read(
    client: &Client,
    request: ReadRequest,
    wanted: impl Iterator<Item = &RecordedEvent> + Clone,
) -> Option<ClientError> {
    let mut retries = 0;
    loop {
        let mut answers = client.read(request.clone());
        let mut rest = wanted.clone();
        let error = loop {
            match answers.next().await {
                Some(Ok(answer)) => {
                    for event in answer.events {
                        assert_eq!(Some(&event), rest.next(), "not what was stored, {request:?}");
                    }
                }
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        match error {
            None => {
                assert_eq!(rest.next(), None, "it is left out, {request:?}");
                return None;
            }
            Some(error) if error.reason == "NOT_READY" => tokio::time::sleep(RETRY).await,
            Some(error) if error.kind == ClientErrorKind::Unavailable && retries < RETRIES => {
                retries += 1;
                tokio::time::sleep(RETRY).await;
            }
            error => return error,
        }
    }
}
