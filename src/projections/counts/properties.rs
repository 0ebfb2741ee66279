//! Laws that hold for every record. A failure prints the seed that brings it back.
