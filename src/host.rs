//! What the vault asks of the computer: the time, the boot it is in, the memory it has free. An edge; tests bring
//! their own. Also what a process is started from, and how it lets go of that.

use std::time::SystemTime;

#[cfg(feature = "cli")]
use crate::format::Date;
use crate::format::Timestamp;

/// The computer a vault is used on.
pub trait Host: Send + Sync {
    /// Returns the time.
    fn now(&self) -> Timestamp;

    /// Returns an id that changes at every boot; empty where the system has none.
    fn boot(&self) -> String;

    /// Returns the seconds since the computer started, those it slept included; `None` where the system has no such
    /// clock. Never the wall clock, which anybody may set.
    fn boot_seconds(&self) -> Option<u64>;

    /// Makes the system write out what programs have written, on every disk: a keychain's program may not do so
    /// itself. Best effort.
    fn sync_disks(&self);

    /// Names this process.
    fn process(&self) -> ProcessName;

    /// Tells whether a process of this boot still runs; `None` if the system does not say.
    fn is_running(&self, process: &ProcessName) -> Option<bool>;

    /// Returns the memory that can be had without swapping, in bytes, a container's limit respected; `None` where
    /// the system does not say.
    fn available_memory(&self) -> Option<u64>;
}

/// A process, told from an earlier one of the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessName {
    /// Its number.
    pub pid: u32,
    /// When it was started, as the system counts; empty if the system does not say.
    pub started: String,
}

/// This computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisHost;

/// Returns the day of a moment where this computer is; in UTC where the system does not say.
#[cfg(feature = "cli")]
#[must_use]
pub fn local_date(at: Timestamp) -> Date {
    let moment = time::OffsetDateTime::from_unix_timestamp(at.as_unix());
    let offset = moment.ok().and_then(|moment| time::UtcOffset::local_offset_at(moment).ok());
    let seconds = offset.map_or(0, time::UtcOffset::whole_seconds);
    Date::of(Timestamp::from_unix(at.as_unix().saturating_add(seconds.into())))
}

impl Host for ThisHost {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn boot(&self) -> String {
        if cfg!(target_os = "linux") {
            let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
            id.trim().chars().filter(|c| c.is_ascii_hexdigit() || *c == '-').take(36).collect()
        } else {
            String::new()
        }
    }

    #[cfg(target_os = "linux")]
    fn boot_seconds(&self) -> Option<u64> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        u64::try_from(time.tv_sec).ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn boot_seconds(&self) -> Option<u64> {
        None
    }

    fn sync_disks(&self) {
        #[cfg(target_os = "linux")]
        rustix::fs::sync();
    }

    fn process(&self) -> ProcessName {
        process_of(std::process::id())
    }

    #[cfg(unix)]
    fn is_running(&self, process: &ProcessName) -> Option<bool> {
        let pid = i32::try_from(process.pid).ok().and_then(rustix::process::Pid::from_raw)?;
        // What is not there cannot be sent a signal. That it may not be sent one shows that it is there.
        if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return Some(false);
        }
        // Of somebody else's process the system may show nothing more.
        Some(started(process.pid).is_none_or(|(started, has_ended)| {
            !has_ended && (process.started.is_empty() || started == process.started)
        }))
    }

    #[cfg(not(unix))]
    fn is_running(&self, _: &ProcessName) -> Option<bool> {
        None
    }

    fn available_memory(&self) -> Option<u64> {
        let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo(&text, "MemAvailable:"));
        let limit = cgroup_room();
        match (free, limit) {
            (Some(free), Some(limit)) => Some(free.min(limit)),
            (free, limit) => free.or(limit),
        }
    }
}

/// Returns this program, also if it was replaced since it was started.
#[cfg(feature = "cli")]
pub(crate) fn own_program() -> std::io::Result<std::path::PathBuf> {
    let own = std::env::current_exe()?;
    let link = std::path::PathBuf::from("/proc/self/exe");
    Ok(if own.exists() || !link.exists() { own } else { link })
}

/// Returns the computer's memory in bytes, a container's limit respected; `None` where the system does not say.
#[must_use]
pub fn total_memory() -> Option<u64> {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo(&text, "MemTotal:"))?;
    let limit = own_cgroup().and_then(|group| number_in(&format!("{group}/memory.max")));
    Some(limit.map_or(total, |limit| limit.min(total)))
}

/// Lets go of whatever this process was started from: its standard streams and its working folder.
///
/// # Errors
/// Those of the system.
#[cfg(all(unix, feature = "cli"))]
pub(crate) fn detach() -> std::io::Result<()> {
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    // No drive stays in use because of it.
    std::env::set_current_dir("/")
}

/// Lets go of the working folder that this process was started in. It has no standard streams.
///
/// # Errors
/// Those of the system.
#[cfg(all(windows, feature = "cli"))]
pub(crate) fn detach() -> std::io::Result<()> {
    // That of the program is in use by it anyway.
    own_program()?.parent().map_or(Ok(()), std::env::set_current_dir)
}

/// Returns the name of a process of this computer.
#[must_use]
pub fn process_of(pid: u32) -> ProcessName {
    ProcessName { pid, started: started(pid).map(|(started, _)| started).unwrap_or_default() }
}

/// Returns what the program of a process is called; empty if the system does not say.
#[must_use]
pub fn program_of(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end_matches('\n').to_owned()
}

/// Returns when a process was started, in ticks since the computer was, and whether it has ended since, though its
/// parent has not asked how.
fn started(pid: u32) -> Option<(String, bool)> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything. Behind it come the state, and as the twentieth word the start (proc(5)).
    let words: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(((*words.get(19)?).to_owned(), matches!(*words.first()?, "Z" | "X")))
}

fn meminfo(text: &str, field: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(field))?;
    rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Returns the folder of this process's cgroup (version 2).
fn own_cgroup() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    Some(format!("/sys/fs/cgroup{path}"))
}

fn cgroup_room() -> Option<u64> {
    let group = own_cgroup()?;
    let limit = number_in(&format!("{group}/memory.max"))?;
    let used = number_in(&format!("{group}/memory.current"))?;
    // Cached files count as used, but the kernel gives them up before it refuses memory.
    let cached = std::fs::read_to_string(format!("{group}/memory.stat")).ok().and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("inactive_file ")).and_then(|number| number.parse::<u64>().ok())
    });
    Some(limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0))))
}

fn number_in(path: &str) -> Option<u64> {
    // "max" means no limit, and is no number.
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read_in_bytes() {
        let text = "MemTotal:       24689756 kB\nMemFree:  1 kB\nMemAvailable:   22000000 kB\n";
        assert_eq!(meminfo(text, "MemAvailable:"), Some(22_000_000 * 1024));
        assert_eq!(meminfo(text, "SwapFree:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_its_boot_and_memory() {
        assert_eq!(ThisHost.boot().len(), 36);
        assert!(ThisHost.available_memory().is_some());
        assert!(total_memory().is_some());
    }
}
