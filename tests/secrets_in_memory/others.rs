//! What others get to see of the running program: another process of the same user, and a core dump.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::is_root;
use super::program::{PROGRAM, wait_for_reading};
use crate::prompts::terminal::{CHEAP, OLD};
use crate::support::proof;

/// Nobody's, on every Linux.
const NOBODY: u32 = 65534;

/// A folder that belongs to an ordinary user, with the program in it.
struct Account(tempfile::TempDir);

impl Account {
    fn new() -> Self {
        let account = Self(tempfile::tempdir().unwrap());
        let folder = account.0.path();
        // The build's own folder may be closed to others.
        fs::copy(PROGRAM, folder.join("strongroom")).unwrap();
        for (name, content) in [("password", OLD.as_bytes()), ("data", b"id,name\n1,Ada Example\n")] {
            fs::write(folder.join(name), content).unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
            chown(folder.join(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
        account
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A shell of that user, without any right of root's.
    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]);
        command.args(["bash", "--norc", "--noprofile", "-c", script]);
        command.env_clear().env("PATH", std::env::var("PATH").unwrap()).env("HOME", self.path());
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, script: &str) -> Output {
        self.shell(script).output().expect("setpriv")
    }

    #[track_caller]
    fn succeed(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts a shell that becomes a program which waits for input.
    fn waiting(&self, script: &str) -> Waiting {
        let child = self.shell(script).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("setpriv");
        let waiting = Waiting(child);
        // The shell becomes the program at last, and reads a file of its own before.
        let name = || fs::read_to_string(format!("/proc/{}/comm", waiting.0.id())).expect("it runs");
        while !["cat\n", "strongroom\n"].contains(&name().as_str()) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        wait_for_reading(waiting.0.id());
        waiting
    }
}

struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const ENCRYPT: &str = "exec ./strongroom encrypt --project acme - -o never.sealed --password-file password";

#[test]
#[ignore = "needs root: run ./test"]
fn an_ordinary_user_misses_nothing_though_the_program_refuses_dumps() {
    let (name, what) = ("memory-ordinary", "commands of an ordinary user against a program that refuses dumps");
    if !is_root(name, what) {
        return;
    }
    let account = Account::new();
    account.succeed(&format!("./strongroom init --no-recovery --keychain file {CHEAP} --password-fd 3 3<password"));
    // Opened through /proc, whose files of such a process belong to root.
    account.succeed("cat password | ./strongroom project add acme --password-fd 0");
    account.succeed("./strongroom project add beta --password-fd 5 5< <(cat password)");
    account.succeed("./strongroom project add gamma --password-command 'cat password'");
    // A file without a name gets its own through /proc.
    account.succeed("./strongroom encrypt --project acme data --password-file password");
    account.succeed("./strongroom encrypt --force --project acme data --password-file password");
    account.succeed("./strongroom decrypt data.sealed -o opened --password-file password");
    account.succeed("./strongroom decrypt - -o - --password-file password < data.sealed | cmp - data");
    account.succeed("cmp opened data");
    assert_eq!(fs::metadata(account.path().join("opened")).unwrap().uid(), NOBODY);
    let status = account.run(
        "strace -f -o trace -e trace=linkat,prctl ./strongroom decrypt data.sealed -o again --password-file password",
    );
    if status.status.success() {
        let trace = fs::read_to_string(account.path().join("trace")).unwrap();
        assert!(trace.contains("PR_SET_DUMPABLE"), "{trace}");
        assert!(trace.lines().any(|call| call.contains("linkat") && call.ends_with(" = 0")), "{trace}");
    }
    // What the program starts can be dumped again, which is that program's own affair.
    let owner = account
        .succeed("./strongroom project list --password-command 'stat -c %u /proc/self/ >&2; cat password' 2>&1 >list");
    assert_eq!(owner.trim(), NOBODY.to_string());
    assert_eq!(fs::read_to_string(account.path().join("list")).unwrap().lines().count(), 4);
    proof::record(name, what, "9, and each did its work");
}

#[test]
#[ignore = "needs root: run ./test"]
fn a_limit_that_forbids_locking_is_said_once_and_forbids_nothing_else() {
    let (name, what) = ("memory-limit", "a limit on locked memory, said once");
    if !is_root(name, what) {
        return;
    }
    let account = Account::new();
    account.succeed(&format!("./strongroom init --no-recovery --keychain file {CHEAP} --password-file password"));
    account.succeed("./strongroom project add acme --password-file password");
    for (limit, remarks) in [(0, 1), (64, 0)] {
        let output = account.run(&format!("ulimit -l {limit}; ./strongroom key show acme --password-file password"));
        assert!(output.status.success() && output.stdout.len() == 45, "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.matches("could be swapped out").count(), remarks, "{limit} KiB: {said}");
    }
    proof::record(name, what, "0 KiB: a remark, 64 KiB: none; both did their work");
}

#[test]
#[ignore = "needs root: run ./test"]
fn another_process_of_the_user_cannot_look_into_it() {
    let (name, what) = ("memory-others", "files of /proc that show memory, open to the user's other processes");
    if !is_root(name, what) {
        return;
    }
    let account = Account::new();
    account.succeed(&format!("./strongroom init --no-recovery --keychain file {CHEAP} --password-file password"));
    account.succeed("./strongroom project add acme --password-file password");
    for (script, is_open) in [("exec cat", true), (ENCRYPT, false)] {
        let waiting = account.waiting(script);
        let pid = waiting.0.id();
        for file in ["mem", "maps", "environ", "auxv"] {
            let looked = account.run(&format!("exec 3</proc/{pid}/{file}"));
            assert_eq!(looked.status.success(), is_open, "{script}: {file}");
        }
        let linked = account.run(&format!("readlink /proc/{pid}/exe"));
        assert_eq!(linked.status.success(), is_open, "{script}");
    }
    proof::record(name, what, "0 of 4");
}

#[test]
#[ignore = "needs root: run ./test"]
fn no_core_dump_is_written_though_the_user_allows_any_length() {
    let (name, what) = ("memory-dumps", "core dumps after SIGSEGV, SIGABRT and SIGQUIT with an open vault");
    if !is_root(name, what) {
        return;
    }
    let account = Account::new();
    account.succeed(&format!("./strongroom init --no-recovery --keychain file {CHEAP} --password-file password"));
    account.succeed("./strongroom project add acme --password-file password");
    for signal in [rustix::process::Signal::SEGV, rustix::process::Signal::ABORT, rustix::process::Signal::QUIT] {
        for (script, dumps) in [("exec cat", true), (ENCRYPT, false)] {
            // Tests that run in the background of a shell inherit that SIGQUIT is ignored.
            let script = script.replacen("exec ", "exec env --default-signal=QUIT ", 1);
            let mut waiting = account.waiting(&format!("ulimit -c unlimited; {script}"));
            let pid = rustix::process::Pid::from_raw(waiting.0.id().try_into().unwrap()).unwrap();
            rustix::process::kill_process(pid, signal).unwrap();
            // At the first SIGSEGV that no fault explains, the handler of Rust's runtime only takes itself away.
            std::thread::sleep(std::time::Duration::from_millis(100));
            let _ = rustix::process::kill_process(pid, signal);
            let status = waiting.0.wait().unwrap();
            assert_eq!(status.signal(), Some(signal.as_raw()), "{script}");
            // What the kernel says of it, wherever its dumps go.
            assert_eq!(status.core_dumped(), dumps, "{script}, {signal:?}");
        }
    }
    let left = fs::read_dir(account.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let cores: Vec<String> = left.filter(|name| name.contains("core")).collect();
    for core in cores {
        let bytes = fs::read(account.path().join(&core)).unwrap();
        assert!(memchr::memmem::find(&bytes, OLD.as_bytes()).is_none(), "{core} holds the password");
    }
    proof::record(name, what, "0 of 3");
}
