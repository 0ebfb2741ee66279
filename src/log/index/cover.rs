//! Which of the runs that are found fit the sealed volumes. Pure.

use super::run::{Binding, Header};
use crate::{
    domain::event::Position,
    log::{journal::Tip, volume::SealedVolume},
};

/// A sealed volume, as the index knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SealedRange {
    /// Position of its first event.
    pub(super) first: Position,
    /// Position of its last event.
    pub(super) last: Position,
    /// The digest of its contents.
    pub(super) binding: Binding,
    /// The last frame in it.
    pub(super) tip: Tip,
}

impl SealedRange {
    /// What is known of a volume.
    pub(super) fn of(volume: &SealedVolume) -> Self {
        let contents = &volume.contents;
        Self {
            first: contents.first_position,
            last: contents.last_position,
            binding: binding(&contents.digest),
            tip: volume.tip,
        }
    }
}

/// The bytes of a digest in hex. One that is none fits no run, so that all are built again.
pub(super) fn binding(hex: &str) -> Binding {
    let mut binding = Binding::default();
    for (place, byte) in binding.iter_mut().enumerate() {
        let digits = hex.get(place * 2..place * 2 + 2);
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or_default();
    }
    binding
}

/// The volumes that a run covers; nothing if it is of another store or of another history.
pub(super) fn covered<'v>(
    header: &Header,
    store_id: [u8; 16],
    volumes: &'v [SealedRange],
) -> &'v [SealedRange] {
    let start = volumes.partition_point(|volume| volume.first < header.first);
    let end = start.saturating_add(header.volumes as usize);
    let Some(covered) = volumes.get(start..end) else { return &[] };
    let (first, last) = (covered.first(), covered.last());
    let fits = header.store_id == store_id
        && first.is_some_and(|volume| volume.first == header.first)
        && last.is_some_and(|volume| volume.last == header.last)
        && header.binding == Header::bind(covered.iter().map(|volume| &volume.binding));
    if fits { covered } else { &[] }
}

/// Chooses among runs: those that fit, of overlapping ones the largest. Tells their places, by
/// rising positions.
pub(super) fn choose(
    headers: &[Header],
    store_id: [u8; 16],
    volumes: &[SealedRange],
) -> Vec<usize> {
    let mut fitting: Vec<(usize, &Header)> = headers.iter().enumerate().collect();
    fitting.retain(|(_, header)| !covered(header, store_id, volumes).is_empty());
    fitting.sort_by_key(|(_, header)| (std::cmp::Reverse(header.volumes), header.first));
    let mut chosen: Vec<(usize, &Header)> = Vec::new();
    for (place, header) in fitting {
        let free = chosen.iter().all(|(_, it)| header.last < it.first || it.last < header.first);
        if free {
            chosen.push((place, header));
        }
    }
    chosen.sort_by_key(|(_, header)| header.first);
    chosen.into_iter().map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: [u8; 16] = [4; 16];

    /// Volumes of ten events each.
    fn volumes(count: u8) -> Vec<SealedRange> {
        let volume = |n: u8| {
            let (first, last) = (u64::from(n) * 10 + 1, u64::from(n) * 10 + 10);
            let tip = Tip { index: u64::from(n) + 1, position: last, check: 0 };
            SealedRange { first, last, binding: [n; 32], tip }
        };
        (0..count).map(volume).collect()
    }

    fn header(volumes: &[SealedRange]) -> Header {
        Header {
            store_id: STORE,
            first: volumes[0].first,
            last: volumes.last().unwrap().last,
            volumes: u32::try_from(volumes.len()).unwrap(),
            binding: Header::bind(volumes.iter().map(|volume| &volume.binding)),
        }
    }

    #[test]
    fn of_overlapping_runs_the_largest_is_chosen_and_the_order_is_that_of_positions() {
        let volumes = volumes(7);
        let runs = [
            header(&volumes[5..6]),
            header(&volumes[0..1]),
            header(&volumes[0..4]),
            header(&volumes[3..4]),
            header(&volumes[4..5]),
        ];
        assert_eq!(choose(&runs, STORE, &volumes), [2, 4, 0]);
        assert_eq!(choose(&runs[3..], STORE, &volumes), [0, 1]);
    }

    #[test]
    fn a_run_of_other_volumes_or_another_store_is_never_chosen() {
        let volumes = volumes(3);
        let fits = header(&volumes[1..3]);
        assert_eq!(choose(&[fits], STORE, &volumes), [0]);
        let mut other_contents = volumes.clone();
        other_contents[1].binding = [9; 32];
        for (header, store, volumes) in [
            (fits, [5; 16], &volumes[..]),
            (fits, STORE, &other_contents),
            (fits, STORE, &volumes[..2]),
            (fits, STORE, &[]),
            (Header { volumes: 1, ..fits }, STORE, &volumes),
            (Header { last: 29, ..fits }, STORE, &volumes),
            (Header { first: 12, ..fits }, STORE, &volumes),
            (Header { volumes: u32::MAX, ..fits }, STORE, &volumes),
        ] {
            assert_eq!(choose(&[header], store, volumes), [0; 0], "{header:?}");
        }
    }

    #[test]
    fn a_digest_is_read_as_its_bytes() {
        let hex = (0..32).fold(String::new(), |hex, n| format!("{hex}{n:02x}"));
        assert_eq!(binding(&hex), std::array::from_fn(|n| u8::try_from(n).unwrap()));
    }
}
