//! The events that a group has parked.

use serde_json::Value;

use crate::{
    cli::{
        ServerArgs, event_line,
        exit::{Exit, Failure},
        json, moment,
        output::{self, Answer, Grid, OutputArgs},
        pages::Limit,
        position, words,
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
    #[arg(long, value_name = "POSITION", value_parser = position::only,
          default_value_t = 0, hide_default_value = true)]
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
        self.0.parked.iter().map(entry).collect()
    }

    /// Events may be of types that have no JSON of their own.
    fn whole(&self) -> Result<Value, serde_json::Error> {
        let bare = ListParkedResponse { parked: Vec::new(), ..self.0.clone() };
        let mut whole = json::of_message(&bare)?;
        if let Some(members) = whole.as_object_mut()
            && !self.0.parked.is_empty()
        {
            members.insert("parked".to_owned(), self.entries()?.into());
        }
        Ok(whole)
    }

    fn grid(&self) -> Grid {
        let header = ["event", "stream", "attempts", "consumer", "parked_at", "reason"];
        let mut grid = Grid::new(&header);
        grid.rows.extend(self.0.parked.iter().map(row));
        grid
    }
}

/// A parked event as proto3 JSON, with its payload as `tail` prints it.
fn entry(parked: &ParkedEvent) -> Result<Value, serde_json::Error> {
    let bare = ParkedEvent { event: None, ..parked.clone() };
    let mut value = json::of_message(&bare)?;
    if let (Some(members), Some(event)) = (value.as_object_mut(), &parked.event) {
        members.insert("event".to_owned(), event_line::value(event)?);
    }
    Ok(value)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        known::examples,
        proto::{Any, RecordedEvent},
    };

    #[test]
    fn an_event_of_any_type_is_printed_as_tail_prints_it() {
        let of = |position, payload| ParkedEvent {
            event: Some(RecordedEvent { position, payload: Some(payload), ..Default::default() }),
            attempts: 5,
            reason: "it failed".to_owned(),
            ..Default::default()
        };
        let value = [0xff, 1].as_slice().into();
        let unknown = Any { type_url: "type.googleapis.com/demo.v1.Noted".into(), value };
        let parked = vec![of(7, unknown), of(8, Any::pack(&examples::completed()))];
        let list =
            Parked(ListParkedResponse { parked: parked.clone(), total: 2, ..Default::default() });
        let (whole, entries) = (list.whole().unwrap(), list.entries().unwrap());
        assert_eq!(whole["parked"], Value::from(entries.clone()));
        assert_eq!((whole["total"].to_string().trim_matches('"'), entries.len()), ("2", 2));
        for (entry, parked) in entries.iter().zip(&parked) {
            let event = event_line::json(parked.event.as_ref().unwrap()).unwrap();
            assert_eq!(entry["event"].to_string(), event);
            assert_eq!((&entry["attempts"], &entry["reason"]), (&5.into(), &"it failed".into()));
        }
        assert_eq!(entries[0]["event"]["payload"]["@bytes"], "/wE=");
        assert_eq!(entries[1], json::of_message(&parked[1]).unwrap(), "proto3 JSON, as before");
    }
}
