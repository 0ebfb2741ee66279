//! Counts the claims about transfers to each country, each exactly once, however often this program
//! or the server is started anew: the counts and the position are stored in one step.

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{collections::BTreeMap, fs, io::Write as _, path::Path};

use handover::{
    client::{Client, ClientErrorKind, Follow, Followed},
    domain::proto::{Filter, FilterItem, RecordedEvent},
};
use serde::{Deserialize, Serialize};

/// What the program has brought about, and up to where.
#[derive(Default, Deserialize, Serialize)]
struct Tally {
    /// The store and the history that the position is of: in others it is another event.
    #[serde(default)]
    store: String,
    position: u64,
    claims: BTreeMap<String, u64>,
}

impl Tally {
    fn load(path: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        match fs::read(path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Replaces the file as a whole: a reader finds the old counts with the old position, or the
    /// new ones with the new position.
    fn store(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let new = path.with_extension("new");
        let mut file = fs::File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(new, path)?;
        // The name is durable once its folder is.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    fn add(&mut self, event: &RecordedEvent) {
        for country in event.tags.iter().filter_map(|tag| tag.strip_prefix("to:")) {
            *self.claims.entry(country.to_owned()).or_default() += 1;
        }
        self.position = event.position;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or("tally.json".into());
    let address = arguments.next().unwrap_or("http://127.0.0.1:50051".into());
    let mut tally = Tally::load(Path::new(&file))?;
    println!("goes on after position {}", tally.position);

    let transfers =
        FilterItem { types: vec!["handover.v1.TransferCompleted".into()], ..FilterItem::default() };
    let follow = Follow::all().filter(Filter { items: vec![transfers] }).after(tally.position);
    let mut client = Client::lazy(&address)?;
    if tally.store.is_empty() {
        tally.store = client.store().await?;
    } else {
        client = client.of_store(&tally.store);
    }
    let mut following = client.subscribe(follow);
    loop {
        let item = match following.next().await {
            // The counts do not say which event made them, so they can only be made again.
            Err(error) if error.error.kind == ClientErrorKind::HistoryChanged => {
                return Err(format!("{error}; delete {file} to count anew").into());
            }
            item => item?,
        };
        match item {
            Followed::Event(event) => {
                tally.store = following.store().unwrap_or_default().to_owned();
                tally.add(&event);
                for event in following.received() {
                    tally.add(&event);
                }
                tally.store(Path::new(&file))?;
            }
            Followed::CaughtUp(mark) | Followed::Checkpoint(mark) => {
                tally.store = following.store().unwrap_or_default().to_owned();
                tally.position = mark.position;
                tally.store(Path::new(&file))?;
                println!("up to position {}: {:?}", tally.position, tally.claims);
            }
            Followed::FellBehind(_) => {}
            Followed::Interrupted { error, pause, .. } => {
                println!("interrupted ({error}), again in {pause:?}");
            }
        }
    }
}
