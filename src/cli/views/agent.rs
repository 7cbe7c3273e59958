//! What `unlock`, `lock` and `status` show of the agent.

use serde::Serialize;

use crate::format::{Timestamp, VaultId};
use crate::words::{Words, command, counted, words};

/// A vault that is kept unlocked from now on.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnlockedVault {
    /// The vault's id.
    pub vault: VaultId,
    /// The process that keeps it unlocked.
    pub pid: u32,
    /// It locks when it was not used for so long.
    pub idle_seconds: u64,
    /// It locks after this time in any case.
    pub seconds: u64,
    /// The projects that it answers for; `null` for all of them.
    pub projects: Option<Vec<String>>,
    /// Whether the user is asked before a key is shown.
    pub confirms: bool,
    /// What else makes it lock.
    pub watching: Watching,
}

/// A vault that is locked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LockedVault {
    /// Whether it was unlocked until now.
    pub locked: bool,
}

/// An agent that keeps the vault unlocked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Agent {
    /// Its process.
    pub pid: u32,
    /// The version of its program.
    pub program: String,
    /// When the vault was unlocked.
    pub unlocked_at: Timestamp,
    /// The seconds until it locks if it is not used.
    pub idle_seconds_left: u64,
    /// The seconds until it locks in any case.
    pub seconds_left: u64,
    /// The projects that it answers for; `null` for all of them.
    pub projects: Option<Vec<String>>,
    /// Whether the user is asked before a key is shown.
    pub confirms: bool,
    /// What else makes it lock.
    pub watching: Watching,
    /// How many file keys it has shown.
    pub keys_shown: u64,
    /// How many secrets it has shown.
    pub secrets_shown: u64,
    /// How many content keys it has unwrapped, for files to be opened: some are unwrapped ahead, and never used.
    pub content_keys_unwrapped: u64,
    /// How many content keys it has wrapped, for files to be sealed: some are wrapped ahead, and never used.
    pub content_keys_wrapped: u64,
    /// Whether a rotation of the data key waits for a command that asks for the password.
    pub rotation_waits: bool,
}

/// What makes an agent lock besides the time.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Watching {
    /// It hears of suspend, of a locked screen and of the end of the last session.
    pub sessions: bool,
    /// The computer waits with suspend until the keys are wiped.
    pub delays_sleep: bool,
    /// Why it hears of less; `null` if it hears of all.
    pub lacking: Option<String>,
    /// The seconds since it last heard of anything; `null` if it has not.
    pub heard_seconds_ago: Option<u64>,
}

impl From<&crate::agent::protocol::Watching> for Watching {
    fn from(watching: &crate::agent::protocol::Watching) -> Self {
        let crate::agent::protocol::Watching { sessions, delays_sleep, lacking, heard_seconds_ago } = watching.clone();
        Self { sessions, delays_sleep, lacking, heard_seconds_ago }
    }
}

impl From<crate::agent::protocol::Status> for Agent {
    fn from(status: crate::agent::protocol::Status) -> Self {
        Self {
            pid: status.pid,
            program: status.program,
            unlocked_at: status.unlocked_at,
            idle_seconds_left: status.idle_seconds_left,
            seconds_left: status.life_seconds_left,
            projects: status.projects,
            confirms: status.confirms,
            watching: (&status.watching).into(),
            keys_shown: status.shown.keys,
            secrets_shown: status.shown.secrets,
            content_keys_unwrapped: status.shown.unwrapped,
            content_keys_wrapped: status.shown.wrapped,
            rotation_waits: status.rotation_waits,
        }
    }
}

impl UnlockedVault {
    /// Says for how long it is unlocked.
    pub fn text(&self) -> Words {
        let scope = match &self.projects {
            Some(names) => format!(" for {}", names.join(", ")),
            None => String::new(),
        };
        let mut text = words![
            format!(
                "unlocked{scope}: locks when it is not used for {}, after {} at the latest{}, and with ",
                span(self.idle_seconds),
                span(self.seconds),
                self.watching.events(),
            ),
            command("lock")
        ];
        if let Some(lacking) = &self.watching.lacking {
            text += format!("\nnote: {lacking}");
        }
        text
    }
}

impl Watching {
    fn events(&self) -> &'static str {
        if self.sessions { ", when the screen is locked, the computer sleeps or you log out" } else { "" }
    }
}

impl Agent {
    /// Returns the rows of `status`.
    pub fn rows(&self) -> [(&'static str, String); 3] {
        let Self { pid, idle_seconds_left, seconds_left, .. } = self;
        let scope = match &self.projects {
            Some(names) => format!(" for {}", names.join(", ")),
            None => String::new(),
        };
        let agent = format!(
            "process {pid} keeps the vault unlocked{scope}; it locks in {} if it is not used, in {} at the latest",
            span(*idle_seconds_left),
            span(*seconds_left)
        );
        let heard = match self.watching.heard_seconds_ago {
            Some(seconds) => format!("last heard {} ago", span(seconds)),
            None => "nothing heard yet".into(),
        };
        let watches = match (&self.watching.lacking, self.watching.sessions) {
            (None, _) => format!("suspend, locked screens and logout ({heard})"),
            (Some(lacking), true) => format!("suspend, locked screens and logout ({heard}); {lacking}"),
            (Some(lacking), false) => format!("only the time: {lacking}"),
        };
        let asks = if self.confirms { " (it asks before it shows one)" } else { "" };
        let handed_out = format!(
            "{} and {} shown{asks}; {} unwrapped, {} wrapped",
            counted(self.keys_shown, "file key"),
            counted(self.secrets_shown, "secret"),
            counted(self.content_keys_unwrapped, "content key"),
            self.content_keys_wrapped
        );
        [("agent", agent), ("watches", watches), ("handed out", handed_out)]
    }
}

/// Says how long something takes, by its two largest units.
fn span(seconds: u64) -> String {
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let Some(first) = units.iter().position(|(count, _)| *count > 0) else { return "0 s".into() };
    let shown = units[first..].iter().take(2).filter(|(count, _)| *count > 0);
    shown.map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_shown_by_its_two_largest_units() {
        let spans = [0, 5, 60, 899, 900, 28_800, 28_799, 90_061].map(span);
        assert_eq!(spans, ["0 s", "5 s", "1 min", "14 min 59 s", "15 min", "8 h", "7 h 59 min", "1 d 1 h"]);
    }
}
