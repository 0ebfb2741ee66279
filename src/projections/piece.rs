//! Going through a list piece by piece.

use std::ops::Range;

/// The places of the next piece, of at most so many, out of a number of things; and where the
/// piece after it begins.
pub fn piece(next: &mut usize, most: usize, of: usize) -> Range<usize> {
    let end = next.saturating_add(most).min(of);
    std::mem::replace(next, end).min(end)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_each_other_to_the_end() {
        let mut next = 0;
        let pieces: Vec<_> = std::iter::repeat_with(|| piece(&mut next, 3, 7)).take(4).collect();
        assert_eq!(pieces, [0..3, 3..6, 6..7, 7..7]);
    }
}
