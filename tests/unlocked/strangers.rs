//! What is in the place of the agent's socket, and agents of other versions.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::thread::JoinHandle;

use super::*;
use crate::support::home::{give_away, is_root};

/// Returns where the socket of a home's vault belongs.
fn place(unlocked: &Unlocked) -> PathBuf {
    unlocked.unlock("");
    let socket = unlocked.socket();
    unlocked.0.run_alone("lock").does("the vault is locked\n");
    socket
}

fn remarked(why: &str) -> String {
    format!("the vault is not unlocked for this command: {why}\n{NEEDS_PASSWORD}")
}

#[test]
fn whatever_else_is_in_the_place_of_the_socket_is_not_asked() {
    let unlocked = Unlocked(Home::with_project());
    let socket = place(&unlocked);
    let other = unlocked.0.path("other.sock");
    let _listener = UnixListener::bind(&other).unwrap();
    let plants: [&dyn Fn(); 3] =
        [&|| fs::write(&socket, "").unwrap(), &|| std::os::unix::fs::symlink(&other, &socket).unwrap(), &|| {
            fs::create_dir(&socket).unwrap()
        }];
    for plant in plants {
        plant();
        let why = format!("{} is not a socket of this user", socket.display());
        unlocked.0.run_alone("project list").fails(2, &remarked(&why));
        unlocked.0.run("unlock").ends(1, "", &format!("error: cannot lock the vault\ncause: {why}\nhint: [..]\n"));
        if socket.is_dir() { fs::remove_dir(&socket).unwrap() } else { fs::remove_file(&socket).unwrap() }
    }
}

#[test]
fn a_folder_that_others_can_enter_is_not_used() {
    let unlocked = Unlocked(Home::with_project());
    let socket = place(&unlocked);
    let folder = socket.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Without a socket, nobody expects an answer.
    unlocked.0.run_alone("project list").fails(2, NEEDS_PASSWORD);
    unlocked.0.run("unlock").ends(
        1,
        "",
        &format!(
            "error: cannot keep the vault unlocked\n\
             cause: {} is not used for a socket: other users may look into it\n\
             hint: name a folder that is yours alone in XDG_RUNTIME_DIR, or move away what is in the way\n",
            folder.display()
        ),
    );
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    let elsewhere = unlocked.0.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::remove_dir_all(folder).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder).unwrap();
    let run = unlocked.0.run("unlock");
    assert_eq!(run.code(), 1);
    assert!(run.stderr().contains("it is not a folder"), "{}", run.stderr());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_system_bus_that_says_nothing_is_not_waited_for() {
    let unlocked = Unlocked(Home::with_project());
    let bus = unlocked.0.path("bus");
    // Connections are taken by the system, and nobody reads from them.
    let _listener = UnixListener::bind(&bus).unwrap();
    let address = format!("unix:path={}", bus.display());
    let unlock = unlocked.0.typed("unlock --json --password-file pw").env("DBUS_SYSTEM_BUS_ADDRESS", address);
    assert_eq!(unlock.run().succeeds().json()["watching"]["lacking"], "no system bus answers here");
    unlocked.0.run_alone("project list").succeeds();
}

#[test]
fn another_users_socket_is_not_asked() {
    if !is_root() {
        return;
    }
    let unlocked = Unlocked(Home::with_project());
    let socket = place(&unlocked);
    let _listener = UnixListener::bind(&socket).unwrap();
    give_away(&socket);
    let why = format!("{} is not a socket of this user", socket.display());
    unlocked.0.run_alone("project list").fails(2, &remarked(&why));
}

/// Answers every question of one connection after the other with what an agent of another version would say.
fn agent_of_version(socket: &std::path::Path, version: u32) -> JoinHandle<Vec<String>> {
    let listener = UnixListener::bind(socket).unwrap();
    let socket = socket.to_path_buf();
    std::thread::spawn(move || {
        let mut asked = Vec::new();
        for connection in listener.incoming() {
            let connection = connection.unwrap();
            let mut line = String::new();
            BufReader::new(&connection).read_line(&mut line).unwrap();
            asked.push(line.clone());
            if line.contains("\"ask\":\"lock\"") {
                fs::remove_file(&socket).unwrap();
                writeln!(&connection, "{{\"v\":{version},\"answer\":\"locked\",\"news\":[1]}}").unwrap();
                break;
            }
            writeln!(&connection, "{{\"v\":{version},\"answer\":{{\"whatever\":{{}}}}}}").unwrap();
        }
        asked
    })
}

#[test]
fn an_agent_of_another_version_is_named_and_can_be_ended() {
    let unlocked = Unlocked(Home::with_project());
    let socket = place(&unlocked);
    for version in [0, 2] {
        let agent = agent_of_version(&socket, version);
        unlocked
            .0
            .run_alone("project list")
            .fails(2, &remarked("the agent is of another version of Strongroom; end it with `strongroom lock`"));
        unlocked.0.run("project list").succeeds();
        unlocked.0.run_alone("lock").does("the vault is locked\n");
        assert_eq!(agent.join().unwrap().last().unwrap(), "{\"v\":1,\"ask\":\"lock\"}\n");
        // `unlock` does the same by itself.
        let agent = agent_of_version(&socket, version);
        unlocked.unlock("");
        agent.join().unwrap();
        unlocked.0.run_alone("project list").succeeds();
        unlocked.0.run_alone("lock").does("the vault is locked\n");
    }
}
