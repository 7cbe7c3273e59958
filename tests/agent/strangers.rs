//! Another user who can reach the socket all the same.

use std::fs::{Permissions, set_permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom::agent::client::{Client, Unanswered};
use strongroom::agent::protocol::Question;

use super::home::Home;

/// Set in the process of the other user: the socket.
const SOCKET: &str = "STRONGROOM_TEST_SOCKET";
/// Begins what it says.
const GOT: &str = "the stranger got ";

/// Is the other user, if another test has started it as one.
#[test]
#[ignore = "started by other tests"]
fn asks() {
    let Some(socket) = std::env::var_os(SOCKET) else { return };
    let mut stream = UnixStream::connect(PathBuf::from(socket)).expect("the stranger can reach it");
    let mut got = Vec::new();
    // It may be closed already.
    let _ = stream.write_all(Question::Names.to_line().as_bytes()).and_then(|()| stream.read_to_end(&mut got));
    println!("{GOT}{} bytes", got.len());
}

fn let_everybody_in(path: &Path) {
    set_permissions(path, Permissions::from_mode(0o777)).expect("a mode");
}

#[test]
fn another_user_is_not_answered() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    let agent = home.agent();
    let socket = agent.place.socket().to_path_buf();
    for path in [home.path(), socket.parent().expect("a folder"), &socket] {
        let_everybody_in(path);
    }
    // Outside a folder that only root may look into.
    let program = home.path().join("program");
    std::fs::copy(std::env::current_exe().expect("this program"), &program).expect("a copy");
    let_everybody_in(&program);
    let output = Command::new(&program)
        .args(["--exact", "agent::strangers::asks", "--include-ignored", "--nocapture"])
        .env(SOCKET, &socket)
        .current_dir("/")
        .stdin(Stdio::null())
        .uid(65534)
        .gid(65534)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("{GOT}0 bytes")), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // Nor does its own user ask any more, where others may have put what they like.
    assert!(matches!(Client::at(&agent.place).err(), Some(Unanswered::Place(_))));
    assert!(agent.is_running());
}
