//! Copying what would be printed: to the clipboard, from which it is taken off again, or through the terminal.

use std::str::FromStr;

use clap::Args;

use super::context::Context;
use super::terminal::Terminal;
use crate::clipboard::terminal::{Between, copying};
#[cfg(feature = "clipboard")]
use crate::clipboard::{NotHeld, starting};
use crate::crypto::secret::SecretText;
use crate::failure::{Exit, Failure};
use crate::words::{Words, words};

/// What a copy by the terminal is called.
const OSC52: &str = "osc52";
/// The longest time that a text stays on the clipboard.
const SECONDS_LIMIT: u32 = 3600;

/// How a text is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clip {
    /// To the clipboard, for so many seconds.
    Seconds(u32),
    /// By a control sequence that the terminal acts on.
    Osc52,
}

impl FromStr for Clip {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == OSC52 {
            return Ok(Self::Osc52);
        }
        let seconds = text.parse().ok().filter(|seconds| (1..=SECONDS_LIMIT).contains(seconds));
        seconds.map(Self::Seconds).ok_or_else(|| format!("it is a number of seconds, 1 to {SECONDS_LIMIT}, or {OSC52}"))
    }
}

impl Clip {
    /// Returns how long it stays there; `None` if nobody takes it off.
    pub fn seconds(self) -> Option<u32> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Osc52 => None,
        }
    }

    /// Refuses what is known to fail, before anybody is asked for a password.
    ///
    /// # Errors
    /// If there is no terminal, or this program cannot copy to the clipboard.
    pub fn check(self) -> Result<(), Failure> {
        match self {
            Self::Osc52 => Terminal::open().map(drop).ok_or_else(no_terminal),
            Self::Seconds(_) if cfg!(feature = "clipboard") => Ok(()),
            Self::Seconds(_) => Err(not_copied(
                "this program was built without the feature `clipboard`",
                "build it with that feature, or give --clip=osc52",
            )),
        }
    }
}

/// Whether what would be printed is copied.
#[derive(Debug, Args)]
pub struct ClipFlag {
    /// Copy it to the clipboard instead of printing it, and take it off after this many seconds, 1 to 3600 [default:
    /// 45]; osc52: have the terminal copy it, also over SSH, from where it cannot be taken off
    #[arg(long, value_name = "SECONDS|osc52", num_args = 0..=1, default_missing_value = "45", require_equals = true)]
    pub clip: Option<Clip>,
}

/// Copies a text, and says so.
///
/// # Errors
/// If it cannot be copied.
pub fn copy(context: &Context, text: &SecretText, clip: Clip) -> Result<(), Failure> {
    match clip {
        Clip::Seconds(seconds) => {
            hold(text, seconds)?;
            context.output.remark(format!("copied; it is taken off the clipboard in {seconds} s"));
        }
        Clip::Osc52 => {
            let mut terminal = Terminal::open().ok_or_else(no_terminal)?;
            let between = between();
            terminal.send(&copying(text.expose(), between))?;
            let tmux = match between {
                Between::Tmux => "; tmux passes it on only if its option allow-passthrough is on",
                Between::Nothing => "",
            };
            context.output.remark(format!(
                "sent to the terminal to be copied, which not every terminal does; nothing takes it off the clipboard for \
                 certain: copy something else after use{tmux}"
            ));
        }
    }
    Ok(())
}

/// Says what is between this program and the terminal.
fn between() -> Between {
    let is_in_tmux = std::env::var_os("TMUX").is_some_and(|tmux| !tmux.is_empty());
    if is_in_tmux { Between::Tmux } else { Between::Nothing }
}

/// Copies a text to the clipboard, from which it is taken off after so many seconds.
///
/// # Errors
/// If it cannot be copied, or this program cannot copy to the clipboard.
#[cfg(feature = "clipboard")]
pub fn hold(text: &SecretText, seconds: u32) -> Result<(), Failure> {
    starting::hold(text, seconds).map_err(|why| match why {
        NotHeld::NoDisplay(why) => not_copied(
            format!("no display can be used ({why})"),
            "run it in a desktop session; in a terminal, also over SSH, try --clip=osc52",
        ),
        NotHeld::Failed(why) => not_copied(why, "run it again"),
    })
}

#[cfg(not(feature = "clipboard"))]
pub fn hold(_: &SecretText, seconds: u32) -> Result<(), Failure> {
    Clip::Seconds(seconds).check()
}

fn not_copied(cause: impl Into<String>, hint: &'static str) -> Failure {
    Failure::new(Exit::Failed, "clipboard", "cannot copy to the clipboard").cause(cause).hint(hint)
}

fn no_terminal() -> Failure {
    let hint: Words = words!["without a terminal, give --clip, or print it"];
    Failure::usage("--clip=osc52 copies through the terminal, and there is none").hint(hint)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        name: Option<String>,
        #[command(flatten)]
        clip: ClipFlag,
    }

    #[test]
    fn the_flag_takes_seconds_or_the_terminal_and_never_the_next_word() {
        for (words, clip, name) in [
            ("", None, None),
            ("--clip", Some(Clip::Seconds(45)), None),
            ("--clip portal", Some(Clip::Seconds(45)), Some("portal")),
            ("--clip 10", Some(Clip::Seconds(45)), Some("10")),
            ("--clip=10 portal", Some(Clip::Seconds(10)), Some("portal")),
            ("--clip=3600", Some(Clip::Seconds(3600)), None),
            ("--clip=osc52", Some(Clip::Osc52), None),
        ] {
            let program = Program::try_parse_from(std::iter::once("p").chain(words.split_whitespace())).unwrap();
            assert_eq!((program.clip.clip, program.name.as_deref()), (clip, name), "{words}");
        }
        for words in ["--clip=0", "--clip=3601", "--clip=-1", "--clip=osc", "--clip=OSC52", "--clip=4294967297"] {
            Program::try_parse_from(["p", words]).expect_err(words);
        }
    }
}
