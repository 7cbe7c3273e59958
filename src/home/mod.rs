//! This computer: its folders and its settings. Nothing here prints, asks or ends the process.

mod error;
pub mod folders;
pub mod settings;

pub use error::{HomeError, Wanted};
