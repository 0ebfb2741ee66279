//! What is known of a sealed volume, and how it is opened.

use std::path::Path;

use super::{
    VolumeError, contents::Contents, database, folder, folder::FileRecord, reader::VolumeReader,
};
use crate::log::journal::Tip;

/// A volume that was read back: an entry of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealedVolume {
    /// Name of its folder.
    pub directory: String,
    /// What is in it.
    pub contents: Contents,
    /// The last frame in it.
    pub tip: Tip,
    /// Its files, as they must be found whenever it is opened.
    pub files: Vec<FileRecord>,
}

impl SealedVolume {
    /// Opens it for reading; its folder is in `volumes`. The files are checked first, because
    /// sled repairs what it does not like without a word.
    pub fn open(&self, volumes: &Path) -> Result<VolumeReader, VolumeError> {
        let dir = volumes.join(&self.directory);
        database::wait_until_let_go(&dir)?;
        folder::prepare(&dir, &self.files)?;
        VolumeReader::new(dir, self.contents.clone())
    }
}
