//! The program, held still at a moment of its run, so that its memory can be looked at.

use std::fs;
use std::io::{PipeReader, Read, Write, pipe};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::memory::Memory;
use crate::prompts::terminal::Home;

/// Far more than any step takes, so that only a program that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The numbers of read and readv, of write and writev, and of exit_group.
#[cfg(target_arch = "x86_64")]
const CALLS: (&[i64], &[i64], i64) = (&[0, 19], &[1, 20], 231);
#[cfg(not(target_arch = "x86_64"))]
const CALLS: (&[i64], &[i64], i64) = (&[63, 65], &[64, 66], 94);

/// The calls that the threads of a process are in.
fn calls(pid: u32) -> Vec<(i64, u64)> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.filter_map(|task| call_in(&task.ok()?.path())).collect()
}

/// The call that a thread with this folder in /proc is in: its number and its first argument.
pub fn call_in(thread: &Path) -> Option<(i64, u64)> {
    let text = fs::read_to_string(thread.join("syscall")).ok()?;
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let argument = words.next()?.strip_prefix("0x")?;
    Some((number, u64::from_str_radix(argument, 16).ok()?))
}

/// Waits until a thread of the process is in a call that `wanted` picks, three times in a row.
fn wait_in(pid: u32, what: &str, wanted: impl Fn((i64, u64)) -> bool) {
    let start = Instant::now();
    let mut seen = 0;
    while seen < 3 {
        assert!(start.elapsed() < PATIENCE, "never came to {what}");
        seen = if calls(pid).into_iter().any(&wanted) { seen + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a process reads from its terminal or standard input.
pub fn wait_for_reading(pid: u32) {
    wait_in(pid, "a read", |(call, _)| CALLS.0.contains(&call));
}

/// Waits until a process that was started by [`delayed`] is about to end, and returns its exit code.
pub fn wait_for_exit(pid: u32) -> u64 {
    wait_in(pid, "its end", |(call, _)| call == CALLS.2);
    calls(pid).into_iter().find(|(call, _)| *call == CALLS.2).expect("it is held there").1
}

/// A program that is killed at the end of the test, with the input that keeps it waiting.
pub struct Held {
    child: Child,
    _input: Option<ChildStdin>,
    output: Option<PipeReader>,
}

impl Held {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn memory(&self) -> Memory {
        Memory::of(self.pid())
    }

    /// Reads the first byte of the output, which is there once the work has begun, and waits until no more fits.
    pub fn wait_for_output(&mut self) {
        let mut first = [0];
        self.output.as_mut().expect("an output that is a pipe").read_exact(&mut first).expect("output");
        wait_in(self.pid(), "a write", |(call, _)| CALLS.1.contains(&call));
    }

    /// Reads what stands at the front of the output.
    pub fn output(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.output.as_mut().expect("an output that is a pipe").read_exact(&mut bytes).expect("output");
        bytes
    }

    /// Waits until a program whose output was full from the start has something to write.
    pub fn wait_for_writing(&self) {
        wait_in(self.pid(), "a write", |(call, _)| CALLS.1.contains(&call));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        release(self.pid());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends what holds a process at its end: it would also hold whoever waits for that.
pub fn release(pid: u32) {
    if let Some(tracer) = tracer_of(pid) {
        let _ = rustix::process::kill_process(tracer, rustix::process::Signal::KILL);
    }
}

fn tracer_of(pid: u32) -> Option<rustix::process::Pid> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    rustix::process::Pid::from_raw(tracer.trim().parse().ok()?)
}

/// A program with words on a line as its arguments.
pub fn command(home: &Home, program: &str, words: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(words.split_whitespace())
        .env_clear()
        .env("HOME", home.path(""))
        .env("PATH", std::env::var("PATH").unwrap());
    // The bus of whoever runs the test is none of its business.
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").current_dir(home.work("."));
    command
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_strongroom");

/// A line that starts the program so that it waits before it ends, when all that it did is behind it. The tracer goes
/// into the background, and so the process that is started is the program itself.
pub fn delayed(arguments: &str) -> String {
    format!(
        "strace -D -f -o ../trace -e trace=exit_group -e inject=exit_group:delay_enter=200s \"{PROGRAM}\" {arguments}"
    )
}

/// Starts any other program, which waits for its input.
pub fn sleeping(program: &str, arguments: &[&str]) -> Held {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().expect("the program");
    let input = child.stdin.take();
    Held { child, _input: input, output: None }
}

/// Starts the program with `input` as the beginning of its standard input, which does not end, and an output that
/// nobody reads, full from the start or not.
pub fn started(home: &Home, arguments: &str, input: &[u8], output_is_full: bool) -> Held {
    let (output, mut writer) = pipe().unwrap();
    if output_is_full {
        writer.write_all(&vec![0; 65536]).unwrap(); // what a pipe holds (pipe(7))
    }
    let mut command = command(home, PROGRAM, arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(writer).spawn().expect("the program");
    let mut given = child.stdin.take().unwrap();
    given.write_all(input).expect("the program reads its input");
    Held { child, _input: Some(given), output: Some(output) }
}

/// Runs the program to its end as it is run every day.
pub fn run(home: &Home, arguments: &str) {
    let output = command(home, PROGRAM, arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
