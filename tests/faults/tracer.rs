//! Runs a program under ptrace(2), stops it before each of its system calls, and lets one of them meet a fault, or all
//! from one on.
//!
//! strace can do that too, but it counts each thread's calls by themselves. A keychain is written by a thread of its
//! own each time, so that strace reaches only the first of several such writes. Here all threads have one count.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::calls::{Call, Place, write_side};

/// What happens in the place of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends as if the power went: no handler runs, no buffer is flushed.
    Kill,
    /// Ctrl-C comes while the call is made.
    Interrupt,
    /// The call does nothing and fails.
    Error(Errno),
    /// The disk is full, and stays so: this call and every later one that takes room fails.
    Full,
}

/// What a run did.
pub struct Traced {
    /// Its write-side calls in their order, over all threads; also those that met a fault.
    pub calls: Vec<Call>,
    /// The fault was done.
    pub struck: bool,
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said on standard error.
    pub stderr: String,
}

/// Runs `program` with the write-side calls below `home` counted from 0, and a fault at one of them.
pub fn run(program: &[OsString], home: &Path, fault: Option<(usize, Fault)>) -> Traced {
    let outputs = tempfile::tempdir().unwrap();
    let open = |name: &str| File::create_new(outputs.path().join(name)).unwrap();
    // Stopped until it is traced; then the shell, which has done nothing yet, becomes the program.
    let mut child = Command::new("sh")
        .args(["-c", "kill -STOP $$; exec setsid \"$@\"", "sh"])
        .args(program)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(open("stdout"))
        .stderr(open("stderr"))
        .spawn()
        .unwrap();
    let leader = Pid::from_raw(child.id().cast_signed());
    let stopped = waitpid(leader, Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert!(matches!(stopped, WaitStatus::Stopped(_, Signal::SIGSTOP)), "{stopped:?}");
    // EXITKILL: nothing goes on untraced where a test fails meanwhile.
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(leader, options).unwrap();
    kill(leader, Signal::SIGCONT).unwrap();
    let place = Place { home, outputs: outputs.path() };
    let mut tracer = Tracer { leader, place, fault, calls: Vec::new(), struck: false, refused: BTreeMap::new() };
    let status = tracer.follow();
    // Waited for already; this only tells the standard library so.
    let _ = child.try_wait();
    let read = |name: &str| String::from_utf8_lossy(&fs::read(outputs.path().join(name)).unwrap()).into_owned();
    let (stdout, stderr) = (read("stdout"), read("stderr"));
    Traced { calls: tracer.calls, struck: tracer.struck, status, stdout, stderr }
}

struct Tracer<'a> {
    leader: Pid,
    place: Place<'a>,
    fault: Option<(usize, Fault)>,
    calls: Vec<Call>,
    struck: bool,
    /// The thread whose call is to end with an error.
    refused: BTreeMap<Pid, Errno>,
}

impl Tracer<'_> {
    fn follow(&mut self) -> ExitStatus {
        let mut ended = None;
        loop {
            // __WNOTHREAD: another test's program is another thread's to wait for.
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            let status = match waitpid(None, Some(flags)) {
                Ok(status) => status,
                Err(Errno::EINTR) => continue,
                Err(Errno::ECHILD) => return ended.expect("how the program ended"),
                Err(error) => panic!("waiting: {error}"),
            };
            let (thread, signal) = match status {
                WaitStatus::PtraceSyscall(thread) => {
                    self.stopped_at_call(thread);
                    (thread, None)
                }
                // A new thread, a new program, a stop of the whole group.
                WaitStatus::PtraceEvent(thread, ..) => (thread, None),
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                WaitStatus::Exited(thread, code) => {
                    if thread == self.leader {
                        ended = Some(ExitStatus::from_raw(code << 8));
                    }
                    continue;
                }
                WaitStatus::Signaled(thread, signal, _) => {
                    if thread == self.leader {
                        ended = Some(ExitStatus::from_raw(signal as i32));
                    }
                    continue;
                }
                other => panic!("{other:?}"),
            };
            // A thread that was killed meanwhile is gone, and is reported by the next wait.
            match ptrace::syscall(thread, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => panic!("going on: {error}"),
            }
        }
    }

    /// A thread stops twice for each call: before it, and after it.
    fn stopped_at_call(&mut self, thread: Pid) {
        let (Ok(info), Ok(mut registers)) = (ptrace::syscall_info(thread), ptrace::getregs(thread)) else { return };
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            if let Some(error) = self.refused.remove(&thread) {
                registers.rax = -i64::from(error as i32) as u64;
                ptrace::setregs(thread, registers).unwrap();
            }
            return;
        }
        let Some(call) = write_side(thread, &registers, &self.place) else { return };
        let number = self.calls.len();
        let meets =
            |(at, fault): &(usize, Fault)| *at == number || *fault == Fault::Full && *at < number && call.takes_room();
        let met = self.fault.filter(meets);
        self.calls.push(call);
        let Some((_, fault)) = met else { return };
        if fault == Fault::Interrupt {
            self.struck = true;
            kill(self.leader, Signal::SIGINT).unwrap();
            return;
        }
        // There is no call of this number, so the system does nothing.
        registers.orig_rax = u64::MAX;
        ptrace::setregs(thread, registers).unwrap();
        self.struck = true;
        match fault {
            Fault::Kill => kill(self.leader, Signal::SIGKILL).unwrap(),
            Fault::Error(error) => drop(self.refused.insert(thread, error)),
            Fault::Interrupt => {}
            Fault::Full => drop(self.refused.insert(thread, Errno::ENOSPC)),
        }
    }
}
