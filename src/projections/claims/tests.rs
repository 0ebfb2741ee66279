//! What the table says at each position.
