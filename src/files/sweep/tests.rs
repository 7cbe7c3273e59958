use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

use super::remove::{Allowed, check, remove};
use super::standing::is_drive_missing;
use super::*;
use crate::body::{Metadata as SealedMetadata, Opener, Sealer};
use crate::crypto::secret::{FileKey, ProjectFileKey};
use crate::files::own::OwnFiles;

struct Quiet;

impl Watcher for Quiet {
    fn searched(&self, _: u64) {}

    fn compared(&self, _: u64) {}
}

fn key(byte: u8) -> ProjectFileKey {
    ProjectFileKey { project: "acme".into(), version: 1, key: FileKey::from_slice(&[byte; 32]).unwrap() }
}

/// A folder with opened files, and what is on record of them.
struct Desk {
    folder: tempfile::TempDir,
    ledger: Vec<Entry>,
    places: Places,
    key: ProjectFileKey,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { roots: vec![folder.path().canonicalize().unwrap()], ..Places::default() };
        Self { folder, ledger: Vec::new(), places, key: key(1) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Seals some bytes and opens them again under a name, which is recorded.
    fn opened(&mut self, name: &str, bytes: &[u8]) -> usize {
        self.write(name, bytes);
        let mut sealer = Sealer::new(&self.key, &SealedMetadata::default(), Vec::new()).unwrap();
        sealer.write_all(bytes).unwrap();
        let sealed = sealer.finish().unwrap();
        let file = Opener::new(&sealed, &self.key).unwrap().header().prelude.file;
        self.write(&format!("sealed/{}", name.replace('/', "_")), &sealed);
        let path = self.path(name);
        let edges = Some(Edges::of(&File::open(&path).unwrap()).unwrap());
        let (project, at) = (ProjectId::generate().ok(), Timestamp::from_unix(self.ledger.len() as i64));
        let entry = Entry {
            path,
            size: bytes.len() as u64,
            edges,
            file,
            project,
            at,
            is_original: false,
            sealed: None,
            computer: None,
        };
        self.ledger.push(entry);
        self.ledger.len() - 1
    }

    fn sweep(&self) -> Swept {
        self.sweep_with(&self.key)
    }

    fn sweep_with(&self, key: &ProjectFileKey) -> Swept {
        sweep(&self.ledger, &self.places, key, 2, &Quiet)
    }

    /// Returns where copies are besides their own paths, and how far that is known.
    fn elsewhere(&self, swept: &Swept) -> BTreeMap<String, (usize, Likeness)> {
        let root = self.path("");
        let named = |copy: &Copy| copy.path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let elsewhere = swept.copies.iter().filter(|copy| !copy.is_at_path);
        elsewhere.map(|copy| (named(copy), (copy.entry, copy.likeness))).collect()
    }

    fn remove(&self, swept: &Swept, copy: &Copy, allowed: Allowed) -> Result<u64, String> {
        let own = OwnFiles::default();
        let removed = remove(copy, &self.ledger[copy.entry], &swept.sealed, &self.key, &own, allowed);
        removed.map_err(|error| error.to_string())
    }
}

fn long(seed: u8) -> Vec<u8> {
    (0..300_000_u32).map(|at| (at % 251) as u8 ^ seed).collect()
}

#[test]
fn what_stands_was_copied_renamed_changed_or_deleted_is_told_apart() {
    let mut desk = Desk::new();
    let stands = desk.opened("work/stands.csv", b"a,b\n1,2\n");
    let copied = desk.opened("work/copied.csv", &long(1));
    let moved = desk.opened("work/moved.csv", &long(2));
    let edited = desk.opened("work/edited.csv", b"id,name\n1,Ada\n");
    let middle = desk.opened("work/middle.bin", &long(3));
    let grown = desk.opened("work/grown.csv", b"short\n");
    let deleted = desk.opened("work/deleted.csv", b"gone soon\n");
    let empty = desk.opened("work/empty", b"");
    let linked = desk.opened("work/linked.csv", b"linked away\n");
    let twice = desk.opened("work/twice.csv", b"first opened\n");
    desk.write("deep/er/another name.dat", &long(1));
    fs::rename(desk.path("work/moved.csv"), desk.path("deep/moved.csv")).unwrap();
    desk.write("work/edited.csv", b"id,name\n1,Bea\n");
    let mut bytes = long(3);
    bytes[150_000] ^= 1;
    desk.write("work/middle.bin", &bytes);
    desk.write("deep/almost.bin", &bytes);
    desk.write("work/grown.csv", b"short\nand more\n");
    fs::remove_file(desk.path("work/deleted.csv")).unwrap();
    fs::rename(desk.path("work/linked.csv"), desk.path("deep/target.csv")).unwrap();
    symlink(desk.path("deep/target.csv"), desk.path("work/linked.csv")).unwrap();
    desk.write("deep/other empty", b"");
    let later = Entry { at: Timestamp::from_unix(99), ..desk.ledger[twice].clone() };
    desk.opened("work/twice.csv", b"later opened\n");
    desk.ledger.push(later);

    let swept = desk.sweep();
    let state = |entry: usize| swept.states[entry].clone();
    assert_eq!(state(stands), State::Stands(Likeness::Identical));
    assert_eq!(state(copied), State::Stands(Likeness::Identical));
    assert_eq!(state(moved), State::Gone);
    assert_eq!(state(edited), State::Changed(Change::Content));
    assert_eq!(state(middle), State::Changed(Change::Content));
    assert_eq!(state(grown), State::Changed(Change::Length(15)));
    assert_eq!(state(deleted), State::Gone);
    assert_eq!(state(empty), State::Stands(Likeness::Identical));
    assert_eq!(state(linked), State::Changed(Change::Link));
    assert_eq!(state(twice), State::Gone);
    assert_eq!(state(twice + 1), State::Stands(Likeness::Identical));
    let expected = [
        ("deep/er/another name.dat", (copied, Likeness::Identical)),
        ("deep/moved.csv", (moved, Likeness::Identical)),
        ("deep/target.csv", (linked, Likeness::Identical)),
    ];
    assert_eq!(desk.elsewhere(&swept), expected.map(|(name, found)| (name.to_owned(), found)).into());
    // Every file but the link, once: the sealed files are among them.
    assert_eq!(swept.files, 7 + 5 + 10);
    assert_eq!(swept.unread.count, 0);
}

#[test]
fn a_copy_on_the_path_of_another_is_found_as_a_copy() {
    let mut desk = Desk::new();
    let a = desk.opened("a", b"content of a");
    let b = desk.opened("b", b"content of b");
    fs::rename(desk.path("a"), desk.path("b")).unwrap();
    let swept = desk.sweep();
    assert_eq!((&swept.states[a], &swept.states[b]), (&State::Gone, &State::Changed(Change::Content)));
    assert_eq!(desk.elsewhere(&swept), [("b".to_owned(), (a, Likeness::Identical))].into());
}

#[test]
fn without_the_sealed_file_or_its_key_only_length_and_ends_are_known() {
    let mut desk = Desk::new();
    let entry = desk.opened("a", &long(1));
    let short = desk.opened("b", b"all of it is at its ends");
    desk.write("copy", &long(1));
    let other = desk.sweep_with(&key(9));
    assert_eq!(other.states[entry], State::Stands(Likeness::Ends));
    assert_eq!(other.states[short], State::Stands(Likeness::Identical));
    fs::remove_dir_all(desk.path("sealed")).unwrap();
    let swept = desk.sweep();
    assert_eq!(swept.states[entry], State::Stands(Likeness::Ends));
    assert_eq!(desk.elsewhere(&swept), [("copy".to_owned(), (entry, Likeness::Ends))].into());
    for copy in &swept.copies {
        let refused = desk.remove(&swept, copy, Allowed::Proven).unwrap_err();
        assert!(refused.contains("may be the last copy"), "{refused}");
        assert_eq!(desk.remove(&swept, copy, Allowed::LastCopies), Ok(1));
    }
    assert!(!desk.path("a").exists() && !desk.path("b").exists() && !desk.path("copy").exists());
}

#[test]
fn a_sparse_file_and_hard_links_are_copies_like_others() {
    let mut desk = Desk::new();
    let mut bytes = vec![0; 3 << 20];
    bytes[2 << 20] = 7;
    let entry = desk.opened("a", &bytes);
    let sparse = File::create(desk.path("sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    sparse.write_all_at(&[7], 2 << 20).unwrap();
    fs::hard_link(desk.path("a"), desk.path("hard")).unwrap();
    let swept = desk.sweep();
    let found = (entry, Likeness::Identical);
    assert_eq!(desk.elsewhere(&swept), [("hard".to_owned(), found), ("sparse".to_owned(), found)].into());
    let names: Vec<_> = swept.copies.iter().map(|copy| desk.remove(&swept, copy, Allowed::Proven)).collect();
    assert_eq!(names, [Ok(2), Ok(1), Ok(1)]);
    assert_eq!(desk.sweep().copies.len(), 0);
}

#[test]
fn links_are_not_followed_and_what_is_left_out_is_not_searched() {
    let mut desk = Desk::new();
    let entry = desk.opened("work/a", b"the content");
    let apart = tempfile::tempdir().unwrap();
    fs::write(apart.path().join("copy"), "the content").unwrap();
    symlink(apart.path(), desk.path("link")).unwrap();
    symlink(desk.path(""), desk.path("work/loop")).unwrap();
    desk.write("net/copy", b"the content");
    desk.places.left_out.insert(desk.path("net"));
    let swept = desk.sweep();
    assert_eq!(desk.elsewhere(&swept), [].into());
    assert_eq!(swept.left_out, [desk.path("net")]);
    // What is named is searched, and a folder below another root counts once.
    desk.places.roots.extend([desk.path("net"), desk.path("work"), desk.path("missing")]);
    let swept = desk.sweep();
    assert_eq!(desk.elsewhere(&swept), [("net/copy".to_owned(), (entry, Likeness::Identical))].into());
    assert_eq!((swept.files, swept.unread.count), (3, 0));
}

#[test]
fn what_cannot_be_looked_at_is_not_called_gone() {
    let mut desk = Desk::new();
    let entry = desk.opened("a", b"x");
    desk.ledger[entry].computer = Some("laptop".into());
    let far = desk.sweep();
    assert!(matches!(&far.states[entry], State::NotReachable(why) if why.contains("laptop")), "{:?}", far.states);
    // Its content is looked for all the same.
    assert_eq!(desk.elsewhere(&far), [("a".to_owned(), (entry, Likeness::Identical))].into());

    let drives = desk.path("drives");
    fs::create_dir_all(drives.join("empty mount point")).unwrap();
    for path in ["usb/a", "ada/usb/deep/a", "empty mount point/a"] {
        assert!(is_drive_missing(&drives.join(path), &[&drives]), "{path}");
    }
    desk.write("drives/a folder/other", b"x");
    for path in ["drives/a folder/a", "missing/a"] {
        assert!(!is_drive_missing(&desk.path(path), &[&drives]), "{path}");
    }
}

#[test]
fn a_folder_that_may_not_be_read_is_counted_and_named() {
    let mut desk = Desk::new();
    let entry = desk.opened("closed/a", b"x");
    let closed = desk.path("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let swept = desk.sweep();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    if rustix::process::geteuid().is_root() {
        return assert_eq!(swept.states[entry], State::Stands(Likeness::Identical));
    }
    assert!(matches!(swept.states[entry], State::NotReachable(_)), "{:?}", swept.states);
    assert_eq!((swept.unread.count, &swept.unread.named[0].0), (1, &closed));
}

#[test]
fn what_was_replaced_or_written_to_since_is_not_removed() {
    let mut desk = Desk::new();
    desk.opened("a", &long(1));
    let path = desk.path("a");
    let refused = |desk: &Desk, swept: &Swept| {
        let error = desk.remove(swept, &swept.copies[0], Allowed::LastCopies).unwrap_err();
        assert!(error.contains("not the file that was found"), "{error}");
        assert!(fs::symlink_metadata(&path).is_ok());
    };
    // Another file of the same content, then other content of the same time and length, then a link to it.
    let swept = desk.sweep();
    fs::write(desk.path("new"), long(1)).unwrap();
    fs::rename(desk.path("new"), &path).unwrap();
    refused(&desk, &swept);
    let swept = desk.sweep();
    let file = File::options().write(true).open(&path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.write_all_at(b"!", 150_000).unwrap();
    file.set_modified(modified).unwrap();
    refused(&desk, &swept);
    fs::write(&path, long(1)).unwrap();
    let swept = desk.sweep();
    fs::rename(&path, desk.path("b")).unwrap();
    symlink(desk.path("b"), &path).unwrap();
    refused(&desk, &swept);
}

#[test]
fn what_changes_between_the_last_look_and_the_deletion_is_not_removed() {
    type Change = fn(&Path);
    let changes: [Change; 3] = [
        |path| {
            fs::write(path.with_extension("new"), long(1)).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        },
        |path| File::options().append(true).open(path).unwrap().write_all(b"more").unwrap(),
        |path| {
            let file = File::options().write(true).open(path).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
            file.write_all_at(b"!", 150_000).unwrap();
            file.set_modified(modified).unwrap();
        },
    ];
    for change in changes {
        let mut desk = Desk::new();
        desk.opened("a", &long(1));
        let swept = desk.sweep();
        let (copy, own) = (&swept.copies[0], OwnFiles::default());
        let checked = check(copy, &desk.ledger[0], &swept.sealed, &desk.key, &own, Allowed::Proven).unwrap();
        change(&copy.path);
        let error = checked.unlink().unwrap_err().to_string();
        assert!(error.contains("not the file that was found"), "{error}");
        assert!(copy.path.exists());
    }
}

#[test]
fn the_programs_own_files_are_never_removed() {
    let mut desk = Desk::new();
    desk.opened("a", b"STRONGROOM RECOVERY KIT and so on");
    desk.opened("b", b"the password");
    let swept = desk.sweep();
    let mut own = OwnFiles::default();
    own.add(&desk.path("b"), "the password file");
    for copy in &swept.copies {
        let entry = &desk.ledger[copy.entry];
        assert!(remove(copy, entry, &swept.sealed, &desk.key, &own, Allowed::LastCopies).is_err());
        assert!(copy.path.exists());
    }
}

/// Makes a million files in ten thousand folders, and a ledger of ten thousand, of which a tenth stand, and looks for
/// them twice: the second time everything is in the memory of the system.
#[test]
#[ignore = "a benchmark that makes a million files: name it, with --ignored --nocapture"]
fn long_mode_a_million_files_and_a_ledger_of_ten_thousand() {
    let mut desk = Desk::new();
    let mut state = 7_u64;
    let mut drawn = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for folder in 0..10_000 {
        let path = desk.path(&format!("{}/{}", folder / 100, folder % 100));
        fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            File::create(path.join(format!("file {file}.csv"))).unwrap().set_len(drawn(1_000_000)).unwrap();
        }
    }
    for number in 0..10_000_u32 {
        let stands = number.is_multiple_of(10);
        let path = desk.path(&format!("{}/{}/opened {number}.csv", number / 1000, number / 100 % 10));
        let size = 1 + drawn(1_000_000);
        // The others are all zeros.
        let bytes = vec![number as u8 | 1; size as usize];
        if stands {
            fs::write(&path, &bytes).unwrap();
        }
        let entry = Entry {
            path,
            size,
            edges: Some(Edges::of(&bytes).unwrap()),
            file: FileId::generate().unwrap(),
            project: None,
            at: Timestamp::from_unix(number.into()),
            sealed: None,
            is_original: false,
            computer: None,
        };
        desk.ledger.push(entry);
    }
    let status = || fs::read_to_string("/proc/self/status").unwrap();
    let worked = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    for _ in 0..3 {
        let (start, before) = (std::time::Instant::now(), worked());
        let swept = desk.sweep();
        let (took, after) = (start.elapsed(), worked());
        let worked = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
        let peak = status().lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned();
        println!("{} files, {} copies: {took:?}, {worked:.1} s of work, {peak}", swept.files, swept.copies.len());
        assert_eq!((swept.files, swept.copies.len()), (1_001_000, 1000));
    }
}
