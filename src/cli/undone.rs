//! Ends a command whose repeated request has no effect any more.

use crate::{
    cli::exit::{Exit, Failure},
    domain::proto::{Undoing, Undone},
};

/// The end of a command: a failure if events of a repeated request have no effect any more.
pub(super) fn end<'a>(undone: impl IntoIterator<Item = &'a Undone>) -> Result<Exit, Failure> {
    let gone: Vec<String> = undone.into_iter().map(words).collect();
    if gone.is_empty() {
        return Ok(Exit::Done);
    }
    let message = format!(
        "the server answered this request before, and its effect is gone: {}; a new --request-id \
         records it anew",
        gone.join(", ")
    );
    Err(Failure::new(Exit::Undone, message))
}

/// Which event has no effect any more, and why.
pub(super) fn words(undone: &Undone) -> String {
    let Undone { position, by, .. } = undone;
    match undone.how() {
        Undoing::Retracted => format!("the event at {position} is retracted by the one at {by}"),
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
    fn an_effect_that_is_gone_has_an_exit_code_of_its_own() {
        assert_eq!(end([]), Ok(Exit::Done));
        let gone = Undone { position: 3, by: 7, how: Undoing::Retracted.into() };
        let failure = end([&gone]).unwrap_err();
        assert_eq!(failure.exit, Exit::Undone);
        for told in ["the event at 3 is retracted by the one at 7", "--request-id"] {
            assert!(failure.message.contains(told), "{failure}");
        }
    }
}
