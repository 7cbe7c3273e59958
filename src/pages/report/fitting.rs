//! Texts of any length in places that have an end. How wide a text is, is guessed from its letters in the same way
//! everywhere, so that a page is the same wherever it is made.

use crate::format::name::printable;
use crate::pages::html::escaped;

/// Returns how wide a text is, in hundredths of its font's size. Rather too much than too little.
pub fn width(text: &str) -> usize {
    text.chars().map(of_letter).sum()
}

fn of_letter(letter: char) -> usize {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ';' | ':' | '\'' | '!' | '|' | ' ' | '’' => 29,
        'f' | 'r' | 't' | '-' | '/' | '(' | ')' => 35,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' => 51,
        'm' | 'w' | 'M' | '@' | '%' => 88,
        'W' => 96,
        'A'..='Z' => 72,
        _ if letter.is_ascii() => 57,
        _ if letter.is_alphabetic() && u32::from(letter) < 0x0250 => 72,
        _ => 105,
    }
}

/// Returns a text that fits a width, its end left out if it does not, and whether it was.
pub fn clipped(text: &str, limit: usize) -> (String, bool) {
    let text = printable(text);
    if width(&text) <= limit {
        return (text, false);
    }
    let mut taken = of_letter('…');
    let kept: String = text
        .chars()
        .take_while(|letter| {
            taken += of_letter(*letter);
            taken <= limit
        })
        .collect();
    (kept.trim_end().to_owned() + "…", true)
}

/// Returns a text as HTML that changes nothing around it: neither by its letters nor by the direction they are read in.
pub fn isolated(text: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(&printable(text)))
}
