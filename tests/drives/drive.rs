//! A drive in an image file, mounted at `stick` in a home folder.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::faults::home::{self, Home};

/// A file system and how to make one and mount it, in shell: `$1` is the image file, `$2` the folder.
struct FileSystem {
    name: &'static str,
    make: &'static str,
    /// One line a driver: the kernel's, and FUSE's.
    drivers: [&'static str; 2],
}

const FILE_SYSTEMS: [FileSystem; 2] = [
    FileSystem {
        name: "exFAT",
        make: "mkfs.exfat \"$1\"",
        drivers: [
            "mount -t exfat -o loop \"$1\" \"$2\"",
            // It takes block devices alone. The loop device goes when the drive is unmounted.
            "device=$(losetup -f --show \"$1\") && { mount.exfat-fuse \"$device\" \"$2\"; ended=$?; losetup -d \
             \"$device\"; [ $ended = 0 ]; }",
        ],
    },
    FileSystem {
        name: "FAT",
        make: "mkfs.vfat \"$1\"",
        drivers: ["mount -t vfat -o loop \"$1\" \"$2\"", "fusefat -o rw+ \"$1\" \"$2\""],
    },
];

/// A mounted drive.
pub struct Drive {
    folder: PathBuf,
    _image: TempDir,
}

impl Drive {
    fn mount(file_system: &FileSystem, driver: &str, folder: &Path) -> Option<Self> {
        let image = TempDir::with_prefix("strongroom-drive-").unwrap();
        let path = image.path().join("image");
        File::create_new(&path).unwrap().set_len(16 << 20).unwrap();
        fs::create_dir_all(folder).unwrap();
        let shell = |line: &str| {
            Command::new("sh")
                .args(["-c", line, "sh"])
                .args([&path, folder])
                .output()
                .is_ok_and(|run| run.status.success())
        };
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        let before = device(folder);
        // Some drivers report a success and mount nothing.
        let is_mounted = shell(file_system.make) && shell(driver) && device(folder) != before;
        let probe = folder.join("probe");
        let works = is_mounted && fs::write(&probe, "probe").and_then(|()| fs::remove_file(&probe)).is_ok();
        let drive = Self { folder: folder.into(), _image: image };
        // Dropped, it is unmounted.
        works.then_some(drive)
    }

    /// Tells whether a folder that is renamed keeps what is in it. fusefat 0.1 loses it.
    pub fn keeps_renamed_folders(&self) -> bool {
        let [from, to] = ["from", "to"].map(|name| self.folder.join(name));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("file"), "probe").unwrap();
        fs::rename(&from, &to).unwrap();
        let kept = to.join("file").exists();
        fs::remove_dir_all(&to).unwrap();
        kept
    }

    /// Removes all that is on it.
    pub fn clear(&self) {
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }.unwrap();
        }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        for program in ["umount", "fusermount -u"] {
            let words = program.split(' ').map(std::ffi::OsStr::new).chain([self.folder.as_os_str()]);
            let words: Vec<_> = words.collect();
            if Command::new(words[0]).args(&words[1..]).output().is_ok_and(|run| run.status.success()) {
                return;
            }
        }
    }
}

/// Runs a test on a drive of every file system, with every driver that works here. Says so if none does.
pub fn on_each_drive(test: &str, run: impl Fn(&Home, &Drive, &str)) {
    for file_system in &FILE_SYSTEMS {
        let mut ran = false;
        for (driver, by) in file_system.drivers.iter().zip(["the kernel", "FUSE"]) {
            let home = home::with_vault();
            if let Some(drive) = Drive::mount(file_system, driver, &home.path("stick")) {
                println!("{test} on {} by {by}", file_system.name);
                run(&home, &drive, &format!("{} by {by}", file_system.name));
                ran = true;
            }
        }
        if !ran {
            let name = file_system.name;
            let _ = writeln!(std::io::stderr(), "SKIPPED: {test}: no {name} drive can be mounted here");
        }
    }
}
