//! How far groups are, and who takes part.

use serde_json::Value;

use crate::{
    cli::{
        ServerArgs,
        exit::{Exit, Failure},
        moment,
        output::{self, Answer, Grid, OutputArgs},
        words,
    },
    domain::proto::{Filter, Group, ListGroupsRequest, ListGroupsResponse},
};

/// Which groups.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Only this group, with its consumers
    #[arg(value_name = "GROUP", default_value = "", hide_default_value = true)]
    group: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints them.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.output.chosen();
    let client = args.server.connect().await?;
    let alone = !args.group.is_empty();
    let request = ListGroupsRequest { name: args.group, ..ListGroupsRequest::default() };
    let response = client.list_groups(request).await?;
    output::print(&Groups { response, alone }, output)
}

struct Groups {
    response: ListGroupsResponse,
    /// It was asked for by name, so there is room for everything about it.
    alone: bool,
}

impl Answer for Groups {
    type Response = ListGroupsResponse;

    fn response(&self) -> &Self::Response {
        &self.response
    }

    fn position(&self) -> u64 {
        self.response.position
    }

    fn table(&self) -> String {
        let groups = &self.response.groups;
        let end = format!("as of position {}\n", self.response.position);
        if groups.is_empty() {
            return format!("no consumer groups\n{end}");
        }
        if self.alone {
            return groups.iter().map(story).collect::<String>() + &end;
        }
        let header =
            ["group", "events", "lag", "for", "unanswered", "resting", "parked", "consumers"];
        words::grid(&header, groups.iter().map(row)) + &stalls(groups) + &end
    }

    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&self.response.groups)
    }

    fn grid(&self) -> Grid {
        let mut grid = Grid::new(&["group", "filter", "finished_position", "lag_events"]);
        grid.header.extend(["lag_seconds", "unanswered", "resting", "parked", "consumers"]);
        grid.header.push("stalled");
        grid.rows.extend(self.response.groups.iter().map(plain_row));
        grid
    }
}

fn row(group: &Group) -> Vec<String> {
    vec![
        group.name.clone(),
        filter(group.filter.as_ref()),
        group.lag_events.to_string(),
        group.lag.as_ref().map_or_else(|| words::NOTHING.to_owned(), lag),
        group.unanswered.to_string(),
        group.resting.to_string(),
        group.parked.to_string(),
        group.consumers.len().to_string(),
    ]
}

fn plain_row(group: &Group) -> Vec<String> {
    let seconds =
        group.lag.as_ref().map(|lag| format!("{}.{:03}", lag.seconds, lag.nanos / 1_000_000));
    vec![
        group.name.clone(),
        filter(group.filter.as_ref()),
        group.position.to_string(),
        group.lag_events.to_string(),
        seconds.unwrap_or_default(),
        group.unanswered.to_string(),
        group.resting.to_string(),
        group.parked.to_string(),
        group.consumers.len().to_string(),
        group.stalled.clone(),
    ]
}

fn stalls(groups: &[Group]) -> String {
    let stalled = groups.iter().filter(|group| !group.stalled.is_empty());
    let lines = stalled.map(|group| format!("{} is stalled: {}", group.name, group.stalled));
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

/// Everything about one group.
fn story(group: &Group) -> String {
    let created = moment::to_the_second(group.created_at.as_ref());
    let settings = group.settings.unwrap_or_default();
    let (lease, rest) =
        (settings.lease.unwrap_or_default(), settings.retry_delay.unwrap_or_default());
    let behind = group.lag.as_ref().map(|it| format!(", for {}", lag(it))).unwrap_or_default();
    let mut text = format!("{}: {}\n", group.name, filter(group.filter.as_ref()));
    text.extend([format!("  created {created}, begins after position {}\n", group.began_after)]);
    let from = group.recorded_from.as_ref().map(|time| moment::to_the_second(Some(time)));
    text.extend(from.map(|time| format!("  begins with what is recorded at {time}\n")));
    let tries = settings.max_attempts;
    text.extend([format!("  lease {lease}, parked after {tries} tries, first rest {rest}\n")]);
    let lag = events(group.lag_events);
    text.extend([format!("  finished up to position {}; {lag} behind{behind}\n", group.position)]);
    let Group { unanswered, resting, parked, .. } = group;
    text.extend([format!("  {unanswered} with consumers, {resting} resting, {parked} parked\n")]);
    for consumer in &group.consumers {
        let since = moment::to_the_second(consumer.since.as_ref());
        text.extend([format!(
            "  {} since {since}: {} unanswered, credit for {}\n",
            words::plain(&consumer.name),
            consumer.unanswered,
            consumer.credit
        )]);
    }
    text + &stalls(std::slice::from_ref(group))
}

fn events(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// A time span in its two largest units.
fn lag(lag: &prost_types::Duration) -> String {
    let seconds = lag.seconds;
    match seconds {
        0 => format!("{} ms", lag.nanos / 1_000_000),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// A filter as the flags of `groups create` would say it; alternatives between bars.
pub(super) fn filter(filter: Option<&Filter>) -> String {
    let items = filter.map(|filter| filter.items.as_slice()).unwrap_or_default();
    if items.is_empty() {
        return "all".to_owned();
    }
    let items = items.iter().map(|item| {
        let terms = [
            ("stream", &item.streams),
            ("category", &item.categories),
            ("type", &item.types),
            ("tag", &item.tags),
        ];
        let terms = terms.into_iter().flat_map(|(kind, names)| {
            names.iter().map(move |name| {
                format!("{kind}={}", name.strip_prefix("handover.v1.").unwrap_or(name))
            })
        });
        terms.collect::<Vec<_>>().join(" ")
    });
    items.collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::proto::{FilterItem, GroupConsumer};

    fn group() -> Group {
        let item = |tag: &str| FilterItem {
            types: vec!["handover.v1.TransferCompleted".into()],
            tags: vec![tag.into()],
            ..FilterItem::default()
        };
        Group {
            name: "desk".into(),
            filter: Some(Filter { items: vec![item("to:DE"), item("from:DE")] }),
            lag_events: 7,
            lag: Some(prost_types::Duration { seconds: 3_700, nanos: 0 }),
            unanswered: 2,
            resting: 1,
            parked: 3,
            consumers: vec![GroupConsumer { name: "one".into(), ..GroupConsumer::default() }],
            stalled: "too much is parked".into(),
            ..Group::default()
        }
    }

    #[test]
    fn a_table_tells_lag_and_parked_events_and_what_is_in_the_way() {
        let response = ListGroupsResponse { groups: vec![group()], position: 9 };
        let table = Groups { response, alone: false }.table();
        // In a table it may take several lines.
        let said = "type=TransferCompleted tag=to:DE | type=TransferCompleted tag=from:DE";
        assert_eq!(filter(group().filter.as_ref()), said);
        for told in ["1 h 1 min", "desk is stalled: too much is parked", "as of position 9"] {
            assert!(table.contains(told), "{table}");
        }
    }

    #[test]
    fn no_groups_and_a_group_without_lag_are_told_as_such() {
        let nobody = ListGroupsResponse { groups: Vec::new(), position: 0 };
        let empty = Groups { response: nobody, alone: false }.table();
        assert_eq!(empty, "no consumer groups\nas of position 0\n");
        let done = Group { lag: None, filter: None, ..group() };
        assert_eq!(row(&done)[1], "all");
        assert_eq!((row(&done)[3].as_str(), plain_row(&done)[4].as_str()), ("-", ""));
    }

    #[test]
    fn spans_are_told_in_their_two_largest_units() {
        let told = [0, 59, 61, 7_260, 90_000]
            .map(|seconds| lag(&prost_types::Duration { seconds, nanos: 2_000_000 }));
        assert_eq!(told, ["2 ms", "59 s", "1 min 1 s", "2 h 1 min", "1 d 1 h"]);
    }
}
