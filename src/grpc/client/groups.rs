//! Consumer groups as operators see them.

use super::{Client, ClientError, timed};
use crate::domain::proto;

calls! { group_service:
    /// The groups, and how far each is.
    list_groups = list_groups(ListGroupsRequest) -> ListGroupsResponse;
    /// Creates a group.
    create_group = create_group(CreateGroupRequest) -> CreateGroupResponse;
    /// Parked events of a group.
    list_parked = list_parked(ListParkedRequest) -> ListParkedResponse;
    /// Puts parked events back.
    replay_parked = replay_parked(ReplayParkedRequest) -> ReplayParkedResponse;
    /// Deletes a group.
    delete_group = delete_group(DeleteGroupRequest) -> DeleteGroupResponse;
}
