//! Whether a password of the user's own can be typed again as it is seen, and is hard to guess.

use std::fmt;

use zxcvbn::feedback::Warning;
use zxcvbn::{Score, zxcvbn};

use super::unseen::{Unseen, first_unseen};
use crate::crypto::secret::Password;
use crate::memory::on_deeply_wiped_stack;

/// The fewest code points of a password of the user's own.
const LEAST_CODE_POINTS: usize = 15;

/// Why a new password is refused. Nothing of the password is in it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// It has a character that is not shown.
    #[error("its {0}, which nobody sees when the password is typed")]
    Unseen(Unseen),
    /// White space is at its start or end.
    #[error("it begins or ends with white space, which nobody sees")]
    WhiteSpace,
    /// It is too short.
    #[error("it has {length} characters, fewer than {LEAST_CODE_POINTS}")]
    TooShort {
        /// How many characters it has.
        length: usize,
    },
    /// It is guessed in too few tries.
    #[error("{0}")]
    Guessable(Weakness),
}

/// What makes a password easy to guess, if that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weakness(Option<Warning>);

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(warning) = self.0 else { return f.write_str("it can be guessed in too few tries") };
        let sentence = warning.to_string();
        let mut characters = sentence.trim_end_matches('.').chars();
        let first = characters.next().map(char::to_lowercase);
        f.write_str(&first.into_iter().flatten().chain(characters).collect::<String>())
    }
}

/// Refuses what nobody sees, and so leaves out when the password is typed.
///
/// # Errors
/// [`Refusal::Unseen`], [`Refusal::WhiteSpace`].
pub fn check_seen(text: &str) -> Result<(), Refusal> {
    if let Some(unseen) = first_unseen(text) {
        return Err(Refusal::Unseen(unseen));
    }
    if text.trim() == text { Ok(()) } else { Err(Refusal::WhiteSpace) }
}

/// Checks that a new password is hard to guess. `names` are words a guesser would try first.
///
/// # Errors
/// [`Refusal::TooShort`], [`Refusal::Guessable`].
pub fn check_strength(password: &Password, names: &[String]) -> Result<(), Refusal> {
    let text = password.expose();
    let length = text.chars().count();
    if length < LEAST_CODE_POINTS {
        return Err(Refusal::TooShort { length });
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // It looks through the password with code that leaves parts of it on the stack.
    on_deeply_wiped_stack(|| {
        let estimate = zxcvbn(text, &names);
        let warning = estimate.feedback().and_then(|feedback| feedback.warning());
        if estimate.score() >= Score::Three { Ok(()) } else { Err(Refusal::Guessable(Weakness(warning))) }
    })
}

/// Tells why a password for another system is easy to guess; `None` if it is not. `names` are words a guesser would try
/// first.
pub fn weakness(password: &str, names: &[&str]) -> Option<Weakness> {
    on_deeply_wiped_stack(|| {
        let estimate = zxcvbn(password, names);
        let warning = estimate.feedback().and_then(|feedback| feedback.warning());
        (estimate.score() < Score::Three).then_some(Weakness(warning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(weak: &str, names: &[&str]) -> Result<(), Refusal> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        check_strength(&Password::new(weak.as_bytes()).unwrap(), &names)
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        assert_eq!(judged("short one", &[]), Err(Refusal::TooShort { length: 9 }));
        for (weak, names, why) in [
            ("aaaaaaaaaaaaaaaaaaaa", &[][..], "repeats like \"aaa\" are easy to guess"),
            ("passwordpassword1", &[], "repeats like \"abcabcabc\" are only slightly harder to guess than \"abc\""),
            ("mustermann-consulting", &["mustermann-consulting"], "it can be guessed in too few tries"),
        ] {
            let refusal = judged(weak, names).expect_err(weak);
            assert!(matches!(refusal, Refusal::Guessable(_)) && refusal.to_string() == why, "{weak}: {refusal}");
            assert!(!refusal.to_string().contains(weak));
        }
    }

    #[test]
    fn what_nobody_sees_is_refused_by_its_place() {
        assert_eq!(check_seen("seen as it is"), Ok(()));
        assert_eq!(check_seen(" begins"), Err(Refusal::WhiteSpace));
        assert_eq!(check_seen("ends "), Err(Refusal::WhiteSpace));
        let refusal = check_seen("so\u{ad}ft").expect_err("a soft hyphen");
        assert_eq!(
            refusal.to_string(),
            "its character 3 is a soft hyphen (U+00AD), which nobody sees when the password is typed"
        );
    }
}
