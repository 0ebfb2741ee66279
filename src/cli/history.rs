//! `handover history`: how a figure changed, and by which event.

use serde_json::Value;

use crate::{
    cli::{
        ServerArgs,
        counts::plain,
        exit::{Exit, Failure},
        explain::{FigureArgs, named},
        figure::cell,
        moment::{self, AsOfArg, Asked, OccurredArg},
        output::{self, Answer, Grid, OutputArgs},
        pages::{self, Limit},
        words::{self, NOTHING},
    },
    domain::proto::{CountHistoryEntry, GetCountHistoryRequest, GetCountHistoryResponse},
};

/// The arguments of `history`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    figure: FigureArgs,
    /// Only changes after this position, time or date, as with --as-of
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = moment::asked)]
    after: Option<Asked>,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    occurred: OccurredArg,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints the changes of a figure.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.output.chosen();
    let client = args.server.connect().await?;
    let (direction, unit) = (args.figure.direction(), args.figure.unit());
    let name = named(&args.figure.country, direction, unit);
    let request = GetCountHistoryRequest {
        country: args.figure.country,
        unit: unit.into(),
        direction: direction.into(),
        occurred: args.occurred.text(),
        after: args.after.map(Asked::fixed),
        as_of: args.as_of.moment(),
        ..Default::default()
    };
    let whole = pages::all(args.limit, async |page| {
        let (page_size, page_token) = (page.size, page.token);
        client
            .count_history(GetCountHistoryRequest { page_size, page_token, ..request.clone() })
            .await
    });
    output::print(&History { name, response: whole.await? }, output)
}

/// The changes of a figure.
struct History {
    name: String,
    response: GetCountHistoryResponse,
}

impl Answer for History {
    type Response = GetCountHistoryResponse;

    fn response(&self) -> &Self::Response {
        &self.response
    }

    fn position(&self) -> u64 {
        self.response.position
    }

    fn table(&self) -> String {
        let (name, at) = (&self.name, words::as_of(self.response.position));
        if self.response.entries.is_empty() {
            return format!("{name}: nothing changed it\n{at}");
        }
        let rows = self.response.entries.iter().map(|entry| {
            vec![
                entry.position.to_string(),
                moment::to_the_second(entry.recorded_at.as_ref()),
                cell(entry.before.as_ref()),
                cell(entry.after.as_ref()),
                cause(entry),
            ]
        });
        let grid = words::grid(&["position", "recorded", "before", "after", "because of"], rows);
        format!("{name}\n{grid}{}{at}", pages::more(&self.response))
    }

    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&self.response.entries)
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&["position", "recorded_at", "event_type", "claim", "exchange"]);
        grid.header.extend(BEFORE);
        grid.header.extend(plain::FIGURE);
        for entry in &self.response.entries {
            let before = entry.before.as_ref();
            let mut row = vec![
                entry.position.to_string(),
                moment::to_the_second(entry.recorded_at.as_ref()),
                entry.event_type.clone(),
                words::number((entry.claim > 0).then_some(entry.claim)),
                entry.exchange_id.clone(),
            ];
            row.extend([
                words::number(before.and_then(|figure| figure.low)),
                words::number(before.and_then(|figure| figure.high)),
                words::number(before.and_then(|figure| figure.preferred)),
            ]);
            row.extend(plain::side(entry.after.as_ref()));
            grid.rows.push(row);
        }
        grid
    }
}

/// The figure before, in its range; the columns without a prefix are the figure after.
const BEFORE: [&str; 3] = ["before_low", "before_high", "before_preferred"];

/// The event that changed it, in words.
fn cause(entry: &CountHistoryEntry) -> String {
    let kind = entry.event_type.rsplit('.').next().unwrap_or_default();
    let about = if entry.claim > 0 { format!(" of claim {}", entry.claim) } else { String::new() };
    let place = match entry.exchange_id.as_str() {
        "" => String::new(),
        exchange => format!(" in {exchange}"),
    };
    match format!("{kind}{about}{place}") {
        nothing if nothing.is_empty() => NOTHING.to_owned(),
        told => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::Figure;

    fn history(entries: Vec<CountHistoryEntry>) -> History {
        let response = GetCountHistoryResponse { entries, position: 44, ..Default::default() };
        History { name: "DE received".to_owned(), response }
    }

    #[test]
    fn each_change_names_its_event_and_a_figure_that_was_not_there_is_not_zero() {
        let figure = |low| Some(Figure { low: Some(low), high: Some(low), ..Default::default() });
        let entry = |position, kind: &str, claim, before, after| CountHistoryEntry {
            position,
            recorded_at: Some(prost_types::Timestamp { seconds: 1_722_600_000, nanos: 0 }),
            event_type: format!("handover.v1.{kind}"),
            claim,
            exchange_id: "demo-1".to_owned(),
            before,
            after,
        };
        let history = history(vec![
            entry(7, "TransferCompleted", 0, None, figure(13)),
            entry(9, "ClaimRetracted", 7, figure(13), None),
        ]);
        let text = history.table();
        assert!(text.starts_with("DE received\n position | recorded"), "{text}");
        assert!(text.contains("| -      | 13    | TransferCompleted in demo-1\n"), "{text}");
        assert!(
            text.contains("| 13     | -     | ClaimRetracted of claim 7 in demo-1\n"),
            "{text}"
        );
        let grid = history.grid();
        assert_eq!(grid.rows[0].len(), grid.header.len());
        assert_eq!(grid.rows[1][3..10], ["7", "demo-1", "13", "13", "", "", ""]);
        let lines = history.entries().unwrap();
        assert_eq!(lines[0].get("before"), None);
    }

    #[test]
    fn no_change_is_said_in_words() {
        assert_eq!(
            history(Vec::new()).table(),
            "DE received: nothing changed it\n(as of position 44)\n"
        );
    }
}
