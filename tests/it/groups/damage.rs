//! Groups with records in a damaged volume, beside others that have none there.

use std::{fs, path::Path, process::Command};

use handover::{
    domain::proto::DeleteGroupRequest,
    grpc::client::{ClientError, ClientErrorKind},
};

use super::{member::Member, *};
use crate::support::BINARY;

/// Small volumes, and no scrub: only reads can find the damage.
const SETTINGS: [&str; 6] = ["--journal-file-mib", "1", "--volume-mib", "1", "--scrub", "false"];
/// The volume that is damaged: the oldest.
const VOLUME: &str = "00000000000000000001";
/// Categories that nothing is recorded in. They are in the creations of groups, and nowhere else.
const LOST: &str = "demo-lost";
const SILENT: &str = "demo-silent";

/// A group for the category `x` and for one by which its creation can be found in a file.
fn marked(name: &str, category: &str) -> CreateGroupRequest {
    let mut request = patient(name);
    request.filter.as_mut().expect("it has one").items[0].categories.push(category.into());
    request
}

async fn notes(client: &Client, count: usize) {
    let padding = "x".repeat(1_000);
    let notes = (0..count).map(|_| event(&padding, &[])).collect();
    client.append(append("y/a", notes)).await.expect("it is appended");
}

/// Lets the group record how far it is.
async fn work(client: &Client, group: &str) {
    let mut member = Member::join(client, group, "one", 1);
    member.positions(1).await;
    member.ack_all();
    member.leave().await;
}

/// Changes what is recorded with these words.
fn spoil(data: &Path, words: &[&str]) {
    let db = data.join("volumes").join(VOLUME).join("db");
    let mut bytes = fs::read(&db).expect("the volume's file");
    for word in words {
        let found: Vec<usize> = memchr::memmem::find_iter(&bytes, word).collect();
        assert!(!found.is_empty(), "{word} is not there");
        for at in found {
            bytes[at] ^= 0x40;
        }
    }
    fs::write(db, bytes).expect("it can be changed");
}

/// A store with three groups; their creations are in a volume that is sealed.
async fn filled(data: &Path) {
    let server = Server::start(data, &SETTINGS);
    let client = server.client().await;
    for request in [marked("lost", LOST), marked("silent", SILENT), patient("kept")] {
        client.create_group(request).await.expect("it is created");
        // What lies beside it in a block is none of the others.
        notes(&client, 20).await;
    }
    fill(&client, &["x/a"]).await;
    let manifest = || fs::read_to_string(data.join("MANIFEST")).expect("a manifest");
    for _ in 0..1_000 {
        if manifest().matches("\"directory\"").count() >= 2 {
            break;
        }
        notes(&client, 100).await;
    }
    // Behind the volume that is going to be damaged.
    work(&client, "lost").await;
    work(&client, "kept").await;
    server.terminate();
    assert!(server.wait());
}

fn is_damage(error: &ClientError) {
    assert_eq!(error.kind, ClientErrorKind::DataLoss, "{error}");
    assert_eq!(error.reason, "DATA_DAMAGED");
    assert!(error.message.contains(VOLUME), "{error}");
}

/// Names and states, the names in order.
async fn states(client: &Client) -> Vec<(String, GroupState)> {
    let listed = client.list_groups(ListGroupsRequest::default()).await.expect("they are listed");
    listed.groups.iter().map(|group| (group.name.clone(), group.state())).collect()
}

fn of(name: &str, state: GroupState) -> (String, GroupState) {
    (name.to_owned(), state)
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_groups_are_listed_refused_and_deleted_and_all_others_work() {
    let (_dir, data) = data_dir();
    filled(&data).await;
    spoil(&data, &[LOST, SILENT]);
    let server = Server::start(&data, &SETTINGS);
    let client = server.client().await;
    let damaged = GroupState::Damaged;
    let kept = of("kept", GroupState::Ready);
    // Of one of them there is a checkpoint that tells its name, of the other nothing.
    assert_eq!(states(&client).await, [of("", damaged), kept.clone(), of("lost", damaged)]);
    for name in ["lost", "silent"] {
        let group = listed(&client, name).await;
        assert_eq!((group.name.as_str(), group.state()), (name, damaged));
        assert!(group.stalled.contains(VOLUME), "{}", group.stalled);
        let mut member = Member::join(&client, name, "one", 1);
        is_damage(&member.next().await.expect_err("it cannot be restored"));
        let refused = client.create_group(patient(name)).await.expect_err("there is one");
        assert_eq!(refused.reason, "ALREADY_EXISTS");
    }
    let table = groups_table(&server);
    let words: Vec<_> = table.split_whitespace().filter(|word| *word != "|").collect();
    let words = words.join(" ");
    let rows = ["kept ready category=x 0", "lost damaged - - -", "(name unknown) damaged - - -"];
    for shown in rows.into_iter().chain(["lost is damaged: "]) {
        assert!(words.contains(shown), "{table}");
    }

    let later = fill(&client, &["x/b"]).await;
    let mut member = Member::join(&client, "kept", "one", 5);
    assert_eq!(member.positions(1).await, later, "it goes on where it was");
    for name in ["lost", "silent"] {
        let deletion = DeleteGroupRequest { request_id: new_id(), name: name.into() };
        client.delete_group(deletion.clone()).await.expect("it is deleted");
        let again = client.delete_group(deletion).await.expect("it is safe to repeat");
        assert!(again.receipt.expect("the first answer").duplicate);
    }
    assert_eq!(states(&client).await, std::slice::from_ref(&kept));
    client.create_group(patient("silent")).await.expect("the name is free");
    server.terminate();
    assert!(server.wait());
    let server = Server::start(&data, &SETTINGS);
    let after = states(&server.client().await).await;
    assert_eq!(after, [kept, of("silent", GroupState::Ready)], "the old ones stay deleted");
}

/// What the command line prints.
fn groups_table(server: &Server) -> String {
    let mut command = Command::new(BINARY);
    let printed = command.args(["groups", "--output", "table", "--server", &server.address]);
    let printed = printed.output().expect("it runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8(printed.stdout).expect("text")
}
