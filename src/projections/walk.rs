//! Questions that go through much of the register, piece by piece.
//!
//! A caller that looks at the register keeps events from being applied, and an event that waits
//! keeps out every caller that comes after it. So what grows with the record is worked out in
//! pieces, and between two of them others get in. The answer is the same, because a walk is about
//! one position, and nothing that is recorded later changes what was said there.

use crate::projections::register::Register;

/// A question that is worked out in pieces.
pub trait Walk: Send + 'static {
    /// What comes of it.
    type Answer: Send + 'static;

    /// Does the next piece; answers whether it was the last.
    fn go_on(&mut self, register: &Register) -> bool;

    /// The answer, once the last piece is done. It needs the register no more.
    fn answer(self) -> Self::Answer;
}

/// All pieces one after the other, where no other caller has to get in between.
pub fn walked<W: Walk>(mut walk: W, register: &Register) -> W::Answer {
    while !walk.go_on(register) {}
    walk.answer()
}

/// A question with an answer that is put into another form at the end, when the register is not
/// needed any more.
#[derive(Debug)]
pub struct Then<W: Walk, B> {
    walk: W,
    then: fn(W::Answer) -> B,
}

impl<W: Walk, B> Then<W, B> {
    /// Asks the same, and then does this.
    pub fn new(walk: W, then: fn(W::Answer) -> B) -> Self {
        Self { walk, then }
    }
}

impl<W: Walk, B: Send + 'static> Walk for Then<W, B> {
    type Answer = B;

    fn go_on(&mut self, register: &Register) -> bool {
        self.walk.go_on(register)
    }

    fn answer(self) -> B {
        (self.then)(self.walk.answer())
    }
}

/// The places of the next piece, of at most so many, out of a number of things; and where the
/// piece after it begins.
pub fn piece(next: &mut usize, most: usize, of: usize) -> std::ops::Range<usize> {
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
