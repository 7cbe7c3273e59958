//! Whether the drives that hold some paths are encrypted, and whether two sets of paths share one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::blocks::{Blocks, Encryption};
use super::mounts::Mount;
use super::{Found, Kind, Machine, State, not_known};

/// File systems that encrypt what they hold, with their usual names.
const ENCRYPTING: [(&str, &str); 5] = [
    ("ecryptfs", "eCryptfs"),
    ("fuse.gocryptfs", "gocryptfs"),
    ("fuse.cryfs", "CryFS"),
    ("fuse.encfs", "EncFS"),
    ("fuse.securefs", "securefs"),
];

/// Says whether the drives are encrypted that hold these paths.
pub fn encrypted(machine: &Machine, paths: &[PathBuf]) -> Found {
    match machine.kind {
        Kind::Linux => on_linux(machine, paths),
        Kind::MacOs => on_macos(machine, paths),
        Kind::Windows => on_windows(machine, paths),
        Kind::Other => not_known("nothing is known of drives on this system"),
    }
}

fn on_linux(machine: &Machine, paths: &[PathBuf]) -> Found {
    let Some(blocks) = machine.blocks() else { return not_known("the list of what is mounted cannot be read") };
    let found = paths.iter().map(|path| {
        let whole = whole(path);
        (whole.clone(), of_path(machine, &blocks, &whole))
    });
    summed(found.collect())
}

/// Puts together what holds of several paths: one that is not encrypted decides, then one that is not known.
fn summed(found: Vec<(PathBuf, Result<Encryption, String>)>) -> Found {
    let of = |path: &Path| format!("the drive that holds {}", path.display());
    if let Some((path, _)) = found.iter().find(|(_, found)| *found == Ok(Encryption::None)) {
        return (State::NotMet, format!("{} is not encrypted, as far as this system sees", of(path)));
    }
    let mut by = BTreeSet::new();
    for (path, found) in &found {
        match found {
            Ok(Encryption::By(names)) => by.extend(names.iter().copied()),
            Ok(_) => return not_known(format!("whether {} is encrypted cannot be seen", of(path))),
            Err(why) => return not_known(format!("whether {} is encrypted cannot be seen: {why}", of(path))),
        }
    }
    match found.len() {
        0 => not_known("no folder of data is known"),
        _ => (State::Met, Vec::from_iter(by).join(", ")),
    }
}

fn of_path(machine: &Machine, blocks: &Blocks, path: &Path) -> Result<Encryption, String> {
    let mount = blocks.mount_of(path).ok_or("it is on no drive that is listed")?;
    let by = |name: &'static str| Ok(Encryption::By([name].into()));
    if let Some((_, name)) = ENCRYPTING.iter().find(|(kind, _)| *kind == mount.kind) {
        return by(name);
    }
    match mount.kind.as_str() {
        "tmpfs" | "ramfs" => return by("memory alone"),
        "zfs" => return zfs(machine, mount),
        _ if mount.is_remote() => return Err(format!("it is on another computer ({})", mount.kind)),
        _ => {}
    }
    let of_device = of_mount(blocks, mount);
    // What is below does not matter then.
    if of_device != Encryption::None || !(machine.encrypts_folder)(path) {
        return Ok(of_device);
    }
    by("fscrypt")
}

/// Says whether a mount is on encrypted devices.
pub fn of_mount(blocks: &Blocks, mount: &Mount) -> Encryption {
    super::blocks::all(blocks.devices_of(mount).iter().map(|device| blocks.encryption(device)))
}

fn zfs(machine: &Machine, mount: &Mount) -> Result<Encryption, String> {
    let ran = machine.run("zfs", &["get", "-H", "-o", "value", "encryption", &mount.source]);
    match ran.filter(|ran| ran.succeeded).map(|ran| ran.out.trim().to_owned()).as_deref() {
        Some("off") => Ok(Encryption::None),
        Some(cipher) if cipher.starts_with("aes-") => Ok(Encryption::By(["ZFS"].into())),
        _ => Err("zfs does not say".into()),
    }
}

fn on_macos(machine: &Machine, paths: &[PathBuf]) -> Found {
    if let Some(path) = paths.iter().find(|path| path.starts_with("/Volumes")) {
        return not_known(format!("whether the drive that holds {} is encrypted cannot be seen", path.display()));
    }
    match machine.run("/usr/bin/fdesetup", &["status"]) {
        Some(ran) if ran.out.contains("FileVault is On") => (State::Met, "FileVault".into()),
        Some(ran) if ran.out.contains("FileVault is Off") => (State::NotMet, "FileVault is off".into()),
        _ => not_known("fdesetup does not say"),
    }
}

fn on_windows(machine: &Machine, paths: &[PathBuf]) -> Found {
    let drives: BTreeSet<String> = paths.iter().filter_map(|path| drive_letter(path)).collect();
    if drives.is_empty() {
        return not_known("no drive of data is known");
    }
    for drive in drives {
        // It answers administrators alone, in the user's language.
        let ran = machine.run("manage-bde.exe", &["-status", &drive]).filter(|ran| ran.succeeded);
        let out = ran.map(|ran| ran.out).unwrap_or_default();
        if out.contains("Protection Off") {
            return (State::NotMet, format!("BitLocker does not protect {drive}"));
        }
        if !out.contains("Protection On") {
            return not_known(format!("manage-bde does not say whether BitLocker protects {drive}"));
        }
    }
    (State::Met, "BitLocker".into())
}

fn drive_letter(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let text = text.strip_prefix(r"\\?\").unwrap_or(text);
    text.get(..2).filter(|drive| drive.ends_with(':')).map(str::to_uppercase)
}

/// Says whether two sets of paths are on different physical devices.
pub fn separate(machine: &Machine, data: &[PathBuf], keys: &[PathBuf]) -> Found {
    if data.is_empty() || keys.is_empty() {
        return not_known("not both of data and keys have a known place");
    }
    let blocks = machine.blocks().filter(|_| machine.kind == Kind::Linux);
    let Some(blocks) = blocks else { return not_known("which devices the paths are on cannot be seen") };
    let mut devices = [BTreeSet::new(), BTreeSet::new()];
    let mut unseen = None;
    for (paths, devices) in [data, keys].into_iter().zip(&mut devices) {
        for path in paths {
            let mount = blocks.mount_of(&whole(path));
            let on: Vec<PathBuf> = mount.map(|mount| blocks.devices_of(mount)).unwrap_or_default();
            // What is on one device that is not known is on one file system all the same.
            devices.extend(mount.map(|mount| PathBuf::from(format!("{:?}", (mount.device, &mount.source)))));
            let physical: Vec<_> = on.iter().map(|device| blocks.physical(device)).collect();
            if on.is_empty() || physical.contains(&None) {
                unseen = unseen.or(Some(path));
            }
            devices.extend(physical.into_iter().flatten().flatten());
        }
    }
    if !devices[0].is_disjoint(&devices[1]) {
        return (State::NotMet, "data and keys are on the same device".into());
    }
    match unseen {
        Some(path) => not_known(format!("which device holds {} cannot be seen", path.display())),
        None => (State::Met, "data and keys are on different devices".into()),
    }
}

/// Returns a path without links, as far as it is there.
fn whole(path: &Path) -> PathBuf {
    for there in path.ancestors() {
        if let Ok(whole) = fs::canonicalize(there) {
            return path.strip_prefix(there).map_or_else(|_| whole.clone(), |rest| whole.join(rest));
        }
    }
    path.into()
}
