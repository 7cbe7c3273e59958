//! Characters of a password that nobody sees: whoever types the password again leaves them out.

use std::fmt;

use crate::format::name::is_unseen;

/// A character that is not shown, and where in a text it is. Nothing else of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unseen {
    /// Its place, counted from 1.
    place: usize,
    character: char,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, character } = self;
        write!(f, "character {place} is {} (U+{:04X})", name_of(*character), u32::from(*character))
    }
}

/// Finds the first character that is not shown.
pub fn first_unseen(text: &str) -> Option<Unseen> {
    let (index, character) = text.chars().enumerate().find(|(_, c)| is_unseen(*c) || is_ignorable(*c))?;
    Some(Unseen { place: index + 1, character })
}

/// Tells whether a font shows nothing for `c`: the property Default_Ignorable_Code_Point of Unicode 17, less what is
/// refused in names too.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn name_of(c: char) -> &'static str {
    match c {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
        '\t' => "a tab",
        '\u{feff}' => "a byte-order mark",
        '\u{ad}' => "a soft hyphen",
        '\u{200b}' => "a zero-width space",
        '\u{200c}' | '\u{200d}' => "a zero-width joiner",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark of the writing direction"
        }
        '\u{fe00}'..='\u{fe0f}' => "a variation selector",
        c if c.is_control() => "a control character",
        _ => "a character that is not shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unseen_character_is_named_with_its_place_and_nothing_else() {
        for (text, said) in [
            ("\u{feff}secret", "character 1 is a byte-order mark (U+FEFF)"),
            ("sec\u{200b}ret\u{ad}", "character 4 is a zero-width space (U+200B)"),
            ("é\u{200d}", "character 2 is a zero-width joiner (U+200D)"),
            ("sec\u{ad}ret", "character 4 is a soft hyphen (U+00AD)"),
            ("s\u{202e}ecret", "character 2 is a mark of the writing direction (U+202E)"),
            ("s\u{2069}ecret", "character 2 is a mark of the writing direction (U+2069)"),
            ("secret\nx", "character 7 is a line break (U+000A)"),
            ("se\tcret", "character 3 is a tab (U+0009)"),
            ("se\u{0}cret", "character 3 is a control character (U+0000)"),
            ("❤\u{fe0f}", "character 2 is a variation selector (U+FE0F)"),
            ("a\u{3164}", "character 2 is a character that is not shown (U+3164)"),
            ("a\u{e0101}", "character 2 is a character that is not shown (U+E0101)"),
        ] {
            assert_eq!(first_unseen(text).map(|unseen| unseen.to_string()).as_deref(), Some(said), "{text:?}");
        }
        for seen in ["correct horse", "caf\u{e9} cafe\u{301}", "пароль", "密码 \u{3000}x", "a\u{a0}b"] {
            assert_eq!(first_unseen(seen), None, "{seen:?}");
        }
    }
}
