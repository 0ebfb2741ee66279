//! Shares of a log: streams and tags that hold one in so many of its events.
//!
//! Where an event belongs follows from its number. The events of a share lie evenly apart.

/// One in how many events the shares have.
pub(super) const SELECTIVITIES: [u64; 3] = [10, 1_000, 10_000];
/// Streams that hold the other events.
const OTHER_STREAMS: u64 = 1_000;

/// By what the events of a share are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Stream,
    Tag,
}

/// The selectivity of the share that an event belongs to. Remainders keep the shares apart.
pub(super) fn of(number: u64, share: Share) -> Option<u64> {
    let first = match share {
        Share::Stream => 1,
        Share::Tag => 5,
    };
    let mut shares = SELECTIVITIES.into_iter().zip(first..);
    shares.find(|(selectivity, remainder)| number % selectivity == *remainder).map(|(it, _)| it)
}

/// The stream of an event.
pub(super) fn stream(number: u64) -> u64 {
    of(number, Share::Stream).map_or(number % OTHER_STREAMS, stream_of_one_in)
}

/// The stream that holds one in `selectivity` events.
pub(super) fn stream_of_one_in(selectivity: u64) -> u64 {
    OTHER_STREAMS + selectivity
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn shares_have_the_events_that_their_names_say_and_do_not_overlap() {
        let (mut streams, mut tags) = (HashMap::new(), HashMap::new());
        for number in 0..100_000 {
            *streams.entry(stream(number)).or_insert(0) += 1;
            *tags.entry(of(number, Share::Tag)).or_insert(0) += 1;
            let both = of(number, Share::Stream).and(of(number, Share::Tag));
            assert_eq!(both, None, "{number} is in a share of each kind");
        }
        for selectivity in SELECTIVITIES {
            let expected = 100_000 / selectivity;
            assert_eq!(streams[&stream_of_one_in(selectivity)], expected);
            assert_eq!(tags[&Some(selectivity)], expected);
        }
    }
}
