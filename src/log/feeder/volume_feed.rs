//! Builds and seals volumes: one is built while the one before is sealed.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    feed::{Feed, Stop},
    hooks::Follower,
    shared::{Keeper, Shared},
};
use crate::log::{
    error::LogError,
    journal::Tip,
    manifest::Manifest,
    volume::{Built, NewVolume, VolumeBuilder, VolumeError},
};

/// How long building rests when it has caught up. No caller waits for a volume, so it takes many
/// small frames at a time, and leaves the processors to the appends.
const REST: Duration = Duration::from_millis(25);

/// Builds and seals volumes.
#[derive(Debug)]
pub(super) struct VolumeFeed {
    shared: Arc<Shared>,
    keeper: Keeper,
    manifest: Manifest,
    /// The volume that is being built.
    builder: Option<VolumeBuilder>,
    /// The volume before it, while it is being sealed: never more than one, because each takes
    /// memory and the journal keeps the frames of both.
    sealing: Option<Sealing>,
    /// A sealed volume that could not be entered into the manifest. It must not be built again: the
    /// failed attempt may have reached the disk.
    sealed: Option<NewVolume>,
}

/// A volume that is being sealed on a thread of its own.
#[derive(Debug)]
struct Sealing {
    tip: Tip,
    thread: JoinHandle<Result<NewVolume, VolumeError>>,
}

impl VolumeFeed {
    /// Goes on behind the volumes of the manifest.
    pub(super) fn new(shared: Arc<Shared>, keeper: Keeper, manifest: Manifest) -> Self {
        Self { shared, keeper, manifest, builder: None, sealing: None, sealed: None }
    }

    /// The last frame that needs not be built any more.
    fn tip(&self) -> Tip {
        let sealing = self.sealing.as_ref().map(|sealing| sealing.tip);
        self.builder.as_ref().map(VolumeBuilder::tip).or(sealing).unwrap_or(self.manifest.tip())
    }

    /// Seals what was built, once the volume before it is in the manifest.
    fn seal(&mut self, built: Built) -> Result<(), LogError> {
        self.collect()?;
        let (tip, shared) = (built.tip(), Arc::clone(&self.shared));
        let seal = move || built.seal(&shared.hooks.before_read_back);
        let thread = thread::Builder::new().name("seal".into()).spawn(seal).map_err(|error| {
            LogError::io(
                "start the thread that seals a volume in",
                self.keeper.volumes.dir(),
                error,
            )
        })?;
        self.sealing = Some(Sealing { tip, thread });
        Ok(())
    }

    /// Waits for the volume that is being sealed, and enters it into the manifest.
    fn collect(&mut self) -> Result<(), LogError> {
        if let Some(Sealing { thread, .. }) = self.sealing.take() {
            let panicked = |_| VolumeError::Damaged {
                volume: self.keeper.volumes.dir().to_owned(),
                position: None,
                what: "the thread that sealed one panicked".to_owned(),
            };
            self.sealed = Some(thread.join().map_err(panicked)??);
        }
        self.enter()
    }

    /// Enters the sealed volume, if there is one, into the manifest; only then may the journal
    /// let its frames go.
    fn enter(&mut self) -> Result<(), LogError> {
        let Some(NewVolume { volume, offsets }) = self.sealed.clone() else {
            return Ok(());
        };
        if planted!("release-before-entry") {
            self.shared.frames.journal.release(volume.tip)?;
        }
        let manifest = self.manifest.with(volume.clone());
        manifest.save(self.keeper.files.as_ref(), &self.keeper.manifest_path)?;
        self.manifest = manifest;
        self.sealed = None;
        let tip = volume.tip;
        self.keeper.volumes.add(volume.clone(), offsets.as_ref());
        self.shared.index.sealed(&volume);
        self.shared.frames.journal.release(tip)?;
        // Logged when all of it is done, its offsets too: what waits for this line finds them.
        tracing::info!(directory = volume.directory, position = tip.position, "volume sealed");
        (self.shared.hooks.on_sealed)(tip.position);
        (self.shared.hooks.on_done)(Follower::Volumes);
        Ok(())
    }

    fn discard(&mut self) {
        // The folder of a builder that failed is removed when the next one is created.
        if let Some(Err(error)) = self.builder.take().map(VolumeBuilder::discard) {
            tracing::warn!(%error, "an unsealed volume could not be removed");
        }
    }
}

impl Feed for VolumeFeed {
    fn step(&mut self, stop: &Stop) -> Result<(), LogError> {
        if self.shared.frames.has_ended(self.tip())? {
            stop.wait(REST);
        }
        if self.sealing.as_ref().is_none_or(|sealing| sealing.thread.is_finished()) {
            self.collect()?;
        }
        for frame in self.shared.frames.next(self.tip())? {
            let mut builder = match self.builder.take() {
                Some(builder) => builder,
                None => VolumeBuilder::create(
                    self.keeper.volumes.dir(),
                    self.keeper.marker,
                    self.tip(),
                )?,
            };
            builder.feed(&frame)?;
            if builder.is_full(self.shared.size) {
                self.seal(builder.finish()?)?;
            } else {
                self.builder = Some(builder);
            }
        }
        Ok(())
    }

    fn follower(&self) -> Follower {
        Follower::Volumes
    }

    fn begin_again(&mut self) {
        self.discard();
    }
}

impl Drop for VolumeFeed {
    /// What is being sealed is finished: that is faster than to build it again.
    fn drop(&mut self) {
        self.discard();
        if let Err(error) = self.collect() {
            tracing::warn!(%error, "the last volume was not sealed; it is built again");
        }
    }
}
