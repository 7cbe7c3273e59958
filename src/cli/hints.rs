//! Commands that a text tells its reader to type.

pub use crate::failure::shell_word;

/// The commands that act on the vault that --vault names.
const AT_A_VAULT: [&str; 17] = [
    "cat",
    "decrypt",
    "doctor",
    "encrypt",
    "init",
    "inspect",
    "key",
    "kit",
    "ls",
    "passwd",
    "project",
    "recover",
    "reencrypt",
    "rewrap",
    "status",
    "vault",
    "verify",
];

/// Puts the --vault flag to the commands that a text names: at the start of a line, after a colon or within backticks.
/// What stands elsewhere may be part of a path.
pub fn with_flag(text: &str, flag: &str) -> String {
    const PROGRAM: &str = "strongroom ";
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(PROGRAM) {
        let (before, after) = rest.split_at(at);
        rest = &after[PROGRAM.len()..];
        told += before;
        let line = told.rsplit('\n').next().unwrap_or_default();
        let is_begun = line.trim_start().is_empty() || line.ends_with('`') || line.ends_with(": ");
        let command = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
        told += PROGRAM;
        if is_begun && AT_A_VAULT.contains(&command) {
            told += flag;
        }
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::with_flag;

    #[test]
    fn the_flag_goes_to_commands_and_nowhere_else() {
        for (text, told) in [
            ("strongroom vault restore BACKUP", "strongroom --vault v vault restore BACKUP"),
            (
                "put it back: strongroom status; or `strongroom recover`",
                "put it back: strongroom --vault v status; or `strongroom --vault v recover`",
            ),
            ("`strongroom completions bash`, strongroom", "`strongroom completions bash`, strongroom"),
            ("open it again:\n  strongroom decrypt a", "open it again:\n  strongroom --vault v decrypt a"),
            ("strongroom --vault x status", "strongroom --vault x status"),
            ("rm \'my strongroom key\'", "rm \'my strongroom key\'"),
            ("see `strongroom help recover`", "see `strongroom help recover`"),
        ] {
            assert_eq!(with_flag(text, "--vault v "), told);
            assert_eq!(with_flag(text, ""), text);
        }
    }
}
