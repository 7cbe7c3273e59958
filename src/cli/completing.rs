//! What a shell is answered when a person presses Tab. The shell asks by running the program with a variable set. Nobody
//! is asked for anything here, and nothing is unlocked.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::ValueHint;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};

use super::agent;
use crate::home::{Home, Named};

/// The variable by which a shell asks.
const VARIABLE: &str = "STRONGROOM_COMPLETE";
/// The commands whose paths are sealed files.
const OPENING: [&str; 6] = ["decrypt", "cat", "verify", "inspect", "rewrap", "reencrypt"];
/// The commands below `project` whose first argument is not a project that exists.
const NAMING: [&str; 2] = ["add", "list"];

/// Answers a shell, if it is a shell that runs this program. Returns whether it was.
///
/// # Errors
/// clap's, if the shell is not known.
pub fn answer(program: fn() -> clap::Command, args: &[OsString]) -> Result<bool, clap::Error> {
    // Without the variable nothing is built: every run passes here.
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(false);
    }
    let folder = std::env::current_dir().ok();
    CompleteEnv::with_factory(move || completed(program(), &[])).var(VARIABLE).try_complete(args, folder.as_deref())
}

/// Returns what a shell has to run once, so that it asks this program; `None` if it is none of the five.
pub fn script(shell: &str) -> Option<Vec<u8>> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let name = "strongroom";
    // A vector takes whatever is written to it.
    shells.completer(shell)?.write_registration(VARIABLE, name, name, name, &mut script).ok()?;
    Some(script)
}

/// Tells each argument what its values are.
fn completed(command: clap::Command, above: &[String]) -> clap::Command {
    let name = command.get_name().to_owned();
    // A report is no sealed file.
    let is_opening = OPENING.contains(&name.as_str()) && above.last().is_none_or(|group| group != "report");
    let is_naming = NAMING.contains(&name.as_str());
    let below_project = above.last().is_some_and(|group| group == "project");
    let path = [above, &[name]].concat();
    let with_values = |arg: clap::Arg| {
        let is_name =
            arg.is_positional() && below_project && !is_naming && matches!(arg.get_id().as_str(), "name" | "old");
        if arg.get_id() == "project" || is_name {
            return arg.add(ArgValueCompleter::new(names));
        }
        match arg.get_value_hint() {
            ValueHint::Unknown | ValueHint::Other => arg,
            ValueHint::DirPath => arg.add(ArgValueCompleter::new(|typed: &OsStr| paths(typed, Path::is_dir))),
            _ if arg.is_positional() && is_opening => {
                arg.add(ArgValueCompleter::new(|typed: &OsStr| paths(typed, is_sealed)))
            }
            _ => arg.add(ArgValueCompleter::new(|typed: &OsStr| paths(typed, |_| true))),
        }
    };
    command.mut_args(with_values).mut_subcommands(|below| completed(below, &path))
}

/// Returns the names of projects that are known without a question: the folder's, and those of an unlocked vault.
fn known_projects() -> Vec<String> {
    let Ok(home) = Home::find(Named::default()) else { return Vec::new() };
    let file = home.project_file().ok().flatten().and_then(|file| file.project);
    let mut names = agent::names(&home);
    names.extend(file);
    names.sort();
    names.dedup();
    names
}

fn names(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let names = known_projects().into_iter().filter(|name| name.starts_with(&*typed) && is_plain(name));
    names.map(CompletionCandidate::new).collect()
}

fn paths(typed: &OsStr, is_wanted: impl Fn(&Path) -> bool + Send + Sync + 'static) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::any().filter(is_wanted).complete(typed);
    found.retain(|path| path.get_value().to_str().is_some_and(is_plain));
    found
}

fn is_sealed(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|ending| ending == "sealed")
}

/// Tells whether a shell takes a name as it is. bash puts what it is answered into the line without quotes, so a client's
/// file could be named such that Enter runs a command: the name of such a file is not completed.
fn is_plain(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || "-_./:@%+=,~\\".contains(c) && (c != '\\' || cfg!(windows)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_act_on_is_not_completed() {
        for name in ["exports.sealed", "a/b-c_d.csv.sealed", "Gr\u{f6}\u{df}e.sealed"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["$(reboot).sealed", "a b", "a;b", "`a`", "a\nb", "a'b", "a\"b", "a&b", "a|b", "a>b", "a*", "a!b"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
