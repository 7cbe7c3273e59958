//! While a command runs, a name or a folder on the way to it is swapped for a link again and again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::outside::{Outside, run, unclean};
use super::targets::{TARGETS, empty_home, home, id_of};
use crate::faults::home::{Home, Struck as _};
use crate::support::proof;

/// Swaps until told to stop, and returns how often.
fn swap(path: &Path, link: &Path, stop: &AtomicBool) -> u64 {
    let mut swaps = 0;
    while !stop.load(Ordering::Relaxed) {
        // What stands there and the link change places; where nothing stands, the link comes and goes.
        if renameat_with(CWD, path, CWD, link, RenameFlags::EXCHANGE).is_err() {
            let _ = symlink(fs::read_link(link).unwrap_or_default(), path);
            thread::sleep(Duration::from_micros(30));
            if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
                let _ = fs::remove_file(path);
            }
        }
        swaps += 1;
        // Each way lasts a moment that differs from the last one.
        thread::sleep(Duration::from_micros(swaps * 37 % 400));
    }
    // Back, if it was swapped an odd number of times.
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        let _ = renameat_with(CWD, path, CWD, link, RenameFlags::EXCHANGE);
    }
    swaps
}

/// Runs a command against swaps at a path, and returns what is wrong and how many swaps there were.
fn race(home: &Home, words: &str, path: &Path, to: &str, harm: fn(&Outside) -> Vec<String>) -> (Vec<String>, u64) {
    let outside = Outside::new();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let link = home.path("swapped-in");
    symlink(outside.path(to), &link).unwrap();
    let stop = AtomicBool::new(false);
    let (output, swaps) = thread::scope(|scope| {
        let swapper = scope.spawn(|| swap(path, &link, &stop));
        let output = run(home, words);
        stop.store(true, Ordering::Relaxed);
        (output, swapper.join().unwrap())
    });
    let mut wrong = harm(&outside);
    wrong.extend(unclean(&output));
    let what = format!("`{words}` against swaps at {}", path.display());
    (wrong.into_iter().map(|wrong| format!("{what}: {wrong}")).collect(), swaps)
}

/// Runs each command so many times against swaps of its name for a link to a file outside.
fn names_are_swapped(rounds: u32, name: &str) {
    let (with_vault, without) = (home(), empty_home());
    let (before, before_init) = (with_vault.snapshot(), without.snapshot());
    let (mut runs, mut swaps, mut wrong) = (0_u64, 0, Vec::new());
    for target in &TARGETS {
        let (home, before) = if target.makes { (&without, &before_init) } else { (&with_vault, &before) };
        for _ in 0..rounds {
            home.restore(before);
            let path: PathBuf = home.path(target.path.replace("ID", &id_of(home)));
            let (found, more) = race(home, target.words, &path, "precious", Outside::damage);
            wrong.extend(found);
            swaps += more;
            runs += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{} in {runs} runs", wrong.len());
    assert!(swaps > runs * 20, "only {swaps} swaps in {runs} runs");
    let figure = format!("{runs} runs, {swaps} swaps: 0 writes outside");
    proof::record(name, "names that are swapped for links to a file outside while the command runs", &figure);
}

/// Folders on the way to outputs. Whoever can swap those of vault, settings and keychain file has the home already.
const FOLDERS: [(&str, &str); 4] = [
    ("sealed", "encrypt -p acme papers -o sealed --password-file old"),
    ("sealed/drafts", "encrypt -p acme papers -o sealed --password-file old"),
    ("tree", "decrypt tree.sealed -o tree --password-file old"),
    ("tree/drafts", "decrypt tree.sealed -o tree --password-file old"),
];

/// Runs commands so many times against swaps of a folder for a link to a folder outside, which has files of the very
/// names that are written. A path is looked up anew at each call, so an output may come to lie there; none that stands
/// there is replaced.
fn output_folders_are_swapped(rounds: u32, name: &str) {
    let home = home();
    let before = home.snapshot();
    let (mut runs, mut swaps, mut wrong) = (0_u64, 0, Vec::new());
    for (folder, words) in FOLDERS {
        for _ in 0..rounds {
            home.restore(&before);
            fs::create_dir_all(home.path(folder)).unwrap();
            let (found, more) = race(&home, words, &home.path(folder), "", Outside::lost);
            wrong.extend(found);
            swaps += more;
            runs += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{} in {runs} runs", wrong.len());
    let figure = format!("{runs} runs, {swaps} swaps: 0 files outside lost");
    proof::record(
        name,
        "output folders that are swapped for links to a folder outside while the command runs",
        &figure,
    );
}

#[test]
#[ignore = "takes a while: run ./test"]
fn output_folders_that_are_swapped_for_links_cost_nothing_that_stands() {
    output_folders_are_swapped(10, "path-attacks-folder-races");
}

#[test]
#[ignore = "takes a while: run ./test"]
fn names_that_are_swapped_for_links_lead_nowhere() {
    names_are_swapped(1, "path-attacks-races");
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_names_that_are_swapped_for_links_lead_nowhere() {
    names_are_swapped(20, "path-attacks-races-long");
}
