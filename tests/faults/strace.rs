//! The list of calls is compared with strace's, so that none is missed.

use std::io::Write;
use std::process::{Command, Stdio};

use super::home::{Home, Struck as _, program};
use super::stories::{self, Story};
use super::tracer;

/// What strace is to show; of those that open or lock, only some change something.
const TRACED: &str = "trace=open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,sendfile,copy_file_range,\
                      splice,truncate,ftruncate,fallocate,fsync,fdatasync,syncfs,sync,rename,renameat,renameat2,link,\
                      linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,mknodat,chmod,fchmod,\
                      fchmodat,?fchmodat2,chown,fchown,lchown,fchownat,utime,utimes,futimesat,utimensat,setxattr,\
                      fsetxattr,lsetxattr,flock,fcntl,io_uring_setup";

/// Returns the names of the calls below the home folder, as strace shows them.
fn by_strace(story: &Story, home: &Home) -> Vec<String> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let status = Command::new("setsid")
        .args(["--wait", "strace", "-f", "-y", "-s", "0", "-e", TRACED, "-o"])
        .arg(trace.path())
        .args(program(story.words))
        .current_dir(home.path(""))
        .env_clear()
        .env("HOME", home.path(""))
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let text = std::fs::read_to_string(trace.path()).unwrap();
    let home = home.path("").display().to_string();
    let home = home.trim_end_matches('/');
    let counts = |line: &&str| {
        let opens =
            line.contains("open") && !["O_CREAT", "O_TRUNC", "O_TMPFILE"].iter().any(|flag| line.contains(flag));
        let locks = line.contains("fcntl(") && !line.contains("SETLK");
        // A relative path is one from the home folder on.
        let is_relative = line.contains("(\"") && !line.contains("(\"/");
        (line.contains(home) || is_relative || line.contains(" sync("))
            && !opens
            && !locks
            && !line.contains("resumed>")
    };
    let name = |line: &str| line.split_whitespace().nth(1).unwrap().split('(').next().unwrap().to_owned();
    text.lines().filter(counts).map(name).collect()
}

#[test]
#[ignore = "needs strace: run ./test"]
fn no_call_is_missed() {
    if !rustix::process::geteuid().is_root() {
        // The program refuses to be looked into, and strace reads paths from its memory.
        let _ = writeln!(std::io::stderr(), "SKIPPED: only root can see with strace which calls the program makes");
        return;
    }
    for story in [stories::INIT, stories::PASSWD, stories::DECRYPT, stories::EXTRACT, stories::VAULT_ROTATE] {
        let home = (story.prepare)();
        let before = home.snapshot();
        let traced = tracer::run(&program(story.words), &home.path(""), None);
        assert!(traced.status.success(), "{}", traced.stderr);
        let on_disk = traced.calls.iter().filter(|call| call.on != "stdout" && call.on != "stderr");
        let own: Vec<&str> = on_disk.map(|call| call.name).collect();
        home.restore(&before);
        assert_eq!(own, by_strace(&story, &home), "{}", story.name);
    }
}
