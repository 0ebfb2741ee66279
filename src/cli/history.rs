//! `handover history`: how a figure changed, and by which event.

use crate::{
    cli::{
        counts::plain,
        exit::{Exit, Failure},
        explain::{FigureArgs, named},
        figure::cell,
        lists::List,
        moment::{self, AsOfArg, NamedMoment, OccurredArg},
        output::ListArgs,
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
    #[arg(long, value_name = "POSITION|TIME|DATE", value_parser = moment::read)]
    after: Option<NamedMoment>,
    #[command(flatten)]
    as_of: AsOfArg,
    #[command(flatten)]
    occurred: OccurredArg,
    #[command(flatten)]
    list: ListArgs,
}

/// Prints the changes of a figure.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let request = GetCountHistoryRequest {
        unit: args.figure.unit().into(),
        direction: args.figure.direction().into(),
        country: args.figure.country,
        occurred: args.occurred.text(),
        after: args.after.map(NamedMoment::fixed),
        as_of: args.as_of.moment(),
        ..Default::default()
    };
    args.list.print(&request).await
}

impl List for GetCountHistoryRequest {
    fn nothing(&self) -> String {
        format!("{}: nothing changed it", name(self))
    }

    fn shown(&self, response: &GetCountHistoryResponse) -> String {
        let rows = response.entries.iter().map(|entry| {
            vec![
                entry.position.to_string(),
                moment::to_the_second(entry.recorded_at.as_ref()),
                cell(entry.before.as_ref()),
                cell(entry.after.as_ref()),
                cause(entry),
            ]
        });
        let grid = words::grid(&["position", "recorded", "before", "after", "because of"], rows);
        format!("{}\n{grid}", name(self))
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["position", "recorded_at", "event_type", "claim", "exchange"];
        columns.extend(BEFORE);
        columns.extend(plain::FIGURE);
        columns
    }

    fn row(&self, entry: &CountHistoryEntry) -> Vec<String> {
        let before = entry.before.as_ref();
        let mut row = vec![
            entry.position.to_string(),
            moment::to_the_second(entry.recorded_at.as_ref()),
            entry.event_type.clone(),
            words::number((entry.claim > 0).then_some(entry.claim)),
            entry.exchange_id.clone(),
            words::number(before.and_then(|figure| figure.low)),
            words::number(before.and_then(|figure| figure.high)),
            words::number(before.and_then(|figure| figure.preferred)),
        ];
        row.extend(plain::side(entry.after.as_ref()));
        row
    }
}

/// The figure in words.
fn name(request: &GetCountHistoryRequest) -> String {
    named(&request.country, request.direction(), request.unit())
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
        event => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::output::Query,
        domain::proto::{Figure, Unit},
    };

    fn query() -> GetCountHistoryRequest {
        let (country, unit) = ("DE".to_owned(), Unit::Person.into());
        GetCountHistoryRequest { country, unit, ..Default::default() }
    }

    fn history(entries: Vec<CountHistoryEntry>) -> GetCountHistoryResponse {
        GetCountHistoryResponse { entries, position: 44, ..Default::default() }
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
        let text = query().table(&history);
        assert!(text.starts_with("DE received\n position | recorded"), "{text}");
        assert!(text.contains("| -      | 13    | TransferCompleted in demo-1\n"), "{text}");
        assert!(
            text.contains("| 13     | -     | ClaimRetracted of claim 7 in demo-1\n"),
            "{text}"
        );
        let rows = query().rows(&history);
        assert_eq!(rows[0].len(), Query::columns(&query()).len());
        assert_eq!(rows[1][3..10], ["7", "demo-1", "13", "13", "", "", ""]);
        let lines = query().entries(&history).unwrap();
        assert_eq!(lines[0].get("before"), None);
    }

    #[test]
    fn no_change_is_said_in_words() {
        assert_eq!(
            query().table(&history(Vec::new())),
            "DE received: nothing changed it\n(as of position 44)\n"
        );
    }
}
