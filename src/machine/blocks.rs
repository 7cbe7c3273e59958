//! Block devices, as Linux shows them in `/sys`: what each is made of, whether it is encrypted, on which physical
//! devices it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::mounts::{Mount, mount_of, parse};

/// The device mapper's names for what encrypts. Others that begin with CRYPT, such as CRYPT-VERITY, do not.
const CRYPT: [(&str, &str); 7] = [
    ("CRYPT-LUKS2-", "LUKS2"),
    ("CRYPT-LUKS1-", "LUKS1"),
    ("CRYPT-PLAIN-", "dm-crypt"),
    ("CRYPT-TCRYPT-", "VeraCrypt"),
    ("CRYPT-BITLK-", "BitLocker"),
    ("CRYPT-FVAULT2-", "FileVault"),
    ("CRYPT-LOOPAES-", "loop-AES"),
];
/// How many devices may be on top of one another.
const DEPTH: usize = 12;

/// Whether what is written to a device is encrypted below the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// By this, or these.
    By(BTreeSet<&'static str>),
    /// Not, as far as this system sees.
    None,
    /// Nothing here can say so.
    NotKnown,
}

/// The block devices of a computer, and what is mounted of them.
pub struct Blocks {
    sys: PathBuf,
    mounts: Vec<Mount>,
}

impl Blocks {
    /// Takes the folder of the kernel's view, and its list of what is mounted.
    pub fn of(sys: PathBuf, mountinfo: &str) -> Self {
        Self { sys, mounts: parse(mountinfo) }
    }

    /// Returns what is mounted.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Returns the mount that a path is in.
    pub fn mount_of(&self, path: &Path) -> Option<&Mount> {
        mount_of(&self.mounts, path)
    }

    /// Returns the folders of the devices that a mount is on; none if they are not known.
    pub fn devices_of(&self, mount: &Mount) -> Vec<PathBuf> {
        let (major, minor) = mount.device;
        if major > 0 {
            return fs::canonicalize(self.sys.join(format!("dev/block/{major}:{minor}"))).into_iter().collect();
        }
        let Some(named) = self.device_named(&mount.source) else { return Vec::new() };
        // A file system over several devices names one of them.
        self.all_of_btrfs(&named).unwrap_or_else(|| vec![named])
    }

    /// Returns the folder of a device by its path in `/dev`.
    pub fn device_named(&self, path: &str) -> Option<PathBuf> {
        let name = path.strip_prefix("/dev/")?;
        let blocks = self.sys.join("class/block");
        if let Some(mapped) = name.strip_prefix("mapper/") {
            let mut devices = fs::read_dir(&blocks).ok()?.flatten().map(|entry| entry.path());
            let is_it = |device: &PathBuf| read(&device.join("dm/name")).is_some_and(|name| name == mapped);
            return fs::canonicalize(devices.find(is_it)?).ok();
        }
        if name.contains("..") {
            return None;
        }
        fs::canonicalize(blocks.join(name.replace('/', "!"))).ok()
    }

    fn all_of_btrfs(&self, device: &Path) -> Option<Vec<PathBuf>> {
        let name = device.file_name()?;
        let file_systems = fs::read_dir(self.sys.join("fs/btrfs")).ok()?.flatten();
        let devices =
            file_systems.map(|entry| entry.path().join("devices")).find(|devices| devices.join(name).exists())?;
        fs::read_dir(devices).ok()?.map(|entry| fs::canonicalize(entry.ok()?.path()).ok()).collect()
    }

    /// Says whether a device is encrypted.
    pub fn encryption(&self, device: &Path) -> Encryption {
        self.encryption_at(device, DEPTH)
    }

    fn encryption_at(&self, device: &Path, depth: usize) -> Encryption {
        if depth == 0 {
            return Encryption::NotKnown;
        }
        let uuid = read(&device.join("dm/uuid")).unwrap_or_default();
        if let Some((_, name)) = CRYPT.iter().find(|(begins, _)| uuid.starts_with(begins)) {
            return Encryption::By([*name].into());
        }
        match self.below(device) {
            Below::Devices(devices) => all(devices.iter().map(|device| self.encryption_at(device, depth - 1))),
            Below::Nothing => Encryption::None,
            Below::NotKnown => Encryption::NotKnown,
        }
    }

    /// Returns the physical devices that a device is on, each by where it is connected; `None` if they are not known.
    pub fn physical(&self, device: &Path) -> Option<BTreeSet<PathBuf>> {
        self.physical_at(device, DEPTH)
    }

    fn physical_at(&self, device: &Path, depth: usize) -> Option<BTreeSet<PathBuf>> {
        match self.below(device) {
            _ if depth == 0 => None,
            Below::NotKnown => None,
            Below::Devices(devices) => {
                let mut all = BTreeSet::new();
                for device in devices {
                    all.extend(self.physical_at(&device, depth - 1)?);
                }
                Some(all)
            }
            // What is below a virtual disk is not for its guest to know: two of them may be on one device.
            Below::Nothing if is_virtual_disk(device) => None,
            Below::Nothing => {
                let connected = fs::canonicalize(device.join("device")).ok()?;
                // Several units of one drive differ in the last number of four.
                let unit = connected.file_name()?.to_str()?;
                let is_unit = unit.split(':').count() == 4;
                Some([if is_unit { connected.parent()?.into() } else { connected }].into())
            }
        }
    }

    /// Tells whether a mount is of a drive that comes and goes.
    pub fn is_removable(&self, mount: &Mount) -> bool {
        let devices = self.devices_of(mount);
        devices.iter().any(|device| self.is_removable_at(device, DEPTH))
    }

    fn is_removable_at(&self, device: &Path, depth: usize) -> bool {
        match self.below(device) {
            Below::Devices(devices) if depth > 0 => {
                devices.iter().any(|device| self.is_removable_at(device, depth - 1))
            }
            _ => {
                // A USB disk does not call itself removable.
                let is_usb = || device.iter().filter_map(|part| part.to_str()).any(|part| part.starts_with("usb"));
                read(&device.join("removable")).is_some_and(|text| text == "1") || is_usb()
            }
        }
    }

    /// Returns what a device is made of.
    fn below(&self, device: &Path) -> Below {
        if device.join("partition").exists() {
            return device.parent().map_or(Below::NotKnown, |disk| Below::Devices(vec![disk.into()]));
        }
        if let Some(file) = read(&device.join("loop/backing_file")) {
            let mount = self.mount_of(Path::new(&file)).filter(|mount| !mount.is_remote());
            return mount
                .map(|mount| self.devices_of(mount))
                .filter(|devices| !devices.is_empty())
                .map_or(Below::NotKnown, Below::Devices);
        }
        let slaves = fs::read_dir(device.join("slaves")).into_iter().flatten();
        let slaves: Option<Vec<PathBuf>> = slaves.map(|entry| fs::canonicalize(entry.ok()?.path()).ok()).collect();
        match slaves {
            None => Below::NotKnown,
            Some(slaves) if !slaves.is_empty() => Below::Devices(slaves),
            Some(_) if device.is_dir() && !device.join("dm").exists() => Below::Nothing,
            Some(_) => Below::NotKnown,
        }
    }
}

/// What a device is made of.
enum Below {
    /// Other devices.
    Devices(Vec<PathBuf>),
    /// It is a drive.
    Nothing,
    /// Nothing here can say so.
    NotKnown,
}

/// Puts together what holds of several devices: the worst.
pub fn all(parts: impl Iterator<Item = Encryption>) -> Encryption {
    let mut by = BTreeSet::new();
    let mut is_known = true;
    for part in parts {
        match part {
            Encryption::By(names) => by.extend(names),
            Encryption::None => return Encryption::None,
            Encryption::NotKnown => is_known = false,
        }
    }
    if is_known && !by.is_empty() { Encryption::By(by) } else { Encryption::NotKnown }
}

fn is_virtual_disk(device: &Path) -> bool {
    let name = device.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let begins = ["vd", "xvd", "nbd", "rbd", "zram", "ram"];
    let vendor = read(&device.join("device/vendor")).unwrap_or_default();
    begins.iter().any(|begins| name.starts_with(begins))
        || ["QEMU", "VMware", "VBOX", "Msft"].iter().any(|known| vendor.starts_with(known))
}

/// Reads a line of the kernel's.
pub fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}
