//! One command, put back and run again and again, each time with a fault at its next call.

use std::path::PathBuf;

use super::calls::Call;
use super::home::{Home, Keys, OLD, Struck as _, program};
use super::stories::{Before, Left, State, Story};
use super::tracer::{self, Fault, Traced};

/// How often a run is done again that did not come to the call it was meant to come to.
const TRIES: usize = 5;

/// Commands with more calls than this have many that are alike: the new and the old file of each thing they write.
const MANY: usize = 20;

/// Which of a command's calls meet a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Struck {
    Each,
    /// Each of a command with few calls, every seventh of a command with many.
    Some,
    /// Each of a command with few calls, every thirteenth of a command with many.
    Few,
}

/// A command in its home.
pub struct Trial {
    story: Story,
    home: Home,
    before: Before,
    /// The calls of a run that meets no fault.
    pub calls: Vec<Call>,
}

impl Trial {
    /// Prepares a home, and runs the command once without a fault.
    pub fn of(story: Story) -> Self {
        let home = (story.prepare)();
        let files = home.snapshot();
        let keys = if home.has_vault() && !story.name.contains("another computer") {
            home.open(OLD).unwrap()
        } else {
            Keys::new()
        };
        let mut trial = Self { story, before: Before { files, keys }, home, calls: Vec::new() };
        let good = trial.run("", None);
        assert!(good.status.success(), "{}: {}", trial.story.words, good.stderr);
        assert_eq!(trial.judge(), State::New, "{}", trial.story.words);
        assert!(trial.home.leftovers().is_empty());
        trial.calls = good.calls;
        trial
    }

    /// Returns the numbers of the calls that are to meet a fault, and how a figure calls them.
    pub fn numbers(&self, struck: Struck) -> (Vec<usize>, &'static str) {
        let all = 0..self.calls.len();
        if struck == Struck::Each || all.len() <= MANY {
            return (all.collect(), "each");
        }
        let (step, which) = if struck == Struck::Some { (7, "every seventh") } else { (13, "every thirteenth") };
        // The last one is the one that acknowledges.
        let last = all.end - 1;
        (all.filter(|at| at % step == 0 || *at == last).collect(), which)
    }

    /// Runs the command from the state before, with words added.
    fn run(&self, more: &str, fault: Option<(usize, Fault)>) -> Traced {
        self.home.restore(&self.before.files);
        let words = format!("{} {more}", self.story.words);
        tracer::run(&program(&words), self.home.path("").as_path(), fault)
    }

    /// Runs the command with a fault at the call of this number.
    pub fn strike(&self, at: usize, fault: Fault, more: &str) -> Traced {
        for _ in 0..TRIES {
            let run = self.run(more, Some((at, fault)));
            // Only a run that came to the very same call by the same way counts.
            if run.struck && run.calls[..=at] == self.calls[..=at] {
                return run;
            }
        }
        panic!("{}: no run came to call {at}, {:?}", self.story.name, self.calls[at]);
    }

    /// Looks at what the run has left. The access log may lack an end, and raises no alarm.
    pub fn judge(&self) -> State {
        let state = (self.story.judge)(&self.left());
        self.home.log_without_alarm();
        state
    }

    /// Does the command again, after which the access log goes on.
    pub fn again(&self) {
        (self.story.again)(&self.left());
        self.home.log_goes_on();
    }

    fn left(&self) -> Left<'_> {
        Left { home: &self.home, before: &self.before }
    }

    /// Tells whether an error admits that part of the command is done.
    pub fn says_part_done(&self, stderr: &str) -> bool {
        let denies = ["nothing was changed", "nothing was written", "nothing was kept"];
        self.story.part_done.iter().any(|text| stderr.contains(text))
            && !denies.iter().any(|text| stderr.contains(text))
    }

    /// Returns the unfinished files that lie about, each with what doctor says of it.
    pub fn leftovers(&self) -> Vec<(PathBuf, Option<String>)> {
        let found = self.home.leftovers();
        if found.is_empty() {
            return Vec::new();
        }
        let remedies = self.home.leftovers_by_doctor();
        let remedy = |path: &PathBuf| remedies.iter().find(|line| line.contains(path.to_str().unwrap())).cloned();
        found.into_iter().map(|path| (path.clone(), remedy(&path))).collect()
    }

    /// Returns where it is.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Returns the command's name.
    pub fn name(&self) -> &'static str {
        self.story.name
    }
}
