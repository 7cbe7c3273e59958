//! One of the processes: this test's own program, started again with the number of a worker in its environment.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom::Error;
use strongroom::crypto::secret::Password;
use strongroom::vault::Unlocked;

use crate::{PASSWORD, Place, SHARED, named};

/// Set in a worker: its number, how many changes it makes, and the folder, parted by blanks.
const WORKER: &str = "STRONGROOM_TEST_WORKER";
/// Begins what a worker says; the test harness writes to the same output.
const SAYS: &str = "worker says ";

/// What one process did.
#[derive(Debug, Default)]
pub struct Report {
    /// The generation of each acknowledged change.
    pub generations: Vec<u64>,
    /// How long each change took, from the call to its return.
    pub waits: Vec<Duration>,
    /// The projects it added.
    pub added: Vec<String>,
    /// Its own projects that it rotated, with the versions they have.
    pub rotated: Vec<(String, u32)>,
    /// The versions of the shared project that it was told.
    pub shared: Vec<u32>,
    /// The entries of the access log that it began and ended.
    pub begun: Vec<u64>,
    /// Why it gave up.
    pub failure: Option<String>,
}

/// A process that runs.
pub struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts a process and hands it the password through a pipe.
    pub fn start(test: &str, folder: &Path, number: usize, changes: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--include-ignored", "--nocapture"])
            .env(WORKER, format!("{number} {changes} {}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut worker = Self { child, input, output };
        writeln!(worker.input, "{PASSWORD}").unwrap();
        worker
    }

    /// Waits until it has unlocked the vault.
    pub fn unlocked(mut self) -> Self {
        assert_eq!(self.hear(), "unlocked");
        self
    }

    /// Lets it begin.
    pub fn go(&mut self) {
        writeln!(self.input, "go").unwrap();
    }

    /// Waits for its end and returns what it did.
    pub fn report(mut self) -> Report {
        let report: Value = serde_json::from_str(&self.hear()).unwrap();
        assert!(self.child.wait().unwrap().success());
        let list = |name: &str| report[name].as_array().unwrap().clone();
        let number = |value: &Value| value.as_u64().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Report {
            generations: list("generations").iter().map(number).collect(),
            waits: list("waits").iter().map(|wait| Duration::from_micros(number(wait))).collect(),
            added: list("added").iter().map(text).collect(),
            rotated: list("rotated").iter().map(|pair| (text(&pair[0]), number(&pair[1]) as u32)).collect(),
            shared: list("shared").iter().map(|version| number(version) as u32).collect(),
            begun: list("begun").iter().map(number).collect(),
            failure: report["failure"].as_str().map(str::to_owned),
        }
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "a worker ended without a word");
            if let Some((_, said)) = line.trim_end().split_once(SAYS) {
                return said.to_owned();
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Where the test failed before the end; one that has been waited for is not killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells whether this process is a worker.
pub fn is_one() -> bool {
    std::env::var_os(WORKER).is_some()
}

/// What a worker does so many times: its number comes first.
pub type Work = fn(&mut Unlocked, usize, usize, &mut Report) -> Result<(), Error>;

/// The body of a worker.
pub fn run(work: Work) {
    let order = std::env::var(WORKER).unwrap();
    let mut words = order.splitn(3, ' ');
    let mut word = || words.next().unwrap();
    let (number, changes) = (word().parse().unwrap(), word().parse().unwrap());
    let place = Place::new(&PathBuf::from(word()));
    let mut lines = std::io::stdin().lines();
    let mut line = || lines.next().unwrap().unwrap();
    let password = Password::new(line().as_bytes()).unwrap();
    let mut unlocked = place.unlock(&password);
    println!("{SAYS}unlocked");
    assert_eq!(line(), "go");
    let mut report = Report::default();
    if let Err(error) = work(&mut unlocked, number, changes, &mut report) {
        report.failure = Some(format!("process {number} after {} changes: {error}", report.generations.len()));
    }
    if let Some(notice) = unlocked.take_notices().first() {
        report.failure.get_or_insert_with(|| format!("process {number}: {notice:?}"));
    }
    let waits: Vec<u64> = report.waits.iter().map(|wait| wait.as_micros() as u64).collect();
    let report = json!({
        "generations": report.generations, "waits": waits, "added": report.added, "rotated": report.rotated,
        "shared": report.shared, "begun": report.begun, "failure": report.failure,
    });
    println!("{SAYS}{report}");
}

/// Makes the changes: projects of its own, new keys for them, and new keys for the project all share.
pub fn change(unlocked: &mut Unlocked, number: usize, changes: usize, report: &mut Report) -> Result<(), Error> {
    for change in 0..changes {
        let start = Instant::now();
        match change % 4 {
            0 | 2 => {
                let name = format!("p-{number}-{change}");
                unlocked.add_project(&named(&name))?;
                report.added.push(name);
            }
            1 => {
                let name = report.added.last().expect("it added one before").clone();
                let rotated = unlocked.rotate_file_key(&name)?;
                report.rotated.push((name, rotated));
            }
            _ => report.shared.push(unlocked.rotate_file_key(SHARED)?),
        }
        report.waits.push(start.elapsed());
        report.generations.push(unlocked.header().generation);
    }
    Ok(())
}
