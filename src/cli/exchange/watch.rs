//! The story of one exchange, printed again whenever it changes.

use std::io::{self, Write as _};

use futures_util::TryStreamExt as _;

use super::Story;
use crate::{
    cli::{
        exit::{Exit, Failure},
        json,
        output::{Answer as _, Output},
        words,
    },
    domain::proto::{WatchExchangeRequest, WatchExchangeResponse},
    grpc::client::Client,
};

/// Prints the story and every change of it, until the server ends the watch.
pub(super) async fn watch(
    client: &Client,
    request: WatchExchangeRequest,
    output: Output,
) -> Result<Exit, Failure> {
    let exchange = request.exchange_id.clone();
    let mut updates = client.watch_exchange(request);
    while let Some(response) = updates.try_next().await? {
        let text = match output {
            Output::Table | Output::Csv => told(&exchange, response),
            Output::Json => format!("{:#}\n", json::of_message(&response)?),
            Output::Jsonl => format!("{}\n", json::of_message(&response)?),
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
    Err(Failure::new(Exit::Unavailable, "the server ended the watch"))
}

/// For people: which events changed it, then the story as it is printed without a watch.
fn told(exchange: &str, response: WatchExchangeResponse) -> String {
    let WatchExchangeResponse { story, caused_by, position } = response;
    let causes: Vec<String> = caused_by.iter().map(ToString::to_string).collect();
    let why = match causes.as_slice() {
        [] => String::new(),
        causes => format!("\n{position}: changed because of {}\n\n", causes.join(", ")),
    };
    let story = match story {
        Some(story) => Story(story).table(),
        None => format!(
            "nothing is recorded of {} yet\n{}",
            words::plain(exchange),
            words::as_of(position)
        ),
    };
    why + &story
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::GetExchangeResponse;

    #[test]
    fn a_change_is_told_with_its_causes_before_the_story() {
        let response = |position, caused_by: &[u64], known: bool| WatchExchangeResponse {
            story: known.then(|| GetExchangeResponse { position, ..Default::default() }),
            caused_by: caused_by.to_vec(),
            position,
        };
        assert_eq!(
            told("x-1", response(3, &[], false)),
            "nothing is recorded of x-1 yet\n(as of position 3)\n"
        );
        let changed = told("x-1", response(9, &[7, 9], true));
        assert!(changed.starts_with("\n9: changed because of 7, 9\n\n"), "{changed}");
        assert!(changed.ends_with("(as of position 9)\n"), "{changed}");
        assert!(!told("x-1", response(9, &[], true)).contains("because"));
    }
}
