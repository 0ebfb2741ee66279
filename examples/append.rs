//! Records a statement. However often the request has to be sent, it is recorded once.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::Duration;

use handover::{
    client::{Append, Client, Event, Retry},
    domain::proto::{Actor, Attribution, StatementMade, StatementMode},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("http://127.0.0.1:50051".into());
    let client =
        Client::lazy(&address)?.with_retry(Retry::default().within(Duration::from_secs(20)));
    let said = StatementMade {
        attribution: Some(Attribution {
            source_id: "demo-briefing".into(),
            ..Attribution::default()
        }),
        speaker: Some(Actor { name: "Demo Spokeswoman".into(), ..Actor::default() }),
        mode: StatementMode::Indirect.into(),
        text: "The exchange went as planned.".into(),
        exchange_id: "ankara-2024-08-01".into(),
        ..StatementMade::default()
    };
    // The stream follows from the speaker.
    let append = Append::new().event(Event::from(said).metadata("desk", "demo"));
    let receipt = client.append(append.clone()).await?;
    println!("recorded at position {}", receipt.first_position);
    // The same append has the same request id, so it is answered, and not recorded again.
    let again = client.append(append).await?;
    println!("recorded at position {}, again: {}", again.first_position, again.duplicate);
    Ok(())
}
