//! The source that is a server: its pieces are streamed, and a stream that breaks off is resumed.

use std::{
    io::{self, Read},
    sync::Arc,
};

use bytes::{Buf as _, Bytes};
use tokio::{runtime::Handle, sync::mpsc};

use super::{fetching::Fetching, shown::Bar};
use crate::{
    domain::{
        event::Micros,
        history::{Branch, History, HistoryId},
        proto::{self, fetch_piece_request::Piece},
        recorded::micros,
    },
    grpc::client::{Client, ClientError, ClientErrorKind},
    log::{
        backup::{
            BackupError,
            source::{Snapshot, Source, Wanted, as_io},
        },
        journal::Tip,
        volume::SealedVolume,
    },
};

/// Chunks that are under way between the stream and what writes them.
const UNDER_WAY: usize = 4;

/// A server's record. To be used from a thread that may block.
#[derive(Debug)]
pub(super) struct RemoteSource {
    client: Client,
    runtime: Handle,
    /// Where what takes long is reported.
    bar: Bar,
}

impl RemoteSource {
    /// Must be called within a tokio runtime.
    pub(super) fn new(client: Client, bar: Bar) -> Self {
        Self { client, runtime: Handle::current(), bar }
    }

    async fn describe(&self) -> Result<Snapshot, BackupError> {
        let mut volumes = Vec::new();
        loop {
            let after = volumes.last();
            let after_position =
                after.map_or(0, |(it, _): &(SealedVolume, _)| it.contents.last_position);
            let request = proto::DescribeBackupRequest { after_position };
            let answer = self.client.describe_backup(request).await.map_err(remote)?;
            for volume in &answer.volumes {
                let entry = serde_json::from_str(&volume.entry);
                let entry = entry.map_err(remote)?;
                volumes.push((entry, volume.recorded_at.map_or(0, |it| micros(&it))));
            }
            if !answer.more || answer.volumes.is_empty() {
                return snapshot(&answer, volumes);
            }
        }
    }
}

fn snapshot(
    answer: &proto::DescribeBackupResponse,
    volumes: Vec<(SealedVolume, Micros)>,
) -> Result<Snapshot, BackupError> {
    let strange = || remote(io::Error::other("the server's answer has an id that is none"));
    let store_id = <[u8; 16]>::try_from(answer.store_id.as_ref()).map_err(|_| strange())?;
    let branch =
        |it: &proto::HistoryBranch| Some(Branch { id: HistoryId::parse(&it.id)?, after: it.after });
    let restores = answer.history.as_ref().map_or(&[][..], |history| &history.branches);
    let branches = restores.iter().map(branch).collect::<Option<Vec<_>>>();
    let history = History::of(branches.ok_or_else(strange)?);
    let proto::FrameTip { index, position, check } = answer.tip.unwrap_or_default();
    let recorded_at = answer.recorded_at.as_ref().map(micros);
    Ok(Snapshot { store_id, history, volumes, tip: Tip { index, position, check }, recorded_at })
}

impl Source for RemoteSource {
    fn snapshot(&self) -> Result<Snapshot, BackupError> {
        self.runtime.block_on(self.describe())
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn open(&self, wanted: &Wanted) -> Result<Box<dyn Read + Send + '_>, BackupError> {
        let (chunks, taken) = mpsc::channel(UNDER_WAY);
        let (client, bar) = (self.client.clone(), self.bar.clone());
        let open = move |request| client.fetch_piece(request);
        let note = move |text: &str| bar.note(text);
        self.runtime.spawn(Fetching::new(open, request(wanted), chunks, note).run());
        let mut chunks = Chunks { taken, chunk: Bytes::new() };
        // What is refused is said now.
        chunks.fill().map_err(|error| match (wanted, error) {
            (Wanted::Frames { after, .. }, Failed(error)) if is_gone(&error) => {
                BackupError::Released { up_to: after.index }
            }
            (_, Failed(error)) => error,
        })?;
        Ok(Box::new(chunks))
    }
}

fn request(wanted: &Wanted) -> proto::FetchPieceRequest {
    let piece = match wanted {
        Wanted::VolumeFile { directory, name } => {
            Piece::File(proto::BackupFile { directory: directory.clone(), name: name.clone() })
        }
        Wanted::OffsetTable { directory } => Piece::OffsetTable(directory.clone()),
        Wanted::Frames { after, up_to } => {
            let Tip { index, position, check } = *after;
            let after = Some(proto::FrameTip { index, position, check });
            Piece::Frames(proto::BackupFrames { after, up_to_index: *up_to })
        }
    };
    proto::FetchPieceRequest { piece: Some(piece), offset: 0 }
}

/// The bytes of a piece.
struct Chunks {
    taken: mpsc::Receiver<Result<Bytes, ClientError>>,
    chunk: Bytes,
}

/// Why no more bytes come.
struct Failed(BackupError);

impl Chunks {
    fn fill(&mut self) -> Result<(), Failed> {
        match self.taken.blocking_recv() {
            Some(Ok(chunk)) => self.chunk = chunk,
            Some(Err(error)) => return Err(Failed(remote(error))),
            None => {}
        }
        Ok(())
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            self.fill().map_err(|Failed(error)| {
                // Frames that moved into a volume while they were read.
                if is_gone(&error) {
                    as_io(BackupError::Released { up_to: 0 })
                } else {
                    as_io(error)
                }
            })?;
        }
        let most = self.chunk.len().min(buffer.len());
        if let Some(part) = buffer.get_mut(..most) {
            self.chunk.copy_to_slice(part);
        }
        Ok(most)
    }
}

/// Whether the server does not have what it was to send.
fn is_gone(error: &BackupError) -> bool {
    let BackupError::Remote(error) = error else { return false };
    let error = error.downcast_ref::<ClientError>();
    error.is_some_and(|error| error.kind == ClientErrorKind::NotFound)
}

fn remote(error: impl std::error::Error + Send + Sync + 'static) -> BackupError {
    BackupError::Remote(Arc::new(error))
}
