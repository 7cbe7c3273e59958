//! Templates, and the one place where text becomes HTML.

use zeroize::Zeroizing;

/// Puts values in the place of each `{{name}}`. What a value holds is never taken for a name.
pub fn fill(template: &str, values: &[(&str, &str)]) -> Zeroizing<String> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once("{{").and_then(|(before, tail)| Some((before, tail.split_once("}}")?)))
    {
        let value = values.iter().find(|(known, _)| *known == name);
        pieces.extend([before, value.map_or(name, |(_, value)| value)]);
        rest = after;
    }
    pieces.push(rest);
    // Joined in one allocation: a string that grows leaves what it grew out of unwiped.
    Zeroizing::new(pieces.concat())
}

/// Returns a text so that HTML shows it as it is, as content and as an attribute's value.
pub fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}
