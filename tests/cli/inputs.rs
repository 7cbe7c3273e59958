//! Inputs and outputs that are not what they should be: folders, pipes, files that go or grow, folders and disks that
//! take nothing.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use crate::support::home::Home;

#[test]
fn only_regular_files_are_read() {
    let home = Home::with_project();
    home.fifo("fifo.sealed");
    for (name, what) in [("fifo.sealed", "not a regular file"), ("/dev/zero", "not a regular file")] {
        for command in ["encrypt -p acme", "decrypt"] {
            // Known before a password is asked for, and without waiting for a FIFO's writer.
            home.run_alone(&format!("{command} {name} -o x")).fails(
                1,
                &format!(
                    "\
error: cannot read {name}
cause: it is {what}
hint: name regular files and folders; a pipe is read as - through standard input
"
                ),
            );
        }
    }
    home.run("encrypt -p acme fifo.sealed --json").fails_in_json(1, "not-a-file");
}

#[test]
fn a_missing_input_is_found_before_anything_is_done() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    for words in ["encrypt -p acme none", "encrypt -p acme a.txt none", "decrypt none -o x", "decrypt none.sealed"] {
        let name = if words.ends_with("sealed") { "none.sealed" } else { "none" };
        home.run_alone(words).fails(
            4,
            &format!(
                "\
error: cannot read {name}
cause: no such file or directory
hint: check the path; nothing was written
"
            ),
        );
    }
    home.run("decrypt none.sealed --json").fails_in_json(4, "input-not-found");
}

#[test]
fn an_output_folder_that_is_missing_is_named() {
    let home = Home::with_project();
    home.write("a.txt", "data");
    let outcome = home.run("encrypt -p acme a.txt -o none/a.sealed");
    let (code, stderr) = (outcome.code(), outcome.stderr().to_owned());
    outcome.fails(code, &stderr);
    assert!(stderr.starts_with("error: cannot write none/a.sealed\ncause: no such file or directory\n"), "{stderr}");
    // The input is there, and a script must not look for it.
    let json = home.run("encrypt -p acme a.txt -o none/a.sealed --json");
    assert!(!json.stderr().contains("input-not-found"), "{}", json.stderr());
}

#[test]
fn an_input_that_vanishes_is_reported_and_the_others_are_done() {
    let home = Home::with_project();
    for name in ["a", "b", "c"] {
        home.write(name, name);
    }
    // All three stand when the command looks; the password comes later.
    home.typed("encrypt -p acme a b c --password-command").arg("rm b; cat pw").run().ends(
        4,
        "\
a -> a.sealed (project acme, key version 1)
c -> c.sealed (project acme, key version 1)
",
        "\
error: cannot read b
cause: no such file or directory
error: 1 of 3 files was not encrypted
hint: the others are done; the reasons are above
",
    );
    assert!(!home.path("b.sealed").exists());
    // The exit code is the first failure's: here a folder's, though a missing file follows.
    let command = home.typed("decrypt a.sealed c.sealed -o out --password-command");
    fs::create_dir(home.path("out")).unwrap();
    let outcome = command.arg("rm a.sealed c.sealed; mkdir a.sealed; cat pw").run();
    let stderr = outcome.stderr().to_owned();
    assert!(stderr.contains("cause: it is a folder") && stderr.contains("2 of 2 files were not decrypted"), "{stderr}");
    assert_eq!((outcome.code(), outcome.text().trim()), (1, ""));
}

#[test]
fn an_input_that_becomes_a_pipe_is_not_waited_for() {
    let home = Home::with_project();
    home.write("a", "a");
    let command = home.typed("encrypt -p acme a --password-command").arg("rm a; mkfifo a; cat pw");
    command.run().ends(
        1,
        "",
        "\
error: cannot read a
cause: it is not a regular file
hint: name regular files and folders; a pipe is read as - through standard input
",
    );
}

#[test]
fn a_file_that_grows_while_it_is_read_is_not_sealed() {
    let home = Home::with_project();
    let path = home.write("log", "");
    let mut log = File::options().append(true).open(&path).unwrap();
    // Long enough to be read for a while; its holes cost nothing.
    log.set_len(100 << 20).unwrap();
    let command = home.typed("encrypt -p acme log --password-file pw");
    let child = command.start();
    let running = std::sync::atomic::AtomicBool::new(true);
    let output = thread::scope(|scope| {
        scope.spawn(|| {
            while running.load(std::sync::atomic::Ordering::Relaxed) {
                log.write_all(b"one more line\n").unwrap();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let output = child.wait_with_output().unwrap();
        running.store(false, std::sync::atomic::Ordering::Relaxed);
        output
    });
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "\
error: cannot encrypt log
cause: it changed while it was being read, so the encrypted copy would be inconsistent
hint: wait until it is written, and run it again; nothing was kept
"
    );
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(!home.path("log.sealed").exists());
}

#[test]
fn files_and_folders_of_others_are_refused_by_the_system() {
    let home = Home::with_project();
    let closed = |name: &str, mode: u32| {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    home.write("a.txt", "data");
    home.run("encrypt -p acme a.txt").succeeds();
    home.write("closed/b.txt", "data");
    closed("closed", 0o500);
    let by_stranger = |words: &str| home.typed(words).args(["--password-file", "pw"]).by_stranger().run();
    let denied = |doing: &str| format!("error: cannot {doing}\ncause: permission denied\n");
    // Its owner may read and enter the folder, but not write.
    by_stranger("encrypt -p acme closed/b.txt").fails(1, &denied("write closed/b.txt.sealed"));
    by_stranger("decrypt a.txt.sealed -o closed/a.txt").fails(1, &denied("write closed/a.txt"));
    by_stranger("decrypt a.txt.sealed -o closed/a.txt --json").fails_in_json(1, "permission");
    closed("a.txt", 0o000);
    by_stranger("encrypt -p acme a.txt -o c.sealed").fails(1, &denied("read a.txt"));
    closed("a.txt.sealed", 0o000);
    by_stranger("decrypt a.txt.sealed -o c").fails(1, &denied("read a.txt.sealed"));
    // A vault that can be read but not written to.
    let folder = home.vault().parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
    let listed = by_stranger("project list").succeeds().changed_nothing().text();
    assert!(listed.contains("acme"), "{listed}");
    let (message, _) = by_stranger("project add beta --json").fails_in_json(1, "permission");
    assert!(message.contains("vault.json"), "{message}");
    // And one that cannot be read.
    fs::set_permissions(home.vault(), fs::Permissions::from_mode(0o000)).unwrap();
    by_stranger("project list").fails(
        1,
        "\
error: cannot open the vault
cause: cannot open {home}/.local/share/strongroom/vault.json: permission denied
hint: make it readable and writable for you, or name another place with --vault or --keychain file:PATH
",
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    closed("closed", 0o700);
}

/// Runs shell lines in a mount namespace of their own, with a file system of one mebibyte at `small`.
pub fn with_small_disk(home: &Home, lines: &str) -> Option<crate::support::run::Outcome> {
    fs::create_dir(home.path("small")).unwrap();
    let mount = "mount -t tmpfs -o size=1m,mode=700 small small";
    // Root needs no more than a namespace for mounts; others become root in a namespace for users first.
    for namespace in ["unshare --mount", "unshare --map-root-user --mount"] {
        if home.shell(&format!("{namespace} sh -c '{mount}' 2>&1")).ends_well() {
            return Some(home.shell(&format!("exec {namespace} sh -c '{mount} && {{ {lines}\n}}'")));
        }
    }
    // Not through print, which a passing test swallows.
    let _ = writeln!(std::io::stderr(), "SKIPPED: no file system can be mounted here, so no disk was filled");
    None
}

#[test]
fn a_full_disk_leaves_no_partial_output() {
    let home = Home::with_project();
    home.write("big", vec![7; 3 << 20]);
    home.write("little", "data");
    home.run("encrypt -p acme big little").succeeds();
    let lines = "
        strongroom encrypt -p acme big -o small/big.sealed --password-file pw; echo $?
        strongroom decrypt big.sealed -o small/big --password-file pw; echo $?
        strongroom decrypt big.sealed little.sealed -o small --password-file pw; echo $?
        ls -A small; cat small/little";
    let Some(outcome) = with_small_disk(&home, lines) else { return };
    let full = |name: &str| {
        format!(
            "\
error: cannot write {name}
cause: no space left on device
hint: free some space and run it again; nothing was kept
"
        )
    };
    let stderr = full("small/big.sealed")
        + &full("small/big")
        + &full("small/big")
        + "error: 1 of 2 files was not decrypted\nhint: the others are done; the reasons are above\n";
    outcome.ends(
        0,
        "\
1
1
little.sealed -> small/little (project acme, key version 1)
  encrypted as little, last modified [..]Z
1
little
data",
        &stderr,
    );
}

#[test]
fn a_full_disk_leaves_the_vault_as_it_was() {
    let home = Home::with_project();
    let lines = "
        mkdir small/v; cp -r .local/share/strongroom/vault.json .local/share/strongroom/log small/v/
        head -c 4m /dev/zero > small/fill 2> /dev/null
        sum=$(sha256sum < small/v/vault.json)
        strongroom project add beta --vault small/v --password-file pw; echo $?
        test \"$sum\" = \"$(sha256sum < small/v/vault.json)\" && ls -A small/v
        strongroom project list --vault small/v --password-file pw --json | grep -c acme
        rm small/fill
        strongroom project add beta --vault small/v --password-file pw -q; echo $?";
    let Some(outcome) = with_small_disk(&home, lines) else { return };
    outcome.ends(
        0,
        "\
1
log
vault.json
vault.json.lock
1
0
",
        "\
error: cannot add project \"beta\"
cause: cannot write {home}/small/v/vault.json: no space left on device
hint: free some space and run it again; nothing was changed
",
    );
}
