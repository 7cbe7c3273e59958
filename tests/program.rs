//! The program, as it is typed into a shell.

mod support;

mod cli;
mod doctor;
mod secrecy;
mod unlocked;
