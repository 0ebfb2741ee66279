//! What can be said about a line without asking the server.

use std::io::BufRead;

use super::{
    named::NamedClaims,
    reading::Reading,
    source::InputEvents,
    summary::{Report, Summary},
};
use crate::{
    cli::{
        exit::Failure,
        lines::{Line, RowError},
    },
    domain::{
        event::{NewEvent, Position},
        examine::{Examined, examine},
        identity,
        known::{Home, Known},
        limits,
        name::{StreamName, TypeName},
        proto, recorded,
        violation::{Violations, join},
        wire::Room,
    },
};

/// A claim's position, for checking a line about a claim that has none yet.
const SOME_POSITION: Position = 1;

/// Checks a whole input and changes nothing: what `import --dry-run` does.
pub fn check(
    input: impl BufRead,
    reading: &Reading,
    report: &mut dyn Report,
) -> Result<Summary, Failure> {
    let mut rows = InputEvents::open(input, reading)?;
    let mut summary = Summary::default();
    let mut claims = NamedClaims::default();
    while let Some(row) = next_noted(&mut rows, report)? {
        summary.count(&row);
        let good = match row {
            Ok(line) => row_is_good(&line, &mut claims)?,
            Err(error) => Err(error),
        };
        if let Err(error) = good {
            summary.refused += 1;
            report.refused(&error);
        }
        report.advanced(&summary);
    }
    Ok(summary)
}

/// The next row of an input, and before it a report of what a user should know by then.
pub(super) fn next_noted(
    rows: &mut InputEvents<impl BufRead>,
    report: &mut dyn Report,
) -> Result<Option<Result<Line, RowError>>, Failure> {
    let row = rows.next();
    while let Some(note) = rows.note() {
        report.noted(&note);
    }
    row
}

/// Checks a line against those before it, and notes what it says for those after it.
pub(super) fn row_is_good(
    line: &Line,
    claims: &mut NamedClaims,
) -> Result<Result<(), RowError>, Failure> {
    let claim_stream = match claims.stream_of_claim(line)? {
        Ok(stream) => stream,
        Err(error) => return Ok(Err(error)),
    };
    let claim = claim_stream.as_ref().map(|_| SOME_POSITION);
    match valid(line, claim, claim_stream) {
        Ok(valid) => claims.admit(line, &valid.typed.stream, valid.known.as_ref()),
        Err(error) => Ok(Err(error)),
    }
}

/// A line with an event that is in order, as far as can be known here.
#[derive(Debug)]
pub(super) struct Valid {
    /// As it was typed.
    pub(super) typed: Written,
    /// As the server records it, with its identity texts folded, where that differs.
    pub(super) folded: Option<Written>,
    /// The event's payload, if it is of a known type.
    pub(super) known: Option<Known>,
}

/// An event in one spelling of its identity texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Written {
    /// The stream it is for.
    pub(super) stream: StreamName,
    /// The event.
    pub(super) event: proto::NewEvent,
}

impl Valid {
    /// A line of another package means nothing here, so only its stream can be one that is folded.
    fn new(typed: Written, examined: Option<Examined>) -> Self {
        let Written { stream, event } = &typed;
        let mut folded = Written { stream: stream.folded(), event: event.clone() };
        let known = examined.map(|Examined { known, rewritten, home }| {
            folded.stream = home.unwrap_or_else(|| folded.stream.clone());
            if let (Some(payload), Some(value)) = (&mut folded.event.payload, rewritten) {
                payload.value = value;
            }
            known
        });
        let folded = (folded != typed).then_some(folded);
        Self { typed, folded, known }
    }
}

/// The line as an event in its stream, if all that can be known of it here is in order.
pub(super) fn valid(
    line: &Line,
    claim: Option<Position>,
    claim_stream: Option<StreamName>,
) -> Result<Valid, RowError> {
    let event = line.event(claim);
    let stream = stream(line, &event, claim_stream)?;
    let any = event.payload.as_ref();
    let (name, value) = any.map_or(("", [].as_slice()), |any| (any.type_name(), &any.value));
    let examined = examine(&stream, name, value, &mut Room::default()).and_then(|examined| {
        within_limits(line, &stream, &event)?;
        Ok(examined)
    });
    match examined {
        Ok(examined) => Ok(Valid::new(Written { stream, event }, examined)),
        Err(violations) => {
            let column = line.payload_offset + 1;
            Err(RowError { line: line.number, column, problem: violations.to_string() })
        }
    }
}

/// Bounds that the server keeps. The recorder's name is not known here, so the server may find an
/// event a little larger.
fn within_limits(
    line: &Line,
    stream: &StreamName,
    event: &proto::NewEvent,
) -> Result<(), Violations> {
    let mut violations = Violations::default();
    if let Some(problem) = identity::hidden(stream.folded().as_str()) {
        violations.add("stream", problem);
    }
    let any = event.payload.clone().unwrap_or_default();
    match TypeName::parse(any.type_name()) {
        Err(error) => violations.add(join("payload", "@type"), error.problem),
        Ok(type_name) => {
            let event = NewEvent {
                type_name,
                type_url: any.type_url,
                payload: any.value,
                tags: line.tags.clone(),
                metadata: line.metadata.clone(),
            };
            event.check_limits(format_args!(""), &mut violations);
            event.check_tags(format_args!(""), &mut violations);
            let size = recorded::size_bound(stream, "", &event);
            if size > limits::EVENT_BYTES {
                violations.exceeds("event", "bytes", size, limits::EVENT_BYTES);
            }
        }
    }
    violations.into_result(())
}

/// The stream that the line's event is for: as it says, or as follows from its payload.
fn stream(
    line: &Line,
    event: &proto::NewEvent,
    claim_stream: Option<StreamName>,
) -> Result<StreamName, RowError> {
    if let Some(stream) = line.stream.clone().or(claim_stream) {
        return Ok(stream);
    }
    let any = event.payload.as_ref();
    let known = any.and_then(|any| Known::decode(any.type_name(), &any.value)?.ok());
    let problem = match known.as_ref().map(|known| (known.typed_home(), known)) {
        Some((Some(Home::Stream(stream)), _)) => return Ok(stream),
        Some((Some(Home::OfClaim(claim)), _)) => {
            format!("\"stream\" is needed here: that of claim {claim}")
        }
        Some((None, known)) => known.validate().err().unwrap_or_default().to_string(),
        None => "\"stream\" is needed: it does not follow from a payload of this type".to_owned(),
    };
    Err(RowError { line: line.number, column: line.payload_offset + 1, problem })
}
