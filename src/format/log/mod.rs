//! The access log: its segments, its records and what is in them. docs/format.md, "The access log", is normative.

mod action;
mod entry;
mod record;
mod segment;

pub use action::Action;
pub use entry::{
    Destination, Entry, FILES_LIMIT, LogEnd, LogFact, LoggedFile, NewEntry, OpenBegin, Outcome, Phase, Via, What, Who,
};
pub use record::{BLOCK, Frame, RECORD_LIMIT, frame, length_behind, length_in_front, padded, to_record};
pub use segment::{Head, SEGMENT_LIMIT, segment_name, segment_of};
