//! Ends a command if its repeated request has no effect any more, and says what would have it.

use futures_util::TryStreamExt as _;

use crate::{
    cli::exit::{Exit, Failure},
    domain::{
        event::Position,
        known::Known,
        proto::{ReadRequest, Undoing, Undone, read_request::Start},
    },
    grpc::client::{Client, ClientError},
};

/// What a repeated request recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeated {
    /// An event of the record.
    Event,
    /// A group; whether one of its name is there again.
    Group { exists: bool },
    /// The deletion of a group.
    Deletion,
    /// Parked events that were put back.
    Replay,
}

/// The end of a command: a failure if events of a repeated request have no effect any more.
pub(super) async fn end<'a>(
    client: &Client,
    undone: impl IntoIterator<Item = &'a Undone>,
    repeated: Repeated,
) -> Result<Exit, Failure> {
    // A command records one event.
    let Some(undone) = undone.into_iter().next() else { return Ok(Exit::Done) };
    let advice = match repeated {
        Repeated::Event => ClaimAndStatus::of(client, undone).await?.advice(),
        Repeated::Group { exists: true } => "a group of this name is there again".to_owned(),
        Repeated::Group { exists: false } => "a new --request-id creates it again".to_owned(),
        Repeated::Deletion => "a new --request-id deletes it".to_owned(),
        Repeated::Replay if undone.how() == Undoing::Deleted => {
            "nothing of it is parked any more".to_owned()
        }
        Repeated::Replay => "a new --request-id puts it back again".to_owned(),
    };
    let gone = words(undone);
    let message = format!(
        "the server answered this request before, and its effect is gone: {gone}; {advice}"
    );
    Err(Failure::new(Exit::Undone, message))
}

/// What is known of an event that has no effect any more, beside how that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ClaimAndStatus {
    position: Position,
    how: Undoing,
    /// The claim that the event is about.
    about: Option<Position>,
    /// The event that was retracted: it, or its claim.
    retracted: Option<Position>,
}

impl ClaimAndStatus {
    async fn of(client: &Client, undone: &Undone) -> Result<Self, ClientError> {
        let Undone { position, by, .. } = *undone;
        let about = async |position| {
            let event = event(client, position).await?;
            Ok::<_, ClientError>(event.and_then(|event| event.about()))
        };
        let (about, retracted) = (about(position).await?, about(by).await?);
        Ok(Self { position, how: undone.how(), about, retracted })
    }

    /// What has the effect that the request had.
    fn advice(self) -> String {
        let Self { position, how, about, retracted } = self;
        match (how, about) {
            (Undoing::Retracted, Some(claim)) if retracted == Some(claim) => {
                format!("record claim {claim} anew, and then what is about it")
            }
            (Undoing::Retracted, Some(claim)) => {
                format!("a new --request-id records it anew, as long as claim {claim} stands")
            }
            (Undoing::Corrected, None) => {
                format!(
                    "the claim stands with its correction; correct claim {position} to change it"
                )
            }
            (Undoing::Corrected, Some(claim)) => {
                format!("a new --request-id corrects claim {claim} once more")
            }
            _ => "a new --request-id records it anew".to_owned(),
        }
    }
}

/// The event at a position, if it is of the record's own language.
async fn event(client: &Client, position: Position) -> Result<Option<Known>, ClientError> {
    let start = Some(Start::AfterPosition(position.saturating_sub(1)));
    let request = ReadRequest { start, limit: Some(1), ..ReadRequest::default() };
    let batch = client.read(request).try_next().await?;
    let event = batch.and_then(|batch| batch.events.into_iter().next());
    let payload = event.and_then(|event| event.payload);
    Ok(payload.and_then(|any| Known::decode(any.type_name(), &any.value)?.ok()))
}

/// Which event has no effect any more, and why.
pub(super) fn words(undone: &Undone) -> String {
    let Undone { position, by, .. } = undone;
    match undone.how() {
        Undoing::Retracted => {
            format!("the event at {position} has no effect since the retraction at {by}")
        }
        Undoing::Corrected => format!("the event at {position} is corrected by the one at {by}"),
        Undoing::Replaced => {
            format!("the preference at {position} is replaced by the one at {by}")
        }
        Undoing::Deleted => format!("the group is deleted by the event at {by}"),
        Undoing::Created => format!("the group is created again by the event at {by}"),
        Undoing::Parked => format!("an event that was put back is parked again, at {by}"),
        Undoing::Unspecified => format!("the event at {position} is undone by the one at {by}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_fits_what_took_the_effect_away() {
        let reported =
            |how, about, retracted| ClaimAndStatus { position: 3, how, about, retracted }.advice();
        let anew = "a new --request-id records it anew";
        for (how, about, retracted, expected) in [
            (Undoing::Retracted, None, Some(3), anew),
            (Undoing::Retracted, Some(1), Some(3), "anew, as long as claim 1 stands"),
            (Undoing::Retracted, Some(1), Some(1), "record claim 1 anew, and then"),
            (Undoing::Corrected, None, None, "correct claim 3 to change it"),
            (Undoing::Corrected, Some(1), None, "corrects claim 1 once more"),
            (Undoing::Replaced, Some(1), None, anew),
        ] {
            let advice = reported(how, about, retracted);
            assert!(advice.contains(expected), "{advice} is not {expected}");
        }
    }
}
