//! A line on its way: wiped when it is dropped, and what it has outgrown is wiped at once.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use zeroize::Zeroize;

/// What most messages fit into, in bytes.
const FIRST_CAPACITY: usize = 1024;

/// Bytes of one message, which may hold keys.
#[derive(Default)]
pub struct Line(Vec<u8>);

impl Line {
    /// Makes an empty line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.make_room_for(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Takes the bytes up to the first line end off the front, without that end; `None` if there is no line end after
    /// the first `searched` bytes.
    pub fn take_line(&mut self, searched: usize) -> Option<Line> {
        let end = self.0.get(searched..)?.iter().position(|byte| *byte == b'\n')? + searched;
        let mut rest = Line::new();
        if end + 1 < self.0.len() {
            rest.extend(&self.0[end + 1..]);
        }
        self.0[end..].zeroize();
        self.0.truncate(end);
        Some(std::mem::replace(self, rest))
    }

    /// Wipes the bytes and keeps the memory.
    pub fn clear(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }

    fn make_room_for(&mut self, more: usize) {
        let needed = self.0.len() + more;
        if needed > self.0.capacity() {
            // A vector that grows by itself leaves its bytes behind where it was.
            let mut grown = Vec::with_capacity(needed.max(self.0.capacity() * 2).max(FIRST_CAPACITY));
            grown.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = grown;
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} bytes)", self.0.len())
    }
}

/// Writes a message with its line end.
pub(super) fn write(message: &impl Serialize) -> Line {
    let mut line = Line::new();
    #[allow(clippy::expect_used, reason = "every name in it is text, and memory takes what is written")]
    serde_json::to_writer(&mut line, message).expect("a message is written to memory");
    line.extend(b"\n");
    line
}
