//! Takes one of three seats, unless others have taken them all: read, decide, append. Start it
//! several times at once; no seat is ever taken twice.

#![expect(clippy::print_stdout, reason = "an example prints")]

use handover::{
    client::{Client, Event, UpdateError},
    domain::proto::{Any, RecordedEvent},
};

const SEATS: usize = 3;

/// What happens to the room, given what has happened. It does nothing else, because it runs again
/// when another writer was faster.
fn take_seat(taken: &[RecordedEvent], guest: &str) -> Result<Vec<Event>, String> {
    let seated = |event: &RecordedEvent| {
        event.payload.as_ref().is_some_and(|payload| payload.value == guest.as_bytes())
    };
    if taken.iter().any(seated) {
        return Ok(Vec::new());
    }
    if taken.len() >= SEATS {
        return Err(format!("all {SEATS} seats are taken"));
    }
    let type_url = "type.googleapis.com/demo.v1.SeatTaken".to_owned();
    Ok(vec![Event::packed(Any { type_url, value: guest.as_bytes().to_vec().into() })])
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let guest = arguments.next().unwrap_or("demo guest".into());
    let address = arguments.next().unwrap_or("http://127.0.0.1:50051".into());
    let client = Client::lazy(&address)?;
    match client.update("room/demo", |taken| take_seat(taken, &guest)).await {
        Ok(Some(receipt)) => println!("{guest} has a seat: {:?}", receipt.revisions),
        Ok(None) => println!("{guest} has a seat already"),
        Err(UpdateError::Decided(refusal)) => println!("no seat for {guest}: {refusal}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
