//! This computer: its folders and its settings. Nothing here prints, asks or ends the process.

pub mod folders;
pub mod settings;
