//! What has been acknowledged to a user, and what became of a command that was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use strongroom::format::vault::{Document, Header};

use super::moment::{Moment, Onlooker, Victim};
use crate::desktop_stories::home::{CHEAP, Home, OnDesktop as _, signal_daemon, store, tool, with_vault};
use crate::support::desktop;

/// An item of another program, to tell a keyring that was lost whole from an item of ours that is gone.
const SENTINEL: &str = "somebody-else";
/// Files with the passwords that the loops change between.
const PASSWORDS: [&str; 2] = ["old", "new"];

/// What the first unlock after a kill may say. Nothing was rolled back, damaged or diverged.
const HARMLESS: [&str; 4] = ["two-passwords", "rotation-finished", "rotation-restarted", "rotation-cancelled"];

/// Something that a user does to a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    AddProject,
    RotateKey,
    Passwd,
    BeginRotation,
    Rotation,
    Recover,
}

pub const CHANGES: [Change; 6] =
    [Change::AddProject, Change::RotateKey, Change::Passwd, Change::BeginRotation, Change::Rotation, Change::Recover];

/// How long a change takes, and how often the files of vault and keyring are seen to change meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    pub duration: Duration,
    pub writes: usize,
}

/// What is counted.
#[derive(Default)]
pub struct Tally {
    pub loops: usize,
    /// Kills that the command did not live to see the end of.
    pub cut_short: usize,
    /// Of those, commands whose change is there all the same.
    pub taken_effect: usize,
    pub daemon_kills: usize,
    /// Commands that failed because the daemon was killed under them.
    pub refused: usize,
    /// Unlocks after a daemon's kill that needed the earlier password though the change had been acknowledged.
    pub fell_back: usize,
    /// What the first unlock after a kill said.
    pub warnings: BTreeMap<String, usize>,
}

/// A home with a vault, and what its user has been told.
pub struct World {
    pub home: Home,
    /// The password file that opened last.
    password: &'static str,
    kit: String,
    kits: usize,
    /// The projects, each with its newest key's version, as they were seen last. All of it was acknowledged or seen.
    projects: BTreeMap<String, u64>,
    added: usize,
    courses: BTreeMap<Change, Course>,
    pub tally: Tally,
}

impl World {
    /// Makes the vault, and does everything once undisturbed to learn how long it takes.
    pub fn new() -> Self {
        let home = with_vault("os");
        store(SENTINEL, None, b"sentinel");
        let mut world = Self {
            home,
            password: PASSWORDS[0],
            kit: String::new(),
            kits: 0,
            projects: BTreeMap::from([("acme".into(), 1)]),
            added: 0,
            courses: BTreeMap::new(),
            tally: Tally::default(),
        };
        world.make_kit();
        for change in CHANGES {
            world.step(change, 0, Victim::Nobody, Moment::End);
        }
        world.tally = Tally::default();
        world
    }

    pub fn course(&self, change: Change) -> Course {
        self.courses[&change]
    }

    fn make_kit(&mut self) {
        self.kits += 1;
        self.kit = format!("kit-{}", self.kits);
        let (kit, password) = (self.kit.clone(), self.password);
        self.home.succeed(&["kit", "new", "--recovery-file", &kit, "--no-confirm", "--password-file", password]);
        fs::set_permissions(self.home.path(&kit), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Reads what stands in clear in the vault file.
    fn header(&self) -> Header {
        Document::parse(&fs::read(self.home.vault()).unwrap()).unwrap().header
    }

    fn generation(&self) -> u64 {
        self.header().generation
    }

    fn other_password(&self) -> &'static str {
        if self.password == PASSWORDS[0] { PASSWORDS[1] } else { PASSWORDS[0] }
    }

    fn arguments(&self, change: Change, project: &str) -> Vec<String> {
        let (password, other) = (self.password, self.other_password());
        let mut words: Vec<&str> = match change {
            Change::AddProject => vec!["project", "add", project],
            Change::RotateKey => vec!["key", "rotate", project],
            Change::Passwd => vec!["passwd", "--new-password-file", other],
            Change::BeginRotation => vec!["vault", "rotate", "--keep-kit", "--kit-file", &self.kit],
            Change::Rotation => vec!["vault", "rotate", "--settle-now", "--keep-kit", "--kit-file", &self.kit],
            Change::Recover => vec!["recover", "--kit-file", &self.kit, "--new-password-file", other],
        };
        if change != Change::Recover {
            words.extend(["--password-file", password]);
        }
        if matches!(change, Change::Passwd | Change::Recover) {
            words.extend(CHEAP);
        }
        words.into_iter().map(str::to_owned).collect()
    }

    /// Makes one change, kills whom it is told to kill, and sees to it that nothing is lost. `choice` picks the
    /// project.
    #[track_caller]
    pub fn step(&mut self, change: Change, choice: usize, victim: Victim, moment: Moment) {
        self.tally.loops += 1;
        let project = match change {
            Change::AddProject => {
                self.added += 1;
                format!("p-{}", self.added)
            }
            _ => self.projects.keys().nth(choice % self.projects.len()).unwrap().clone(),
        };
        let arguments = self.arguments(change, &project);
        let before = self.generation();
        let (output, course) = self.run(&arguments, victim, moment);
        let cut_short = output.status.signal() == Some(9);
        let acknowledged = output.status.success();
        let daemon_killed = victim.has_daemon();
        self.tally.cut_short += usize::from(cut_short);
        if daemon_killed {
            tool(&desktop::script(), &["--again"]);
            self.tally.daemon_kills += 1;
        }
        let story = format!(
            "{arguments:?}, {victim:?} {moment:?}: {} {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        let refused = daemon_killed && output.status.code() == Some(6);
        self.tally.refused += usize::from(refused);
        assert!(acknowledged || cut_short || refused, "failed of itself: {story}");
        if acknowledged && !daemon_killed {
            self.learn(change, course);
        } else if cut_short && victim == Victim::Command {
            self.correct(change, course);
        }
        let sets_password = matches!(change, Change::Passwd | Change::Recover);
        let next = self.other_password();
        let (expected, possible) = match (sets_password, acknowledged) {
            (false, _) => (self.password, None),
            (true, true) => (next, daemon_killed.then_some(self.password)),
            // Which one is tried first is left to chance, so that both are used where both are good.
            (true, false) if choice.is_multiple_of(2) => (self.password, Some(next)),
            (true, false) => (next, Some(self.password)),
        };
        let generation = self.generation();
        let listed = self.open(expected, possible, &story);
        if acknowledged && self.password != expected {
            self.tally.fell_back += 1;
        }
        self.compare(&listed, change, &project, acknowledged, &story);
        let done = generation != before || sets_password && self.password == next;
        self.tally.taken_effect += usize::from(cut_short && done);
        // A rotation that had to begin anew ends the kits.
        if self.header().slots.is_empty() {
            self.make_kit();
        }
    }

    /// Keeps what is known of a change in step with how busy the computer is.
    fn learn(&mut self, change: Change, seen: Course) {
        let known = self.courses.entry(change).or_insert(seen);
        known.duration = known.duration.mul_f64(0.7) + seen.duration.mul_f64(0.3);
        known.writes = known.writes.max(seen.writes);
    }

    /// What was killed does not tell how long it would have taken, only that it would have been longer.
    fn correct(&mut self, change: Change, seen: Course) {
        let known = self.courses.get_mut(&change).expect("every change was made once");
        if seen.duration > known.duration.mul_f64(0.85) {
            known.duration = known.duration.mul_f64(1.1);
        }
    }

    fn run(&self, arguments: &[String], victim: Victim, moment: Moment) -> (Output, Course) {
        let keyrings = Path::new(&std::env::var("DESKTOP").unwrap()).join("data/keyrings");
        let onlooker = Onlooker::new([self.home.vault().parent().unwrap().to_owned(), keyrings]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = self.home.attended_by_nobody(&arguments).command();
        command.stdin(Stdio::null());
        let start = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let writes = onlooker.wait_for(moment, &mut child);
        let duration = start.elapsed();
        if let Victim::Command | Victim::CommandThenDaemon = victim {
            child.kill().unwrap();
        }
        if victim.has_daemon() {
            signal_daemon("-KILL");
        }
        if victim == Victim::DaemonThenCommand {
            thread::sleep(Duration::from_millis(2));
            child.kill().unwrap();
        }
        (child.wait_with_output().unwrap(), Course { duration, writes })
    }

    /// Opens the vault with the password that is in force, or, where it may be another, with that.
    #[track_caller]
    fn open(&mut self, expected: &'static str, or: Option<&'static str>, story: &str) -> Value {
        let mut answers = String::new();
        for password in [Some(expected), or].into_iter().flatten() {
            let output = self.home.output(&["--json", "project", "list", "--password-file", password]);
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                self.password = password;
                self.count_warnings(&errors, story);
                return serde_json::from_slice(&output.stdout).unwrap();
            }
            answers += &format!("\n{password}: {} {errors}", output.status);
        }
        let kept = self.keep_evidence();
        // Told apart by an item that is not ours: where that is gone too, the daemon lost its keyring.
        let found = tool("secret-tool", &["search", "--all", "service", "strongroom"]);
        panic!(
            "the vault does not open any more after {story}\n{answers}\nthe keyring holds:\n{found}\nkept in {kept}"
        );
    }

    /// Keeps what a lost vault would be looked into with.
    fn keep_evidence(&self) -> String {
        let kept = format!("{}/kill-loops-evidence", env!("CARGO_TARGET_TMPDIR"));
        let keyrings = format!("{}/data/keyrings", std::env::var("DESKTOP").unwrap());
        fs::create_dir_all(&kept).unwrap();
        tool("cp", &["-a", &self.home.path(".").display().to_string(), &format!("{kept}/home-{}", std::process::id())]);
        tool("cp", &["-a", &keyrings, &format!("{kept}/keyrings-{}", std::process::id())]);
        kept
    }

    #[track_caller]
    fn count_warnings(&mut self, errors: &str, story: &str) {
        for line in errors.lines() {
            let warning = serde_json::from_str::<Value>(line).expect(line)["warning"].as_str().expect(line).to_owned();
            assert!(HARMLESS.contains(&warning.as_str()), "{line}\nafter {story}");
            *self.tally.warnings.entry(warning).or_default() += 1;
        }
    }

    /// Compares what is there with what was acknowledged: a change that was not may be there, whole, or not.
    #[track_caller]
    fn compare(&mut self, listed: &Value, change: Change, project: &str, acknowledged: bool, story: &str) {
        let mut there = BTreeMap::new();
        for listed in listed.as_array().unwrap() {
            let versions = listed["keys"].as_array().unwrap().iter().map(|key| key["version"].as_u64().unwrap());
            there.insert(listed["project"].as_str().unwrap().to_owned(), versions.max().unwrap());
        }
        let before = &self.projects;
        let mut after = before.clone();
        match change {
            Change::AddProject => drop(after.insert(project.to_owned(), 1)),
            Change::RotateKey => *after.get_mut(project).unwrap() += 1,
            _ => {}
        }
        let holds = there == after || there == *before && !acknowledged;
        assert!(holds, "not what was acknowledged: {story}\nthere: {there:?}\nbefore: {before:?}");
        self.projects = there;
    }

    /// Sees to it that every key of every project still opens, and that the kit does.
    #[track_caller]
    pub fn all_is_there(&mut self) {
        let names: BTreeSet<String> = self.projects.keys().cloned().collect();
        for name in names.iter().take(5) {
            self.home.succeed(&["key", "show", name, "--password-file", self.password]);
        }
        self.step(Change::Recover, 0, Victim::Nobody, Moment::End);
        self.step(Change::Rotation, 0, Victim::Nobody, Moment::End);
    }
}
