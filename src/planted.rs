//! Faults that are planted on purpose. Each breaks one promise of the store, so that a test which
//! fails shows that the promise is tested.
//!
//! `planted!("name")` is true in a process whose environment has `PLANTED_FAULT=name`, and only in
//! a debug build. In any other build it is `false` and leaves nothing behind: `build.rs` sets
//! `plantable` for the debug profile alone, and a build without debug assertions ignores even that.
//! `tests/it/planted.rs` plants one fault after the other, and proves the absence.

/// Whether the fault of this name is planted.
#[cfg(all(plantable, debug_assertions))]
macro_rules! planted {
    ($name:literal) => {
        $crate::planted::is($name)
    };
}

/// No fault can be planted in this build.
#[cfg(not(all(plantable, debug_assertions)))]
macro_rules! planted {
    ($name:literal) => {
        false
    };
}

/// Whether the environment of this process names the fault.
#[cfg(all(plantable, debug_assertions))]
pub(crate) fn is(name: &str) -> bool {
    static NAMED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    NAMED.get_or_init(|| std::env::var("PLANTED_FAULT").ok()).as_deref() == Some(name)
}
