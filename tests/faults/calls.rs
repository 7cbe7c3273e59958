//! Which system calls change something on disk, and how they read in a report.

use std::fs;
use std::io::IoSliceMut;
use std::path::{Path, PathBuf};

use nix::libc::{self, user_regs_struct};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

/// A call that changes something, or makes a change last, or takes a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// What it is done to, without what differs from one run to the next.
    pub on: String,
}

impl Call {
    /// Tells whether a disk without room left may refuse it.
    pub fn takes_room(&self) -> bool {
        let never = ["sync", "unlink", "unlinkat", "rmdir", "flock", "fcntl"];
        // Where results are printed is another disk.
        !never.contains(&self.name) && self.on != "stdout" && self.on != "stderr"
    }
}

/// Where calls count.
pub struct Place<'a> {
    /// The home folder with vault, keychain file, settings, inputs and outputs.
    pub home: &'a Path,
    /// Where standard output and standard error go.
    pub outputs: &'a Path,
}

/// Longest path that the system takes.
const PATH_MAX: usize = 4096;

/// Returns the call that a thread is about to make, if it is one of those that count.
pub fn write_side(thread: Pid, registers: &user_regs_struct, place: &Place<'_>) -> Option<Call> {
    let [a, b, c, d] = [registers.rdi, registers.rsi, registers.rdx, registers.r10];
    let path = |address: u64| text(thread, address);
    let file = |descriptor: u64| fs::read_link(format!("/proc/{thread}/fd/{}", descriptor as i32)).unwrap_or_default();
    // Of a path that is named from a folder's descriptor, or without one from the current folder.
    let at = |folder: u64, name: u64| match folder as i32 {
        libc::AT_FDCWD => place.home.join(path(name)),
        _ => file(folder).join(path(name)),
    };
    let changes = |flags: u64| {
        let creates = libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE & !libc::O_DIRECTORY;
        flags as i32 & creates != 0
    };
    let (name, paths) = match registers.orig_rax as i64 {
        libc::SYS_open if changes(b) => ("open", vec![place.home.join(path(a))]),
        libc::SYS_openat if changes(c) => ("openat", vec![at(a, b)]),
        libc::SYS_creat => ("creat", vec![place.home.join(path(a))]),
        libc::SYS_write => ("write", vec![file(a)]),
        libc::SYS_pwrite64 => ("pwrite64", vec![file(a)]),
        libc::SYS_writev => ("writev", vec![file(a)]),
        libc::SYS_pwritev => ("pwritev", vec![file(a)]),
        libc::SYS_pwritev2 => ("pwritev2", vec![file(a)]),
        libc::SYS_sendfile => ("sendfile", vec![file(a)]),
        libc::SYS_copy_file_range => ("copy_file_range", vec![file(c)]),
        libc::SYS_splice => ("splice", vec![file(c)]),
        libc::SYS_truncate => ("truncate", vec![place.home.join(path(a))]),
        libc::SYS_ftruncate => ("ftruncate", vec![file(a)]),
        libc::SYS_fallocate => ("fallocate", vec![file(a)]),
        libc::SYS_fsync => ("fsync", vec![file(a)]),
        libc::SYS_fdatasync => ("fdatasync", vec![file(a)]),
        libc::SYS_syncfs => ("syncfs", vec![file(a)]),
        libc::SYS_sync => ("sync", vec![place.home.into()]),
        libc::SYS_rename => ("rename", vec![place.home.join(path(a)), place.home.join(path(b))]),
        libc::SYS_renameat => ("renameat", vec![at(a, b), at(c, d)]),
        libc::SYS_renameat2 => ("renameat2", vec![at(a, b), at(c, d)]),
        libc::SYS_link => ("link", vec![place.home.join(path(a)), place.home.join(path(b))]),
        libc::SYS_linkat => ("linkat", vec![at(a, b), at(c, d)]),
        libc::SYS_symlink => ("symlink", vec![place.home.join(path(b))]),
        libc::SYS_symlinkat => ("symlinkat", vec![at(b, c)]),
        libc::SYS_unlink => ("unlink", vec![place.home.join(path(a))]),
        libc::SYS_unlinkat => ("unlinkat", vec![at(a, b)]),
        libc::SYS_rmdir => ("rmdir", vec![place.home.join(path(a))]),
        libc::SYS_mkdir => ("mkdir", vec![place.home.join(path(a))]),
        libc::SYS_mkdirat => ("mkdirat", vec![at(a, b)]),
        libc::SYS_chmod => ("chmod", vec![place.home.join(path(a))]),
        libc::SYS_fchmod => ("fchmod", vec![file(a)]),
        libc::SYS_fchmodat => ("fchmodat", vec![at(a, b)]),
        libc::SYS_chown | libc::SYS_lchown => ("chown", vec![place.home.join(path(a))]),
        libc::SYS_fchown => ("fchown", vec![file(a)]),
        libc::SYS_utimensat if b == 0 => ("utimensat", vec![file(a)]),
        libc::SYS_utimensat => ("utimensat", vec![at(a, b)]),
        libc::SYS_flock => ("flock", vec![file(a)]),
        libc::SYS_fcntl if matches!(b as i32, libc::F_SETLK | libc::F_SETLKW | libc::F_OFD_SETLK) => {
            ("fcntl", vec![file(a)])
        }
        _ => return None,
    };
    let counts = |path: &PathBuf| path.starts_with(place.home) || path.starts_with(place.outputs);
    let on: Vec<String> = paths.iter().map(|path| steady(path, place)).collect();
    paths.iter().any(counts).then(|| Call { name, on: on.join(" -> ") })
}

/// Reads a text that ends with a NUL byte.
fn text(thread: Pid, address: u64) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::new();
    let mut at = address as usize;
    while bytes.len() < PATH_MAX && address != 0 {
        // Page by page: what follows the page of the text's end may not be there.
        let mut page = vec![0; PATH_MAX - at % PATH_MAX];
        let remote = [RemoteIoVec { base: at, len: page.len() }];
        let read = process_vm_readv(thread, &mut [IoSliceMut::new(&mut page)], &remote).unwrap_or(0);
        let end = page[..read].iter().position(|byte| *byte == 0);
        bytes.extend_from_slice(&page[..end.unwrap_or(read)]);
        if end.is_some() || read == 0 {
            break;
        }
        at += read;
    }
    std::ffi::OsString::from_vec(bytes).into()
}

/// Returns a path from the home folder on, with what is random in it left out.
fn steady(path: &Path, place: &Place<'_>) -> String {
    if path.starts_with(place.outputs) {
        return path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    }
    let own = path.strip_prefix(place.home).unwrap_or(path);
    let parts = own.iter().map(|part| {
        let part = part.to_string_lossy();
        // The file that another process's descriptor leads to, or a file without a name, as /proc shows it.
        if part.starts_with('#') && part.ends_with(" (deleted)") {
            return "(unnamed)".to_owned();
        }
        let digits = |part: &str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        part.split('.')
            .map(|word| if digits(word.trim_start_matches("strongroom-")) { "(id)" } else { word })
            .collect::<Vec<_>>()
            .join(".")
    });
    parts.collect::<Vec<_>>().join("/")
}
