//! Keys out of the bytes that a terminal sends. Pure.

use zeroize::Zeroizing;

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// A letter together with Ctrl.
    Ctrl(char),
    Enter,
    Esc,
    Backspace,
    Tab,
    /// Tab together with Shift.
    BackTab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// The longest sequence of a key that is waited for.
const LONGEST: usize = 32;

/// What a terminal has sent and nobody has taken yet. A master password may be among it, so it is wiped.
pub struct Input {
    bytes: Zeroizing<Vec<u8>>,
    taken: usize,
}

impl Input {
    /// The most bytes that are read at once.
    pub const CHUNK: usize = 1024;

    /// Returns an empty one. It never grows, so that it leaves nothing behind where it was.
    pub fn new() -> Self {
        Self { bytes: Zeroizing::new(Vec::with_capacity(Self::CHUNK + LONGEST)), taken: 0 }
    }

    /// Has a function write what the terminal sends, and returns how many bytes it wrote. All keys of before must have
    /// been taken.
    ///
    /// # Errors
    /// Those of the function.
    pub fn fill<E>(&mut self, read: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<usize, E> {
        let kept = self.keep_rest();
        self.bytes.resize(kept + Self::CHUNK, 0);
        let read = read(&mut self.bytes[kept..]);
        let count = *read.as_ref().unwrap_or(&0);
        self.shorten(kept + count.min(Self::CHUNK));
        read
    }

    /// Takes the next key; `None` if no whole one is there.
    pub fn next_key(&mut self) -> Option<Key> {
        loop {
            let taken = take(&self.bytes[self.taken..])?;
            self.taken += taken.0;
            if let Some(key) = taken.1 {
                return Some(key);
            }
        }
    }

    /// Moves the part of a key that has arrived to the front, and returns its length.
    fn keep_rest(&mut self) -> usize {
        let rest = self.bytes.len() - self.taken;
        // No key is that long: it is none.
        let rest = if rest > LONGEST { 0 } else { rest };
        self.bytes.copy_within(self.taken..self.taken + rest, 0);
        self.taken = 0;
        self.shorten(rest);
        rest
    }

    /// Leaves the first bytes, and zeroes where the others were.
    fn shorten(&mut self, length: usize) {
        self.bytes[length..].fill(0);
        self.bytes.truncate(length);
    }
}

/// Returns how many bytes the first key takes, and the key, if it is one that anybody uses; `None` if it is not whole.
fn take(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let first = *bytes.first()?;
    let key = match first {
        0x1b => return escaped(bytes),
        b'\r' | b'\n' => Key::Enter,
        b'\t' => Key::Tab,
        0x08 | 0x7f => Key::Backspace,
        1..=26 => Key::Ctrl(char::from(b'a' + first - 1)),
        0..0x20 => return Some((1, None)),
        _ => return character(bytes),
    };
    Some((1, Some(key)))
}

fn character(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    let start = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() > 0 => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
        Err(error) => return error.error_len().map(|wrong| (wrong, None)),
    };
    let c = valid.chars().next()?;
    Some((c.len_utf8(), (!c.is_control()).then_some(Key::Char(c))))
}

/// Takes a key that begins with Escape. Escape alone is a key by itself: terminals send a sequence at once.
fn escaped(bytes: &[u8]) -> Option<(usize, Option<Key>)> {
    match bytes.get(1) {
        Some(b'[') => {
            let end = bytes.iter().skip(2).position(|byte| (0x40..=0x7e).contains(byte))? + 2;
            let key = match (&bytes[2..end], bytes[end]) {
                (b"1" | b"7", b'~') => Some(Key::Home),
                (b"4" | b"8", b'~') => Some(Key::End),
                (b"5", b'~') => Some(Key::PageUp),
                (b"6", b'~') => Some(Key::PageDown),
                (_, b'Z') => Some(Key::BackTab),
                (_, last) => cursor(last),
            };
            Some((end + 1, key))
        }
        Some(b'O') => bytes.get(2).map(|last| (3, cursor(*last))),
        _ => Some((1, Some(Key::Esc))),
    }
}

fn cursor(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(chunks: &[&[u8]]) -> Vec<Key> {
        let mut input = Input::new();
        let mut keys = Vec::new();
        for chunk in chunks {
            let filled = input.fill(|place| {
                place[..chunk.len()].copy_from_slice(chunk);
                Ok::<_, ()>(chunk.len())
            });
            assert_eq!(filled, Ok(chunk.len()));
            keys.extend(std::iter::from_fn(|| input.next_key()));
        }
        keys
    }

    #[test]
    fn keys_are_read_whole_also_where_they_arrive_in_parts() {
        assert_eq!(
            keys(&[b"aQ/\r\n\t"]),
            "aQ/".chars().map(Key::Char).chain([Key::Enter, Key::Enter, Key::Tab]).collect::<Vec<_>>()
        );
        assert_eq!(
            keys(&[b"\x03\x1a\x15\x7f\x08\x00"]),
            [Key::Ctrl('c'), Key::Ctrl('z'), Key::Ctrl('u'), Key::Backspace, Key::Backspace]
        );
        assert_eq!(
            keys(&[b"\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x1b[Z"]),
            [Key::Up, Key::Down, Key::PageUp, Key::Right, Key::BackTab]
        );
        assert_eq!(keys(&[b"\x1b", b"q"]), [Key::Esc, Key::Char('q')]);
        assert_eq!(keys(&[b"\x1bq"]), [Key::Esc, Key::Char('q')]);
        assert_eq!(keys(&[b"\x1b[", b"6~x"]), [Key::PageDown, Key::Char('x')]);
        assert_eq!(keys(&["\u{fc}\u{6771}".as_bytes()]), [Key::Char('\u{fc}'), Key::Char('\u{6771}')]);
        assert_eq!(keys(&[b"\xe6\x9d", b"\xb1"]), [Key::Char('\u{6771}')]);
        // Neither a mouse nor what is no text is a key, and neither keeps what follows from being one.
        assert_eq!(keys(&[b"\x1b[<0;1;1M\xff\xc3a"]), [Key::Char('a')]);
    }

    #[test]
    fn what_never_ends_is_given_up() {
        let endless = [&b"\x1b["[..], &[b'1'; 100]].concat();
        assert_eq!(keys(&[&endless, b"a"]), [Key::Char('a')]);
    }

    proptest! {
        #[test]
        fn no_bytes_do_harm(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..8)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let count: usize = chunks.iter().map(|chunk| chunk.len()).sum();
            prop_assert!(keys(&chunks).len() <= count);
        }

        #[test]
        fn what_is_typed_arrives(text in "[a-zA-Z0-9\u{e4}\u{6771} ]{0,60}", cut in 0usize..60) {
            let bytes = text.as_bytes();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let typed: Vec<Key> = text.chars().map(Key::Char).collect();
            prop_assert_eq!(keys(&[first, second]), typed);
        }
    }

    #[test]
    fn taken_bytes_are_wiped() {
        let mut input = Input::new();
        input
            .fill(|place| {
                place[..7].copy_from_slice(b"hunter2");
                Ok::<_, ()>(7)
            })
            .unwrap();
        while input.next_key().is_some() {}
        input.fill(|_| Ok::<_, ()>(0)).unwrap();
        assert!(input.bytes.is_empty());
        assert_eq!(input.bytes.capacity(), Input::CHUNK + LONGEST);
        // The memory behind the end is what it was.
        input.bytes.resize(7, 1);
        assert_eq!(&input.bytes[..], [1; 7]);
    }
}
