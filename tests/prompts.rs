//! The questions, asked on a real pseudo-terminal and answered as a person would: what is shown, what is not, and how
//! the terminal is left.
#![cfg(all(unix, feature = "cli"))]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rexpect::session::{PtySession, spawn_command};
use rustix::termios::{LocalModes, tcgetattr};

const OLD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";
const NEW: &str = "gravel-tunic-ember-canyon-plaza-hinge";
const CHEAP: &str = "--kdf-memory 64 --kdf-passes 3 --kdf-lanes 4";
const DATA: &str = "name,city\nAda,Graz\n";

/// Far more than any step takes, so that only a program that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(60);

const CHOICE: &str = "1 or 2? [1] ";
const PASSWORD: &str = "master password: ";
const NEW_PASSWORD: &str = "new master password (at least 15 characters): ";
const AGAIN: &str = "the same again: ";
const TYPE_BACK: &str = "type it to go on: ";
#[cfg(not(target_os = "macos"))]
const KEEP_IN_FILE: &str = "Keep the key in a file? [y/N] ";

/// A user's empty home folder, and beside it a folder to work in.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        fs::create_dir(folder.path().join("work")).unwrap();
        Self(folder)
    }

    /// A home with a vault under [`OLD`], with the project acme.
    fn with_vault() -> Self {
        let home = Self::new();
        assert_eq!(home.run(&format!("init --keychain file {CHEAP}"), OLD), 0);
        assert_eq!(home.run("project add acme", OLD), 0);
        home
    }

    fn work(&self, name: &str) -> PathBuf {
        self.0.path().join("work").join(name)
    }

    /// Writes the data file and returns its name.
    fn data(&self) -> &'static str {
        fs::write(self.work("clients.csv"), DATA).unwrap();
        "clients.csv"
    }

    /// A shell without any desktop. The address leads nowhere, because without one the bus of whoever runs the test
    /// would be found by its usual path.
    fn shell(&self, script: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_strongroom")).parent().unwrap().display().to_string();
        let mut command = Command::new("bash");
        command
            .args(["--norc", "--noprofile", "-c", script])
            .env_clear()
            .env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap()))
            .env("HOME", self.0.path().join("home"))
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", self.0.path().join("no-bus").display()))
            .env("NO_COLOR", "1")
            .env("LC_ALL", "C")
            .current_dir(self.0.path().join("work"));
        command
    }

    /// Runs strongroom without a terminal's questions, with the password from a file, and returns its exit code.
    fn run(&self, arguments: &str, password: &str) -> i32 {
        let file = self.0.path().join("password");
        fs::write(&file, password).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let script = format!("strongroom --no-input --password-file ../password {arguments}");
        let output = self.shell(&script).stdin(Stdio::null()).output().unwrap();
        output.status.code().unwrap_or_else(|| panic!("{script}: {output:?}"))
    }

    /// Starts a line of shell on a terminal of its own.
    fn terminal(&self, line: &str) -> Terminal {
        // A terminal as a login makes it, and at the end how it was left. The shell is not interactive: one that is
        // mends the terminal by itself.
        let script = format!("stty sane; {line}; echo \"left with $?\"; stty -a");
        let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
        let session = spawn_command(self.shell(&script), Some(patience)).expect("a pseudo-terminal");
        Terminal { session, screen: String::new(), typed: Vec::new() }
    }

    /// Asserts that nothing at all was written into the home folder.
    fn untouched(&self) {
        let made: Vec<_> = fs::read_dir(self.0.path().join("home")).unwrap().map(|made| made.unwrap().path()).collect();
        assert!(made.is_empty(), "{made:?}");
    }
}

/// A terminal with a program running on it.
struct Terminal {
    session: PtySession,
    /// Everything that was shown so far.
    screen: String,
    /// What was typed and must not be shown.
    typed: Vec<String>,
}

impl Terminal {
    /// Waits until a text is shown.
    #[track_caller]
    fn see(&mut self, text: &str) {
        match self.session.exp_string(text) {
            Ok(before) => self.screen += &(before + text),
            Err(error) => panic!("waiting for {text:?}: {error}\nbefore it:\n{}", self.screen),
        }
    }

    fn echoes(&self) -> bool {
        // Both ends of a pseudo-terminal tell the same settings.
        let end = self.session.process().get_file_handle().unwrap();
        tcgetattr(end).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits for a question whose answer is hidden.
    #[track_caller]
    fn see_hidden(&mut self, question: &str) {
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
    fn answer(&mut self, question: &str, answer: &str) {
        self.see(question);
        self.session.send_line(answer).unwrap();
    }

    /// Answers a question whose answer is hidden.
    #[track_caller]
    fn answer_hidden(&mut self, question: &str, answer: &str) {
        self.see_hidden(question);
        self.session.send_line(answer).unwrap();
        self.typed.push(answer.to_owned());
    }

    /// Reads the generated words off the screen.
    #[track_caller]
    fn words(&mut self) -> String {
        self.see("Write it down");
        let lines: Vec<&str> = self.screen.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        let [words] = lines[..] else { panic!("no words on the screen:\n{}", self.screen) };
        // The list has words with a hyphen of their own, such as t-shirt.
        assert!(words.split('-').count() >= 6, "{words}");
        words.trim().to_owned()
    }

    /// Waits for the end, asserts the exit code and that the terminal is as it was, and returns all that was shown.
    #[track_caller]
    fn leaves_with(mut self, code: i32) -> String {
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

#[test]
fn init_makes_six_words_and_goes_on_once_they_are_typed_back() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "1");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, "not-the-words-that-were-shown");
    terminal.see("that is not it; once more");
    terminal.answer_hidden(TYPE_BACK, &words);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("next: strongroom project add NAME"), "{screen}");
    assert_eq!(home.run("project add acme", &words), 0);
    assert_eq!(home.run("project list", OLD), 3);
}

#[test]
fn six_words_are_what_enter_alone_chooses() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, &words);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", &words), 0);
}

#[test]
fn another_answer_than_1_or_2_is_refused_and_makes_nothing() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "3");
    let screen = terminal.leaves_with(2);
    assert!(screen.contains("the answer is 1 or 2"), "{screen}");
    home.untouched();
}

#[test]
fn init_takes_a_password_of_ones_own_once_it_is_strong_and_twice_the_same() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, "short-one-7");
    terminal.see("this password is too weak");
    terminal.answer_hidden(NEW_PASSWORD, "passwordpassword1");
    terminal.see("this password is too weak");
    terminal.answer_hidden(NEW_PASSWORD, OLD);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.see("the two differ; once more");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", NEW), 0);
    assert_eq!(home.run("project list", OLD), 3);
}

#[test]
fn ctrl_c_at_any_question_of_init_makes_nothing() {
    for questions in 0..4 {
        let home = Home::new();
        let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
        match questions {
            0 => terminal.see(CHOICE),
            1 => {
                terminal.answer(CHOICE, "1");
                terminal.see_hidden(TYPE_BACK);
            }
            2 => {
                terminal.answer(CHOICE, "2");
                terminal.see_hidden(NEW_PASSWORD);
                // Half a password is on its way.
                terminal.session.send("half-a-pass").unwrap();
                terminal.session.flush().unwrap();
                terminal.typed.push("half-a-pass".into());
            }
            _ => {
                terminal.answer(CHOICE, "2");
                terminal.answer_hidden(NEW_PASSWORD, NEW);
                terminal.see_hidden(AGAIN);
            }
        }
        terminal.session.send_control('c').unwrap();
        terminal.leaves_with(130);
        home.untouched();
    }
}

#[test]
fn the_end_of_input_at_a_question_is_an_interruption() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init --keychain file {CHEAP}"));
    terminal.see(CHOICE);
    terminal.session.send_control('d').unwrap();
    terminal.leaves_with(130);
    home.untouched();

    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.see_hidden(PASSWORD);
    terminal.session.send_control('d').unwrap();
    terminal.leaves_with(130);
}

#[test]
fn signals_at_a_question_end_the_program_and_put_the_terminal_back() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let home = Home::with_vault();
        let before = fs::read(home.0.path().join("home/.local/share/strongroom/vault.json")).unwrap();
        let mut terminal = home.terminal("(echo $BASHPID >pid; exec strongroom project add beta)");
        terminal.see_hidden(PASSWORD);
        let pid = fs::read_to_string(home.work("pid")).unwrap();
        let sent = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().unwrap();
        assert!(sent.success());
        terminal.leaves_with(code);
        assert_eq!(fs::read(home.0.path().join("home/.local/share/strongroom/vault.json")).unwrap(), before);
    }
}

#[test]
#[cfg(not(target_os = "macos"))]
fn without_an_os_keychain_yes_keeps_the_key_in_a_file() {
    let home = Home::new();
    let mut terminal = home.terminal(&format!("strongroom init {CHEAP}"));
    terminal.see("The OS keychain cannot be used: no session bus answers here");
    terminal.answer(KEEP_IN_FILE, "y");
    terminal.answer(CHOICE, "2");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("keychain  file:"), "{screen}");
    // It is remembered: nobody is asked again.
    assert_eq!(home.run("project list", NEW), 0);
}

#[test]
#[cfg(not(target_os = "macos"))]
fn without_an_os_keychain_no_is_an_error_and_makes_nothing() {
    for no in ["n", "", "no"] {
        let home = Home::new();
        let mut terminal = home.terminal(&format!("strongroom init {CHEAP}"));
        terminal.answer(KEEP_IN_FILE, no);
        let screen = terminal.leaves_with(6);
        assert!(screen.contains("error: cannot use the OS keychain"), "{screen}");
        assert!(screen.contains("hint: ") && !screen.contains(CHOICE), "{screen}");
        home.untouched();
    }
}

#[test]
#[cfg(not(target_os = "macos"))]
fn encrypt_init_leads_through_everything_and_decrypt_opens_it_again() {
    let home = Home::new();
    let data = home.data();
    let mut terminal = home.terminal(&format!("strongroom encrypt --init --project acme {CHEAP} {data}"));
    terminal.answer(KEEP_IN_FILE, "yes");
    terminal.answer(CHOICE, "1");
    let words = terminal.words();
    terminal.answer_hidden(TYPE_BACK, &words);
    let screen = terminal.leaves_with(0);
    // The line that the program itself proposes.
    let next = screen.lines().find_map(|line| line.strip_prefix("  strongroom decrypt ")).expect(&screen).trim();
    assert_eq!(fs::read_to_string(home.work(data)).unwrap(), DATA, "the original stays");

    let mut terminal = home.terminal(&format!("strongroom decrypt {next}"));
    terminal.answer_hidden(PASSWORD, &words);
    terminal.leaves_with(0);
    assert_eq!(fs::read_to_string(home.work("clients-opened.csv")).unwrap(), DATA);
}

#[test]
fn a_wrong_password_is_refused_and_a_right_one_opens() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom project list");
    terminal.answer_hidden(PASSWORD, NEW);
    let screen = terminal.leaves_with(3);
    assert!(screen.contains("hint: check the keyboard layout"), "{screen}");

    let mut terminal = home.terminal("strongroom project list");
    terminal.answer_hidden(PASSWORD, OLD);
    let screen = terminal.leaves_with(0);
    assert!(screen.contains("acme"), "{screen}");
}

#[test]
fn the_password_is_asked_for_at_the_terminal_while_standard_input_is_data() {
    let home = Home::with_vault();
    let data = home.data();
    // What comes after strongroom on the same standard input gets all of it.
    let lines = [
        format!("{{ strongroom encrypt -p acme {data}; status=$?; cat >rest; }} <{data}; (exit $status)"),
        format!("{{ strongroom decrypt {data}.sealed -o opened; status=$?; cat >rest; }} <{data}; (exit $status)"),
        format!("cat {data} | {{ strongroom decrypt --force {data}.sealed -o opened; s=$?; cat >rest; (exit $s); }}"),
    ];
    for line in lines {
        let mut terminal = home.terminal(&line);
        terminal.answer_hidden(PASSWORD, OLD);
        terminal.leaves_with(0);
        assert_eq!(fs::read_to_string(home.work("rest")).unwrap(), DATA, "{line}");
        fs::remove_file(home.work("rest")).unwrap();
    }
    assert_eq!(fs::read_to_string(home.work("opened")).unwrap(), DATA);
}

#[test]
fn the_password_is_asked_for_at_the_terminal_while_both_outputs_are_files() {
    let home = Home::with_vault();
    let mut terminal = home.terminal("strongroom key show acme >key 2>errors");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.leaves_with(0);
    assert_eq!(fs::read_to_string(home.work("key")).unwrap().len(), 45);
    assert_eq!(fs::read_to_string(home.work("errors")).unwrap(), "");
}

#[test]
fn a_raw_key_is_refused_on_a_terminal_before_any_question_and_goes_to_a_file() {
    let home = Home::with_vault();
    let screen = home.terminal("strongroom key show --format raw acme").leaves_with(2);
    assert!(screen.contains("raw bytes are not for a terminal") && !screen.contains(PASSWORD), "{screen}");

    let mut terminal = home.terminal("strongroom key show --format raw acme >key");
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.leaves_with(0);
    assert_eq!(fs::read(home.work("key")).unwrap().len(), 32);
}

#[test]
fn passwd_asks_for_the_old_and_twice_for_the_new_password() {
    let home = Home::with_vault();
    let mut terminal = home.terminal(&format!("strongroom passwd {CHEAP}"));
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, OLD);
    terminal.see("the two differ; once more");
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.answer_hidden(AGAIN, NEW);
    terminal.leaves_with(0);
    assert_eq!(home.run("project list", OLD), 3);
    assert_eq!(home.run("project list", NEW), 0);
}

#[test]
fn ctrl_c_at_a_question_of_passwd_leaves_the_old_password_in_force() {
    let home = Home::with_vault();
    let mut terminal = home.terminal(&format!("strongroom passwd {CHEAP}"));
    terminal.answer_hidden(PASSWORD, OLD);
    terminal.answer_hidden(NEW_PASSWORD, NEW);
    terminal.see_hidden(AGAIN);
    terminal.session.send_control('c').unwrap();
    terminal.leaves_with(130);
    assert_eq!(home.run("project list", OLD), 0);
    assert_eq!(home.run("project list", NEW), 3);
}

#[test]
fn no_input_asks_nothing_even_at_a_terminal() {
    let home = Home::with_vault();
    for line in ["project list", "passwd", "key show acme"] {
        let screen = home.terminal(&format!("strongroom --no-input {line}")).leaves_with(2);
        assert!(screen.contains("hint: ") && !screen.contains(PASSWORD), "{screen}");
    }
    let home = Home::new();
    let screen = home.terminal("strongroom --no-input init --keychain file").leaves_with(2);
    assert!(screen.contains("hint: ") && !screen.contains(CHOICE), "{screen}");
    home.untouched();
}
