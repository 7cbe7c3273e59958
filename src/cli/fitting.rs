//! Which names are meant by what a user gives to find them.

use glob::{MatchOptions, Pattern};

/// Returns what tells whether a name fits a pattern.
pub fn fitting(pattern: &str) -> impl Fn(&str) -> bool + use<> {
    let part = pattern.to_lowercase();
    let whole = pattern.contains(['*', '?']).then(|| Pattern::new(pattern).ok()).flatten();
    let any_case = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
    move |name| match &whole {
        Some(whole) => whole.matches_with(name, any_case),
        None => name.to_lowercase().contains(&part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_anywhere_and_a_pattern_fits_the_whole() {
        for (pattern, name, does_fit) in [
            ("acme", "Acme Ltd", true),
            ("LTD", "Acme Ltd", true),
            ("acme", "beta", false),
            ("acme*", "Acme-2026", true),
            ("acme*", "old acme", false),
            ("*2026", "acme-2026", true),
            ("acme-202?", "acme-2026", true),
            ("[", "a[b", true),
            ("", "anything", true),
        ] {
            assert_eq!(fitting(pattern)(name), does_fit, "{pattern:?} on {name:?}");
        }
    }
}
