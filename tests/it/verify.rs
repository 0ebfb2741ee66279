//! `handover verify`: a healthy store has no finding and stays as it is, whatever is spoilt is
//! found and named, and a running server is verified while it works.

mod backup;
mod live;
mod restored;
mod spoilt;
pub(crate) mod store;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{BINARY, Held, Server, data_dir};
use store::{Image, healthy, killed};

/// Everything is as it was written.
const DONE: i32 = 0;
/// It could not be verified.
const FAILED: i32 = 1;
/// The record is damaged.
const DAMAGED: i32 = 7;
/// Something derived is wrong.
const WRONG: i32 = 13;

/// How a verification ended, and what it said.
#[derive(Debug)]
struct Verified {
    code: i32,
    report: Value,
    errors: String,
}

impl Verified {
    /// The findings about a file or folder whose path ends so, with their severities.
    fn about(&self, place: &str) -> Vec<&str> {
        let findings = self.report["findings"].as_array().into_iter().flatten();
        let about = findings.filter(|it| text(&it["place"]).contains(place));
        about.map(|it| text(&it["severity"])).collect()
    }

    fn count(&self, what: &str) -> u64 {
        text(&self.report[what]).parse().unwrap_or_default()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Runs the command; the report is JSON.
fn run(arguments: &[&str]) -> Verified {
    let mut command = Command::new(BINARY);
    command.args(["verify", "--json"]).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().expect("the binary can be run");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Verified { code: output.status.code().expect("it ends by itself"), report, errors }
}

fn verify(data: &Path) -> Verified {
    run(&["--data", data.to_str().expect("a path of text")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_store_has_no_finding_and_no_byte_of_it_changes() {
    for image in [healthy().await, killed().await] {
        let (_dir, data) = data_dir();
        image.write(&data);
        let before = Image::with_times(&data);
        let verified = verify(&data);
        assert_eq!(verified.code, DONE, "{verified:#?}");
        assert_eq!(verified.count("damaged") + verified.count("wrong"), 0, "{verified:#?}");
        assert!(verified.count("volumes") >= 5, "{verified:#?}");
        assert_eq!(verified.count("events"), verified.count("position"), "{verified:#?}");
        assert_eq!(before, Image::with_times(&data), "the folder has changed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_people_the_report_says_what_is_wrong_where_and_what_to_do() {
    let (_dir, data) = data_dir();
    healthy().await.write(&data);
    let table = fs::read_dir(data.join("places")).expect("tables").next().expect("one");
    fs::write(table.expect("one").path(), "no table").expect("it can be changed");
    let mut command = Command::new(BINARY);
    let output = command.arg("verify").arg("--data").arg(&data).output().expect("it runs");
    let shown = String::from_utf8(output.stdout).expect("text");
    for said in ["WRONG: ", "/places/", "cut off", "To do: stop the server and remove", "events"] {
        assert!(shown.contains(said), "{shown}");
    }
    assert!(shown.ends_with("something that is derived from it is wrong\n"), "{shown}");
    assert_eq!(output.status.code(), Some(WRONG));
}

/// The saved figures are of a later position than what is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn figures_are_not_wrong_where_the_journal_cannot_be_read_but_not_checked() {
    let (_dir, data) = data_dir();
    let image = healthy().await;
    image.write(&data);
    let files = image.paths("journal");
    let file = files.iter().find(|path| path.extension().is_some_and(|end| end == "journal"));
    let path = data.join(file.expect("a file of the journal"));
    fs::remove_file(&path).expect("it can be removed");
    // It can be opened and not be read, also by root.
    fs::create_dir(&path).expect("it can be made");
    let verified = verify(&data);
    // The list of files may say of it that it has another length, which is damage.
    assert!([FAILED, DAMAGED].contains(&verified.code), "{verified:#?}");
    let name = path.file_name().and_then(|name| name.to_str()).expect("text");
    assert!(!verified.about(name).is_empty(), "{verified:#?}");
    assert_eq!(verified.about("projections"), Vec::<&str>::new(), "{verified:#?}");
    assert!(text(&verified.report["unchecked"][0]).contains("figures"), "{verified:#?}");
}

#[test]
fn a_store_in_use_and_what_is_no_store_are_refused_and_left_alone() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let verified = verify(&data);
    assert_eq!(verified.code, FAILED, "{verified:#?}");
    assert!(verified.errors.contains("is in use by process"), "{verified:#?}");
    assert!(verified.errors.contains(&server.id().to_string()), "{verified:#?}");
    let (empty, _) = data_dir();
    let verified = verify(empty.path());
    assert_eq!(verified.code, FAILED, "{verified:#?}");
    assert!(verified.errors.contains("is not a data directory"), "{verified:#?}");
    assert_eq!(fs::read_dir(empty.path()).expect("it is there").count(), 0);
    let verified = verify(&empty.path().join("nowhere"));
    assert_eq!(verified.code, FAILED, "{verified:#?}");
}

/// The lock is that of a server.
#[tokio::test(flavor = "multi_thread")]
async fn no_server_starts_while_a_store_is_verified() {
    let (_dir, data) = data_dir();
    healthy().await.write(&data);
    let lock = fs::File::open(data.join("LOCK")).expect("a lock");
    lock.try_lock().expect("no process has it");
    let refused = verify(&data);
    assert_eq!(refused.code, FAILED, "{refused:#?}");
    let mut serve = Command::new(BINARY);
    serve.arg("serve").arg("--data").arg(&data).args(["--listen", "127.0.0.1:0"]);
    let (status, errors) = Held::start(serve.stderr(Stdio::piped())).end();
    assert!(!status.success() && errors.contains("is in use"), "{errors}");
}
