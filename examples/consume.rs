//! Takes part in a consumer group until Ctrl-C: `consume [GROUP] [NAME] [ADDRESS]`. Create the
//! group
//! first (`handover groups create demo`), then start this several times: the events are shared, and
//! those of one stream come in order.

#![expect(clippy::print_stdout, reason = "an example prints")]

use handover::client::{Client, Consumer, Delivery, Verdict};

/// What is to become of an event. A real handler would store its effect together with the event's
/// position, and pass over a position that it has stored already: an event may come again.
async fn handle(Delivery { event, attempts }: Delivery) -> Verdict {
    let Some(payload) = event.payload else { return Verdict::Park("has no payload".into()) };
    println!(
        "{} {} {} (attempt {})",
        event.position,
        event.stream,
        payload.type_name(),
        attempts + 1
    );
    Verdict::Done
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let group = arguments.next().unwrap_or("demo".into());
    let name = arguments.next().unwrap_or("demo consumer".into());
    let address = arguments.next().unwrap_or("http://127.0.0.1:50051".into());
    let stop = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
    let consumer = Consumer::of(group, name).concurrency(4);
    Client::lazy(&address)?.consume(consumer, stop, handle).await?;
    println!("has left the group");
    Ok(())
}
