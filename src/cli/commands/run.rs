//! `strongroom run`.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use clap::{ArgGroup, Args, ValueHint};
use zeroize::Zeroizing;

use super::key::{Format, encode};
use crate::cli::access::Doing;
use crate::cli::context::Context;
use crate::cli::open_vault::{AnyVault, Uses};
use crate::cli::pipes::check_apart_from_password;
use crate::cli::unlocking::open;
use crate::disk::plain;
use crate::failure::{Exit, Failure};
use crate::format::log::{Action, Destination};
use crate::words::{command, words};

/// What every pipe holds, in bytes.
#[cfg(target_os = "linux")]
const PIPE_LENGTH: usize = 4096;

/// What the names of this program's own variables begin with.
const OWN_VARIABLES: &str = "STRONGROOM_";

/// Run a program that gets a project's key, or secrets.
///
/// They are in no file and in no argument. The program takes strongroom's place: it has the same process id, terminal,
/// input and output, it gets every signal itself, and its exit code is the result. No shell is involved. Prefer --key-fd
/// and --secret-fd: what is there can be read once. In an environment variable, other programs of the same user can read
/// it for as long as the program runs, and every program that it starts gets it too.
#[derive(Debug, Args)]
#[command(before_help = "Example: strongroom run --project acme --key-fd 3 -- ./report --key-from /dev/fd/3\n\
                         With a password: strongroom run --secret PGPASSWORD=acme-database -- psql -h db.example")]
#[command(group = ArgGroup::new("given").args(["key_fd", "key_env", "secret", "secret_fd"]).required(true).multiple(true))]
#[command(group = ArgGroup::new("key").args(["key_fd", "key_env"]).requires("project"))]
pub struct Run {
    /// The project whose key the program gets
    #[arg(long, short, value_name = "NAME", requires = "key")]
    project: Option<String>,
    /// Let the program read the key from file descriptor N, as `strongroom key show` prints it
    #[arg(long, value_name = "N", value_parser = descriptor)]
    key_fd: Option<i32>,
    /// Put the key into environment variable VAR of the program
    #[arg(long, value_name = "VAR", value_parser = variable)]
    key_env: Option<String>,
    /// Let the program read the password of secret NAME from file descriptor N, with a newline (may be given several
    /// times)
    #[arg(long, value_name = "N=NAME", value_parser = on_descriptor)]
    secret_fd: Vec<(i32, String)>,
    /// Put the password of secret NAME into environment variable VAR of the program (may be given several times)
    #[arg(long, value_name = "VAR=NAME", value_parser = in_variable)]
    secret: Vec<(String, String)>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

impl Run {
    /// The descriptors on which the program gets something.
    fn descriptors(&self) -> Vec<i32> {
        self.key_fd.into_iter().chain(self.secret_fd.iter().map(|(number, _)| *number)).collect()
    }

    /// Takes these descriptors before any thread of this process can: a thread that waits for one would notice, in the
    /// moment before the program starts, that there is something else on it.
    #[cfg(unix)]
    pub(crate) fn reserve(&self) -> Vec<std::os::fd::OwnedFd> {
        use std::os::fd::AsRawFd;
        let reserve = |number: i32| {
            let reserved = rustix::io::fcntl_dupfd_cloexec(io::stdin(), number).ok()?;
            // Any other is what this program was started with.
            (reserved.as_raw_fd() == number).then_some(reserved)
        };
        self.descriptors().into_iter().filter_map(reserve).collect()
    }

    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let descriptors = self.descriptors();
        // The program inherits standard input: from a file, it could read the password there once more.
        check_apart_from_password(&context.global, !descriptors.contains(&0), None)?;
        descriptors.iter().try_for_each(|number| check_limit(*number))?;
        let variables = self.key_env.iter().chain(self.secret.iter().map(|(variable, _)| variable));
        if let Some(twice) = twice_in(descriptors.iter().map(ToString::to_string).chain(variables.cloned())) {
            return Err(Failure::usage(format!("{twice} is named twice")).hint("give each thing a place of its own"));
        }
        let Some((name, arguments)) = self.command.split_first() else {
            return Err(Failure::usage("no program is named").hint("name it after --"));
        };
        let (given, mut vault) = self.given(context)?;
        let mut command = Command::new(name);
        command.args(arguments);
        for (variable, _) in std::env::vars_os() {
            if variable.to_str().is_some_and(|name| name.starts_with(OWN_VARIABLES)) {
                command.env_remove(variable);
            }
        }
        for (variable, line) in given.variables {
            if std::env::var_os(variable).is_some() {
                context.output.remark(format!("{variable} was set already: the program gets the new value"));
            }
            command.env(variable, text_of(&line));
        }
        context.remark_on_memory();
        // Nothing comes after it, and what the program does with them nobody knows.
        vault.done();
        drop(vault);
        let error = hand_over(command, given.descriptors)?;
        Err(not_run(&name.display().to_string(), &error))
    }

    /// Asks the vault for all that the program gets.
    fn given(&self, context: &Context) -> Result<(GivenTo<'_>, AnyVault), Failure> {
        let mut given = GivenTo::default();
        // One question for its password, if it asks for that.
        let uses = match (&self.project, self.secret.first().map(|(_, name)| name), self.secret_fd.first()) {
            (Some(project), None, None) => Uses::Project(project),
            (None, Some(name), None) if self.secret.len() == 1 => Uses::Secret { name, project: None },
            (None, None, Some((_, name))) if self.secret_fd.len() == 1 => Uses::Secret { name, project: None },
            _ => Uses::AllProjects,
        };
        let names = self.secret.iter().map(|(_, name)| name).chain(self.secret_fd.iter().map(|(_, name)| name));
        let names: Vec<&str> = names.map(String::as_str).collect();
        let doing = match &self.project {
            Some(project) => Doing::to_project(Action::Run, Some(project)),
            None => Doing::to_vault(Action::Run),
        };
        let program = self.command.first().map(|program| program.to_string_lossy().into_owned());
        let doing = doing.subject(names.join(", ")).to(Destination::Program).program(program.unwrap_or_default());
        let vault = open(context, uses, &doing)?;
        if let Some(project) = &self.project {
            let failed = |error| Failure::of(format!("run with the key of {project:?}"), error);
            let line = encode(&vault.file_key(project, None).map_err(failed)?.key, Format::Base64);
            match (self.key_fd, &self.key_env) {
                (Some(number), _) => given.descriptors.push((number, line)),
                (None, Some(variable)) => given.variables.push((variable, line)),
                (None, None) => {}
            }
        }
        let password = |name: &str| {
            let doing = format!("run with secret {name:?}");
            let value = vault.secret_value(name, None).map_err(|error| Failure::of(&doing, error))?;
            if value.password.is_empty() {
                return Err(Failure::new(Exit::NotFound, "field-not-found", format!("cannot {doing}"))
                    .cause("it has no password")
                    .hint(words!["see what it has with ", command("secret show").arg(name)]));
            }
            Ok(Zeroizing::new([value.password.expose().as_bytes(), b"\n"].concat()))
        };
        for (number, name) in &self.secret_fd {
            given.descriptors.push((*number, password(name)?));
        }
        for (variable, name) in &self.secret {
            given.variables.push((variable, password(name)?));
        }
        Ok((given, vault))
    }
}

/// What the program gets: each a line, with its end.
#[derive(Default)]
struct GivenTo<'a> {
    descriptors: Vec<(i32, Zeroizing<Vec<u8>>)>,
    variables: Vec<(&'a str, Zeroizing<Vec<u8>>)>,
}

/// Returns a text that is there twice.
fn twice_in(texts: impl Iterator<Item = String>) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    texts.into_iter().find(|text| !seen.insert(text.clone()))
}

/// Returns a line without its end, as a shell takes what a program prints.
fn text_of(line: &Zeroizing<Vec<u8>>) -> &str {
    let text = std::str::from_utf8(line).unwrap_or_default();
    text.strip_suffix('\n').unwrap_or(text)
}

/// Has the program take this one's place, and returns why it cannot. It gets standard input, output and error, and a
/// line on each of these descriptors; every other one is closed.
#[cfg(unix)]
fn hand_over(mut command: Command, given: Vec<(i32, Zeroizing<Vec<u8>>)>) -> Result<io::Error, Failure> {
    use std::fs::File;
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::os::unix::process::CommandExt;

    use command_fds::{CommandFdExt, FdMapping};
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    let doing = "make a pipe for the program";
    let failed = |error: io::Error| Failure::io(doing, &error);
    let mut mappings = Vec::new();
    for (number, line) in given {
        let (reader, writer) = io::pipe().map_err(failed)?;
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        #[cfg(target_os = "linux")]
        if line.len() > PIPE_LENGTH {
            // If the user has so many pipes that none may be larger, the line may fit all the same.
            let _ = rustix::pipe::fcntl_setpipe_size(&writer, line.len());
        }
        // Nobody reads yet: a line that does not fit would be waited for without end.
        let flags = fcntl_getfl(&writer).map_err(|error| failed(error.into()))?;
        fcntl_setfl(&writer, flags | OFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        // The end is closed before the program starts: it reads the line, and then an end of file.
        File::from(writer).write_all(&line).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Failure::new(Exit::Failed, "io", format!("cannot {doing}"))
                .cause("the secret is longer than what a pipe of this system holds")
                .hint("store what is long in a file, and encrypt that"),
            _ => failed(error),
        })?;
        mappings.push(FdMapping { parent_fd: reader, child_fd: number });
    }
    // No two have one number: that was checked.
    command.fd_mappings(mappings).map_err(|error| failed(io::Error::other(error)))?;
    // What this program was started with may have no such mark: the password's source, for example.
    close_fds::set_fds_cloexec(3, &[]);
    // The standard library gives the program an empty signal mask and the default action for SIGPIPE; the kernel ends
    // the handlers of this program, and lets the program be dumped and traced as any other.
    Ok(command.exec())
}

/// Runs the program, and ends this one with the exit code of that.
#[cfg(not(unix))]
fn hand_over(mut command: Command, given: Vec<(i32, Zeroizing<Vec<u8>>)>) -> Result<io::Error, Failure> {
    if !given.is_empty() {
        return Err(Failure::usage("this system has no file descriptors to pass on")
            .hint("use --key-env VAR or --secret VAR=NAME"));
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
            return Err(Failure::usage(format!("cannot give the program anything on descriptor {number}"))
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

/// Reads a descriptor and the name of a secret.
fn on_descriptor(text: &str) -> Result<(i32, String), String> {
    let (number, name) = text.split_once('=').ok_or("give a file descriptor and a secret's name, such as 3=portal")?;
    Ok((descriptor(number)?, name.to_owned()))
}

/// Reads a variable and the name of a secret.
fn in_variable(text: &str) -> Result<(String, String), String> {
    let (name, secret) =
        text.split_once('=').ok_or("give a variable and a secret's name, such as PGPASSWORD=portal")?;
    Ok((variable(name)?, secret.to_owned()))
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
