//! The program gpg: how it is started so that it gets no name of a file, and what it reports.

use std::process::Command;

/// The program that decrypts.
const GPG: &str = "gpg";
/// How much of what gpg reports is read, in bytes.
pub const REPORT: u64 = 64 << 10;

/// Begins a command that decrypts what is on its standard input, and reports on its standard error. gpg may ask for a
/// passphrase only if it `may_ask`.
pub fn decrypting(may_ask: bool) -> Command {
    // What else this process was given is not for gpg.
    #[cfg(unix)]
    close_fds::set_fds_cloexec(3, &[]);
    let mut command = Command::new(GPG);
    command.args(["--batch", "--quiet", "--status-fd", "2"]);
    if !may_ask {
        command.args(["--pinentry-mode", "cancel"]);
    }
    // gpg would take the terminal for the passphrase from its standard input, which is the file.
    #[cfg(unix)]
    if let Some(terminal) =
        rustix::termios::ttyname(std::io::stdin(), Vec::new()).ok().and_then(|name| name.into_string().ok())
    {
        command.args(["--ttyname", &terminal]);
    }
    command
}

/// What gpg reports in its lines for programs (doc/DETAILS in its source).
pub enum Said {
    /// It has decrypted all of it, and its integrity was checked.
    Decrypted,
    /// It has decrypted something, and nothing shows whether that was altered.
    Unchecked,
    /// None of the keys that it is encrypted for is there.
    NoKey,
    /// Who was asked for the passphrase has cancelled.
    Cancelled,
    /// None of these.
    Nothing,
}

impl Said {
    /// Reads a report.
    pub fn read(report: &str) -> Self {
        /// GPG_ERR_CANCELED and GPG_ERR_FULLY_CANCELED, in the lower 16 bits of a code.
        const CANCELLED: [u32; 2] = [99, 198];
        let lines = || report.lines().filter_map(|line| line.strip_prefix("[GNUPG:] "));
        let is_cancelled = |line: &str| {
            let code = line.strip_prefix("ERROR ").and_then(|rest| rest.split(' ').nth(1)?.parse::<u32>().ok());
            code.is_some_and(|code| CANCELLED.contains(&(code & 0xffff)))
        };
        let is = |word: &str| lines().any(|line| line.split(' ').next() == Some(word));
        // The third number is that of the AEAD mode, which checks as it decrypts.
        let is_aead = || {
            let info = lines().find_map(|line| line.strip_prefix("DECRYPTION_INFO "));
            info.and_then(|info| info.split(' ').nth(2)).is_some_and(|aead| aead != "0")
        };
        // Several versions do not say NO_SECKEY: it is encrypted for keys, none was used, and none has failed.
        let has_no_key = || is("ENC_TO") && is("DECRYPTION_FAILED") && !is("ERROR") && !is("DECRYPTION_INFO");
        if is("DECRYPTION_OKAY") {
            if is("GOODMDC") || is_aead() { Self::Decrypted } else { Self::Unchecked }
        } else if lines().any(is_cancelled) {
            Self::Cancelled
        } else if is("NO_SECKEY") || has_no_key() {
            Self::NoKey
        } else {
            Self::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_has_checked_is_not_taken_for_decrypted() {
        for (report, is_decrypted) in [
            ("[GNUPG:] DECRYPTION_OKAY\n[GNUPG:] GOODMDC", true),
            ("[GNUPG:] DECRYPTION_INFO 0 9 2\n[GNUPG:] DECRYPTION_OKAY", true),
            ("[GNUPG:] DECRYPTION_INFO 0 9 0\n[GNUPG:] DECRYPTION_OKAY", false),
            ("[GNUPG:] DECRYPTION_OKAY", false),
            ("[GNUPG:] GOODMDC", false),
            ("DECRYPTION_OKAY\nGOODMDC", false),
        ] {
            assert_eq!(matches!(Said::read(report), Said::Decrypted), is_decrypted, "{report}");
        }
    }
}
