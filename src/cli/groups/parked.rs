//! The events that a group has parked.

use serde_json::Value;

use crate::{
    cli::{
        event_line,
        exit::{Exit, Failure},
        json, moment,
        output::{ListArgs, Query},
        pages::{Page, PageRequest, Paged},
        position, words,
    },
    domain::proto::{ListParkedRequest, ListParkedResponse, ParkedEvent},
    grpc::client::{Client, ClientError},
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
    list: ListArgs,
}

/// Prints them.
pub(super) async fn run(args: Args) -> Result<Exit, Failure> {
    let request = ListParkedRequest { group: args.group, after_position: args.after, limit: 0 };
    args.list.print(&request).await
}

/// Its pages go on behind a position, which needs no token.
impl Paged for ListParkedRequest {
    type Response = ListParkedResponse;

    async fn page(
        &self,
        client: &Client,
        page: PageRequest,
    ) -> Result<ListParkedResponse, ClientError> {
        let after_position = page.token.parse().unwrap_or(self.after_position);
        let group = self.group.clone();
        client.list_parked(Self { group, after_position, limit: page.size }).await
    }

    /// Events that are parked say where they are themselves.
    fn position(response: &ListParkedResponse) -> u64 {
        let last = response.parked.last().and_then(|parked| parked.event.as_ref());
        last.map_or(0, |event| event.position)
    }
}

impl Page for ListParkedResponse {
    fn next(&self) -> String {
        words::number((self.next_after_position > 0).then_some(self.next_after_position))
    }

    fn entries(&self) -> usize {
        self.parked.len()
    }

    fn follow(&mut self, next: Self) {
        self.parked.extend(next.parked);
        self.next_after_position = next.next_after_position;
    }
}

impl Query for ListParkedRequest {
    fn table(&self, response: &ListParkedResponse) -> String {
        let total = response.total;
        if response.parked.is_empty() {
            return format!("nothing is parked here; {total} in all\n");
        }
        let header = ["position", "stream", "tries", "by", "parked", "why"];
        let table = words::grid(&header, response.parked.iter().map(row));
        match response.next_after_position {
            0 => table,
            after => format!("{table}{total} are parked in all; go on with --after {after}\n"),
        }
    }

    fn entries(&self, response: &ListParkedResponse) -> Result<Vec<Value>, serde_json::Error> {
        response.parked.iter().map(entry).collect()
    }

    /// Events may be of types that have no JSON of their own.
    fn whole(&self, response: &ListParkedResponse) -> Result<Value, serde_json::Error> {
        let bare = ListParkedResponse { parked: Vec::new(), ..response.clone() };
        let mut whole = json::of_message(&bare)?;
        if let Some(members) = whole.as_object_mut()
            && !response.parked.is_empty()
        {
            members.insert("parked".to_owned(), self.entries(response)?.into());
        }
        Ok(whole)
    }

    fn columns(&self) -> Vec<&'static str> {
        vec!["event", "stream", "attempts", "consumer", "parked_at", "reason"]
    }

    fn rows(&self, response: &ListParkedResponse) -> Vec<Vec<String>> {
        response.parked.iter().map(row).collect()
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
        let query = ListParkedRequest::default();
        let list = ListParkedResponse { parked: parked.clone(), total: 2, ..Default::default() };
        let (whole, entries) = (query.whole(&list).unwrap(), query.entries(&list).unwrap());
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
