//! What the agent grants, and for how long. All of it is here.

use std::time::Duration;

/// The longest question, in bytes with its line end: a secret's value of at most 48 KiB fits in base64.
pub const QUESTION_LIMIT: usize = 64 << 10;
/// The longest answer that a client takes, in bytes with its line end: the list of a whole vault.
pub const ANSWER_LIMIT: usize = 64 << 20;
/// How many content keys are wrapped or unwrapped for one question. More at once gains nothing: what is left is the
/// wrapping.
pub const KEYS_AT_ONCE: usize = 64;
/// How long the agent unwraps for one question before it answers with what it has: where no key fits, each of a large
/// vault's is tried.
pub const UNWRAP_TIME: Duration = Duration::from_secs(1);
/// How many connections are open at once. Another one takes the place of that which has waited longest.
pub const CONNECTIONS: usize = 64;
/// How long another one waits if the agent is at work for all of them.
pub const ADMIT_WAIT: Duration = Duration::from_millis(500);
/// How long a client that is in the middle of something may wait before another one takes its place.
pub const BUSY_WAIT: Duration = Duration::from_secs(20);
/// How long a whole line may take from its first byte on. A timeout of each read would begin again with every byte.
pub const LINE_TIME: Duration = Duration::from_secs(2);
/// How long a client may take to read its answer.
pub const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long a client waits for an answer that needs no write of the vault.
pub const READ_WAIT: Duration = Duration::from_secs(5);
/// How long a client tries to reach an agent that closes its connections.
pub const HELLO_TIME: Duration = Duration::from_secs(3);
/// How long a client that has reached the agent asks again if its connections are closed before the answer: the agent
/// serves many others.
pub const RETRY_TIME: Duration = Duration::from_secs(10);
/// How long a client waits before it asks again; twice as long each time, up to ten times.
pub const RETRY_WAIT: Duration = Duration::from_millis(10);
/// How long a client waits for a write: that of another process and the keychain come first.
pub const WRITE_WAIT: Duration = Duration::from_secs(150);
/// How long a client waits for a key to be shown if the user is asked first, and how long the user has.
pub const CONFIRM_WAIT: Duration = Duration::from_secs(60);
/// The stack of the thread of a connection, in bytes.
pub const STACK: usize = 256 << 10;
/// How long a client waits for the end of the process of an agent that has locked.
pub const END_WAIT: Duration = Duration::from_secs(2);
/// How long the agent waits for who still uses the keys when it locks.
pub const WIPE_WAIT: Duration = Duration::from_secs(1);
/// How long the end of the agent waits for its entry in the access log.
pub const LOG_WAIT: Duration = Duration::from_millis(300);

/// How long the agent waits, once it has locked, for answers that are on their way.
pub const PARTING: Duration = Duration::from_millis(200);

/// How long an agent may stay unused, unless it is told.
pub const IDLE: Duration = Duration::from_secs(15 * 60);
/// How long an agent lives, unless it is told.
pub const LIFE: Duration = Duration::from_secs(8 * 60 * 60);
/// How often the clocks are looked at.
pub const CLOCK_CHECK: Duration = Duration::from_secs(5);
/// By how much the boot-time clock may run ahead of the clock that stands still during suspend.
pub const CLOCK_GAP: Duration = Duration::from_secs(5);
/// How often the agent looks at its own socket.
pub const SOCKET_CHECK: Duration = Duration::from_secs(60);
/// How long the system bus may take for an answer.
pub const BUS_WAIT: Duration = Duration::from_secs(2);
