//! Hostile archives and settings, read by the program itself.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::corpus::mutated;
use super::numbers::Numbers;
use crate::support::home::{FLOOR, Home};
use crate::support::proof::record;

const ARCHIVES: usize = 60;
const LONG_ARCHIVES: usize = 600;
const SETTINGS: usize = 100;
/// Bytes of a tar header, and of what stands in its fields.
const BLOCK: usize = 512;

/// An archive with what the format has: a folder, files, a name too long for a header, an extended header.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let header = |kind, length| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(length);
        header.set_mode(0o755);
        header.set_mtime(1_795_249_800);
        header
    };
    let long = format!("d/{}/{}", "n".repeat(90), "m".repeat(90));
    builder.append_data(&mut header(tar::EntryType::Directory, 0), "d/", &[][..]).unwrap();
    builder.append_data(&mut header(tar::EntryType::Regular, 700), "d/a", &[1; 700][..]).unwrap();
    builder.append_data(&mut header(tar::EntryType::Regular, 3), long, &[2; 3][..]).unwrap();
    builder.append_pax_extensions([("path", &b"d/b"[..]), ("mtime", b"1795249800.5")]).unwrap();
    builder.append_data(&mut header(tar::EntryType::Regular, 5), "b", &[3; 5][..]).unwrap();
    builder.into_inner().unwrap()
}

/// Writes one field of one header as somebody hostile would, and the checksum to go with it.
fn forge(archive: &mut [u8], numbers: &mut Numbers) {
    let at = numbers.below(archive.len() / BLOCK) * BLOCK;
    let header = &mut archive[at..at + BLOCK];
    // Name, mode, size, time, type, link's name, magic, prefix.
    let fields = [0..100, 100..108, 124..136, 136..148, 156..157, 157..257, 257..265, 345..500];
    let values: [&[u8]; 16] = [
        b"../../evil",
        b"/tmp/strongroom-evil",
        b"d/../../evil",
        b"d/a\0x",
        b".",
        b"..",
        b"d/a/b",
        b"\x1b[2J\xff",
        b"7777777",
        b"77777777777",
        b"-1",
        b"\x80\0\0\0\0\0\0\x7f\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"",
        b"ustar\x0000",
        b"ustar  ",
    ];
    let (field, value) = (numbers.below(fields.len()), numbers.one_of(&values));
    let field = &mut header[fields[field].clone()];
    if field.len() == 1 {
        field[0] = numbers.one_of(b"0123456789LKxgSVMADNX\0\xff");
    } else {
        field.fill(0);
        let length = value.len().min(field.len());
        field[..length].copy_from_slice(&value[..length]);
    }
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Everything under a folder, links not followed, by its permission bits.
fn entries(folder: &Path, found: &mut Vec<(PathBuf, fs::Metadata)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            // A folder in an archive may forbid even its owner to look into it.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            entries(&path, found);
        }
        found.push((path, metadata));
    }
}

/// A home with a vault and the project `acme`.
fn home() -> Home {
    let home = Home::empty();
    assert!(home.run(&format!("init --keychain file {FLOOR}")).ends_well());
    assert!(home.run("project add acme").ends_well());
    home
}

fn outside(contents: BTreeMap<PathBuf, String>, folder: &Path) -> BTreeMap<PathBuf, String> {
    contents.into_iter().filter(|(path, _)| !path.starts_with(folder)).collect()
}

#[test]
fn a_hostile_archive_writes_nothing_but_files_and_folders_in_its_own_folder() {
    archives_stay_in_their_folder(ARCHIVES);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_a_hostile_archive_writes_nothing_but_files_and_folders_in_its_own_folder() {
    archives_stay_in_their_folder(LONG_ARCHIVES);
}

/// Extracts so many forged archives.
fn archives_stay_in_their_folder(archives: usize) {
    let home = home();
    let (whole, mut numbers) = (archive(), Numbers::new(1));
    let mut names = Vec::new();
    for number in 0..archives {
        let mut bytes = whole.clone();
        for _ in 0..=numbers.below(3) {
            forge(&mut bytes, &mut numbers);
        }
        if number % 4 == 3 {
            bytes = mutated(&[bytes, whole.clone()], &mut numbers);
        }
        home.write(format!("in/{number}.tar"), if number == 0 { &whole } else { &bytes });
        names.push(format!("in/{number}.tar"));
    }
    assert!(home.run(&format!("encrypt -p acme {}", names.join(" "))).ends_well());
    fs::create_dir(home.path("out")).unwrap();

    let before = outside(home.contents(), &home.path("out"));

    let (mut extracted, mut refused) = (0, 0);
    for name in names {
        let outcome = home.run(&format!("decrypt --extract --any-tar -o out {name}.sealed"));
        let said = outcome.stderr();
        assert!(!said.contains("panicked") && !said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
        match outcome.code() {
            0 => extracted += 1,
            1 | 5 => refused += 1,
            code => panic!("{name}: exit {code}: {said}"),
        }
    }

    let mut found = Vec::new();
    entries(&home.path("out"), &mut found);
    for (path, metadata) in &found {
        assert!(metadata.is_dir() || metadata.is_file(), "{}", path.display());
        assert_eq!(metadata.permissions().mode() & 0o7000, 0, "{}", path.display());
        assert!(metadata.len() <= whole.len() as u64, "{} bytes: {}", metadata.len(), path.display());
    }
    assert!(outside(home.contents(), &home.path("out")) == before, "something changed outside of the folder");
    assert!(!Path::new("/tmp/strongroom-evil").exists());
    assert_eq!(fs::read_dir(home.path("out")).unwrap().count(), extracted, "what was refused left something");
    assert!(extracted > 0 && refused > 0);
    record(
        "hostile-archives",
        "forged archives extracted by the program",
        &format!(
            "{archives} archives: {refused} refused, {extracted} extracted, 0 entries outside of their folder, 0 links"
        ),
    );
}

#[test]
fn damaged_settings_lead_to_no_panic_and_change_no_vault() {
    let home = home();
    let settings = home.path(".config/strongroom/settings.json");
    let whole = fs::read(&settings).unwrap();
    let vault = fs::read(home.vault()).unwrap();
    let mut numbers = Numbers::new(2);
    let mut codes = BTreeMap::new();
    for _ in 0..SETTINGS {
        fs::write(&settings, mutated(std::slice::from_ref(&whole), &mut numbers)).unwrap();
        let outcome = home.run("project list");
        assert!((0..=8).contains(&outcome.code()) && !outcome.stderr().contains("panicked"), "{}", outcome.stderr());
        *codes.entry(outcome.code()).or_insert(0) += 1;
        assert_eq!(fs::read(home.vault()).unwrap(), vault);
    }
    let codes: Vec<_> = codes.into_iter().map(|(code, count)| format!("{count} times exit {code}")).collect();
    record(
        "hostile-settings",
        "damaged settings files read by the program",
        &format!("{SETTINGS} files: {}", codes.join(", ")),
    );
}
