//! Something stands at the name before the command is typed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use strongroom::format::Timestamp;

use super::outside::{Outside, run, unclean};
use super::targets::{TARGETS, Target, empty_home, home, id_of};
use crate::faults::home::{Entry, Home, Struck as _};
use crate::support::proof;

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    LinkToFile,
    LinkToNothing,
    LinkToFolder,
    HardLink,
    Pipe,
    Folder,
    Device,
}

const PLANTS: [Plant; 7] = [
    Plant::LinkToFile,
    Plant::LinkToNothing,
    Plant::LinkToFolder,
    Plant::HardLink,
    Plant::Pipe,
    Plant::Folder,
    Plant::Device,
];

impl Plant {
    /// Puts it there; `false` where this user cannot make one.
    fn put(self, path: &Path, outside: &Outside) -> bool {
        let node = |kind, device| mknodat(CWD, path, kind, Mode::from_raw_mode(0o666), device).is_ok();
        match self {
            Self::LinkToFile => symlink(outside.path("precious"), path).is_ok(),
            Self::LinkToNothing => symlink(outside.path("nothing"), path).is_ok(),
            Self::LinkToFolder => symlink(outside.path(""), path).is_ok(),
            Self::HardLink => fs::hard_link(outside.path("precious"), path).is_ok(),
            Self::Pipe => node(FileType::Fifo, 0),
            Self::Folder => fs::create_dir(path).is_ok(),
            // /dev/zero never ends, and takes whatever is written to it.
            Self::Device => node(FileType::CharacterDevice, makedev(1, 5)),
        }
    }
}

/// A home and its state before.
struct Ground {
    home: Home,
    before: BTreeMap<PathBuf, Entry>,
    id: String,
}

impl Ground {
    fn of(home: Home) -> Self {
        let (before, id) = (home.snapshot(), id_of(&home));
        Self { home, before, id }
    }

    /// Returns what is wrong after a command met a plant, and whether it was done all the same; `None` where nothing
    /// could be planted.
    fn meet(&self, target: &Target, plant: Plant) -> Option<(Vec<String>, bool)> {
        // A folder that -o names may be a link on purpose.
        if plant == Plant::LinkToFolder && target.words.contains(&format!("-o {} ", target.path)) {
            return None;
        }
        let outside = Outside::new();
        self.home.restore(&self.before);
        let path = self.home.path(target.path.replace("ID", &self.id));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        if !plant.put(&path, &outside) {
            return None;
        }
        let standing = self.home.snapshot();
        let output = run(&self.home, target.words);
        let mut wrong = outside.damage();
        wrong.extend(unclean(&output));
        for (new, _) in self.home.snapshot().iter().filter(|(path, _)| !standing.contains_key(*path)) {
            let metadata = fs::symlink_metadata(new).unwrap();
            if metadata.mode() & 0o077 != 0 && !metadata.is_symlink() {
                wrong.push(format!("others can get at {}: {:o}", new.display(), metadata.mode()));
            }
        }
        let what = format!("`{}` with {plant:?} at {}", target.words, target.path);
        let said = String::from_utf8_lossy(&output.stderr).replace('\n', "|");
        println!("{what}: {:?} {said}", output.status.code());
        Some((wrong.into_iter().map(|wrong| format!("{what}: {wrong}")).collect(), output.status.success()))
    }
}

#[test]
#[ignore = "takes a while: run ./test"]
fn what_is_planted_leads_nowhere() {
    // A link to a file is what an attacker plants; two of the others at each name, by turns.
    leads_nowhere(|number| vec![PLANTS[0], PLANTS[1 + 2 * number % 6], PLANTS[2 + 2 * number % 6]]);
}

#[test]
#[ignore = "long: run ./test --long"]
fn long_mode_what_is_planted_leads_nowhere() {
    leads_nowhere(|_| PLANTS.to_vec());
}

/// Plants at each name what is chosen by the name's number.
fn leads_nowhere(plants: impl Fn(usize) -> Vec<Plant>) {
    let (with_vault, without) = (Ground::of(home()), Ground::of(empty_home()));
    let (mut met, mut done, mut not_planted, mut wrong) = (0, 0, 0, Vec::new());
    for (number, target) in TARGETS.iter().enumerate() {
        let ground = if target.makes { &without } else { &with_vault };
        for plant in plants(number) {
            let Some((found, was_done)) = ground.meet(target, plant) else {
                not_planted += 1;
                continue;
            };
            met += 1;
            done += u32::from(was_done);
            wrong.extend(found);
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{} of {met}", wrong.len());
    // A device, which only root can make, or what -o may name.
    let figure = format!(
        "{met} met, {not_planted} not made: 0 writes outside, 0 hangs, {} refused, {done} done beside them",
        met - done
    );
    proof::record("path-attacks-planted", "links, pipes, devices and folders at every name that is written", &figure);
}

#[test]
#[ignore = "takes a while: run ./test"]
fn a_name_to_set_aside_under_is_not_taken_from_anybody() {
    let home = home();
    let vault = ".local/share/strongroom/vault.json";
    let old = home.found(vault).unwrap();
    home.succeeds("project add beta --password-file old");
    home.write(vault, old);
    let outside = Outside::new();
    // The name has the time in it, to the second.
    let now = Timestamp::from(std::time::SystemTime::now()).as_unix();
    for second in now..now + 30 {
        let time = Timestamp::from_unix(second);
        let name = format!("{vault}.older-{}", time.to_string().replace([':', '-'], ""));
        symlink(outside.path("precious"), home.path(name)).unwrap();
    }
    let output = run(&home, "project list --accept-rollback --password-file old");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(outside.damage(), Vec::<String>::new());
    let aside = home.snapshot().into_keys().filter(|path| path.to_string_lossy().ends_with("Z-2")).count();
    assert_eq!(aside, 1, "it is kept under the next name");
    assert_eq!(home.open(crate::faults::home::OLD).unwrap().len(), 2);
}
