//! What the client of an engagement is shown: a report as data, the rules by which facts become its checks, and the
//! verification of a report that somebody hands over. Facts come in; nothing here reads a file, a vault or the clock.

pub mod allowed;
pub mod bundle;
pub mod certificate;
pub mod day;
pub mod facts;
pub mod openings;
pub mod rules;
pub mod says;
pub mod verify;

#[cfg(test)]
pub mod made_up;
#[cfg(test)]
mod tampered;
#[cfg(test)]
mod tests;
