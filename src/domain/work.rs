//! How much was looked at, for tests that hold work to what an event changes: a clock would make
//! them depend on the machine.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static VISITED: Cell<u64> = const { Cell::new(0) };
}

/// Notes that so many things were looked at: rows, legs, sums, entries. Only tests count.
#[inline]
pub fn visit(things: usize) {
    #[cfg(test)]
    VISITED.with(|visited| visited.set(visited.get() + things as u64));
    #[cfg(not(test))]
    let _ = things;
}

/// How much this thread has looked at.
#[cfg(test)]
pub(crate) fn visited() -> u64 {
    VISITED.with(Cell::get)
}
