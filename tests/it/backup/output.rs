//! Output that cannot be written: what was done is said on standard error, and the exit code is
//! not 0.

use std::{
    fs::{self, File},
    io,
    process::Stdio,
};

use super::{SMALL, command, fill, path};
use crate::support::{Server, data_dir};

/// The ends of output that take nothing: a device that is full, and a pipe without a reader.
fn ends() -> [(&'static str, Stdio); 2] {
    let full = File::options().write(true).open("/dev/full").expect("the device");
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    [("No space left on device", full.into()), ("Broken pipe", writer.into())]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_said_though_the_output_cannot_be_written() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    fill(&server.client().await, 40).await;
    server.terminate();
    assert!(server.wait());
    let target = home.path().join("backups");
    let (data, target) = (path(&data).to_owned(), path(&target).to_owned());
    let restored = |number: usize| home.path().join(format!("restored-{number}"));
    for (number, (reason, _)) in ends().into_iter().enumerate() {
        let new = restored(number);
        let cases = [
            (vec!["backup", "--data", &data, "--to", &target], "up to position"),
            (vec!["restore", "--from", &target, "--data", path(&new)], "up to position"),
            (vec!["verify", "--data", &data], "everything is as it was written"),
            (vec!["verify", "--backup", &target], "everything is as it was written"),
        ];
        for (arguments, done) in cases {
            let mut command = command(&arguments);
            if arguments[0] == "verify" {
                command = std::process::Command::new(crate::support::BINARY);
                command.args(&arguments).stderr(Stdio::piped());
            }
            let [full, pipe] = ends();
            let end = if number == 0 { full.1 } else { pipe.1 };
            let ended = command.stdout(end).output().expect("the binary can be run");
            let said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains(done) && said.contains(reason), "{arguments:?}: {said}");
            assert!(said.contains("could not be written"), "{arguments:?}: {said}");
        }
        assert!(new.join("STORE").exists(), "the record is restored");
        let made = fs::read_dir(home.path().join("backups/backups")).expect("a folder").count();
        assert_eq!(made, number + 1, "a backup is made");
    }
}
