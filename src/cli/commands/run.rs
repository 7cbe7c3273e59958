//! `strongroom run`.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use clap::{ArgGroup, Args, ValueHint};
use zeroize::Zeroizing;

use super::key::{Format, encode};
use crate::cli::context::Context;
use crate::cli::open_vault::Uses;
use crate::cli::pipes::check_apart_from_password;
use crate::cli::unlocking::open;
use crate::disk::plain;
use crate::failure::{Exit, Failure};

/// What the names of this program's own variables begin with.
const OWN_VARIABLES: &str = "STRONGROOM_";

/// Run a program that gets a project's key.
///
/// The key is in no file and in no argument. The program takes strongroom's place: it has the same process id, terminal, input and output, it gets every signal
/// itself, and its exit code is the result. No shell is involved. Prefer --key-fd: the key can be read there once. In
/// an environment variable, other programs of the same user can read the key for as long as the program runs, and every
/// program that it starts gets it too.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom run --project acme --key-fd 3 -- ./report --key-from /dev/fd/3")]
#[command(group = ArgGroup::new("key").args(["key_fd", "key_env"]).required(true))]
pub struct Run {
    /// The project whose key the program gets
    #[arg(long, short, value_name = "NAME")]
    project: String,
    /// Let the program read the key from file descriptor N, as `strongroom key show` prints it
    #[arg(long, value_name = "N", value_parser = descriptor)]
    key_fd: Option<i32>,
    /// Put the key into environment variable VAR of the program
    #[arg(long, value_name = "VAR", value_parser = variable)]
    key_env: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

impl Run {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        // The program inherits standard input: from a file, it could read the password there once more.
        check_apart_from_password(&context.global, self.key_fd != Some(0), None)?;
        self.key_fd.map_or(Ok(()), check_limit)?;
        let Some((name, arguments)) = self.command.split_first() else {
            return Err(Failure::usage("no program is named").hint("name it after --"));
        };
        let vault = open(context, Uses::Project(&self.project))?;
        let key = vault.file_key(&self.project, None);
        // It shows what it has to say while this program is there.
        drop(vault);
        let key = key.map_err(|error| Failure::of(format!("run with the key of {:?}", self.project), error))?;
        let key = encode(&key.key, Format::Base64);
        let mut command = Command::new(name);
        command.args(arguments);
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|name| name.starts_with(OWN_VARIABLES)) {
                command.env_remove(variable);
            }
        }
        if let Some(variable) = &self.key_env {
            if std::env::var_os(variable).is_some() {
                context.output.remark(format!("{variable} was set already: the program gets the key in its place"));
            }
            command.env(variable, line_of(&key));
        }
        context.remark_on_memory();
        let error = hand_over(command, self.key_fd.map(|number| (number, key)))?;
        Err(not_run(&name.display().to_string(), &error))
    }
}

/// Returns the key without its line end, as a shell takes what a program prints.
fn line_of(key: &Zeroizing<Vec<u8>>) -> &str {
    std::str::from_utf8(key).unwrap_or_default().trim_end()
}

/// Has the program take this one's place, and returns why it cannot. It gets standard input, output and error, and the
/// key on a descriptor; every other one is closed.
#[cfg(unix)]
fn hand_over(mut command: Command, key: Option<(i32, Zeroizing<Vec<u8>>)>) -> Result<io::Error, Failure> {
    use std::fs::File;
    use std::io::Write;
    use std::os::unix::process::CommandExt;

    use command_fds::{CommandFdExt, FdMapping};
    use rustix::pipe::{PipeFlags, pipe_with};

    let failed = |error: io::Error| Failure::io("make a pipe for the key", &error);
    if let Some((number, key)) = key {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
        // A key is far shorter than what every pipe holds, so this waits for no reader. The end is closed before the
        // program starts: it reads the key, and then an end of file.
        File::from(writer).write_all(&key).map_err(failed)?;
        let mapping = FdMapping { parent_fd: reader, child_fd: number };
        // One mapping cannot collide with another.
        command.fd_mappings(vec![mapping]).map_err(|error| failed(io::Error::other(error)))?;
    }
    // What this program was started with may have no such mark: the password's source, for example.
    close_fds::set_fds_cloexec(3, &[]);
    // The standard library gives the program an empty signal mask and the default action for SIGPIPE; the kernel ends
    // the handlers of this program, and lets the program be dumped and traced as any other.
    Ok(command.exec())
}

/// Runs the program, and ends this one with the exit code of that.
#[cfg(not(unix))]
fn hand_over(mut command: Command, key: Option<(i32, Zeroizing<Vec<u8>>)>) -> Result<io::Error, Failure> {
    if key.is_some() {
        return Err(Failure::usage("this system has no file descriptors to pass on").hint("use --key-env VAR"));
    }
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(Exit::Failed as i32)),
        Err(error) => Ok(error),
    }
}

/// Refuses a descriptor that this process cannot open.
fn check_limit(number: i32) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let limit = getrlimit(Resource::Nofile).current;
        if limit.is_some_and(|limit| u64::try_from(number).is_ok_and(|number| number >= limit)) {
            return Err(Failure::usage(format!("cannot give the program the key on descriptor {number}"))
                .cause("the number is above the limit of open files (ulimit -n)")
                .hint("use a smaller number, such as 3"));
        }
    }
    #[cfg(not(unix))]
    let _ = number;
    Ok(())
}

fn not_run(name: &str, error: &io::Error) -> Failure {
    let (exit, kind, hint) = match error.kind() {
        io::ErrorKind::NotFound => {
            (Exit::CommandNotFound, "command-not-found", "check the program's name, or give its whole path")
        }
        _ => (Exit::CommandNotRun, "command-not-run", "name a program that you may execute"),
    };
    Failure::new(exit, kind, format!("cannot run {name}")).cause(plain(error)).hint(hint)
}

/// Reads the number of a descriptor that a program can read from.
fn descriptor(text: &str) -> Result<i32, String> {
    match text.parse() {
        Ok(1 | 2) => Err("standard output and standard error are not read; use 3 or more".into()),
        Ok(number @ 0..) => Ok(number),
        _ => Err("it is the number of a file descriptor, such as 3".into()),
    }
}

/// Reads the name of a variable that a program can be given.
fn variable(text: &str) -> Result<String, String> {
    let is_name = |text: &str| {
        text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
            && text.chars().next().is_some_and(|first| !first.is_ascii_digit())
    };
    if !is_name(text) {
        return Err("a variable's name has letters, digits and underscores, and does not begin with a digit".into());
    }
    if text.starts_with(OWN_VARIABLES) {
        return Err("variables that begin with STRONGROOM_ are not passed on".into());
    }
    Ok(text.to_owned())
}
