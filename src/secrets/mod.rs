//! Passwords: made at random, or judged by what a guesser would try first; and one-time codes. Nothing here asks for
//! one.

pub mod export;
pub mod generator;
pub mod otp;
pub mod strength;
pub mod unseen;
