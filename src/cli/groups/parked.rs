//! The events that a group has parked.

use serde_json::Value;

use crate::{
    cli::{
        ServerArgs,
        exit::{Exit, Failure},
        moment,
        output::{self, Answer, Grid, OutputArgs},
        pages::Limit,
        words,
    },
    domain::proto::{ListParkedRequest, ListParkedResponse, ParkedEvent},
};

/// Which events.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The group
    #[arg(value_name = "GROUP")]
    group: String,
    /// Only those after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0, hide_default_value = true)]
    after: u64,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints them.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    let output = args.output.chosen();
    let client = args.server.connect().await?;
    let ask = async |after_position, held| {
        let (group, limit) = (args.group.clone(), args.limit.size(held));
        client.list_parked(ListParkedRequest { group, after_position, limit }).await
    };
    let mut whole = ask(args.after, 0).await?;
    while whole.next_after_position > 0 && whole.parked.len() < args.limit.most() {
        let next = ask(whole.next_after_position, whole.parked.len()).await?;
        whole.parked.extend(next.parked);
        whole.next_after_position = next.next_after_position;
    }
    output::print(&Parked(whole), output)
}

struct Parked(ListParkedResponse);

impl Answer for Parked {
    type Response = ListParkedResponse;

    fn response(&self) -> &Self::Response {
        &self.0
    }

    /// Events that are parked say where they are themselves.
    fn position(&self) -> u64 {
        let last = self.0.parked.last().and_then(|parked| parked.event.as_ref());
        last.map_or(0, |event| event.position)
    }

    fn table(&self) -> String {
        let total = self.0.total;
        if self.0.parked.is_empty() {
            return format!("nothing is parked here; {total} in all\n");
        }
        let header = ["position", "stream", "tries", "by", "parked", "why"];
        let table = words::grid(&header, self.0.parked.iter().map(row));
        match self.0.next_after_position {
            0 => table,
            after => format!("{table}{total} are parked in all; go on with --after {after}\n"),
        }
    }

    fn entries(&self) -> Result<Vec<Value>, serde_json::Error> {
        output::each(&self.0.parked)
    }

    fn grid(&self) -> Grid {
        let header = ["event", "stream", "attempts", "consumer", "parked_at", "reason"];
        let mut grid = Grid::new(&header);
        grid.rows.extend(self.0.parked.iter().map(row));
        grid
    }
}

fn row(parked: &ParkedEvent) -> Vec<String> {
    let event = parked.event.clone().unwrap_or_default();
    vec![
        event.position.to_string(),
        event.stream,
        parked.attempts.to_string(),
        words::plain(&parked.consumer),
        moment::to_the_second(parked.parked_at.as_ref()),
        words::plain(&parked.reason),
    ]
}
