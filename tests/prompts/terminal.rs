//! A user's home folder without any desktop, and a pseudo-terminal to run the program on.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, tcgetattr};

use crate::support::run::Typed;
use crate::support::{home, made};

pub const OLD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";
pub const NEW: &str = "gravel-tunic-ember-canyon-plaza-hinge";
pub const DATA: &str = "name,city\nAda,Graz\n";
pub const CHEAP: &str = "--kdf-memory 64 --kdf-passes 3 --kdf-lanes 4";

/// Far more than any step takes, so that only a program that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(60);

pub const CHOICE: &str = "1 or 2? [1] ";
pub const PASSWORD: &str = "master password: ";
pub const NEW_PASSWORD: &str = "new master password (at least 15 characters): ";
pub const AGAIN: &str = "repeat the password: ";
pub const TYPE_BACK: &str = "type it to continue: ";
#[cfg(not(target_os = "macos"))]
pub const KEEP_IN_FILE: &str = "Keep the key in a file? [y/N] ";

/// A user's empty home folder, and beside it a folder to work in.
pub struct Home(home::Home);

impl Home {
    pub fn new() -> Self {
        Self(home::Home::apart())
    }

    /// A home with a vault under [`OLD`], with the project acme.
    pub fn with_vault() -> Self {
        Self(made::once("vault at a terminal", home::Home::apart, |home| {
            let password = ["--password-fd", "0"];
            for words in [format!("init --no-recovery --keychain file {CHEAP}").as_str(), "project add acme"] {
                home.typed(words).args(password).input(OLD.as_bytes()).run().succeeds();
            }
        }))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    pub fn work(&self, name: &str) -> PathBuf {
        self.0.work().join(name)
    }

    /// Writes the data file and returns its name.
    pub fn data(&self) -> &'static str {
        fs::write(self.work("clients.csv"), DATA).unwrap();
        "clients.csv"
    }

    /// A shell without any desktop. The address leads nowhere, because without one the bus of whoever runs the test
    /// would be found by its usual path.
    pub fn shell(&self, script: &str) -> Command {
        let bus = format!("unix:path={}", self.path("../no-bus").display());
        Typed::new(&self.0, "bash")
            .args(["--norc", "--noprofile", "-c", script])
            .env("DBUS_SESSION_BUS_ADDRESS", bus)
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C")
            .command()
    }

    /// Runs strongroom without a terminal's questions, with the password from a file, and returns its exit code.
    pub fn run(&self, arguments: &str, password: impl AsRef<[u8]>) -> i32 {
        let file = self.path("../password");
        fs::write(&file, password).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let script = format!("strongroom --no-input --password-file ../password {arguments}");
        let output = self.shell(&script).stdin(Stdio::null()).output().unwrap();
        fs::remove_file(&file).unwrap();
        output.status.code().unwrap_or_else(|| panic!("{script}: {output:?}"))
    }

    /// Starts a line of shell on a terminal of its own.
    pub fn terminal(&self, line: &str) -> Terminal {
        // A terminal as a login makes it, and at the end how it was left. The shell is not interactive: one that is
        // mends the terminal by itself. The trap keeps it here when a key sends it the signal, too.
        let script = format!("trap : INT; stty sane; {line}; echo \"left with $?\"; stty -a");
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
        // Tests that run in the background of a shell inherit that Ctrl-C is ignored, and so would every shell here.
        let mut command = self.shell("exec env --default-signal=INT bash --norc --noprofile -c \"$1\"");
        command.args(["bash", &script]);
        let session = spawn_command(command, Some(patience)).expect("a pseudo-terminal");
        Terminal { session, screen: String::new(), typed: Vec::new() }
    }

    /// Asserts that nothing at all was written into the home folder.
    #[track_caller]
    pub fn untouched(&self) {
        let made: Vec<_> = fs::read_dir(self.path("")).unwrap().map(|made| made.unwrap().path()).collect();
        assert!(made.is_empty(), "{made:?}");
    }
}

/// A terminal with a program running on it.
pub struct Terminal {
    pub session: PtySession,
    /// Everything that was shown so far.
    pub screen: String,
    /// What was typed and must not be shown.
    pub typed: Vec<String>,
}

impl Terminal {
    /// Waits until a text is shown.
    #[track_caller]
    pub fn see(&mut self, text: &str) {
        match self.session.exp_string(text) {
            Ok(before) => self.screen += &(before + text),
            Err(error) => panic!("waiting for {text:?}: {error}\nbefore it:\n{}", self.screen),
        }
    }

    pub fn echoes(&self) -> bool {
        // Both ends of a pseudo-terminal tell the same settings.
        let end = self.session.process().get_file_handle().unwrap();
        tcgetattr(end).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for a question whose answer is hidden.
    #[track_caller]
    pub fn see_hidden(&mut self, question: &str) {
        self.see(question);
        let start = Instant::now();
        // The question is shown a moment before the echo is off, and nobody types as fast as a test.
        while self.echoes() {
            assert!(start.elapsed() < PATIENCE, "{question:?} is answered in plain sight");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Answers a question whose answer may be seen.
    #[track_caller]
    pub fn answer(&mut self, question: &str, answer: &str) {
        self.see(question);
        self.session.send_line(answer).unwrap();
    }

    /// Answers a question whose answer is hidden.
    #[track_caller]
    pub fn answer_hidden(&mut self, question: &str, answer: &str) {
        self.see_hidden(question);
        self.session.send_line(answer).unwrap();
        self.typed.push(answer.to_owned());
    }

    /// Presses a key, such as one that the terminal turns into a signal.
    pub fn press(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    /// Sends bytes that are no text.
    pub fn press_bytes(&mut self, bytes: &[u8]) {
        let mut end = self.session.process().get_file_handle().unwrap();
        end.write_all(bytes).unwrap();
    }

    /// Reads the generated words off the screen.
    #[track_caller]
    pub fn words(&mut self) -> String {
        self.see("Write it down");
        let lines: Vec<&str> = self.screen.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let [words] = lines[..] else { panic!("no words on the screen:\n{}", self.screen) };
        // The list has words with a hyphen of their own, such as t-shirt.
        assert!(words.split('-').count() >= 6, "{words}");
        words.trim().to_owned()
    }

    /// Waits for the end, asserts the exit code and that the terminal is as it was, and returns all that was shown.
    #[track_caller]
    pub fn leaves_with(mut self, code: i32) -> String {
        let rest = self.session.exp_eof().unwrap_or_else(|error| panic!("{error}\n{}", self.screen));
        self.screen += &rest;
        let screen = &self.screen;
        let (_, settings) = screen
            .split_once(&format!("left with {code}\r\n"))
            .unwrap_or_else(|| panic!("no end with {code}:\n{screen}"));
        for wanted in ["echo", "icanon", "isig", "icrnl", "opost"] {
            let mut settings = settings.split_whitespace().map(|word| word.trim_end_matches(';'));
            assert!(settings.any(|setting| setting == wanted), "{wanted} is off:\n{screen}");
        }
        for hidden in &self.typed {
            // Generated words are shown, once, and by the program alone.
            let shown = usize::from(screen.contains(&format!("\n    {hidden}\r\n")));
            assert_eq!(screen.matches(hidden.as_str()).count(), shown, "{hidden:?} is on the screen:\n{screen}");
        }
        self.screen
    }
}
