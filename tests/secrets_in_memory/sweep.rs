//! A program that is stopped at each of its system calls, so that what it leaves behind is found wherever it lies and
//! whatever overwrites it later.
//!
//! A copy of a key on the stack is there until some later call reaches as deep, which depends on the libc, on the
//! compiler and on the length of the environment. So memory is not only looked at when the program ends: whatever has
//! changed from one stop to the next is kept, and searched at the end, when every secret is known.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::memory::Memory;
use super::program::{call_in, command};
use crate::prompts::terminal::Home;

/// Calls that the allocator makes, which may be in the middle of a computation.
const ALLOCATOR: [i64; 6] =
    [libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mprotect, libc::SYS_madvise, libc::SYS_mremap];

/// What a thread is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// Perhaps it works with a key: on its stack there may be what it wipes when it has done so.
    Computing,
    /// The system has it, in a call that nobody makes with half a result on the stack.
    Calling,
}

/// A program that is held at its end.
pub struct Swept {
    child: Child,
    /// How often it was looked at.
    pub stops: usize,
    /// All that its unlocked memory has held so far.
    pub seen: Memory,
    now: Memory,
}

impl Swept {
    /// Runs a program until it is about to end with `code`, with an environment that is so many bytes longer.
    #[track_caller]
    pub fn to_its_end(program: &Path, home: &Home, arguments: &str, padding: usize, code: u64) -> Self {
        Self::printing_to(Stdio::null(), program, home, arguments, padding, code)
    }

    /// Does the same, with a standard output.
    #[track_caller]
    pub fn printing_to(stdout: Stdio, program: &Path, home: &Home, arguments: &str, padding: usize, code: u64) -> Self {
        // Stopped until it is traced; then the shell, which has done nothing yet, becomes the program.
        let mut shell = command(home, "sh", "");
        shell.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).arg(program).args(arguments.split_whitespace());
        shell.env("PADDING", "x".repeat(padding)).stdin(Stdio::null()).stdout(stdout);
        let child = shell.spawn().expect("a shell");
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
        let mut swept = Self { child, stops: 0, seen: Memory::default(), now: Memory::default() };
        assert_eq!(swept.follow(leader), code, "{arguments}");
        swept
    }

    /// Copies all its memory, as it is at the end.
    pub fn memory(&self) -> Memory {
        Memory::of(self.child.id())
    }

    /// Follows it up to its end and returns the code that it is about to end with.
    fn follow(&mut self, leader: Pid) -> u64 {
        let mut is_program = false;
        let mut threads = BTreeMap::from([(leader, Doing::Computing)]);
        loop {
            // __WNOTHREAD: another test's program is another thread's to wait for.
            let (thread, signal) = match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    let folder = PathBuf::from(format!("/proc/{leader}/task/{thread}"));
                    threads.insert(thread, Doing::Computing);
                    if is_program && let Some((call, argument)) = call_in(&folder).filter(|_| enters(thread)) {
                        let is_allocating = ALLOCATOR.contains(&call);
                        threads.insert(thread, if is_allocating { Doing::Computing } else { Doing::Calling });
                        // A thread in a call is stopped again before it returns, so none begins while this looks.
                        if threads.values().all(|doing| *doing == Doing::Calling) {
                            self.look();
                        }
                        if call == libc::SYS_exit_group {
                            return argument;
                        }
                    }
                    (thread, None)
                }
                Ok(WaitStatus::PtraceEvent(thread, _, event)) => {
                    is_program |= event == libc::PTRACE_EVENT_EXEC;
                    if event == libc::PTRACE_EVENT_CLONE
                        && let Ok(new) = ptrace::getevent(thread)
                    {
                        threads.insert(Pid::from_raw(new.try_into().unwrap()), Doing::Computing);
                    }
                    (thread, None)
                }
                Ok(WaitStatus::Stopped(thread, signal)) => (thread, Some(signal)),
                // A thread that has done its work.
                Ok(WaitStatus::Exited(thread, _)) if thread != leader => {
                    threads.remove(&thread);
                    continue;
                }
                Err(Errno::EINTR) => continue,
                other => panic!("the program is gone: {other:?}"),
            };
            // A thread that was killed meanwhile is gone, and is reported by the next wait.
            match ptrace::syscall(thread, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => panic!("going on: {error}"),
            }
        }
    }

    fn look(&mut self) {
        let now = Memory::unlocked(self.child.id());
        self.seen.add_changes(&self.now, &now);
        self.now = now;
        self.stops += 1;
    }
}

/// A thread stops twice for each call: before it, and after it.
fn enters(thread: Pid) -> bool {
    ptrace::syscall_info(thread).is_ok_and(|info| info.op == libc::PTRACE_SYSCALL_INFO_ENTRY)
}

impl Drop for Swept {
    fn drop(&mut self) {
        let _ = self.child.kill();
        // Each of its threads is this one's to wait for, and the first is not gone before the others are.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        while !matches!(waitpid(None, Some(flags)), Err(Errno::ECHILD)) {}
        let _ = self.child.try_wait();
    }
}
