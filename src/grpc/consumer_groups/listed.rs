//! `ListGroups`: a page of the groups, each counted when it is put on the page.

use crate::{
    domain::{proto, violation::Violations},
    engine::{Engine, GroupPlace},
    grpc::{
        budget::Budget,
        page::{Page, Paging, Place, Tokens, Usual},
        status::RpcError,
    },
};

/// Answers with the group that is named, or with a page of all.
pub(super) async fn list(
    engine: &Engine,
    mut request: proto::ListGroupsRequest,
) -> Result<proto::ListGroupsResponse, RpcError> {
    let mut wrong = Violations::default();
    let page = Paging::of(Tokens::of(engine), &mut request).page(Usual::All, &mut wrong);
    let proto::ListGroupsRequest { name, min_position: _, page_size: _, page_token: _ } = request;
    wrong.into_result(())?;
    page.check_history(engine)?;
    engine.reached(page.min_position()).await?;
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
    let walk = engine.groups().list_after(&begins, |place, status| {
        let group = proto::Group::from(status);
        more = groups.len() == page.size() || budget.put(&mut groups, group).is_none();
        if !more {
            last = place;
        }
        !more
    });
    let position = walk.await?;
    let GroupPlace { name, created: after } = last;
    let next = more.then(|| page.token(Place { after, name, ..Place::default() }, position));
    Ok(proto::ListGroupsResponse { groups, position, next_page_token: next.unwrap_or_default() })
}
