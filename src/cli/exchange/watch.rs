//! Prints the story of one exchange as a watch brings it.

use crate::{
    cli::{
        exit::Failure,
        json,
        output::{Output, Query as _},
        pages::{self, Limit},
        words,
    },
    client::{Calls, Client},
    domain::proto::{GetExchangeRequest, WatchExchangeResponse},
};

/// One answer of the watch with its whole story, in the form that `output` names. A watch has a
/// page of it; `same` asks for the others.
pub(super) async fn update(
    client: &Client,
    same: &GetExchangeRequest,
    mut response: WatchExchangeResponse,
    output: Output,
) -> Result<String, Failure> {
    if let Some(first) = response.story.take() {
        let whole = pages::rest(Limit::default(), first, async |page| {
            let request = GetExchangeRequest { page_token: page.token, ..same.clone() };
            let call = |calls: Calls| {
                let request = request.clone();
                async move { calls.exchange(request).await }
            };
            client.retried(call).await
        });
        response.story = Some(whole.await?);
    }
    Ok(match output {
        Output::Table | Output::Csv => update_text(same, response),
        Output::Json => format!("{:#}\n", json::of_message(&response)?),
        Output::Jsonl => format!("{}\n", json::of_message(&response)?),
    })
}

/// For people: which events changed it, then the story as it is printed without a watch.
fn update_text(same: &GetExchangeRequest, response: WatchExchangeResponse) -> String {
    let WatchExchangeResponse { story, caused_by, position, heartbeat: _, store: _ } = response;
    let causes: Vec<String> = caused_by.iter().map(ToString::to_string).collect();
    let why = match causes.as_slice() {
        [] => String::new(),
        causes => format!("\n{position}: changed because of {}\n\n", causes.join(", ")),
    };
    let story = match story {
        Some(story) => same.table(&story),
        None => format!(
            "nothing is recorded of {} yet\n{}",
            words::plain(&same.exchange_id),
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
    fn a_change_is_reported_with_its_causes_before_the_story() {
        let response = |position, caused_by: &[u64], known: bool| WatchExchangeResponse {
            story: known.then(|| GetExchangeResponse { position, ..Default::default() }),
            caused_by: caused_by.to_vec(),
            position,
            heartbeat: false,
            store: String::new(),
        };
        let same = GetExchangeRequest { exchange_id: "x-1".into(), ..Default::default() };
        assert_eq!(
            update_text(&same, response(3, &[], false)),
            "nothing is recorded of x-1 yet\n(as of position 3)\n"
        );
        let changed = update_text(&same, response(9, &[7, 9], true));
        assert!(changed.starts_with("\n9: changed because of 7, 9\n\n"), "{changed}");
        assert!(changed.ends_with("(as of position 9)\n"), "{changed}");
        assert!(!update_text(&same, response(9, &[], true)).contains("because"));
    }
}
