//! Who uses this computer, as the computer itself says: whoever controls it can have it say anything.

use crate::format::log::{Via, Who};
use crate::host::{Host, ProcessName, ThisHost, program_of};

/// The most characters of a name that are recorded.
const NAME_LIMIT: usize = 128;

/// Returns who runs this process, and by which way. What the system does not say is left empty.
#[must_use]
pub fn who(via: Via) -> Who {
    let ProcessName { pid, started } = ThisHost.process();
    Who {
        account: account().unwrap_or_default(),
        uid: uid(),
        name: short(whoami::hostname().unwrap_or_default()),
        pid,
        started,
        via: via.word().into(),
        parent: parent().map(short).unwrap_or_default(),
        ..Who::default()
    }
}

/// Returns what the user's account is called.
pub(super) fn account() -> Option<String> {
    whoami::username().ok().map(short)
}

#[cfg(unix)]
fn uid() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn uid() -> Option<u32> {
    None
}

#[cfg(unix)]
fn parent() -> Option<String> {
    let parent = rustix::process::getppid()?;
    Some(program_of(u32::try_from(parent.as_raw_nonzero().get()).ok()?))
}

#[cfg(not(unix))]
fn parent() -> Option<String> {
    None
}

fn short(name: String) -> String {
    if name.chars().count() <= NAME_LIMIT { name } else { name.chars().take(NAME_LIMIT).collect() }
}
