//! The program as clap knows it. The doc comments are the help texts.

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use clap::builder::styling::Style;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser};

use super::commands::{Command, GROUPS, command};
use super::flags::Global;
use super::interrupt::Ignored;
use crate::failure::Failure;
use crate::home::Known;

/// What is typed for the program.
const NAME: &str = "strongroom";

/// Encrypt the client data you work with, and keep one key per project.
///
/// A master password unlocks a vault; the vault holds one file key per project; a file key opens that project's
/// files. It takes both the password and an item in this computer's keychain to open the vault.
///
/// Without a command, on a terminal, a screen shows the vault, its projects and its secrets.
#[derive(Debug, Parser)]
#[command(
    name = NAME,
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 wrong password, 4 not found, 5 damaged or altered, \
                  6 keychain, 7 busy, 8 rolled back or diverged, 126 and 127 run cannot start the program, \
                  130 interrupted, 128 + N ended by signal N.\n\n\
                  Examples:\n  \
                  strongroom init\n  \
                  strongroom encrypt --project acme exports\n  \
                  strongroom decrypt exports.sealed -o work\n  \
                  strongroom project destroy acme"
)]
pub struct Cli {
    /// The flags that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Says what becomes of signals that this program was started to ignore. Another program that takes its place was
    /// started to ignore them, too: what `nohup` runs outlives the terminal.
    pub(super) fn ignored_signals(&self) -> Ignored {
        if matches!(self.command, Command::Run(_)) { Ignored::Stay } else { Ignored::AreHeard }
    }

    /// Takes the descriptors that another program is to get. They are this process's until they are dropped.
    #[cfg(unix)]
    pub(super) fn reserved(&self) -> Vec<std::os::fd::OwnedFd> {
        if let Command::Run(run) = &self.command { run.reserve() } else { Vec::new() }
    }

    /// Tells whether the command is refused if what the user has chosen cannot be used: all are but those that help to
    /// correct it.
    pub(super) fn needs_config(&self) -> bool {
        !matches!(self.command, Command::Config(_) | Command::Completions(_) | Command::Man(_) | Command::ExitCodes(_))
    }
}

/// Returns the whole program, for whoever describes it.
pub(super) fn program() -> clap::Command {
    Cli::command()
}

/// Gives flags the defaults that the user has chosen, of the keys of the same names.
fn with_defaults(program: clap::Command, chosen: &[(&'static Known, String)]) -> clap::Command {
    if chosen.is_empty() {
        return program;
    }
    let with_default = |arg: clap::Arg| {
        let value = chosen.iter().find(|(known, _)| arg.get_long() == Some(known.key));
        match value {
            // Once in a run, and needed to its end.
            Some((_, value)) => arg.default_value(&*value.clone().leak()),
            None => arg,
        }
    };
    program.mut_args(with_default).mut_subcommands(|command| with_defaults(command, chosen))
}

/// Reads the arguments. What the user has chosen are the defaults of flags.
///
/// # Errors
/// clap's: what is wrong with them, or the help or the version that they ask for.
pub(super) fn parse(args: &[OsString], chosen: &[(&'static Known, String)]) -> Result<Cli, clap::Error> {
    match parse_typed(args, chosen) {
        Ok(cli) => return Ok(cli),
        Err(error) if error.kind() == ErrorKind::DisplayVersion => return Err(error),
        // What is said of an error names the other commands, too.
        Err(_) => {}
    }
    let described = || with_defaults(program(), chosen);
    // Never freed: all that is freed is wiped, which would take longer here than to read the arguments.
    let mut program = ManuallyDrop::new(described());
    match program.try_get_matches_from_mut(args) {
        Ok(matches) => Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut program)),
        // Help is asked for, or needed. Commands that are typed right do not wait for its pages.
        Err(error) => Err(first_page(described()).try_get_matches_from_mut(args).err().unwrap_or(error)),
    }
}

/// The program with the flags that every command takes, and without commands.
fn flags() -> clap::Command {
    Global::augment_args(clap::Command::new(NAME)).version(env!("CARGO_PKG_VERSION"))
}

/// Reads the arguments by the one command that they name: to describe all of them to clap takes longer than most
/// commands. What it accepts is what the whole program would.
fn parse_typed(args: &[OsString], chosen: &[(&'static Known, String)]) -> Result<Cli, clap::Error> {
    let typed = args.iter().skip(1).filter_map(|arg| arg.to_str()).find_map(command);
    let program = typed.into_iter().fold(flags().subcommand_required(true), clap::Command::subcommand);
    // Never freed, as below.
    let mut program = ManuallyDrop::new(with_defaults(program, chosen));
    let matches = program.try_get_matches_from_mut(args)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut program))
}

/// Reads the flags of a program that was started without a command; `None` if there is one, or anything is wrong.
#[cfg(all(unix, feature = "tui"))]
pub(super) fn parse_alone(args: &[OsString], chosen: &[(&'static Known, String)]) -> Option<Global> {
    let mut program = ManuallyDrop::new(with_defaults(flags(), chosen));
    Global::from_arg_matches(&program.try_get_matches_from_mut(args).ok()?).ok()
}

/// How wide the names of commands are on the first page.
const WIDTH: usize = 11;

/// Gives the program a first page that lists its commands by what they are for. clap knows one list alone, so its own
/// is hidden; completions and the manual page are made from the program as it is.
fn first_page(program: clap::Command) -> clap::Command {
    let heading = Style::new().bold().underline();
    let name_style = Style::new().bold();
    let mut groups = String::new();
    for (group, names) in GROUPS {
        groups += &format!("{heading}{group}:{heading:#}\n");
        for name in *names {
            let about = program.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            groups += &format!("  {name_style}{name:<WIDTH$}{name_style:#}  {about}\n");
        }
        groups.push('\n');
    }
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{groups}Each command has its own help, such as `strongroom encrypt --help`.\n\n{{all-args}}{{after-help}}"
    );
    let hidden = program.mut_subcommands(|command| command.hide(true));
    let usage = format!("{} [OPTIONS] <COMMAND>", hidden.get_name());
    hidden.override_usage(usage).help_template(template)
}

/// Makes a failure out of clap's.
pub(super) fn usage_of(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    // The message goes on to the usage line; what stands in lines is one sentence in JSON.
    let lines = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let line = lines.map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    Failure::usage(line.strip_prefix("error: ").unwrap_or(&line)).hint("run it with --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that does something, with the words that name it.
    fn leaves(command: &clap::Command, path: &[String]) -> Vec<(Vec<String>, clap::Command)> {
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        let below: Vec<_> =
            below.flat_map(|below| leaves(below, &[path, &[below.get_name().into()]].concat())).collect();
        if below.is_empty() { vec![(path.to_vec(), command.clone())] } else { below }
    }

    /// Returns the examples before a command's help: the first line's, and those of lines that say when it is another.
    fn examples(command: &clap::Command) -> Vec<String> {
        let text = command.get_before_help().map(ToString::to_string).unwrap_or_default();
        assert!(text.starts_with("Example: "), "{}: {text:?}", command.get_name());
        text.lines().map(|line| line.split_once(": ").unwrap_or_default().1.to_owned()).collect()
    }

    #[test]
    fn every_commands_help_begins_with_an_example_that_can_be_typed() {
        let leaves = leaves(&program(), &[]);
        assert!(leaves.len() > 30, "{}", leaves.len());
        for (path, command) in leaves {
            for example in examples(&command) {
                let begins = format!("strongroom {}", path.join(" "));
                assert!(example == begins || example.starts_with(&format!("{begins} ")), "{path:?}: {example:?}");
                let words: Vec<OsString> = example.split(' ').map(Into::into).collect();
                let typed = parse_typed(&words, &[]).unwrap_or_else(|error| panic!("{example}: {error}"));
                let matches = program().try_get_matches_from(&words).unwrap();
                assert_eq!(format!("{typed:?}"), format!("{:?}", Cli::from_arg_matches(&matches).unwrap()));
            }
        }
        for group in program().get_subcommands().filter(|command| command.has_subcommands()) {
            let example = examples(group).remove(0);
            assert!(example.starts_with(&format!("strongroom {} ", group.get_name())), "{}", group.get_name());
        }
    }

    #[test]
    fn a_value_that_is_called_like_a_command_is_not_taken_for_one() {
        for (args, expected) in [
            (&["--vault", "key", "status"][..], "Status"),
            (&["--vault", "key", "key", "list", "acme"], "Key"),
            (&["status", "--vault", "run"], "Status"),
        ] {
            let words: Vec<OsString> =
                std::iter::once("strongroom").chain(args.iter().copied()).map(Into::into).collect();
            let cli = parse(&words, &[]).unwrap_or_else(|error| panic!("{args:?}: {error}"));
            assert!(format!("{:?}", cli.command).starts_with(expected), "{args:?}: {:?}", cli.command);
            assert_eq!(cli.global.vault.unwrap().to_str(), Some(if args.contains(&"run") { "run" } else { "key" }));
        }
    }

    #[test]
    fn the_first_page_lists_every_command_once_within_80_columns_and_ends_with_examples() {
        let page = first_page(program()).render_long_help().to_string();
        for command in program().get_subcommands() {
            let row = format!("  {:<WIDTH$}  ", command.get_name());
            let rows: Vec<&str> = page.lines().filter(|line| line.starts_with(&row)).collect();
            assert!(matches!(rows[..], [row] if row.len() <= 80), "{rows:?}");
        }
        let examples: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("  strongroom ")).collect();
        assert_eq!(examples.len(), 4, "{page}");
        for example in examples {
            let words =
                std::iter::once("strongroom").chain(example.split(' ')).map(Into::into).collect::<Vec<OsString>>();
            parse(&words, &[]).unwrap_or_else(|error| panic!("{example}: {error}"));
        }
    }
}
