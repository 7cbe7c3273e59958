//! The master password from a dialog of another program, if there is no terminal: from the pinentry that
//! `PINENTRY_PROGRAM` names, or from `SSH_ASKPASS` as ssh runs it.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use pinentry::PassphraseInput;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::SourceError;
use super::source::{read, strip_line_end};
use crate::disk::plain;
use crate::format::name::printable;

/// A path is shown up to so many characters: a line to a pinentry holds a thousand bytes.
const SHOWN: usize = 100;

/// A program that asks for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    program: OsString,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pinentry,
    Askpass,
}

impl Kind {
    fn variable(self) -> &'static str {
        match self {
            Self::Pinentry => "PINENTRY_PROGRAM",
            Self::Askpass => "SSH_ASKPASS",
        }
    }
}

/// Returns a line from a prompt as it was typed. The prompt has turned bytes that are not UTF-8 into U+FFFD.
pub fn typed(line: &str) -> &[u8] {
    if line.contains(char::REPLACEMENT_CHARACTER) { b"\xff" } else { line.as_bytes() }
}

fn wanted(has_terminal: impl Fn() -> bool, variable: impl Fn(&str) -> Option<OsString>) -> Option<Dialog> {
    let of = |kind: Kind| variable(kind.variable()).map(|program| Dialog { program, kind });
    let require = variable("SSH_ASKPASS_REQUIRE").unwrap_or_default();
    let has_display = || variable("DISPLAY").is_some() || variable("WAYLAND_DISPLAY").is_some();
    // The values and what they mean are those of ssh(1).
    let askpass = match require.to_str().unwrap_or_default() {
        "never" => None,
        "force" => return of(Kind::Askpass).or_else(|| of(Kind::Pinentry).filter(|_| !has_terminal())),
        _ => of(Kind::Askpass).filter(|_| has_display()),
    };
    if require == "prefer" && askpass.is_some() {
        return askpass;
    }
    if has_terminal() { None } else { of(Kind::Pinentry).or(askpass) }
}

/// What a person typed; `None` if the person closed the dialog.
type Typed = Option<Zeroizing<Vec<u8>>>;

impl Dialog {
    /// Returns the program that is to ask; `None` if the terminal is to ask, or nobody.
    pub fn find(has_terminal: impl Fn() -> bool) -> Option<Self> {
        wanted(has_terminal, |name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// Asks for the password of a vault. `wrong` says what was wrong with the last one.
    ///
    /// # Errors
    /// If the program cannot be run, or does not answer as it should.
    pub fn ask(&self, vault: &str, wrong: Option<&str>) -> Result<Typed, SourceError> {
        let vault: String = printable(vault).chars().take(SHOWN).collect();
        match self.kind {
            Kind::Pinentry => self.ask_pinentry(&vault, wrong),
            Kind::Askpass => self.ask_askpass(&vault, wrong),
        }
    }

    fn ask_pinentry(&self, vault: &str, wrong: Option<&str>) -> Result<Typed, SourceError> {
        let input = PassphraseInput::with_binary(&self.program);
        let mut input = input.ok_or_else(|| self.failed("there is no such program that can be run"))?;
        let description = format!("The master password of the vault in {vault}");
        input.with_title("Strongroom").with_description(&description).with_prompt("Master password:");
        let wrong = wrong.map(|wrong| format!("{wrong}; try again"));
        if let Some(wrong) = &wrong {
            input.with_error(wrong);
        }
        match input.interact() {
            Ok(password) => Ok(Some(Zeroizing::new(typed(password.expose_secret()).to_vec()))),
            Err(pinentry::Error::Cancelled | pinentry::Error::Timeout) => Ok(None),
            // The text of an answer that is not understood may have the password in it.
            Err(pinentry::Error::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.failed("it does not answer as a pinentry does"))
            }
            Err(pinentry::Error::Io(error)) => Err(self.failed(&plain(&error))),
            Err(pinentry::Error::Gpg(error)) => Err(self.failed(&format!("it failed with error {}", error.code()))),
            Err(pinentry::Error::Encoding(_)) => Err(self.failed("what was typed is not UTF-8")),
        }
    }

    fn ask_askpass(&self, vault: &str, wrong: Option<&str>) -> Result<Typed, SourceError> {
        let wrong = wrong.map(|wrong| format!("{wrong}; try again. ")).unwrap_or_default();
        let failed = |error: io::Error| self.failed(&plain(&error));
        let mut child = Command::new(&self.program)
            .arg(format!("{wrong}Strongroom: master password of the vault in {vault}:"))
            // By this, ssh asks for a yes, or only shows a text.
            .env_remove("SSH_ASKPASS_PROMPT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let raw = match child.stdout.take() {
            Some(stdout) => read(stdout).map_err(failed)?,
            None => Zeroizing::new(Vec::new()),
        };
        // It says by its exit code that the person closed the dialog.
        if !child.wait().map_err(failed)?.success() {
            return Ok(None);
        }
        Ok(Some(Zeroizing::new(strip_line_end(&raw).to_vec())))
    }

    fn failed(&self, why: &str) -> SourceError {
        let (program, variable) = (PathBuf::from(&self.program), self.kind.variable());
        SourceError::Dialog { program, variable, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_asks_where_no_terminal_is_and_where_ssh_would_use_one() {
        let pinentry = Some(Dialog { program: "pin".into(), kind: Kind::Pinentry });
        let askpass = Some(Dialog { program: "ask".into(), kind: Kind::Askpass });
        let asks = |has_terminal: bool, set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value));
            wanted(|| has_terminal, value)
        };
        let (pin, ask, screen) = (("PINENTRY_PROGRAM", "pin"), ("SSH_ASKPASS", "ask"), ("DISPLAY", ":0"));
        let wayland = ("WAYLAND_DISPLAY", "wayland-0");
        let require = |how| ("SSH_ASKPASS_REQUIRE", how);
        for (has_terminal, set, expected) in [
            (false, vec![], &None),
            (false, vec![pin], &pinentry),
            (false, vec![pin, ask, screen], &pinentry),
            (false, vec![ask, screen], &askpass),
            (false, vec![ask, wayland], &askpass),
            (false, vec![ask], &None),
            (false, vec![ask, require("force")], &askpass),
            (false, vec![pin, ask, screen, require("prefer")], &askpass),
            (false, vec![ask, screen, require("never")], &None),
            (false, vec![pin, ask, screen, require("never")], &pinentry),
            (false, vec![pin, require("force")], &pinentry),
            (true, vec![pin, ask, screen], &None),
            (true, vec![pin, require("force")], &None),
            (true, vec![ask, require("force")], &askpass),
            (true, vec![ask, screen, require("prefer")], &askpass),
            (true, vec![ask, require("prefer")], &None),
        ] {
            assert_eq!(&asks(has_terminal, &set), expected, "{has_terminal} {set:?}");
        }
    }
}
