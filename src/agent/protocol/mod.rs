//! What a client and the agent say to each other: one line of JSON for a question, one for its answer, each with the
//! number of the protocol. Pure: lines in, values out.
//!
//! Any change of a question or an answer is a new number. Two things stay the same under every number, so that each
//! program can end the agent of another version: the question `{"v":N,"ask":"lock"}`, in which all other members are
//! ignored, and the answer `{"v":N,"answer":"locked"}`.

mod answer;
mod failure;
mod line;
mod log;
mod question;
mod secret;
mod secrets;
mod start;

use serde::{Deserialize, Serialize};

pub use answer::{
    Answer, EffectOf, Hold, Key, KeyState, Kit, NoticeOf, Project, Refusal, Shown, Status, UnwrappedKey, Watching,
};
pub use failure::{Failed, KeychainFailed};
pub use line::Line;
pub use log::{LoggedEnd, LoggedEntry, LoggingOf};
pub use question::{Among, Change, KeyToUnwrap, KeyToWrap, Question};
pub use secrets::{Edit as SecretEditAsked, MayBe, Secret, Version as SecretVersionOf};
pub use start::{Start, Started};

/// The number of this protocol.
pub const PROTOCOL: u32 = 1;

/// Why a line is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It has another protocol number.
    OtherProtocol(u32),
    /// It is no message of this protocol.
    Malformed,
}

#[derive(Serialize)]
struct Asking<'a> {
    v: u32,
    ask: &'a Question,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    v: u32,
    ask: Question,
}

#[derive(Serialize)]
struct Answering<'a> {
    v: u32,
    answer: &'a Answer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    v: u32,
    answer: Answer,
}

/// What every version can read: everything but the number is ignored.
#[derive(Deserialize)]
struct Numbered {
    v: u32,
}

/// The question that never changes.
#[derive(Deserialize)]
struct AskedToLock {
    #[serde(rename = "v")]
    _v: u32,
    #[serde(rename = "ask")]
    _ask: Frozen,
}

#[derive(Deserialize)]
enum Frozen {
    #[serde(rename = "lock")]
    Lock,
}

/// The answer that never changes.
#[derive(Deserialize)]
struct AnsweredLocked {
    #[serde(rename = "v")]
    _v: u32,
    #[serde(rename = "answer")]
    _answer: FrozenAnswer,
}

#[derive(Deserialize)]
enum FrozenAnswer {
    #[serde(rename = "locked")]
    Locked,
}

impl Question {
    /// Writes the question as one line.
    #[must_use]
    pub fn to_line(&self) -> Line {
        line::write(&Asking { v: PROTOCOL, ask: self })
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// [`Unread`].
    pub fn read(line: &[u8]) -> Result<Self, Unread> {
        if let Ok(asked) = serde_json::from_slice::<Asked>(line) {
            return match asked {
                Asked { v: PROTOCOL, ask } | Asked { ask: ask @ Self::Lock, .. } => Ok(ask),
                Asked { v, .. } => Err(Unread::OtherProtocol(v)),
            };
        }
        match serde_json::from_slice::<AskedToLock>(line) {
            Ok(_) => Ok(Self::Lock),
            Err(_) => Err(unread(line)),
        }
    }
}

impl Answer {
    /// Writes the answer as one line.
    #[must_use]
    pub fn to_line(&self) -> Line {
        line::write(&Answering { v: PROTOCOL, answer: self })
    }

    /// Reads a line without its end.
    ///
    /// # Errors
    /// [`Unread`].
    pub fn read(line: &[u8]) -> Result<Self, Unread> {
        if let Ok(answered) = serde_json::from_slice::<Answered>(line) {
            return match answered {
                Answered { v: PROTOCOL, answer } | Answered { answer: answer @ Self::Locked, .. } => Ok(answer),
                Answered { v, .. } => Err(Unread::OtherProtocol(v)),
            };
        }
        match serde_json::from_slice::<AnsweredLocked>(line) {
            Ok(_) => Ok(Self::Locked),
            Err(_) => Err(unread(line)),
        }
    }
}

/// Says what is wrong with a line that this version does not read.
fn unread(line: &[u8]) -> Unread {
    match serde_json::from_slice::<Numbered>(line) {
        Ok(Numbered { v }) if v != PROTOCOL => Unread::OtherProtocol(v),
        _ => Unread::Malformed,
    }
}

#[cfg(test)]
mod tests;
