//! Pages that people print or open in a browser: HTML and text from data. Nothing here reads or writes a file.

pub mod certificate;
mod html;
pub mod kit;
mod qr;
pub mod report;

pub use qr::TooLong;
