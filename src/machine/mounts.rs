//! What is mounted where, as Linux lists it in `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::Machine;
use super::blocks::Blocks;

/// File systems whose files are on another computer, or whose names do not tell where they are.
const REMOTE: [&str; 19] = [
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "ncpfs",
    "afs",
    "coda",
    "ceph",
    "9p",
    "virtiofs",
    "vboxsf",
    "fuse",
    "glusterfs",
    "lustre",
    "ocfs2",
    "gfs2",
    "orangefs",
    "beegfs",
];
/// File systems of programs that keep their files on this computer. Others of that kind count as remote.
const LOCAL_FUSE: [&str; 8] = [
    "fuse.gocryptfs",
    "fuse.cryfs",
    "fuse.encfs",
    "fuse.securefs",
    "fuse.veracrypt",
    "fuse.ntfs-3g",
    "fuse.mergerfs",
    "fuse.bindfs",
];
/// File systems of the kernel, which hold nobody's files.
const VIRTUAL: [&str; 21] = [
    "proc",
    "sysfs",
    "devpts",
    "devtmpfs",
    "cgroup",
    "cgroup2",
    "debugfs",
    "tracefs",
    "securityfs",
    "pstore",
    "bpf",
    "configfs",
    "mqueue",
    "hugetlbfs",
    "fusectl",
    "efivarfs",
    "autofs",
    "binfmt_misc",
    "rpc_pipefs",
    "nsfs",
    "selinuxfs",
];

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The device's numbers; the first is 0 if no device is behind it alone.
    pub device: (u32, u32),
    /// Where it is mounted.
    pub point: PathBuf,
    /// The kind of file system.
    pub kind: String,
    /// What is mounted.
    pub source: String,
}

/// Where drives are mounted whose kind matters to a search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MountPoints {
    /// Drives that come and go.
    pub removable: Vec<PathBuf>,
    /// Drives of other computers, and what the kernel shows as files.
    pub remote: Vec<PathBuf>,
}

/// Returns where drives are mounted; `None` where nothing here tells what kind they are.
pub fn mount_points(machine: &Machine) -> Option<MountPoints> {
    let mounts = fs::read_to_string(&machine.mounts).ok()?;
    let blocks = Blocks::of(machine.sys.clone(), &mounts);
    let mut points = MountPoints::default();
    for mount in blocks.mounts() {
        if mount.is_remote() || mount.is_virtual() {
            points.remote.push(mount.point.clone());
        } else if blocks.is_removable(mount) {
            points.removable.push(mount.point.clone());
        }
    }
    Some(points)
}

impl Mount {
    /// Tells whether its files are on another computer, as far as the kind says.
    pub fn is_remote(&self) -> bool {
        let kind = self.kind.as_str();
        let is_fuse = kind.starts_with("fuse.") && !LOCAL_FUSE.contains(&kind);
        REMOTE.contains(&kind) || is_fuse
    }

    /// Tells whether it shows what the kernel knows, and no files of anybody.
    pub fn is_virtual(&self) -> bool {
        VIRTUAL.contains(&self.kind.as_str())
    }
}

/// Reads the list. A line that is not as the kernel writes it is passed over.
pub fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

/// Reads `36 35 98:0 /mnt1 /mnt/parent rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.
fn line(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(2);
    let (major, minor) = fields.next()?.split_once(':')?;
    let point = fields.nth(1)?;
    let mut file_system = file_system.split(' ');
    Some(Mount {
        device: (major.parse().ok()?, minor.parse().ok()?),
        point: unescaped(point).into(),
        kind: file_system.next()?.to_owned(),
        source: unescaped(file_system.next()?).into_string().ok()?,
    })
}

/// Puts back what the kernel writes as `\040`: blanks, tabs, line ends and backslashes.
pub fn unescaped(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|digits| first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        let value = octal.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(value.unwrap_or(first));
        rest = if value.is_some() { &after[3..] } else { after };
    }
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes);
    #[cfg(not(unix))]
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// Returns the mount that a whole path is in: the one whose point is the longest, and of two the later, which hides the
/// other.
pub fn mount_of<'m>(mounts: &'m [Mount], path: &Path) -> Option<&'m Mount> {
    mounts.iter().filter(|mount| path.starts_with(&mount.point)).max_by_key(|mount| mount.point.components().count())
}
