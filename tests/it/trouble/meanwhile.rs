//! A store whose only sealed volume is damaged does not open; what is restored answers meanwhile,
//! and nothing is lost once the volume is back.

use std::process::Command;

use handover::grpc::client::Client;

use super::{Place, blocks, entries, opening::spoil_newest_volume};
use crate::{
    lifecycle::{line_with, start_logged},
    support::{Server, data_dir, read_all},
    verify::store::{Image, SETTINGS, fill, sealed},
};

const HEADING: &str = "The only volume is damaged";

/// Rounds of events after which one volume is full, and no second one.
const ROUNDS: u64 = 8;

/// A stopped store with one sealed volume, and events after it.
async fn one_volume() -> Image {
    let (_dir, data) = data_dir();
    let (mut server, log) = start_logged(&data, "127.0.0.1:0", &SETTINGS);
    let starting = line_with(&log, "address=");
    let address = starting.split("address=").nth(1).expect("an address");
    let address = address.split(' ').next().unwrap_or_default();
    line_with(&log, "serving position=");
    let client = Client::connect(&format!("http://{address}")).await.expect("it serves");
    for round in 0..ROUNDS {
        fill(&client, round).await;
    }
    line_with(&log, "volume sealed");
    fill(&client, ROUNDS).await;
    let id = server.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    assert!(server.0.wait().expect("it has ended").success());
    assert_eq!(sealed(&data), 1);
    Image::of(&data)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_volume_is_put_back_alone_and_a_restored_copy_answers_meanwhile() {
    let entry = &entries("It does not open")[HEADING];
    let mut place = Place::of(&one_volume().await);
    place.name = spoil_newest_volume(&place.data);
    place.assert_refused(entry);
    let (first, rest) = entry.lines.split_first().expect("lines");
    let part = |lines: &[String]| super::Entry { lines: lines.to_vec(), ..entry.clone() };
    place.run(&part(std::slice::from_ref(first)));
    // The page has the line of a server on the restored copy.
    let (_, section) = super::PAGE.split_once(&format!("### {HEADING}\n")).expect("the entry");
    let serve = &blocks(section, "bash")[0];
    assert!(serve.starts_with("handover serve --data DIR.restored "), "{serve}");
    let copy = format!("{}.restored", place.data.display());
    let server = Server::start(copy.as_ref(), &SETTINGS);
    let answered = read_all(&server.client().await).await.len() as u64;
    assert_eq!(answered, place.last, "the copy answers up to the backup");
    server.terminate();
    assert!(server.wait());
    place.run(&part(rest));
    place.assert_whole().await;
    assert_eq!(place.restores(), 0, "the record is the one that it was");
}
