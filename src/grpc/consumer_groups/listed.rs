//! `ListGroups`: a page of the groups, each counted when it is put on the page.

use crate::{
    domain::{proto, violation::Violations},
    engine::{Engine, GroupPlace},
    grpc::{
        budget::Budget,
        page::{Page, Place, Tokens},
        status::RpcError,
    },
};

/// Answers with the group that is named, or with a page of all.
pub(super) async fn list(
    engine: &Engine,
    request: proto::ListGroupsRequest,
) -> Result<proto::ListGroupsResponse, RpcError> {
    let proto::ListGroupsRequest { name, min_position, page_size, page_token } = request;
    let mut wrong = Violations::default();
    let same = proto::ListGroupsRequest { name: name.clone(), ..Default::default() };
    let page = Page::parse_whole(Tokens::of(engine), page_size, &page_token, &same, &mut wrong);
    wrong.into_result(())?;
    engine.reached(min_position).await?;
    if name.is_empty() {
        return all(engine, &page).await;
    }
    let (groups, position) = engine.groups().list(Some(&name)).await?;
    let groups = groups.into_iter().map(Into::into).collect();
    Ok(proto::ListGroupsResponse { groups, position, ..Default::default() })
}

/// A page of all groups. It goes on behind a place and not after so many, because groups come and
/// go.
async fn all(engine: &Engine, page: &Page) -> Result<proto::ListGroupsResponse, RpcError> {
    let Place { name, after: created, .. } = page.begins().clone();
    let begins = GroupPlace { name, created };
    let (mut last, mut more, mut budget) = (begins.clone(), false, Budget::default());
    let mut groups: Vec<proto::Group> = Vec::new();
    let told = engine.groups().list_after(&begins, |place, status| {
        let group = proto::Group::from(status);
        more = groups.len() == page.size() || budget.put(&mut groups, group).is_none();
        if !more {
            last = place;
        }
        !more
    });
    let position = told.await?;
    let GroupPlace { name, created: after } = last;
    let next = more.then(|| page.token(Place { after, name, ..Place::default() }, position));
    Ok(proto::ListGroupsResponse { groups, position, next_page_token: next.unwrap_or_default() })
}
