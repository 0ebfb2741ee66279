//! `ProjectionService`: how far the read models are, and building them anew.

use tonic::{Code, Request, Response, Status};

use crate::{
    domain::proto::{self, ErrorReason},
    engine::{Engine, ProjectionState, ProjectionStatus},
    grpc::{
        server_stubs::projection_service_server::ProjectionService,
        service::{Service, unary},
        status::RpcError,
    },
};

#[tonic::async_trait]
impl ProjectionService for Service {
    unary! {
        list_projections(ListProjectionsRequest) -> ListProjectionsResponse = list;
    }

    async fn rebuild_projection(
        &self,
        request: Request<proto::RebuildProjectionRequest>,
    ) -> Result<Response<proto::RebuildProjectionResponse>, Status> {
        let proto::RebuildProjectionRequest { name } = request.into_inner();
        let begun = self.0.record().rebuild(&name).ok_or_else(|| {
            let message = format!("there is no projection {name:?}; ListProjections names them");
            RpcError::new(Code::NotFound, ErrorReason::NotFound, message)
        })?;
        let position = self.0.head().position;
        Ok(Response::new(proto::RebuildProjectionResponse { already_running: !begun, position }))
    }
}

async fn list(
    engine: &Engine,
    request: proto::ListProjectionsRequest,
) -> Result<proto::ListProjectionsResponse, RpcError> {
    let proto::ListProjectionsRequest { min_position } = request;
    let record = engine.record();
    record.reached(min_position).await?;
    let statuses = record.projections();
    let position = statuses.iter().map(|status| status.head).max().unwrap_or_default();
    let projections = statuses.into_iter().map(Into::into).collect();
    Ok(proto::ListProjectionsResponse { projections, position })
}

impl From<ProjectionStatus> for proto::Projection {
    fn from(status: ProjectionStatus) -> Self {
        let ProjectionStatus { name, version, position, head, state, rebuild, failure } = status;
        let progress =
            |position| proto::RebuildProgress { position, lag: head.saturating_sub(position) };
        Self {
            name: name.to_owned(),
            version,
            position,
            lag: head.saturating_sub(position),
            state: proto::ProjectionState::from(state).into(),
            rebuild: rebuild.map(progress),
            failure,
        }
    }
}

impl From<ProjectionState> for proto::ProjectionState {
    fn from(state: ProjectionState) -> Self {
        match state {
            ProjectionState::CatchingUp => Self::CatchingUp,
            ProjectionState::Live => Self::Live,
            ProjectionState::Rebuilding => Self::Rebuilding,
            ProjectionState::Failed => Self::Failed,
        }
    }
}
