//! The command line: arguments, prompts, output. One file per command in `commands`. Nothing below this room prints,
//! prompts or exits.

mod access;
mod accesses;
mod agent;
mod args;
mod clip;
mod commands;
mod completing;
mod configured;
mod context;
mod copies;
mod fitting;
mod flags;
mod generating;
mod interrupt;
mod kdf;
mod kit;
mod layout;
mod ledger;
mod new_password;
mod notices;
mod open_vault;
mod output;
mod own_files;
mod password;
mod paths;
mod pipes;
mod progress;
mod project_flags;
mod rendering;
mod rotation;
mod secret_value;
mod setup;
mod streams;
mod tally;
mod term_flags;
mod terminal;
mod times;
mod today;
#[cfg(all(unix, feature = "tui"))]
mod tui;
mod unlocking;
mod vault_copy;
mod views;
mod wrapping;

use std::ffi::OsString;
use std::process::ExitCode;

pub use args::Cli;
use context::Context;
use output::Output;

use crate::agent::process;
#[cfg(feature = "clipboard")]
use crate::clipboard;
use crate::failure::{Exit, Failure};
#[cfg(all(feature = "import-keepass", unix))]
use crate::foreign::keepass_process;
use crate::home::{ConfigFile, Folders};

/// Runs the program with these arguments, its own name first, and returns its exit code.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::memory::refuse_dumps();
    let args: Vec<OsString> = args.into_iter().collect();
    match completing::answer(args::program, &args) {
        Ok(false) => {}
        Ok(true) => return ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(Exit::Failed as u8);
        }
    }
    if matches!(&args[..], [_, word, ..] if word == process::PROCESS) {
        interrupt::install(&Output::plain(false), interrupt::Ignored::AreHeard);
        return if process::run(interrupt::end_by).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    #[cfg(feature = "clipboard")]
    if matches!(&args[..], [_, word] if word == clipboard::process::PROCESS) {
        return if clipboard::process::run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    #[cfg(all(feature = "import-keepass", unix))]
    if matches!(&args[..], [_, word] if word == keepass_process::PROCESS) {
        return if keepass_process::run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    // clap refuses before it knows of --json, so its errors are rendered by what was typed.
    let json = args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json");
    let folders = Folders::find();
    let config = ConfigFile::new(folders.config, configured::KEYS);
    let chosen = config.values();
    let parsed = args::parse(&args, chosen.as_deref().unwrap_or_default());
    #[cfg(all(unix, feature = "tui"))]
    if parsed.is_err()
        && let Some(global) = args::parse_alone(&args, chosen.as_deref().unwrap_or_default())
        && tui::is_possible(&global)
    {
        let output = Output::of(&global, folders.settings.is_some());
        interrupt::install(&output, interrupt::Ignored::AreHeard);
        let result = chosen.map_err(Failure::from).and_then(|_| {
            let context = std::sync::Arc::new(Context::new(args::program, global, config, output.clone())?);
            let result = tui::run(context.clone());
            context.remark_on_memory();
            result
        });
        return match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => rendering::report(&failure, &output),
        };
    }
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && json => {
            return rendering::report(&args::usage_of(&error), &Output::plain(true));
        }
        Err(error) => {
            // A help text into a closed pipe is nobody's loss.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::of(&cli.global, folders.settings.is_some());
    #[cfg(unix)]
    let _reserved = cli.reserved();
    interrupt::install(&output, cli.ignored_signals());
    if let Err(error) = chosen
        && cli.needs_config()
    {
        return rendering::report(&error.into(), &output);
    }
    let result = Context::new(args::program, cli.global, config, output.clone()).and_then(|context| {
        let result = cli.command.run(&context);
        context.remark_on_memory();
        result.map_err(|failure| explain_missing_vault(&context, failure))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => rendering::report(&failure, &output),
    }
}

/// Says of a vault that was not found what this computer knows of its place.
fn explain_missing_vault(context: &Context, failure: Failure) -> Failure {
    if failure.kind != "vault-not-found" {
        return failure;
    }
    let is_remembered = context.store().is_ok_and(|store| context.home.remembered_at(store.file()).is_some());
    failure.vault_sought(is_remembered, context.home.named_keychain())
}
