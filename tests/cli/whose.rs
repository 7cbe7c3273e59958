//! Whose the plaintext is: derived folders that are links or somebody else's, permissions, hard links, drives that take
//! no permissions or times.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::trees::mode;
use crate::support::home::Home;

fn with_folder() -> Home {
    let home = Home::with_project();
    home.write("exports/a.csv", "client data");
    home.run("encrypt -p acme exports").succeeds();
    fs::remove_dir_all(home.path("exports")).unwrap();
    home
}

#[test]
fn a_derived_folder_that_is_a_link_or_belongs_to_another_user_is_refused() {
    let home = with_folder();
    fs::create_dir(home.path("elsewhere")).unwrap();
    let refused = |folder: &str, cause: &str, input: &str| {
        format!(
            "error: cannot write into {folder}\ncause: {cause}, and its name was not given\nhint: if you mean that \
             folder, name it with -o; else rename it, or {input}\n"
        )
    };
    symlink("elsewhere", home.path("exports")).unwrap();
    home.run("decrypt exports.sealed").fails(1, &refused("exports", "it is a symbolic link", "exports.sealed"));
    home.run("decrypt exports.sealed -o exports").succeeds();
    assert_eq!(home.read("elsewhere/a.csv"), b"client data");
    home.write("plain/b.csv", "client data");
    symlink("elsewhere", home.path("plain.sealed")).unwrap();
    home.run("encrypt -p acme plain").fails(1, &refused("plain.sealed", "it is a symbolic link", "plain"));
    // Only root can make a folder somebody else's.
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        fs::remove_file(home.path("exports")).unwrap();
        fs::create_dir(home.path("exports")).unwrap();
        std::os::unix::fs::chown(home.path("exports"), Some(4242), Some(4242)).unwrap();
        home.run("decrypt exports.sealed")
            .fails(1, &refused("exports", "it belongs to another user", "exports.sealed"));
        home.run("decrypt exports.sealed -o exports").succeeds();
    }
}

#[test]
fn what_is_opened_is_its_owners_alone_unless_asked() {
    let home = Home::with_project();
    for (name, bits) in [("tree/open.csv", 0o644), ("tree/tool", 0o755), ("tree/closed", 0o400)] {
        home.write(name, "data");
        mode(&home, name, bits);
    }
    mode(&home, "tree", 0o755);
    home.run("encrypt -p acme tree").succeeds();
    home.run("encrypt -p acme tree --archive").succeeds();
    let modes = |folder: &str| ["open.csv", "tool", "closed"].map(|name| home.mode(format!("{folder}/{name}")));
    for command in ["decrypt tree.sealed", "decrypt tree.tar.sealed --extract"] {
        home.run(&format!("{command} -o alone")).succeeds();
        assert_eq!((modes("alone"), home.mode("alone")), ([0o600, 0o700, 0o600], 0o700), "{command}");
        home.shell(&format!("umask 027; strongroom {command} -o kept --keep-permissions --password-file pw"))
            .succeeds();
        assert_eq!(modes("kept"), [0o640, 0o750, 0o400], "{command}");
        for folder in ["alone", "kept"] {
            fs::remove_dir_all(home.path(folder)).unwrap();
        }
    }
}

#[test]
fn refused_permissions_and_times_are_one_warning() {
    let home = with_folder();
    home.write("more/b.csv", "b");
    home.write("more/c.csv", "c");
    home.run("encrypt -p acme more").succeeds();
    home.run("encrypt -p acme more --archive").succeeds();
    for call in ["fchmod", "utimensat"] {
        let strace = ["strace", "-f", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"];
        let inject = format!("inject={call}:error=EPERM");
        for (words, what) in [
            ("decrypt more.sealed -o one", "2 outputs could not be set, for example of [..] (operation not permitted)"),
            (
                "decrypt more.tar.sealed --extract -o two",
                "[..] outputs could not be set, for example of [..] (operation not permitted)",
            ),
            ("decrypt more.sealed/b.csv.sealed -o three", "three could not be set (operation not permitted)"),
        ] {
            let before: Vec<&str> = strace.iter().copied().chain([inject.as_str()]).collect();
            let outcome = home.typed(words).args(["--password-file", "pw"]).through(&before).run();
            let text = outcome.text();
            outcome.ends(0, &text, &format!("warning: the time or the permissions of {what}; the content is whole\n"));
        }
        assert_eq!((home.read("one/b.csv"), home.read("two/c.csv")), (b"b".to_vec(), b"c".to_vec()));
        for folder in ["one", "two"] {
            fs::remove_dir_all(home.path(folder)).unwrap();
        }
        fs::remove_file(home.path("three")).unwrap();
    }
}

#[test]
fn another_name_of_a_file_is_warned_of() {
    let home = Home::with_project();
    home.write("a.csv", "data");
    fs::hard_link(home.path("a.csv"), home.path("backup.csv")).unwrap();
    let warning = |what: &str, path: &str| {
        format!("warning: 1 file has another name (a hard link) that still holds {what}, for example {path}\n")
    };
    let outcome = home.run("encrypt -p acme a.csv --remove");
    assert_eq!((outcome.code(), outcome.stderr()), (0, warning("the data", "a.csv").as_str()));
    fs::hard_link(home.path("a.csv.sealed"), home.path("kept.sealed")).unwrap();
    home.run("key rotate acme").succeeds();
    let outcome = home.run("reencrypt -p acme a.csv.sealed");
    assert_eq!((outcome.code(), outcome.stderr()), (0, warning("the file as it was", "a.csv.sealed").as_str()));
}

#[test]
fn a_read_only_file_is_replaced_by_reencrypt_and_named_by_rewrap() {
    let home = Home::with_project();
    home.write("a.csv", "data");
    home.run("encrypt -p acme a.csv").succeeds();
    mode(&home, "a.csv.sealed", 0o444);
    home.run("key rotate acme").succeeds();
    let run = |words: &str| home.typed(words).args(["--password-file", "pw"]).by_stranger().run();
    run("rewrap -p acme a.csv.sealed").fails(
        1,
        "\
error: cannot change a.csv.sealed
cause: the file is read-only
hint: make it writable with chmod u+w a.csv.sealed, or replace it by `strongroom reencrypt`
",
    );
    let outcome = run("reencrypt -p acme a.csv.sealed");
    assert_eq!((outcome.code(), outcome.stderr()), (0, ""));
    assert_eq!(fs::metadata(home.path("a.csv.sealed")).unwrap().permissions().mode() & 0o777, 0o444);
    assert_eq!(run("cat a.csv.sealed").bytes(), b"data");
}

#[test]
fn root_leaves_a_file_that_it_encrypts_again_to_its_owner() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let home = with_folder();
    std::os::unix::fs::chown(home.path("exports.sealed/a.csv.sealed"), Some(4242), Some(4343)).unwrap();
    home.run("key rotate acme").succeeds();
    let outcome = home.run("reencrypt -p acme exports.sealed");
    assert_eq!((outcome.code(), outcome.stderr()), (0, ""));
    let after = fs::metadata(home.path("exports.sealed/a.csv.sealed")).unwrap();
    assert_eq!((after.uid(), after.gid()), (4242, 4343));
}
