//! The page `docs/BACKUP.md`: its commands are run from an empty folder, as a new user would.

use std::{fs, path::Path, process::Command};

use super::{SMALL, fill, stored};
use crate::support::{BINARY, NOWHERE, Server, data_dir, read_all};

const PAGE: &str = include_str!("../../../docs/BACKUP.md");

/// The blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let mut rest = PAGE;
    let mut found = Vec::new();
    while let Some((_, after)) = rest.split_once(&fence) {
        let (block, next) = after.split_once("\n```").expect("an end of the block");
        found.push(block);
        rest = next;
    }
    found
}

/// Runs a block in a folder; what it printed.
fn run(block: &str, folder: &Path, server: &str) -> String {
    let programs = Path::new(BINARY).parent().expect("a folder").display().to_string();
    let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.args(["-euc", block]).current_dir(folder);
    let done = command.env("PATH", path).env("HANDOVER_SERVER", server).output().expect("bash");
    assert!(done.status.success(), "{block}: {done:#?}");
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_of_the_page_lead_from_an_empty_folder_to_a_restored_server() {
    let (home, data) = data_dir();
    let server = Server::start(&data, &SMALL);
    let client = server.client().await;
    fill(&client, 1_500).await;
    let folder = home.path().join("elsewhere");
    fs::create_dir(&folder).expect("an empty folder");
    let [back_up, look, go_back] = blocks("sh")[..] else { panic!("the page has other blocks") };
    let made = run(back_up, &folder, &server.address);
    assert!(made.contains("\"backups/0000000001-"), "{made}");
    fill(&client, 20).await;
    let again = run(back_up, &folder, &server.address);
    assert!(again.contains("\"backups/0000000002-"), "{again}");
    let looked = run(look, &folder, &server.address);
    assert!(looked.ends_with("everything is as it was written\n"), "{looked}");
    let all = stored(&read_all(&client).await);
    server.kill();
    // What goes back needs no server.
    let restored = run(go_back, &folder, NOWHERE);
    assert!(restored.contains("\"history\":"), "{restored}");
    assert!(restored.contains("MISSING: restored/projections/claims"), "{restored}");
    assert_eq!(blocks("bash"), ["handover serve --data restored"]);
    let server = Server::start(&folder.join("restored"), &SMALL);
    assert!(stored(&read_all(&server.client().await).await) == all);
    server.terminate();
    assert!(server.wait());
}
