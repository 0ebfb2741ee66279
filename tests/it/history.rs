//! A restored past is another history: what rests on events that are gone is refused with the
//! branch, everything else goes on under the new name, and nothing is skipped.

mod followers;
mod live_copy;
mod requests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use handover::{
    domain::{history::History, proto::GetHeadRequest},
    grpc::client::{Client as Calls, ClientError, ClientErrorKind, HistoryChange},
    log::{files::RealFiles, history},
};

use crate::support::{Server, append, event};

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path: PathBuf = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).expect("it is copied");
        }
    }
}

/// Ends a server, so that its folder can be copied.
fn stop(server: Server) {
    server.terminate();
    assert!(server.wait(), "it stops cleanly");
}

/// Puts an earlier copy in place of a store, as a restore does: with another history.
fn restore(kept: &Path, data: &Path, after: u64) -> History {
    fs::remove_dir_all(data).expect("it is removed");
    copy(kept, data);
    let text = fs::read_to_string(data.join("STORE")).expect("a store");
    let id = text.lines().find_map(|line| line.strip_prefix("store ")).expect("an id");
    let id = u128::from_str_radix(id, 16).expect("hex").to_be_bytes();
    history::branch(&RealFiles, data, id, after).expect("a branch")
}

async fn head(calls: &Calls) -> (String, u64) {
    let head = calls.get_head(GetHeadRequest::default()).await.expect("an answer");
    (head.store, head.position)
}

/// Appends events whose texts are unique, to one stream.
async fn note(calls: &Calls, count: usize) {
    let text = || uuid::Uuid::new_v4().to_string();
    let notes = (0..count).map(|_| event(&text(), &["desk:all"])).collect();
    calls.append(append("desk/notes", notes)).await.expect("it is appended");
}

fn assert_changed(error: &ClientError, store: &str, branch_position: Option<u64>) {
    assert_eq!(error.kind, ClientErrorKind::HistoryChanged, "{error:?}");
    assert_eq!(error.reason, "HISTORY_CHANGED", "{error:?}");
    let expected = HistoryChange { store: store.to_owned(), branch_position };
    assert_eq!(error.history.as_deref(), Some(&expected), "{error:?}");
}
