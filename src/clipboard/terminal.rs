//! What a terminal is sent to put a text on the clipboard of the computer that it is on: OSC 52, a control sequence of
//! xterm's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What is between this program and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Nothing that changes what is sent.
    Nothing,
    /// tmux, which passes on only what is wrapped for that.
    Tmux,
}

/// Returns the sequence that copies a text.
pub fn copying(text: &str, between: Between) -> Zeroizing<Vec<u8>> {
    let (start, end): (&[u8], &[u8]) = match between {
        Between::Nothing => (b"\x1b]52;c;", b"\x07"),
        // Every escape inside is doubled.
        Between::Tmux => (b"\x1bPtmux;\x1b\x1b]52;c;", b"\x07\x1b\\"),
    };
    // As long as it gets, so that it does not grow.
    let room = text.len().div_ceil(3) * 4;
    let mut sequence = Zeroizing::new(vec![0; start.len() + room + end.len()]);
    sequence[..start.len()].copy_from_slice(start);
    // There is exactly as much room as it takes.
    let written = STANDARD.encode_slice(text, &mut sequence[start.len()..start.len() + room]).unwrap_or_default();
    sequence.truncate(start.len() + written);
    sequence.extend_from_slice(end);
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_in_base64_between_the_terminals_marks() {
        assert_eq!(&*copying("hunter2", Between::Nothing), b"\x1b]52;c;aHVudGVyMg==\x07");
        assert_eq!(&*copying("", Between::Nothing), b"\x1b]52;c;\x07");
        let wrapped = b"\x1bPtmux;\x1b\x1b]52;c;w7w=\x07\x1b\\";
        let copied = copying("ü", Between::Tmux);
        assert_eq!((&copied[..], copied.capacity()), (&wrapped[..], wrapped.len()));
    }
}
