//! What the system is told about the memory of the whole process.

/// Sees to it that no core dump of this process is written, and on Linux that no other process of the same user reads
/// its memory. A program calls it before it has secrets. What it starts can be dumped again.
///
/// A system that refuses leaves no more than it would have been without.
pub(crate) fn refuse_dumps() {
    // PR_SET_DUMPABLE rather than a limit: a core_pattern that is a pipe takes dumps whatever the limit, a child would
    // inherit the limit, and the attribute also closes /proc/PID/mem and ptrace to other processes of the user. The
    // files of /proc/self then belong to root, but a process may look into its own /proc/self/fd whoever owns it.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    // The soft limit alone: a program started from here can raise it again.
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Core);
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
    }
}
