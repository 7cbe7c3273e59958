//! Programs of the system that know a setting: run without a shell, without input, and for a while only.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// It ended with exit code 0.
    pub succeeded: bool,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// The most that is read of what a program says, in bytes.
const LIMIT: u64 = 64 << 10;
/// How often a program is looked at that has not ended.
const STEP: Duration = Duration::from_millis(5);

/// Runs a program; `None` if it is not there, or does not end in time.
pub fn run(program: &str, args: &[&str], patience: Duration) -> Option<Ran> {
    let until = Instant::now() + patience;
    let mut command = Command::new(program);
    // What it says is compared.
    command.args(args).env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() >= until => {
                // It may have ended since.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            None => std::thread::sleep(STEP),
        }
    };
    // What it has started may hold its output open.
    let text = |said: mpsc::Receiver<String>| said.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
    Some(Ran { succeeded: status.success(), out: text(out)?, err: text(err)? })
}

fn read(from: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    // Without a thread nothing comes, which counts as no answer.
    let _ = std::thread::Builder::new().name("machine".into()).spawn(move || {
        let mut bytes = Vec::new();
        let read = from.map(|from| from.take(LIMIT).read_to_end(&mut bytes));
        if matches!(read, Some(Ok(_))) {
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        }
    });
    receiver
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_end_is_no_answer() {
        let second = Duration::from_secs(1);
        let ran = run("printf", &["a b"], 20 * second).unwrap();
        assert_eq!((ran.succeeded, ran.out.as_str()), (true, "a b"));
        assert!(!run("false", &[], 20 * second).unwrap().succeeded);
        assert_eq!(run("no-such-program-here", &[], second), None);
        let start = Instant::now();
        assert_eq!(run("sleep", &["60"], Duration::from_millis(100)), None);
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
