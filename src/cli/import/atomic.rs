//! All lines of a file in one append: everything, or nothing.
//!
//! One append names each stream once, so the events get their positions stream by stream.

use std::io::BufRead;

use prost::Message as _;

use super::{
    Report, Summary, check, content::request_id_of_all, is_about_the_row, rows::Rows, stopped,
};
use crate::{
    cli::{
        exit::{Exit, Failure, words},
        lines::{Line, RowError},
    },
    domain::{limits, name::StreamName, proto},
    grpc::client::Client,
};

type Events = Vec<(StreamName, proto::NewEvent)>;

pub(super) async fn import(
    client: &Client,
    rows: Rows<impl BufRead>,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let mut summary = Summary::default();
    let events = checked(rows, report, &mut summary)?;
    if summary.refused > 0 || events.is_empty() {
        return Ok(summary);
    }
    let response = match client.append(one_append(events)?).await {
        Ok(response) => response,
        Err(error) if is_about_the_row(&error) => {
            let problem = format!("nothing was added: {}", words(&error));
            return Err(Failure { message: problem, ..Failure::from(error) });
        }
        Err(error) => return Err(stopped("the whole file", error)),
    };
    if response.duplicate {
        summary.already = summary.lines;
    } else {
        summary.added = summary.lines;
    }
    report.advanced(&summary);
    Ok(summary)
}

/// Every line's event, if every line is in order.
fn checked(
    mut rows: Rows<impl BufRead>,
    report: &mut dyn Report,
    summary: &mut Summary,
) -> Result<Events, Failure> {
    let mut events = Events::new();
    while let Some(row) = rows.next()? {
        summary.lines += 1;
        match row.and_then(|line| event(&line)) {
            Ok(event) if summary.refused == 0 => events.push(event),
            // Nothing will be added any more; reading goes on to report all that is wrong.
            Ok(_) => events.clear(),
            Err(error) => {
                summary.refused += 1;
                report.refused(&error);
            }
        }
    }
    Ok(events)
}

fn event(line: &Line) -> Result<(StreamName, proto::NewEvent), RowError> {
    if line.payload.claim.is_some() {
        return Err(line.claim_error(
            "names another line, whose position is not known before it is added; \
             with --atomic give a position, or import without it",
        ));
    }
    check::valid(line, None, None).map(|valid| (valid.stream, valid.event))
}

fn one_append(events: Events) -> Result<proto::AppendRequest, Failure> {
    let bytes: usize = events.iter().map(|(_, event)| event.encoded_len()).sum();
    if events.len() > limits::APPEND_EVENTS || bytes > limits::APPEND_BYTES {
        return Err(Failure::new(
            Exit::Usage,
            format!(
                "{} events with {bytes} bytes do not fit one append ({} events, {} bytes); \
                 split the file, or import it without --atomic",
                events.len(),
                limits::APPEND_EVENTS,
                limits::APPEND_BYTES
            ),
        ));
    }
    let all = events.iter().map(|(stream, event)| (stream.as_str(), event));
    let request_id = request_id_of_all(all).to_string();
    let mut writes: Vec<proto::StreamWrite> = Vec::new();
    for (stream, event) in events {
        match writes.iter_mut().find(|write| write.stream == stream.as_str()) {
            Some(write) => write.events.push(event),
            None => writes.push(proto::StreamWrite {
                stream: stream.as_str().to_owned(),
                expected_revision: None,
                events: vec![event],
            }),
        }
    }
    Ok(proto::AppendRequest { request_id, writes, condition: None })
}
