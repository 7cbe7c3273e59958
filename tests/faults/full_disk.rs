//! A disk that is really full: 64 KiB of memory hold the vault and its keychain file, and what is left of them is
//! filled but for a few pages.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use super::home::{self, FLOOR, Home, Keys, OLD, Struck as _};
use super::stories::{self, Before, Left, State, Story};
use crate::support::{proof, run_again};

/// What a file takes room in.
const PAGE: u64 = 4096;
/// Set where the test runs in namespaces of its own, so that no mount outlives it.
const INSIDE: &str = "STRONGROOM_TEST_INSIDE";

/// A file that takes up what is left of the disk.
struct Filler(PathBuf);

impl Filler {
    /// Fills the disk but for so many pages.
    fn leave(home: &Home, pages: u64) -> Self {
        let path = home.path(".local/filler");
        let mut file = File::create_new(&path).unwrap();
        let page = [0; PAGE as usize];
        let mut filled = 0;
        loop {
            match file.write(&page) {
                Ok(written) => filled += written as u64,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        file.set_len(filled.saturating_sub(pages * PAGE)).unwrap();
        Self(path)
    }

    fn free(self) {
        fs::remove_file(self.0).unwrap();
    }
}

/// Runs a test again where it may mount; it says so where that is not allowed here.
fn inside(name: &str, what: &str, test: &str, run: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return run();
    }
    let as_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let unshare = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(if as_root { &["--mount"][..] } else { &["--user", "--map-root-user", "--mount"] }).args(args);
        command
    };
    let can_mount = unshare(&["mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]).output();
    if !can_mount.is_ok_and(|output| output.status.success()) {
        return proof::leave_out(name, what, "nothing can be mounted here");
    }
    run_again(unshare(&[]).env(INSIDE, "1"), test);
}

/// Puts a small disk under the folders of vault and keychain file.
fn small_disk(home: &Home, size: &str) {
    home.shell(&format!("mkdir -p .local && mount -t tmpfs -o size={size},mode=700 none .local")).succeeds();
}

/// Runs a command with so many pages free at a time, inside of namespaces of the test `test`.
fn full_at_levels(story: Story, test: &str, levels: impl IntoIterator<Item = u64>) {
    let name = format!("faults-full-disk-{}", story.name.replace(' ', "-"));
    let what = format!("`{}` on a disk of 96 KiB that is nearly full", story.name);
    inside(&name, &what, test, || {
        let home = (story.prepare)();
        let files = home.snapshot();
        let keys = if home.has_vault() { home.open(OLD).unwrap() } else { Keys::new() };
        let before = Before { files, keys };
        home.shell("rm -rf .local").succeeds();
        small_disk(&home, "96k");
        let (mut refused, mut done) = (0, 0);
        for pages in levels {
            home.restore(&before.files);
            let filler = Filler::leave(&home, pages);
            let run = home.typed(&format!("{} --json", story.words)).output();
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            let left = Left { home: &home, before: &before };
            let what = format!("`{}` with {pages} pages free: {said}", story.name);
            if run.status.success() {
                done += 1;
            } else {
                refused += 1;
                assert!(said.contains("no space left on device"), "{what}");
                assert!(["disk-full", "file", "either-password"].iter().any(|kind| said.contains(kind)), "{what}");
            }
            assert_eq!(home.leftovers(), Vec::<PathBuf>::new(), "{what}");
            // The vault opens on the full disk.
            let state = (story.judge)(&left);
            home.log_without_alarm();
            assert!(!run.status.success() || state == State::New, "{what}");
            println!("{what}{state:?}");
            filler.free();
            (story.again)(&left);
            home.log_goes_on();
        }
        home.shell("umount .local").succeeds();
        assert!(refused > 0 && done > 0, "`{}` was refused {refused} times and done {done} times", story.name);
        let figure = format!("{refused} refused with the vault whole and usable again, {done} done");
        proof::record(&name, &what, &figure);
    });
}

macro_rules! full_disk {
    ($($test:ident, $long:ident: $story:ident),+ $(,)?) => {$(
        #[test]
        #[ignore = "needs to mount: run ./test"]
        fn $test() {
            full_at_levels(stories::$story, concat!(module_path!(), "::", stringify!($test)), [0, 2, 5, 8, 13]);
        }

        #[test]
        #[ignore = "long: run ./test --long"]
        fn $long() {
            full_at_levels(stories::$story, concat!(module_path!(), "::", stringify!($long)), 0..14);
        }
    )+};
}

full_disk! {
    init_loses_nothing_to_a_full_disk, long_mode_init_loses_nothing_to_a_full_disk: INIT,
    project_add_loses_nothing_to_a_full_disk, long_mode_project_add_loses_nothing_to_a_full_disk: PROJECT_ADD,
    key_rotate_loses_nothing_to_a_full_disk, long_mode_key_rotate_loses_nothing_to_a_full_disk: KEY_ROTATE,
    secret_set_loses_nothing_to_a_full_disk, long_mode_secret_set_loses_nothing_to_a_full_disk: SECRET_SET,
    passwd_loses_nothing_to_a_full_disk, long_mode_passwd_loses_nothing_to_a_full_disk: PASSWD,
    vault_rotate_loses_nothing_to_a_full_disk, long_mode_vault_rotate_loses_nothing_to_a_full_disk: VAULT_ROTATE,
    recover_loses_nothing_to_a_full_disk, long_mode_recover_loses_nothing_to_a_full_disk: RECOVER,
}

#[test]
#[ignore = "needs to mount: run ./test"]
fn a_disk_that_fills_up_keeps_every_project_that_was_added() {
    let (name, what) = ("faults-full-up", "projects added until a disk of 64 KiB was full");
    inside(name, what, concat!(module_path!(), "::a_disk_that_fills_up_keeps_every_project_that_was_added"), || {
        let home = home::empty();
        small_disk(&home, "64k");
        home.succeeds(&format!("init --keychain file --no-recovery {FLOOR} --password-file old"));
        let filler = Filler::leave(&home, 8);
        let note = "n".repeat(1500);
        let mut added = 0;
        let refused = loop {
            let run =
                home.typed(&format!("project add project-{added} --note {note} --password-file old --json")).output();
            if !run.status.success() {
                break String::from_utf8_lossy(&run.stderr).into_owned();
            }
            added += 1;
            assert!(added < 100, "the disk never fills up");
        };
        assert!(refused.contains("disk-full"), "{refused}");
        assert_eq!((home.open(OLD).unwrap().len(), home.leftovers().len()), (added, 0));
        filler.free();
        home.succeeds(&format!("project add one-more --note {note} --password-file old"));
        assert_eq!(home.open(OLD).unwrap().len(), added + 1);
        home.log_goes_on();
        home.shell("umount .local").succeeds();
        let figure = format!("{added} added, 1 refused, {added} there; one more once there was room");
        proof::record(name, what, &figure);
    });
}
