//! What every store must do, run against each of them. What only the folder does stands at the end.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use strongroom::store::{
    FolderStore, LOG_FOLDER, LockedStore, LogAccess, LogFile, MemoryStore, Replaced, Store, StoreError,
};

const LIMIT: u64 = 1 << 20;

fn folder_store(folder: &Path) -> FolderStore {
    FolderStore::new(folder, LIMIT).expect("a folder store")
}

fn lock(store: &dyn Store) -> Box<dyn LockedStore> {
    // A program that another test starts holds this process's locks for a moment, between its fork and its exec.
    store.lock(Duration::from_secs(10)).expect("the lock is free")
}

/// Writes without looking at what reads back.
fn write(store: &dyn Store, bytes: &[u8], expected: Option<&[u8]>, replaced: &Replaced) -> Result<(), StoreError> {
    lock(store).replace(bytes, expected, replaced, &mut |_| true).map(drop)
}

fn documents(store: &dyn Store) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (store.load().expect("load"), store.load_previous().expect("load the previous"))
}

fn some(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

/// Begins with an empty store.
fn keeps_the_contract(store: &dyn Store) {
    assert!(!store.place().is_empty());
    assert_eq!(documents(store), (None, None));
    assert!(store.standing().expect("standing").is_empty());

    // The first write replaces nothing, and is shown once, as it reads back.
    let refused = lock(store).replace(b"never", None, &Replaced::Nothing, &mut |_| false);
    assert!(matches!(refused, Err(StoreError::ReadBack { .. })), "{refused:?}");
    assert_eq!(documents(store), (None, None));
    let mut shown = Vec::new();
    let mut check = |read: &[u8]| {
        shown.push(read.to_vec());
        true
    };
    lock(store).replace(b"one", None, &Replaced::Nothing, &mut check).expect("write");
    assert_eq!(shown, [b"one"]);
    assert_eq!(documents(store), (some(b"one"), None));
    assert_eq!(store.standing().expect("standing").len(), 1);

    // What is replaced becomes the previous document, or stands aside while the previous one stays.
    write(store, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(store), (some(b"two"), some(b"one")));
    assert_eq!(store.standing().expect("standing").len(), 2);
    write(store, b"three", Some(b"two"), &Replaced::SetAside("older-1".into())).expect("write");
    assert_eq!(documents(store), (some(b"three"), some(b"one")));

    // A second copy takes the previous document's place.
    lock(store).write_second_copy(b"three").expect("write");
    assert_eq!(documents(store), (some(b"three"), some(b"three")));
    write(store, b"four", Some(b"three"), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(store), (some(b"four"), some(b"three")));
    lock(store).replace(b"three", Some(b"four"), &Replaced::Nothing, &mut |_| true).expect("write");
    write(store, b"four", Some(b"three"), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(store), (some(b"four"), some(b"three")));

    // Nothing is written over what the caller has not read, nor where the bytes do not read back.
    for expected in [None, Some(&b"three"[..]), Some(b"fou"), Some(b"")] {
        for replaced in [Replaced::Nothing, Replaced::BecomesPrevious, Replaced::SetAside("older-2".into())] {
            let result = write(store, b"never", expected, &replaced);
            assert!(matches!(result, Err(StoreError::Changed)), "{result:?}");
        }
    }
    let refused = lock(store).replace(b"never", Some(b"four"), &Replaced::BecomesPrevious, &mut |_| false);
    assert!(matches!(refused, Err(StoreError::ReadBack { .. })), "{refused:?}");
    assert_eq!(documents(store), (some(b"four"), some(b"three")));
    assert_eq!(store.standing().expect("standing").len(), 2, "a refused write leaves nothing behind");

    // Any bytes are a document, and a shorter one leaves nothing of a longer one.
    let long: Vec<u8> = (0..300_000u32).map(|number| number.to_le_bytes()[0]).collect();
    write(store, &long, Some(b"four"), &Replaced::BecomesPrevious).expect("write");
    write(store, b"", Some(&long), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(store), (some(b""), Some(long)));

    lock(store).sync().expect("what stands can be synced");
    keeps_logs(store);
    is_locked_by_one_at_a_time(store);
    is_always_read_whole(store);
}

/// Returns all that a log's file holds.
fn log_of(store: &dyn Store, name: &str) -> Option<Vec<u8>> {
    let file = store.open_log(name, LogAccess::Read).expect("open")?;
    let mut bytes = vec![0; file.length().expect("length") as usize];
    file.read_at(0, &mut bytes).expect("read");
    Some(bytes)
}

fn to_append(store: &dyn Store, name: &str) -> Box<dyn LogFile> {
    store.open_log(name, LogAccess::Append).expect("open").expect("it is there")
}

fn keeps_logs(store: &dyn Store) {
    assert!(store.log_names().expect("names").is_empty());
    assert_eq!(log_of(store, "a.1.log"), None);
    store.remove_log("a.1.log").expect("there is none");
    store.make_log("a.1.log", b"head").expect("make");
    assert!(store.make_log("a.1.log", b"other").is_err(), "one that is there is not replaced");
    assert_eq!(log_of(store, "a.1.log"), some(b"head"));
    let mut file = to_append(store, "a.1.log");
    assert!(matches!(file.append(3, b"x"), Err(StoreError::Changed)));
    file.append(4, b", more").and_then(|()| file.sync()).expect("append");
    // Others see it, and append behind it.
    to_append(store, "a.1.log").append(10, b", torn").expect("append");
    assert!(matches!(file.append(10, b"x"), Err(StoreError::Changed)));
    let mut part = [0; 4];
    file.read_at(6, &mut part).expect("read");
    assert_eq!(&part, b"more");
    assert!(file.read_at(14, &mut part).is_err() && file.read_at(99, &mut part).is_err());
    for name in ["a.torn", "a.torn-2"] {
        assert_eq!(file.set_aside(10, "a.torn").expect("set aside"), name);
        file.append(10, b", again").expect("append");
    }
    assert_eq!((log_of(store, "a.torn"), log_of(store, "a.torn-2")), (some(b", torn"), some(b", again")));
    assert_eq!(log_of(store, "a.1.log"), some(b"head, more, again"));
    store.make_log("a.2.log", b"").expect("make");
    assert_eq!(store.log_names().expect("names"), ["a.1.log", "a.2.log", "a.torn", "a.torn-2"]);
    store.remove_log("a.2.log").expect("remove");
    assert_eq!(log_of(store, "a.2.log"), None);
    let mut reading = store.open_log("a.1.log", LogAccess::Read).expect("open").expect("it is there");
    assert!(reading.append(17, b"x").is_err(), "what is read is not written to");
    for name in ["", ".", "..", ".hidden", "../vault.json", "a/b", "a\\b", "-a", "a:b", "a\u{e9}"] {
        assert!(store.open_log(name, LogAccess::Append).is_err(), "{name:?}");
        assert!(store.make_log(name, b"").is_err() && store.remove_log(name).is_err(), "{name:?}");
    }
}

fn is_locked_by_one_at_a_time(store: &dyn Store) {
    let held = lock(store);
    let (start, wait) = (Instant::now(), Duration::from_millis(40));
    match store.lock(wait) {
        Err(StoreError::Busy { waited }) => assert!(waited == wait && start.elapsed() >= wait),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("the lock was given twice"),
    }
    assert!(store.load().is_ok() && store.load_previous().is_ok() && store.standing().is_ok(), "reading takes no lock");
    drop(held);
    thread::scope(|scope| {
        let held = lock(store);
        let waiting = scope.spawn(|| store.lock(Duration::from_secs(20)).is_ok());
        thread::sleep(Duration::from_millis(30));
        drop(held);
        assert!(waiting.join().expect("join"), "a lock that is given back goes to who waits");
    });
}

fn is_always_read_whole(store: &dyn Store) {
    let whole = |byte: u8| vec![byte; 50_000];
    let mut standing = store.load().expect("load");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Ordering::SeqCst) || reads == 0 {
                for read in [store.load(), store.load_previous()] {
                    let read = read.expect("load").expect("a document stands at every moment");
                    let first = read.first().copied().unwrap_or(0);
                    let uniform = read.iter().all(|byte| *byte == first) && [0, 50_000].contains(&read.len());
                    assert!(uniform || read.len() == 300_000, "{} bytes are no document", read.len());
                }
                reads += 1;
            }
        });
        for byte in 0..40 {
            let next = whole(byte);
            write(store, &next, standing.as_deref(), &Replaced::BecomesPrevious).expect("write");
            standing = Some(next);
        }
        done.store(true, Ordering::SeqCst);
        reader.join().expect("the reader saw whole documents only");
    });
}

#[test]
fn the_memory_store_keeps_the_contract() {
    keeps_the_contract(&MemoryStore::new());
}

#[test]
fn the_folder_store_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a folder");
    keeps_the_contract(&folder_store(&folder.path().join("a folder/that is not there yet")));
}

#[test]
fn writers_side_by_side_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores: Vec<FolderStore> = (0..4).map(|_| folder_store(folder.path())).collect();
    thread::scope(|scope| {
        for store in &stores {
            scope.spawn(move || {
                for _ in 0..10 {
                    let mut held = store.lock(Duration::from_secs(60)).expect("lock");
                    let old = store.load().expect("load");
                    let mut new = old.clone().unwrap_or_default();
                    new.push(b'x');
                    let replaced = if old.is_some() { Replaced::BecomesPrevious } else { Replaced::Nothing };
                    held.replace(&new, old.as_deref(), &replaced, &mut |_| true).expect("write");
                }
            });
        }
    });
    assert_eq!(documents(&stores[0]), (Some(vec![b'x'; 40]), Some(vec![b'x'; 39])));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("list");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

#[test]
fn a_folder_holds_the_two_documents_the_lock_and_what_was_set_aside_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder_store(folder.path());
    write(&store, b"one", None, &Replaced::Nothing).expect("write");
    assert_eq!(names(folder.path()), ["vault.json", "vault.json.lock"]);
    write(&store, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    for (new, old) in [(b"aaa", b"two"), (b"bbb", b"aaa")] {
        write(&store, new, Some(old), &Replaced::SetAside("older-1".into())).expect("write");
    }
    assert_eq!(names(folder.path()), {
        ["vault.json", "vault.json.lock", "vault.json.older-1", "vault.json.older-1-2", "vault.json.prev"]
    });
    assert_eq!(fs::read(folder.path().join("vault.json.older-1")).expect("read"), b"two");
    assert_eq!(fs::read(folder.path().join("vault.json.older-1-2")).expect("read"), b"aaa");
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_what_a_folder_store_makes() {
    use std::os::unix::fs::PermissionsExt;
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().join("vault");
    let store = folder_store(&folder);
    write(&store, b"one", None, &Replaced::Nothing).expect("write");
    write(&store, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    write(&store, b"three", Some(b"two"), &Replaced::SetAside("older-1".into())).expect("write");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for name in names(&folder) {
        assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn a_write_cut_off_before_its_rename_shows_and_is_cleared_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder_store(folder.path());
    fs::write(store.unfinished(), "half").expect("write");
    assert_eq!(store.standing().expect("standing"), [store.unfinished().display().to_string()]);
    assert_eq!(documents(&store), (None, None));
    write(&store, b"one", None, &Replaced::Nothing).expect("write");
    assert_eq!(names(folder.path()), ["vault.json", "vault.json.lock"]);
}

#[test]
fn a_write_cut_off_after_it_kept_the_previous_document_leaves_no_third_copy_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder_store(folder.path());
    write(&store, b"one", None, &Replaced::Nothing).expect("write");
    // The previous document is put in place before the rename: a crash between leaves both names on one file, and
    // renaming one link of a file over another does nothing at all (rename(2)).
    fs::hard_link(store.file(), store.previous()).expect("link");
    write(&store, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(&store), (some(b"two"), some(b"one")));
    assert_eq!(names(folder.path()), ["vault.json", "vault.json.lock", "vault.json.prev"]);
}

#[test]
fn a_document_above_the_size_limit_is_refused_unread() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = FolderStore::new(folder.path(), 1000).expect("a folder store");
    for (length, refused) in [(1000, false), (1001, true), (1 << 40, true)] {
        fs::File::create(store.file()).and_then(|file| file.set_len(length)).expect("a sparse file");
        match store.load() {
            Ok(Some(bytes)) => assert!(!refused && bytes.len() as u64 == length),
            Err(StoreError::TooLarge { length: found, limit: 1000, .. }) => assert!(refused && found == length),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_refused_at_once_in_every_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder_store(folder.path());
    let fifo = |path: &Path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    };
    let directory = |path: &Path| fs::create_dir(path).expect("a folder");
    let device = |path: &Path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link");
    for path in [store.file().to_owned(), store.previous()] {
        for (what, put) in [("fifo", &fifo as &dyn Fn(&Path)), ("directory", &directory), ("device", &device)] {
            put(&path);
            let start = Instant::now();
            let read = if path == store.file() { store.load() } else { store.load_previous() };
            assert!(matches!(read, Err(StoreError::NotAFile { .. })), "{what}: {read:?}");
            assert!(start.elapsed() < Duration::from_secs(1), "{what}");
            assert_eq!(store.standing().expect("standing").len(), 1, "{what}");
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).expect("remove");
        }
    }
    // A lock that cannot be a lock is an error, and nothing waits for it.
    let lock_file = folder.path().join("vault.json.lock");
    for put in [&fifo as &dyn Fn(&Path), &directory] {
        put(&lock_file);
        assert!(matches!(store.lock(Duration::from_secs(60)), Err(StoreError::Io { .. })));
        fs::remove_file(&lock_file).or_else(|_| fs::remove_dir(&lock_file)).expect("remove");
    }
}

#[test]
#[cfg(unix)]
fn logs_are_private_and_lead_nowhere_else() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let outer = tempfile::tempdir().expect("a folder");
    let (vault, elsewhere) = (outer.path().join("vault"), outer.path().join("elsewhere"));
    let store = folder_store(&vault);
    store.make_log("a.1.log", b"head").expect("make");
    to_append(&store, "a.1.log").set_aside(2, "a.torn").expect("set aside");
    let logs = vault.join(LOG_FOLDER);
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&logs), mode(&logs.join("a.1.log")), mode(&logs.join("a.torn"))), (0o700, 0o600, 0o600));
    assert_eq!(names(&logs), ["a.1.log", "a.torn"]);
    // A link, a folder or a FIFO in the place of a file is none, and nothing waits for it.
    fs::write(&elsewhere, "precious").expect("write");
    symlink(&elsewhere, logs.join("a.2.log")).expect("a link");
    fs::create_dir(logs.join("a.3.log")).expect("a folder");
    assert!(std::process::Command::new("mkfifo").arg(logs.join("a.4.log")).status().expect("mkfifo").success());
    for name in ["a.2.log", "a.3.log", "a.4.log"] {
        for access in [LogAccess::Read, LogAccess::Append] {
            let opened = store.open_log(name, access).map(|file| file.is_some());
            assert!(matches!(opened, Err(StoreError::NotAFile { .. })), "{name}: {opened:?}");
        }
        assert!(store.make_log(name, b"x").is_err(), "{name}");
    }
    // Nor is a link in the place of the folder followed.
    let moved = outer.path().join("moved");
    fs::rename(&logs, &moved).expect("rename");
    symlink(&moved, &logs).expect("a link");
    assert!(store.open_log("a.1.log", LogAccess::Append).is_err() && store.make_log("a.9.log", b"x").is_err());
    assert!(store.log_names().is_err());
    assert_eq!((fs::read(&elsewhere).expect("read"), names(&moved).len()), (b"precious".to_vec(), 5));
}

#[test]
#[cfg(unix)]
fn a_link_planted_beside_the_vault_is_never_written_through() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().expect("a folder");
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("write");
    let vault = folder.path().join("vault");
    let store = folder_store(&vault);
    write(&store, b"one", None, &Replaced::Nothing).expect("write");
    let staged = store.unfinished().display().to_string().replace("vault.json", "vault.json.prev");
    for planted in [store.unfinished(), store.previous(), staged.into()] {
        symlink(&victim, planted).expect("a link");
    }
    write(&store, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(&store), (some(b"two"), some(b"one")));
    assert_eq!(fs::read(&victim).expect("read"), b"precious");
    fs::remove_file(vault.join("vault.json.lock")).expect("remove");
    symlink(&victim, vault.join("vault.json.lock")).expect("a link");
    assert!(store.lock(Duration::ZERO).is_err());
}

#[test]
#[cfg(unix)]
fn a_linked_vault_file_is_resolved_once_and_locked_at_its_target() {
    let folder = tempfile::tempdir().expect("a folder");
    let (real, linked) = (folder.path().join("real"), folder.path().join("linked"));
    let direct = folder_store(&real);
    write(&direct, b"one", None, &Replaced::Nothing).expect("write");
    fs::create_dir(&linked).expect("a folder");
    std::os::unix::fs::symlink("../real/vault.json", linked.join("vault.json")).expect("a link");
    let through = folder_store(&linked);
    let held = lock(&direct);
    assert!(matches!(through.lock(Duration::ZERO), Err(StoreError::Busy { .. })), "both ways lead to one lock");
    drop(held);
    write(&through, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    assert_eq!(documents(&direct), (some(b"two"), some(b"one")));
    assert!(fs::symlink_metadata(linked.join("vault.json")).expect("metadata").is_symlink());
    assert_eq!(names(&linked), ["vault.json"]);

    fs::remove_file(linked.join("vault.json")).expect("remove");
    std::os::unix::fs::symlink("nowhere", linked.join("vault.json")).expect("a link");
    assert!(matches!(FolderStore::new(&linked, LIMIT), Err(StoreError::Io { .. })), "a link that leads nowhere");
}

#[test]
#[cfg(unix)]
fn a_stamp_tells_a_change_without_reading_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder_store(folder.path());
    assert_eq!(store.stamp(), None);
    write(&store, b"one", None, &Replaced::Nothing).expect("write");
    // A second write within the same step of the clock could not be told from the first by its times.
    assert_eq!(store.stamp(), None);
    thread::sleep(Duration::from_millis(2200));
    let stamp = store.stamp();
    assert!(stamp.is_some());
    assert_eq!(store.stamp(), stamp);
    // Another file with the same length and the same times as far as a program can set them.
    let times = fs::metadata(store.file()).expect("the file").modified().expect("its time");
    write(&store, b"two", Some(b"one"), &Replaced::BecomesPrevious).expect("write");
    fs::File::options().write(true).open(store.file()).and_then(|file| file.set_modified(times)).expect("set a time");
    assert_eq!(store.stamp(), None);
    thread::sleep(Duration::from_millis(2200));
    assert_ne!(store.stamp(), stamp);
    assert!(store.stamp().is_some());
}
