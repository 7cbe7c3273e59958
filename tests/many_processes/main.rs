//! Sixteen processes that change one vault as fast as they can, while another opens it again and again: no change is
//! lost, no generation is given twice, nobody waits in vain, and nobody is told of a rollback that never was.
#![cfg(target_os = "linux")]

mod logging;
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod worker;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::crypto::kdf::KdfCost;
use strongroom::crypto::secret::Password;
use strongroom::format::VaultId;
use strongroom::format::vault::SIZE_LIMIT;
use strongroom::host::ThisHost;
use strongroom::keychain::FileKeychain;
use strongroom::store::FolderStore;
use strongroom::vault::{Edges, NewProject, Notice, Unlocked, Vault, create};

use support::proof;
use worker::{Report, Worker};

const PASSWORD: &str = "lantern-orbit-quarry-mellow-sprint-fjord";
const PROCESSES: usize = 16;
/// The project that every process rotates.
const SHARED: &str = "shared";

/// A vault in a folder, its key in a file.
struct Place {
    store: Arc<FolderStore>,
    keychain: Arc<FileKeychain>,
}

impl Place {
    fn new(folder: &Path) -> Self {
        let store = Arc::new(FolderStore::new(&folder.join("vault"), SIZE_LIMIT).unwrap());
        Self { store, keychain: Arc::new(FileKeychain::new(folder.join("key/item"))) }
    }

    fn edges(&self) -> Edges {
        Edges { store: self.store.clone(), keychain: self.keychain.clone(), host: Arc::new(ThisHost) }
    }

    fn unlock(&self, password: &Password) -> Unlocked {
        let vault = Vault::open(self.store.clone()).unwrap();
        let mut unlocked = vault.unlock(password, self.keychain.clone(), Arc::new(ThisHost)).unwrap();
        unlocked.tend(password).unwrap();
        unlocked
    }
}

fn named(name: &str) -> NewProject {
    NewProject { name: name.into(), ..NewProject::default() }
}

/// What an onlooker saw, who opens the vault from its files each time.
struct Seen {
    openings: usize,
    notices: Vec<Notice>,
}

/// Opens the vault until `done`, and sees it grow.
fn look_on(place: &Place, password: &Password, done: &AtomicBool) -> Seen {
    let mut seen = Seen { openings: 0, notices: Vec::new() };
    let mut newest = 0;
    while !done.load(Ordering::SeqCst) {
        let mut unlocked = place.unlock(password);
        let generation = unlocked.header().generation;
        assert!(generation >= newest, "generation {generation} after {newest}");
        newest = generation;
        seen.openings += 1;
        seen.notices.extend(unlocked.take_notices());
    }
    seen
}

/// Lets the processes change a vault in `folder`, and sees to it that all they did is there.
fn none_is_lost(test: &str, folder: &Path, processes: usize, changes: usize) -> (Vec<Report>, Duration, Seen) {
    let place = Place::new(folder);
    let password = Password::new(PASSWORD.as_bytes()).unwrap();
    let mut unlocked = create(place.edges(), VaultId::generate().unwrap(), &password, KdfCost::FLOOR).unwrap();
    unlocked.add_project(&named(SHARED)).unwrap();
    let first = unlocked.header().generation;

    let workers: Vec<_> = (0..processes).map(|number| Worker::start(test, folder, number, changes)).collect();
    let mut workers: Vec<_> = workers.into_iter().map(Worker::unlocked).collect();
    let done = AtomicBool::new(false);
    let start = Instant::now();
    let (reports, took, seen) = thread::scope(|scope| {
        let onlooker = scope.spawn(|| look_on(&place, &password, &done));
        workers.iter_mut().for_each(Worker::go);
        let reports: Vec<_> = workers.into_iter().map(Worker::report).collect();
        let took = start.elapsed();
        done.store(true, Ordering::SeqCst);
        (reports, took, onlooker.join().unwrap())
    });

    let failed: Vec<_> = reports.iter().filter_map(|report| report.failure.as_deref()).collect();
    assert!(failed.is_empty(), "{} of {processes} processes failed: {failed:#?}", failed.len());
    let mut generations: Vec<_> = reports.iter().flat_map(|report| report.generations.iter().copied()).collect();
    generations.sort_unstable();
    let last = first + (processes * changes) as u64;
    assert!(generations.iter().copied().eq(first + 1..=last), "generations are missing or were given twice");

    let mut unlocked = place.unlock(&password);
    // Were the anchor behind or missing, the unlock would have told or brought it up to date.
    assert_eq!((unlocked.take_notices(), unlocked.header().generation), (Vec::new(), last));
    assert_eq!(anchored_generation(&folder.join("key/item.anchor")), last, "the anchor is behind");
    let there: BTreeSet<String> = unlocked.projects().into_iter().map(|project| project.name).collect();
    let mut shared = 1;
    let mut expected = BTreeSet::from([SHARED.to_owned()]);
    for report in &reports {
        expected.extend(report.added.iter().cloned());
        shared += report.shared.len();
        for (project, versions) in &report.rotated {
            assert_eq!(unlocked.project(project).unwrap().keys.len() as u32, *versions, "{project}");
            unlocked.file_key(project, None).unwrap();
        }
    }
    assert_eq!(there, expected);
    // Each process was told a version of its own, and every version is there and opens.
    let versions: Vec<_> = unlocked.project(SHARED).unwrap().keys.iter().map(|key| key.version).collect();
    assert!(versions.iter().copied().eq(1..=shared as u32), "{versions:?}");
    let told: BTreeSet<u32> = reports.iter().flat_map(|report| report.shared.iter().copied()).collect();
    assert!(told.iter().copied().eq(2..=shared as u32), "a version was told twice");
    for version in versions {
        unlocked.file_key(SHARED, Some(version)).unwrap();
    }
    (reports, took, seen)
}

/// Reads what the anchor's item says in clear.
fn anchored_generation(file: &Path) -> u64 {
    use strongroom::format::item::AnchorItem;
    AnchorItem::parse(&std::fs::read(file).unwrap()).unwrap().anchor.generation
}

/// Runs the processes and keeps the figures.
fn measure(test: &str, name: &str, folder: &Path, whereabouts: &str, changes: usize) {
    if worker::is_one() {
        return worker::run(worker::change);
    }
    let (reports, took, seen) = none_is_lost(test, folder, PROCESSES, changes);
    let all = PROCESSES * changes;
    let rate = all as f64 / took.as_secs_f64();
    let mut waits: Vec<Duration> = reports.iter().flat_map(|report| report.waits.iter().copied()).collect();
    waits.sort_unstable();
    let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    let figure = format!(
        "0 of {all} lost, {rate:.0} changes a second, one change took {:.0} ms in the middle and {:.1} s at most, \
         {} openings meanwhile",
        median.as_secs_f64() * 1000.0,
        longest.as_secs_f64(),
        seen.openings
    );
    println!("{figure}");
    proof::record(name, &format!("{PROCESSES} processes change one vault at once ({whereabouts})"), &figure);
    assert!(seen.openings > 0);
    assert_eq!(seen.notices, [], "an onlooker was told of what never was");
    // Where one process could take the lock again and again, another would wait nearly as long as all the work takes,
    // and on a slow machine be refused as busy.
    assert!(longest < took / 2, "a writer starved: {longest:?} of {took:?}");
}

/// A folder in memory, where a durable write costs no disk's time; the temporary folder where there is none.
fn in_memory() -> (tempfile::TempDir, &'static str) {
    match tempfile::tempdir_in("/dev/shm") {
        Ok(folder) => (folder, "in memory"),
        Err(_) => (tempfile::tempdir().unwrap(), "on disk"),
    }
}

/// A folder beside the build, which is no file system in memory.
fn on_disk() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn no_change_of_sixteen_processes_is_lost() {
    let (folder, whereabouts) = in_memory();
    let test = "no_change_of_sixteen_processes_is_lost";
    measure(test, "many-processes", folder.path(), whereabouts, 30);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_no_change_of_sixteen_processes_is_lost() {
    let (folder, whereabouts) = in_memory();
    let test = "long_mode_no_change_of_sixteen_processes_is_lost";
    measure(test, "many-processes-long", folder.path(), whereabouts, 200);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_no_change_of_sixteen_processes_is_lost_on_disk() {
    let folder = on_disk();
    let test = "long_mode_no_change_of_sixteen_processes_is_lost_on_disk";
    measure(test, "many-processes-disk", folder.path(), "on disk", 200);
}
