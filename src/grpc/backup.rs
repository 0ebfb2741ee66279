//! `BackupService`: what the record consists of, and its pieces.

use futures_util::stream;
use tonic::{Code, Request, Response, Status};

use crate::{
    domain::{
        proto::{self, ErrorReason, fetch_piece_request::Piece},
        recorded::timestamp,
        violation::Violations,
    },
    engine::{Engine, PieceReader, ReadError},
    grpc::{
        answers::Answers,
        heartbeat::{Heartbeat, lively},
        history,
        paged::paged,
        server_stubs::backup_service_server::BackupService,
        service::{Service, unary},
        status::RpcError,
    },
    log::{
        backup::{
            BackupError,
            source::{Snapshot, Wanted},
        },
        journal::Tip,
    },
};

/// Volumes in one answer.
const VOLUMES: usize = 500;

#[tonic::async_trait]
impl BackupService for Service {
    unary! {
        describe_backup(DescribeBackupRequest) -> DescribeBackupResponse = describe;
    }

    type FetchPieceStream = Answers<proto::FetchPieceResponse>;

    async fn fetch_piece(
        &self,
        request: Request<proto::FetchPieceRequest>,
    ) -> Result<Response<Self::FetchPieceStream>, Status> {
        let (metadata, _, request) = request.into_parts();
        let offset = request.offset;
        let wanted = wanted(request).map_err(RpcError::from)?;
        let piece = self.0.backup().open(wanted, offset).await.map_err(RpcError::from)?;
        let chunks = stream::try_unfold(piece, next);
        Ok(paged(&metadata, lively(chunks, self.0.heartbeat(), 0)))
    }
}

async fn describe(
    engine: &Engine,
    request: proto::DescribeBackupRequest,
) -> Result<proto::DescribeBackupResponse, RpcError> {
    let proto::DescribeBackupRequest { after_position } = request;
    // One more tells whether there are more.
    let mut snapshot = engine.backup().snapshot(after_position, VOLUMES + 1).await?;
    let more = snapshot.volumes.len() > VOLUMES;
    snapshot.volumes.truncate(VOLUMES);
    let Snapshot { store_id, volumes, tip, recorded_at, .. } = snapshot;
    let volumes = volumes.into_iter().map(|(volume, recorded_at)| {
        let entry = serde_json::to_string(&volume).map_err(RpcError::internal)?;
        Ok(proto::BackupVolume { entry, recorded_at: Some(timestamp(recorded_at)) })
    });
    Ok(proto::DescribeBackupResponse {
        store_id: store_id.to_vec().into(),
        history: Some(history::of(engine)),
        volumes: volumes.collect::<Result<_, RpcError>>()?,
        more,
        tip: Some(proto::FrameTip { index: tip.index, position: tip.position, check: tip.check }),
        recorded_at: recorded_at.map(timestamp),
    })
}

async fn next(
    mut piece: PieceReader,
) -> Result<Option<(proto::FetchPieceResponse, PieceReader)>, Status> {
    let data = piece.next().await.map_err(RpcError::from)?;
    Ok(data.map(|data| (proto::FetchPieceResponse { data, heartbeat: false }, piece)))
}

fn wanted(request: proto::FetchPieceRequest) -> Result<Wanted, Violations> {
    match request.piece {
        Some(Piece::File(proto::BackupFile { directory, name })) => {
            Ok(Wanted::VolumeFile { directory, name })
        }
        Some(Piece::OffsetTable(directory)) => Ok(Wanted::OffsetTable { directory }),
        Some(Piece::Frames(proto::BackupFrames { after, up_to_index })) => {
            let proto::FrameTip { index, position, check } = after.unwrap_or_default();
            Ok(Wanted::Frames { after: Tip { index, position, check }, up_to: up_to_index })
        }
        None => {
            let mut violations = Violations::default();
            violations.add("piece", "is missing; name a file, an offset table or frames");
            Err(violations)
        }
    }
}

impl Heartbeat for proto::FetchPieceResponse {
    fn heartbeat(_: u64) -> Self {
        Self { heartbeat: true, ..Self::default() }
    }
}

impl From<BackupError> for RpcError {
    fn from(error: BackupError) -> Self {
        let message = error.to_string();
        match error {
            BackupError::Log(error) => ReadError::from(error).into(),
            BackupError::Released { .. }
            | BackupError::Altered { .. }
            | BackupError::OtherHistory { .. }
            | BackupError::Beyond { .. } => {
                Self::new(Code::NotFound, ErrorReason::NotFound, message)
            }
            BackupError::Stopping => ReadError::Stopping.into(),
            BackupError::Target { .. }
            | BackupError::Piece { .. }
            | BackupError::Unfit { .. }
            | BackupError::Full { .. }
            | BackupError::NoBackup { .. }
            | BackupError::AnotherStore { .. }
            | BackupError::NewerFormat { .. }
            | BackupError::Busy { .. }
            | BackupError::Occupied { .. }
            | BackupError::NoRoom { .. }
            | BackupError::TooManyRestores { .. }
            | BackupError::Remote(_) => Self::internal(message),
        }
    }
}
