//! Stores to verify, made once and kept in memory: sealed volumes, an index with a merged run,
//! figures, a group with checkpoints, large events, and what is not sealed yet.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use handover::{
    domain::proto::{
        Attribution, Count, CreateGroupRequest, GetCountryCountsRequest, Leg, TransferCompleted,
        Unit,
    },
    grpc::client::Client,
};
use tokio::sync::OnceCell;

use crate::{
    groups::member::Member,
    support::{BINARY, Server, append, data_dir, event, known, new_id},
};

/// Small volumes and journal files, and no scrub.
pub(crate) const SETTINGS: [&str; 6] =
    ["--journal-file-mib", "1", "--volume-mib", "1", "--scrub", "false"];

/// A folder: each file by its path, and when it was changed if that is of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image(pub(crate) BTreeMap<PathBuf, (Vec<u8>, Option<SystemTime>)>);

impl Image {
    pub(crate) fn of(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        take(dir, dir, false, &mut files);
        Self(files)
    }

    /// The same with the times of files and folders, which show that one was made again.
    pub(crate) fn with_times(dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        take(dir, dir, true, &mut files);
        Self(files)
    }

    pub(crate) fn write(&self, dir: &Path) {
        for (path, (bytes, _)) in &self.0 {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
            fs::write(path, bytes).expect("it can be written");
        }
        for folder in ["volumes", "journal", "index", "places", "projections"] {
            fs::create_dir_all(dir.join(folder)).expect("it can be made");
        }
    }

    /// The files whose paths begin so.
    pub(crate) fn paths(&self, beginning: &str) -> Vec<PathBuf> {
        let paths = self.0.keys().filter(|path| path.starts_with(beginning));
        paths.cloned().collect()
    }
}

fn take(
    root: &Path,
    dir: &Path,
    times: bool,
    files: &mut BTreeMap<PathBuf, (Vec<u8>, Option<SystemTime>)>,
) {
    let changed = |path: &Path| {
        let changed = fs::metadata(path).and_then(|it| it.modified()).expect("it has a time");
        times.then_some(changed)
    };
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("it is in there").to_owned();
        if path.is_dir() {
            take(root, &path, times, files);
            if times {
                files.insert(name, (Vec::new(), changed(&path)));
            }
        } else {
            files.insert(name, (fs::read(&path).expect("a file"), changed(&path)));
        }
    }
}

/// A store that was stopped.
pub(crate) async fn healthy() -> &'static Image {
    static MADE: OnceCell<Image> = OnceCell::const_new();
    MADE.get_or_init(|| make(true)).await
}

/// One whose server was killed.
pub(crate) async fn killed() -> &'static Image {
    static MADE: OnceCell<Image> = OnceCell::const_new();
    MADE.get_or_init(|| make(false)).await
}

/// One that was stopped, backed up and restored, and then served and stopped again.
pub(crate) async fn restored() -> &'static Image {
    static MADE: OnceCell<Image> = OnceCell::const_new();
    MADE.get_or_init(restore).await
}

async fn restore() -> Image {
    let (dir, data) = data_dir();
    healthy().await.write(&data);
    let (backups, new) = (dir.path().join("backups"), dir.path().join("new"));
    let steps = [
        ("backup", [("--data", &data), ("--to", &backups)]),
        ("restore", [("--from", &backups), ("--data", &new)]),
    ];
    for (name, options) in steps {
        let mut command = Command::new(BINARY);
        command.arg(name);
        for (option, value) in options {
            command.arg(option).arg(value);
        }
        let ended = command.output().expect("the binary can be run");
        assert!(ended.status.success(), "{ended:#?}");
    }
    let server = Server::start(&new, &SETTINGS);
    let client = server.client().await;
    client.country_counts(GetCountryCountsRequest::default()).await.expect("figures");
    server.terminate();
    assert!(server.wait());
    Image::of(&new)
}

async fn make(stopped: bool) -> Image {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &SETTINGS);
    let client = server.client().await;
    let name = "desk".to_owned();
    let group = CreateGroupRequest { name, request_id: new_id(), ..Default::default() };
    client.create_group(group).await.expect("a group");
    let mut member = Member::join(&client, "desk", "one", 50);
    let mut round = 0;
    while sealed(&data) < 6 {
        fill(&client, round).await;
        member.positions(20).await;
        member.ack_all();
        round += 1;
        assert!(round < 200, "volumes are not sealed");
    }
    fill(&client, round).await;
    // The figures have all that was recorded.
    client.country_counts(GetCountryCountsRequest::default()).await.expect("figures");
    drop(member);
    if stopped {
        server.terminate();
        assert!(server.wait());
    } else {
        server.kill();
    }
    Image::of(&data)
}

/// Records claims, many small events and a large one.
pub(crate) async fn fill(client: &Client, round: u64) {
    let stream = format!("exchange/demo-{round}");
    client.append(known(&stream, &transfer(round))).await.expect("it is appended");
    let notes = (0..40).map(|n| {
        let (text, tag) = (format!("note {round} {n} {}", "x".repeat(900)), format!("n:{n}"));
        event(&text, &[&tag, "desk:all"])
    });
    client.append(append(&format!("x/{}", round % 3), notes.collect())).await.expect("it is");
    let large = event(&"y".repeat(100_000), &[]);
    client.append(append("x/large", vec![large])).await.expect("it is appended");
}

fn transfer(round: u64) -> TransferCompleted {
    let source_id = "demo-source".into();
    TransferCompleted {
        attribution: Some(Attribution { source_id, ..Attribution::default() }),
        leg: Some(Leg {
            exchange_id: format!("demo-{round}"),
            to: vec!["DE".into()],
            unit: Unit::Person.into(),
            ..Leg::default()
        }),
        count: Some(Count { value: Some(3), ..Count::default() }),
        ..TransferCompleted::default()
    }
}

/// The number of sealed volumes.
pub(crate) fn sealed(data: &Path) -> usize {
    let manifest = fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    manifest.matches("\"directory\"").count()
}
