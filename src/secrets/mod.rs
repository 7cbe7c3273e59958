//! Passwords: made at random, or judged by what a guesser would try first; and one-time codes. Nothing here asks for
//! one.

pub mod generator;
#[cfg_attr(not(test), expect(dead_code, reason = "no command shows a code yet"))]
pub mod otp;
pub mod strength;
pub mod unseen;
