//! Questions that go through much of the register, piece by piece.
//!
//! A caller that looks at the register keeps events from being applied, and an event that waits
//! keeps out every caller that comes after it. So what grows with the record is worked out in
//! pieces, and between two of them others get in. The answer is the same, because a walk is about
//! one position, and nothing that is recorded later changes what was said there.

pub use super::piece::piece;

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
