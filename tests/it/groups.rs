//! Consumer groups through the wire: which consumer gets what, what becomes of it, and what stays
//! after a stop, a kill or a deletion.

mod damage;
mod leases;
pub(crate) mod member;
mod recovery;
mod refusals;
mod sharing;
mod undone;

use handover::domain::proto::{
    CreateGroupRequest, Filter, FilterItem, Group, GroupSettings, GroupState, ListGroupsRequest,
    ReadRequest, read_request::Start,
};

use crate::support::{self, Server, append, data_dir, event, new_id};
use handover::grpc::client::Client;

/// A group of this name over the category `x`, tried twice and at once.
fn quick(name: &str) -> CreateGroupRequest {
    let settings = GroupSettings {
        lease: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        max_attempts: 2,
        retry_delay: Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }),
    };
    CreateGroupRequest {
        request_id: new_id(),
        name: name.into(),
        filter: Some(category("x")),
        settings: Some(settings),
        start: None,
        ..<_>::default()
    }
}

/// The same, but what is not answered stays where it is.
fn patient(name: &str) -> CreateGroupRequest {
    CreateGroupRequest { settings: None, ..quick(name) }
}

fn category(name: &str) -> Filter {
    let item = FilterItem { categories: vec![name.into()], ..FilterItem::default() };
    Filter { items: vec![item] }
}

/// Appends one event, named after its place, to each of these streams, and waits until the index
/// knows them all; returns the positions.
///
/// A group is given what the index knows, and a stream of which a consumer has something waits
/// until that is answered. So a group that reads between two of these events would give the second
/// much later.
async fn fill(client: &Client, streams: &[&str]) -> Vec<u64> {
    let mut positions = Vec::new();
    for stream in streams {
        let text = format!("{}", positions.len());
        let appended = client.append(append(stream, vec![event(&text, &[])])).await;
        positions.push(appended.expect("it is appended").first_position);
    }
    // A read by a filter waits for the index.
    let start = positions.last().map(|last| Start::AfterPosition(*last));
    let behind = ReadRequest { filter: Some(category("x")), start, ..ReadRequest::default() };
    support::read(client, behind).await;
    positions
}

/// The group, once it is restored.
async fn group(client: &Client, name: &str) -> Group {
    loop {
        let group = listed(client, name).await;
        if group.state() != GroupState::Restoring {
            return group;
        }
    }
}

/// The group as it is listed.
async fn listed(client: &Client, name: &str) -> Group {
    let request = ListGroupsRequest { name: name.into(), ..Default::default() };
    let mut groups = client.list_groups(request).await.expect("the group is there").groups;
    groups.pop().expect("one group")
}

/// Asks until the group is as it should be: what is recorded now and then is recorded soon.
async fn until(client: &Client, name: &str, enough: impl Fn(&Group) -> bool) -> Group {
    let looking = async {
        loop {
            let group = group(client, name).await;
            if enough(&group) {
                return group;
            }
            tokio::task::yield_now().await;
        }
    };
    let found = tokio::time::timeout(std::time::Duration::from_mins(2), looking).await;
    found.expect("the group gets there")
}

async fn start() -> (tempfile::TempDir, Server, Client) {
    let (dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    (dir, server, client)
}
