//! Consumer groups as operators see them.

use super::{Client, ClientError, timed};
use crate::domain::proto;

impl Client {
    /// Creates a group.
    pub async fn create_group(
        &self,
        request: proto::CreateGroupRequest,
    ) -> Result<proto::CreateGroupResponse, ClientError> {
        let mut service = self.group_service();
        Ok(service.create_group(timed(request)).await?.into_inner())
    }

    /// Parked events of a group.
    pub async fn list_parked(
        &self,
        request: proto::ListParkedRequest,
    ) -> Result<proto::ListParkedResponse, ClientError> {
        let mut service = self.group_service();
        Ok(service.list_parked(timed(request)).await?.into_inner())
    }

    /// Puts parked events back.
    pub async fn replay_parked(
        &self,
        request: proto::ReplayParkedRequest,
    ) -> Result<proto::ReplayParkedResponse, ClientError> {
        let mut service = self.group_service();
        Ok(service.replay_parked(timed(request)).await?.into_inner())
    }

    /// Deletes a group.
    pub async fn delete_group(
        &self,
        request: proto::DeleteGroupRequest,
    ) -> Result<proto::DeleteGroupResponse, ClientError> {
        let mut service = self.group_service();
        Ok(service.delete_group(timed(request)).await?.into_inner())
    }
}
