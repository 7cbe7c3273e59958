//! One file per command: its arguments, whose comments are its help, and its run.

pub mod cat;
pub mod completions;
pub mod decrypt;
pub mod destroy;
pub mod doctor;
pub mod encrypt;
pub mod init;
pub mod inspect;
pub mod key;
pub mod kit;
pub mod man;
pub mod passwd;
pub mod project;
pub mod recover;
pub mod reencrypt;
pub mod rewrap;
pub mod rotate;
pub mod status;
pub mod vault;
pub mod verify;
