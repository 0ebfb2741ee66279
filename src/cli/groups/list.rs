//! How far groups are, and which consumers take part.

use crate::{
    cli::{
        exit::{Exit, Failure},
        lists::List,
        moment,
        output::AnswerArgs,
        words,
    },
    domain::proto::{Filter, Group, GroupState, ListGroupsRequest, ListGroupsResponse},
};

/// Which groups.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Only this group, with its consumers
    #[arg(value_name = "GROUP", default_value = "", hide_default_value = true)]
    group: String,
    #[command(flatten)]
    answer: AnswerArgs,
}

/// Prints them.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    args.answer.print(&ListGroupsRequest { name: args.group, ..Default::default() }).await
}

impl List for ListGroupsRequest {
    fn nothing(&self) -> String {
        "no consumer groups".to_owned()
    }

    fn shown(&self, response: &ListGroupsResponse) -> String {
        let groups = &response.groups;
        // The command names one group, so there is room for everything about it.
        if !self.name.is_empty() {
            return groups.iter().map(story).collect();
        }
        // Where all deliver, the width is of more use.
        let states = !groups.iter().all(is_counted);
        let mut header = vec!["group", "state", "events", "lag", "for", "unanswered", "resting"];
        header.extend(["parked", "consumers"]);
        let mut rows: Vec<_> = groups.iter().map(row).collect();
        if !states {
            header.remove(1);
            for row in &mut rows {
                row.remove(1);
            }
        }
        words::grid(&header, rows) + &stalls(groups)
    }

    fn end(&self, response: &ListGroupsResponse) -> String {
        format!("as of position {}\n", response.position)
    }

    fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["group", "filter", "finished_position", "lag_events"];
        columns.extend(["lag_seconds", "unanswered", "resting", "parked", "consumers"]);
        columns.extend(["stalled", "state"]);
        columns
    }

    fn row(&self, group: &Group) -> Vec<String> {
        plain_row(group)
    }
}

fn row(group: &Group) -> Vec<String> {
    let nothing = || words::NOTHING.to_owned();
    let number = |number: u64| if is_counted(group) { number.to_string() } else { nothing() };
    vec![
        name(group),
        state(group),
        origin(group).unwrap_or_else(nothing),
        number(group.lag_events),
        group.lag.as_ref().map_or_else(nothing, lag),
        number(group.unanswered.into()),
        number(group.resting.into()),
        number(group.parked.into()),
        number(group.consumers.len() as u64),
    ]
}

fn plain_row(group: &Group) -> Vec<String> {
    let number = |number: u64| if is_counted(group) { number.to_string() } else { String::new() };
    let seconds =
        group.lag.as_ref().map(|lag| format!("{}.{:03}", lag.seconds, lag.nanos / 1_000_000));
    vec![
        group.name.clone(),
        origin(group).unwrap_or_default(),
        number(group.position),
        number(group.lag_events),
        seconds.unwrap_or_default(),
        number(group.unanswered.into()),
        number(group.resting.into()),
        number(group.parked.into()),
        number(group.consumers.len() as u64),
        group.stalled.clone(),
        state(group),
    ]
}

/// Whether the numbers of the group are known: those of one that is not restored are not.
fn is_counted(group: &Group) -> bool {
    match group.state() {
        // A server that is older lists no other groups.
        GroupState::Ready | GroupState::Unspecified => true,
        GroupState::Restoring | GroupState::Damaged => false,
    }
}

fn state(group: &Group) -> String {
    words::spoken(group.state().as_str_name(), "GROUP_STATE_")
}

fn name(group: &Group) -> String {
    if group.name.is_empty() { "(name unknown)".to_owned() } else { group.name.clone() }
}

/// Which events the group is for, if that is known: a group that was created has settings.
fn origin(group: &Group) -> Option<String> {
    group.settings.as_ref().map(|_| filter(group.filter.as_ref()))
}

fn stalls(groups: &[Group]) -> String {
    let stalled = groups.iter().filter(|group| !group.stalled.is_empty());
    let lines = stalled.map(|group| {
        let state = if is_counted(group) { "stalled".to_owned() } else { state(group) };
        format!("{} is {state}: {}\n", name(group), group.stalled)
    });
    lines.collect()
}

/// Everything about one group.
fn story(group: &Group) -> String {
    let known = origin(group).map(|filter| format!("{}: {filter}\n", group.name) + &begun(group));
    let how_far = if is_counted(group) { progress(group) } else { String::new() };
    known.unwrap_or_default() + &how_far + &stalls(std::slice::from_ref(group))
}

fn begun(group: &Group) -> String {
    let created = moment::to_the_second(group.created_at.as_ref());
    let settings = group.settings.unwrap_or_default();
    let (lease, rest) =
        (settings.lease.unwrap_or_default(), settings.retry_delay.unwrap_or_default());
    let from = group.recorded_from.as_ref().map(|time| moment::to_the_second(Some(time)));
    let from = from.map(|time| format!("  begins with what is recorded at {time}\n"));
    let from = from.unwrap_or_default();
    let tries = settings.max_attempts;
    format!(
        "  created {created}, begins after position {}\n{from}  lease {lease}, parked after \
         {tries} tries, first rest {rest}\n",
        group.began_after
    )
}

fn progress(group: &Group) -> String {
    let mut text = String::new();
    let behind = group.lag.as_ref().map(|it| format!(", for {}", lag(it))).unwrap_or_default();
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
    text
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
    use crate::{
        cli::output::Query as _,
        domain::proto::{FilterItem, GroupConsumer, GroupSettings},
    };

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
            settings: Some(GroupSettings { max_attempts: 5, ..GroupSettings::default() }),
            state: GroupState::Ready.into(),
            ..Group::default()
        }
    }

    #[test]
    fn a_table_shows_lag_and_parked_events_and_what_is_in_the_way() {
        let groups = vec![group()];
        let response = ListGroupsResponse { groups, position: 9, ..Default::default() };
        let table = ListGroupsRequest::default().table(&response);
        // In a table it may take several lines.
        let said = "type=TransferCompleted tag=to:DE | type=TransferCompleted tag=from:DE";
        assert_eq!(filter(group().filter.as_ref()), said);
        for expected in ["1 h 1 min", "desk is stalled: too much is parked", "as of position 9"] {
            assert!(table.contains(expected), "{table}");
        }
    }

    #[test]
    fn no_groups_and_a_group_without_lag_are_reported_as_such() {
        let empty = ListGroupsRequest::default().table(&ListGroupsResponse::default());
        assert_eq!(empty, "no consumer groups\nas of position 0\n");
        let done = Group { lag: None, filter: None, ..group() };
        assert_eq!(row(&done)[2], "all");
        assert_eq!((row(&done)[4].as_str(), plain_row(&done)[4].as_str()), ("-", ""));
        assert_eq!((row(&done)[3].as_str(), plain_row(&done)[3].as_str()), ("7", "7"));
    }

    /// What a server reports of a group that is not restored.
    fn damaged(group: Group) -> Group {
        let Group { name, filter, settings, .. } = group;
        let (stalled, state) = ("a volume is damaged".into(), GroupState::Damaged.into());
        Group { name, filter, settings, stalled, state, ..Group::default() }
    }

    #[test]
    fn a_group_that_is_not_restored_has_a_state_and_a_reason_and_no_numbers() {
        let group = damaged(group());
        assert_eq!(row(&group)[3..], ["-"; 6]);
        assert_eq!(plain_row(&group)[2..9], [""; 7]);
        assert_eq!(plain_row(&group)[9..], ["a volume is damaged", "damaged"]);
        let response = ListGroupsResponse {
            groups: vec![self::group(), group.clone()],
            position: 9,
            ..Default::default()
        };
        let table = ListGroupsRequest::default().table(&response);
        for expected in ["| ready ", "| damaged ", "desk is damaged: a volume is damaged"] {
            assert!(table.contains(expected), "{table}");
        }
        let story = story(&group);
        assert!(story.contains("parked after 5 tries"), "{story}");
        assert!(
            story.ends_with("first rest 0s\ndesk is damaged: a volume is damaged\n"),
            "{story}"
        );
    }

    #[test]
    fn a_group_of_which_not_even_the_name_can_be_read_is_listed() {
        let group = damaged(Group { settings: None, filter: None, ..Group::default() });
        assert_eq!(row(&group)[..3], ["(name unknown)", "damaged", "-"]);
        assert_eq!(plain_row(&group)[..2], ["", ""]);
        assert_eq!(story(&group), "(name unknown) is damaged: a volume is damaged\n");
    }

    #[test]
    fn spans_are_reported_in_their_two_largest_units() {
        let reported = [0, 59, 61, 7_260, 90_000]
            .map(|seconds| lag(&prost_types::Duration { seconds, nanos: 2_000_000 }));
        assert_eq!(reported, ["2 ms", "59 s", "1 min 1 s", "2 h 1 min", "1 d 1 h"]);
    }
}
