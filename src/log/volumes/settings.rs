//! Where volumes are kept, and how much of them at once.

use std::path::PathBuf;

use crate::log::volume::Marker;

/// Where volumes and the offset tables are kept, and how much of them at once.
#[derive(Debug)]
pub struct VolumeSettings {
    /// The folder of the volumes.
    pub volumes: PathBuf,
    /// The folder of the offset tables; made if there is none.
    pub offsets: PathBuf,
    /// Databases that may be open through sled at the same time; at least one.
    pub open_databases: usize,
    /// Bytes of tables that are kept in memory.
    pub offset_table_bytes: usize,
    /// Volumes with open files, to be read at their offsets.
    pub open_files: usize,
    /// What the store's values begin with.
    pub marker: Marker,
}
