//! The program, run in a home, and what may be said of a run. Silence is assumed: whatever a story does not expect on
//! standard output or standard error fails it, and so does a temporary file that is left behind.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::home::{Home, STRANGER, UNKNOWN, give_away, is_root};
use super::{desktop, hints};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");

/// A command that is about to be run.
pub struct Typed<'a> {
    home: &'a Home,
    before: Vec<OsString>,
    command: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    input: Vec<u8>,
    /// A copy of the program that another user can reach.
    _program: Option<TempDir>,
}

impl<'a> Typed<'a> {
    /// Begins a command of any program.
    pub fn new(home: &'a Home, program: impl Into<OsString>) -> Self {
        let command = vec![program.into()];
        Self { home, before: Vec::new(), command, environment: Vec::new(), input: Vec::new(), _program: None }
    }

    /// Adds a word as it is, with whatever blanks it has.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.push(arg.as_ref().into());
        self
    }

    /// Adds words.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable. No other is set but HOME, PATH and, on a desktop, what leads to its bus.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().into()));
        self
    }

    /// Gives bytes on standard input.
    pub fn input(mut self, input: &[u8]) -> Self {
        self.input = input.to_vec();
        self
    }

    /// Lets another program start it.
    pub fn through(mut self, before: &[&str]) -> Self {
        self.before.extend(before.iter().map(Into::into));
        self
    }

    /// Runs it as somebody whom file permissions bind: nobody where the tests are root's, else whoever runs them. The
    /// home becomes theirs.
    pub fn by_stranger(self) -> Self {
        if is_root() {
            give_away(self.home.folder());
        }
        self.by_stranger_as_it_is()
    }

    /// Runs it as somebody whom file permissions bind, in a home that is left as it is.
    pub fn by_stranger_as_it_is(self) -> Self {
        if is_root() { self.by_user(STRANGER) } else { self }
    }

    /// Runs it as a user that the system has no entry for, without HOME. Only root can.
    pub fn by_nobody_known(self) -> Self {
        self.by_user(UNKNOWN).through(&["env", "-u", "HOME"])
    }

    fn by_user(mut self, user: u32) -> Self {
        // The program may lie where only root can go.
        let folder = TempDir::with_prefix("strongroom-program-").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let program = folder.path().join("strongroom");
        fs::hard_link(PROGRAM, &program).or_else(|_| fs::copy(PROGRAM, &program).map(drop)).unwrap();
        self.command[0] = program.into();
        self._program = Some(folder);
        self.through(&["setpriv", &format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"])
    }

    /// Runs it.
    #[must_use]
    pub fn run(self) -> Outcome {
        let before = self.home.contents();
        let output = self.output();
        let outcome = Outcome {
            typed: format!("{:?}", self.command),
            home: self.home.folder().display().to_string(),
            code: output.status.code().unwrap_or_else(|| panic!("{:?} was killed: {}", self.command, output.status)),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("standard error is text"),
            before,
            after: self.home.contents(),
        };
        outcome.check_hints(&self.command);
        let new = outcome.after.keys().filter(|path| !outcome.before.contains_key(*path));
        let left: Vec<_> = new.filter(|path| is_temporary(path)).collect();
        assert!(left.is_empty(), "{} left {left:?}", outcome.typed);
        outcome
    }

    /// Runs it, and leaves to the test what to make of what came.
    pub fn output(&self) -> Output {
        self.start().wait_with_output().unwrap()
    }

    /// Returns it to be run in the test's own session, by a terminal or to be killed.
    pub fn command(&self) -> Command {
        self.prepared(&[])
    }

    fn prepared(&self, before: &[&str]) -> Command {
        let folder = Path::new(PROGRAM).parent().unwrap().display();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
        let before = before.iter().map(OsString::from);
        let mut words = before.chain(self.before.iter().cloned()).chain(self.command.iter().cloned());
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .current_dir(self.home.work())
            .env_clear()
            .env("HOME", self.home.folder())
            .env("PATH", path)
            .envs(desktop::environment())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it, to be waited for by the story.
    pub fn start(&self) -> Child {
        // In a session of its own it has no terminal, wherever the tests are run.
        let mut command = self.prepared(&["setsid", "--wait"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads no input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        child
    }
}

/// Tells whether a name is one of an unfinished file.
fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.ends_with("strongroom-tmp") || (name.starts_with(".strongroom-") && name.ends_with(".tmp"))
}

/// What a command did.
pub struct Outcome {
    typed: String,
    home: String,
    code: i32,
    stdout: Vec<u8>,
    stderr: String,
    before: BTreeMap<PathBuf, String>,
    after: BTreeMap<PathBuf, String>,
}

impl Outcome {
    /// Every command that a hint names can be typed, and the command that failed has every flag that its hint names.
    #[track_caller]
    fn check_hints(&self, command: &[OsString]) {
        for line in self.stderr.lines() {
            let json = serde_json::from_str::<Value>(line).ok();
            let hint = match &json {
                Some(json) => json["hint"].as_str(),
                None => line.strip_prefix("hint: "),
            };
            let Some(hint) = hint else { continue };
            for command in hints::commands_in(hint) {
                hints::assert_known(PROGRAM, &command, &self.typed);
            }
            if self.typed.contains(PROGRAM) {
                hints::assert_flags_known(PROGRAM, &command[1..], hint);
            }
        }
    }

    /// It succeeded, changed nothing, and said this and nothing else.
    #[track_caller]
    pub fn shows(self, stdout: &str) -> Self {
        self.ends(0, stdout, "").changed_nothing()
    }

    /// It succeeded and said this and nothing else.
    #[track_caller]
    pub fn does(self, stdout: &str) -> Self {
        self.ends(0, stdout, "")
    }

    /// It succeeded, with something said on standard error too.
    #[track_caller]
    pub fn warns(self, stdout: &str, stderr: &str) -> Self {
        self.ends(0, stdout, stderr)
    }

    /// It failed with this code and text, said nothing on standard output, and changed nothing.
    #[track_caller]
    pub fn fails(self, code: i32, stderr: &str) -> Self {
        self.ends(code, "", stderr).changed_nothing()
    }

    /// It ended so. `[..]` stands for anything on one line, `{home}` for the home folder.
    #[track_caller]
    pub fn ends(self, code: i32, stdout: &str, stderr: &str) -> Self {
        let said = String::from_utf8_lossy(&self.stdout).into_owned();
        let (stdout, stderr) = (stdout.replace("{home}", &self.home), stderr.replace("{home}", &self.home));
        assert!(
            self.code == code && fits(&stdout, &said) && fits(&stderr, &self.stderr),
            "{}\n--- expected {code}\n{stdout}---\n{stderr}--- came {}\n{said}---\n{}---",
            self.typed,
            self.code,
            self.stderr
        );
        self
    }

    /// It succeeded without a word on standard error; what it printed is looked at elsewhere.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert!(self.code == 0 && self.stderr.is_empty(), "{}: {}\n{}", self.typed, self.code, self.stderr);
        self
    }

    /// Returns its exit code.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Tells whether it succeeded, where a story goes on either way.
    pub fn ends_well(&self) -> bool {
        self.code == 0
    }

    /// Every file is as it was before.
    #[track_caller]
    pub fn changed_nothing(self) -> Self {
        if self.before != self.after {
            let lost: Vec<_> = self.before.iter().filter(|file| self.after.get(file.0) != Some(file.1)).collect();
            let new: Vec<_> = self.after.iter().filter(|file| self.before.get(file.0) != Some(file.1)).collect();
            panic!("{} changed something:\nbefore {lost:#?}\nafter {new:#?}", self.typed);
        }
        self
    }

    /// Returns what it printed.
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("standard output is text")
    }

    /// Returns the bytes it printed.
    pub fn bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// Returns the JSON it printed: one line of it.
    #[track_caller]
    pub fn json(&self) -> Value {
        one_line_of_json(&self.text())
    }

    /// Returns what it said on standard error.
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// It failed with one line of JSON on standard error, of this code and kind, and changed nothing. Returns message
    /// and hint.
    #[track_caller]
    pub fn fails_in_json(self, code: i32, kind: &str) -> (String, String) {
        assert_eq!((self.code, self.text().as_str()), (code, ""), "{}\n{}", self.typed, self.stderr);
        let error = one_line_of_json(&self.stderr);
        let members: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["code", "hint", "kind", "message"]);
        assert_eq!((error["code"].as_i64(), error["kind"].as_str()), (Some(code.into()), Some(kind)), "{error}");
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let (message, hint) = (text("message"), text("hint"));
        self.changed_nothing();
        (message, hint)
    }
}

#[track_caller]
fn one_line_of_json(text: &str) -> Value {
    assert!(text.ends_with('\n') && text.lines().count() == 1, "not one line: {text:?}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// Tells whether a text fits a pattern in which `[..]` stands for anything on one line.
fn fits(pattern: &str, text: &str) -> bool {
    pattern.lines().count() == text.lines().count()
        && pattern.ends_with('\n') == text.ends_with('\n')
        && pattern.lines().zip(text.lines()).all(|(pattern, line)| line_fits(pattern, line))
}

fn line_fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| line_fits(rest, &line[at..]))
        }),
    }
}
