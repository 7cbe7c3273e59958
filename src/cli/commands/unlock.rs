//! `strongroom unlock`.

use std::time::Duration;

use clap::Args;

use crate::agent::process;
use crate::agent::protocol::{Start, Watching};
use crate::cli::context::Context;
use crate::cli::unlocking::unlock_to_look;
use crate::cli::views::UnlockedVault;
use crate::cli::{agent, interrupt};
use crate::failure::Failure;

/// Keep the vault unlocked for a while, in a separate process.
///
/// That process, the agent, has the vault's key in memory and answers the commands of your user on this computer, so
/// that they do not ask for the password. It locks when it is not used for a while, at the latest after some hours, when
/// the screen is locked, when the computer goes to sleep, and when you log out. Commands that take something away still
/// ask for the password.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom unlock --for 8h")]
pub struct Unlock {
    /// Lock at the latest after this time, such as 90s, 15m, 8h or 1d
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = span)]
    limit: Duration,
    /// Lock when no command has used it for this time
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = span)]
    idle: Duration,
    /// Answer for this project only (may be given several times)
    #[arg(long = "project", short, value_name = "NAME")]
    projects: Vec<String>,
    /// Ask you, with the program that SSH_ASKPASS names, before a key or a secret is handed out
    #[arg(long)]
    confirm: bool,
    /// Keep it unlocked in this process instead of starting another one
    #[arg(long)]
    foreground: bool,
}

impl Unlock {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let askpass = if self.confirm { Some(self.askpass(context)?) } else { None };
        let doing = "keep the vault unlocked";
        let failed = |error| Failure::of(doing, error);
        let mut vault = unlock_to_look(context)?;
        for project in &self.projects {
            vault.usable_project(project).map_err(failed)?;
        }
        let id = vault.id();
        let store = context.store()?;
        let kind = context.home.kind_of(context.home.known_id(&store, id)?)?;
        let projects = (!self.projects.is_empty()).then(|| self.projects.clone());
        let start = Start {
            keychain: context.home.whole_kind(&kind, id).to_string(),
            idle_seconds: self.idle.as_secs(),
            life_seconds: self.limit.as_secs(),
            projects: projects.clone(),
            askpass,
            data_key: vault.hand_over().map_err(failed)?,
        };
        drop(vault);
        let view = |pid: u32, watching: &Watching| UnlockedVault {
            vault: id,
            pid,
            idle_seconds: self.idle.as_secs(),
            seconds: self.limit.as_secs(),
            projects: projects.clone(),
            confirms: self.confirm,
            watching: watching.into(),
        };
        if !self.foreground {
            let (pid, watching) = agent::start(context, &start)?;
            let unlocked = view(pid, &watching);
            return context.output.done(unlocked.text(), &unlocked);
        }
        agent::lock(context)?;
        let server = process::server(&context.home, start).map_err(agent::started_failure)?;
        let mut shown = Ok(());
        let ended = process::serve(server, interrupt::end_by, |watching| {
            let unlocked = view(std::process::id(), watching);
            shown = context.output.done(unlocked.text(), &unlocked);
            Ok(())
        });
        shown?;
        let why = ended.map_err(|error| Failure::io(doing, &error))?;
        context.output.remark(why.to_string());
        Ok(())
    }

    /// Returns the program that asks. Who asks for one without naming any would not be asked.
    fn askpass(&self, context: &Context) -> Result<String, Failure> {
        let program = context.home.askpass().ok_or_else(|| {
            Failure::usage("--confirm needs a program that can ask you").hint("name one in the variable SSH_ASKPASS")
        })?;
        let path = program.into_os_string().into_string();
        path.map_err(|path| {
            let problem = format!("--confirm cannot use the program {}: its path is not UTF-8", path.display());
            Failure::usage(problem).hint("name another one in the variable SSH_ASKPASS")
        })
    }
}

/// Reads a span of time.
fn span(text: &str) -> Result<Duration, String> {
    const LONGEST: u64 = 30 * 24 * 60 * 60;
    let refused = || "give a time of 1 second to 30 days, such as 90s, 15m, 8h or 1d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refused)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(refused()),
    };
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = number.parse().map_err(|_| refused())?;
    let span = number.checked_mul(seconds).filter(|span| is_plain && (1..=LONGEST).contains(span));
    span.map(Duration::from_secs).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        let read = |text: &str| span(text).ok().map(|span| span.as_secs());
        assert_eq!(["90s", "15m", "8h", "1d", "30d"].map(read), [90, 900, 28_800, 86_400, 2_592_000].map(Some));
        let refused = ["", "8", "h", "0s", "+8h", "-8h", "8 h", "1h30m", "31d", "8w", "99999999999999999999h", "8é"];
        assert_eq!(refused.map(read), [None; 12]);
    }
}
