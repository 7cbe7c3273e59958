//! A process that begins and ends entries of the access log is killed, before each of its calls that change something and
//! at any moment between: what it was told is begun stays in the log, and no alarm is raised.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use strongroom::format::log::{Action, LogEnd, NewEntry, Phase, What, Who};
use strongroom::vault::Unlocked;

use super::home::{self, Entry, Home, OLD, Struck as _};
use super::tracer::{self, Fault};
use crate::support::proof;

/// Set in the process that is killed: how many entries it begins and ends, and the home folder, parted by a blank.
const WORKER: &str = "STRONGROOM_TEST_LOG_WORKER";
/// Begins what it says; the test harness writes to the same output.
const BEGUN: &str = "begun ";
const UNLOCKED: &str = "the vault is open";
/// After how many kills the log begins again, so that reading it stays cheap.
const KILLS_OF_ONE_LOG: usize = 50;
/// As many entries as nobody waits for.
const WITHOUT_END: usize = 1_000_000;

/// The body of the process that is killed.
fn work(order: &str) {
    let (count, folder) = order.split_once(' ').unwrap();
    let unlocked = home::unlocked_in(Path::new(folder), OLD).unwrap();
    println!("{UNLOCKED}");
    for _ in 0..count.parse().unwrap() {
        let begun = unlocked.log_begin(&NewEntry::new(Action::FileOpen, Who::default())).unwrap();
        println!("{BEGUN}{begun}");
        unlocked.log_end(begun, &LogEnd::done(What::default())).unwrap();
    }
}

/// Returns the numbers that a process was told are begun.
fn told(said: &str) -> Vec<u64> {
    // The last line may be cut short.
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().filter_map(|line| line.split_once(BEGUN)?.1.parse().ok()).collect()
}

/// A vault whose log others write, each until it is killed.
struct Scene {
    test: &'static str,
    home: Home,
    /// Opened once, to look at the log.
    unlocked: Unlocked,
    before: BTreeMap<PathBuf, Entry>,
    /// All that was told to be begun since the log was put back.
    told: Vec<u64>,
    all_told: usize,
}

impl Scene {
    fn new(test: &'static str) -> Self {
        let home = home::with_vault();
        let unlocked = home::unlocked_in(home.folder(), OLD).unwrap();
        let before = home.snapshot();
        Self { test, home, unlocked, before, told: Vec::new(), all_told: 0 }
    }

    fn put_back(&mut self) {
        self.home.restore(&self.before);
        self.told.clear();
    }

    /// Returns the command of a process that begins and ends so many entries.
    fn command(&self, count: usize) -> Vec<OsString> {
        let program = std::env::current_exe().unwrap();
        let test = self.test.split_once("::").unwrap().1;
        let order = format!("{WORKER}={count} {}", self.home.folder().display());
        let words = ["env", &order, program.to_str().unwrap(), "--exact", test, "--include-ignored", "--nocapture"];
        words.map(OsString::from).into()
    }

    /// Looks at the log after a kill, and goes on with it.
    fn look(&mut self, said: &str, what: &str) {
        let told = told(said);
        self.all_told += told.len();
        self.told.extend(told);
        let log = home::without_alarm(&self.unlocked).unwrap();
        let is_begun = |number: &u64| {
            let found = log.records.iter().find(|record| record.number == *number);
            found.and_then(|record| record.entry.as_ref()).is_some_and(|entry| entry.phase == Phase::Begin)
        };
        let lost: Vec<_> = self.told.iter().filter(|number| !is_begun(number)).collect();
        assert!(lost.is_empty(), "{what}: {lost:?} are lost");
        home::log_goes_on(&self.unlocked);
    }

    /// Kills a process before each of the calls of so many entries. Returns how many kills that were.
    fn kill_at_each_call(&mut self, count: usize) -> usize {
        let command = self.command(count);
        let good = tracer::run(&command, self.home.folder(), None);
        assert!(good.status.success(), "{}{}", good.stdout, good.stderr);
        assert_eq!(told(&good.stdout).len(), count);
        let calls = good.calls;
        self.put_back();
        // What comes before and behind is the harness's.
        let first = calls.iter().position(|call| call.on.contains(".lock")).expect("it takes a lock");
        let last = calls.iter().rposition(|call| call.on.contains("log/")).expect("it writes the log");
        // Before the one behind the last, all is written.
        for at in first..=last + 1 {
            let run = tracer::run(&command, self.home.folder(), Some((at, Fault::Kill)));
            let what = format!("killed before call {at} of {}: {} {}", calls.len(), calls[at].name, calls[at].on);
            assert!(run.struck && run.status.signal() == Some(9), "not {what}");
            self.look(&run.stdout, &what);
            println!("{what}: {} begun", self.told.len());
            self.put_back();
        }
        last + 2 - first
    }

    /// Kills a process at a moment drawn from the time in which it writes.
    fn kill_at_any_moment(&mut self, random: &mut fastrand::Rng) {
        let command = self.command(WITHOUT_END);
        let mut process =
            Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut said = String::new();
        // However busy the computer is, it is at work then.
        let entries = random.usize(..4);
        while !said.contains(UNLOCKED) || told(&said).len() < entries {
            assert_ne!(output.read_line(&mut said).unwrap(), 0, "it ended too early: {said}");
        }
        let moment = Duration::from_micros(random.u64(..5_000));
        std::thread::sleep(moment);
        process.kill().unwrap();
        assert_eq!(process.wait().unwrap().signal(), Some(9));
        output.read_to_string(&mut said).unwrap();
        self.look(&said, &format!("killed {moment:?} after {entries} entries"));
    }
}

fn nothing_is_lost(name: &str, test: &'static str, entries: usize, moments: usize) {
    if let Ok(order) = std::env::var(WORKER) {
        return work(&order);
    }
    let mut scene = Scene::new(test);
    let at_calls = scene.kill_at_each_call(entries);
    let mut random = fastrand::Rng::new();
    println!("seed {}", random.get_seed());
    for number in 0..moments {
        if number % KILLS_OF_ONE_LOG == 0 {
            scene.put_back();
        }
        scene.kill_at_any_moment(&mut random);
    }
    assert!(scene.all_told > moments / 2, "the kills came too early: {} were begun", scene.all_told);
    let figure = format!(
        "{at_calls} kills at each call, {moments} at any moment: 0 of {} entries lost, 0 false alarms",
        scene.all_told
    );
    println!("{figure}");
    proof::record(name, "a process that writes the access log, killed again and again", &figure);
}

#[test]
#[ignore = "needs ptrace: run ./test"]
fn a_killed_process_loses_no_entry_and_raises_no_alarm() {
    let test = concat!(module_path!(), "::a_killed_process_loses_no_entry_and_raises_no_alarm");
    nothing_is_lost("log-killed", test, 1, 10);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_ten_thousand_killed_processes_lose_no_entry_and_raise_no_alarm() {
    let test = concat!(module_path!(), "::long_mode_ten_thousand_killed_processes_lose_no_entry_and_raise_no_alarm");
    nothing_is_lost("log-killed-long", test, 3, 10_000);
}
