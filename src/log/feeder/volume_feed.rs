//! Builds and seals volumes.

use std::sync::Arc;

use super::{Feed, Keeper, Shared, Stop};
use crate::log::{
    error::LogError,
    manifest::Manifest,
    volume::{SealedVolume, VolumeBuilder},
};

/// Builds and seals volumes.
#[derive(Debug)]
pub(super) struct VolumeFeed {
    shared: Arc<Shared>,
    keeper: Keeper,
    manifest: Manifest,
    /// The volume that is being built.
    builder: Option<VolumeBuilder>,
    /// A sealed volume that could not be entered into the manifest. It must not be built again:
    /// nobody knows whether the failed attempt has reached the disk.
    sealed: Option<SealedVolume>,
}

impl VolumeFeed {
    /// Goes on behind the volumes of the manifest.
    pub(super) fn new(shared: Arc<Shared>, keeper: Keeper, manifest: Manifest) -> Self {
        Self { shared, keeper, manifest, builder: None, sealed: None }
    }

    /// Enters the sealed volume, if there is one, into the manifest; only then may the journal
    /// let its frames go.
    fn enter(&mut self) -> Result<(), LogError> {
        let Some(volume) = self.sealed.clone() else {
            return Ok(());
        };
        let manifest = self.manifest.with(volume.clone());
        manifest.save(self.keeper.files.as_ref(), &self.keeper.manifest_path)?;
        self.manifest = manifest;
        self.sealed = None;
        let tip = volume.tip;
        tracing::info!(directory = volume.directory, position = tip.position, "volume sealed");
        self.keeper.volumes.add(volume.clone());
        self.shared.index.sealed(&volume);
        self.shared.source.journal.release(tip)?;
        (self.shared.hooks.on_sealed)(tip.position);
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
    fn step(&mut self, _stop: &Stop) -> Result<(), LogError> {
        self.enter()?;
        let tip = self.builder.as_ref().map_or(self.manifest.tip(), VolumeBuilder::tip);
        for (frame, tip) in self.shared.source.next(tip)? {
            let mut builder = match self.builder.take() {
                Some(builder) => builder,
                None => VolumeBuilder::create(self.keeper.volumes.dir(), self.manifest.tip())?,
            };
            builder.feed(&frame, tip)?;
            if !builder.is_full(self.shared.size) {
                self.builder = Some(builder);
                continue;
            }
            self.sealed = Some(builder.seal(&self.shared.hooks.before_read_back)?);
            self.enter()?;
        }
        Ok(())
    }

    fn failed(&mut self, error: &LogError) {
        tracing::error!(%error, "a volume could not be built; it is begun again");
        (self.shared.hooks.on_fault)(error);
        self.discard();
    }
}

impl Drop for VolumeFeed {
    fn drop(&mut self) {
        self.discard();
    }
}
