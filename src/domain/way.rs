//! Whether something comes in or goes out, so that one piece of code keeps count of both.

/// The way that something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is there from now on.
    In,
    /// It is there no longer.
    Out,
}

impl Way {
    /// Adds a number to a sum, or takes it out. Sums wrap around.
    pub fn step(self, sum: &mut u64, number: u64) {
        *sum = match self {
            Self::In => sum.wrapping_add(number),
            Self::Out => sum.wrapping_sub(number),
        };
    }
}
