//! Passwords that people type: made at random, or judged by what a guesser would try first. Nothing here asks for one.

pub mod generator;
pub mod strength;
pub mod unseen;
