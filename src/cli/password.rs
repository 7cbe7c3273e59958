//! Where master passwords come from, and what a new one must be.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::context::Context;
use super::failure::{Exit, Failure};
use crate::crypto::secret::{PASSWORD_LIMIT, Password};

/// A password's first line may be this long, with room for what normalization takes away.
const READ_LIMIT: usize = PASSWORD_LIMIT * 4 + 2;
/// The fewest code points of a password of one's own.
const LEAST_CODE_POINTS: usize = 15;
/// The words of a generated password: 77 bits from a list of 7,776.
const WORDS: usize = 6;

/// Returns the master password from the source the flags name, else from the terminal.
///
/// # Errors
/// Where there is no source, or it cannot be read.
pub fn master_password(context: &Context) -> Result<Password, Failure> {
    match from_source(context)? {
        Some(password) => Ok(password),
        None => match context.terminal() {
            Some(mut terminal) => typed(&terminal.ask_hidden("master password")?),
            None => Err(no_source()),
        },
    }
}

/// Tells whether the flags name a source.
pub fn has_source(context: &Context) -> bool {
    let global = &context.global;
    global.password_file.is_some() || global.password_fd.is_some() || global.password_command.is_some()
}

/// Says that a password is needed and cannot be asked for.
pub fn no_source() -> Failure {
    Failure::usage("the master password is needed, and there is no terminal to ask for it")
        .hint("give --password-file, --password-fd or --password-command")
}

/// Returns the password from the source the flags name; `None` where they name none.
///
/// # Errors
/// Where the source cannot be read or holds no password.
pub fn from_source(context: &Context) -> Result<Option<Password>, Failure> {
    let global = &context.global;
    let raw = if let Some(path) = &global.password_file {
        from_file(context, path)?
    } else if let Some(number) = global.password_fd {
        from_descriptor(number)?
    } else if let Some(command) = &global.password_command {
        from_command(command)?
    } else {
        return Ok(None);
    };
    checked(strip_line_end(&raw)).map(Some)
}

/// Reads a password from a file.
///
/// # Errors
/// Where it cannot be read or holds no password.
pub fn read_file(context: &Context, path: &Path) -> Result<Password, Failure> {
    checked(strip_line_end(&from_file(context, path)?))
}

/// Takes a line from the terminal, where the prompt has turned bytes that are not UTF-8 into U+FFFD.
fn typed(line: &str) -> Result<Password, Failure> {
    checked(if line.contains(char::REPLACEMENT_CHARACTER) { b"\xff" } else { line.as_bytes() })
}

fn checked(raw: &[u8]) -> Result<Password, Failure> {
    Password::new(raw).map_err(|error| Failure::of("use the password", error.into()))
}

/// Removes exactly one line ending: one LF or one CR LF.
fn strip_line_end(raw: &[u8]) -> &[u8] {
    let line = raw.strip_suffix(b"\n").unwrap_or(raw);
    if line.len() < raw.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
}

fn from_file(context: &Context, path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::io(format!("read the password file {}", path.display()), &error);
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            let text =
                format!("others can read the password file {0}; make it yours alone: chmod 600 {0}", path.display());
            context.output.warn("password-file-permissions", &text);
        }
    }
    #[cfg(not(unix))]
    let _ = context;
    read(file).map_err(failed)
}

fn from_descriptor(number: u32) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| {
        Failure::io(format!("read the password from file descriptor {number}"), &error)
            .hint("open it for reading, as in: strongroom ... --password-fd 3 3< FILE")
    };
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        // A copy of the descriptor, and not std's stdin: that buffers, and its buffer is never wiped.
        let file = if number == 0 {
            File::from(io::stdin().as_fd().try_clone_to_owned().map_err(failed)?)
        } else {
            File::open(format!("/dev/fd/{number}")).map_err(failed)?
        };
        read(file).map_err(failed)
    }
    #[cfg(not(unix))]
    Err(failed(io::Error::from(io::ErrorKind::Unsupported)))
}

fn from_command(command: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failed = |error: io::Error| Failure::io("run the password command", &error);
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(shell)
        .args([flag, command])
        // Standard input may be the data.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let raw = match child.stdout.take() {
        Some(stdout) => read(stdout).map_err(failed)?,
        None => Zeroizing::new(Vec::new()),
    };
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(Failure::new(Exit::Failed, "password-command", "cannot get the password")
            .cause(format!("the password command failed: {status}"))
            .hint("run the command by itself to see why"));
    }
    Ok(raw)
}

/// Reads to the end or the limit, into a buffer that never grows.
fn read(mut source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut raw = Zeroizing::new(vec![0; READ_LIMIT + 1]);
    let mut filled = 0;
    while filled < raw.len() {
        match source.read(&mut raw[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    raw.truncate(filled);
    Ok(raw)
}

/// Checks that a new password of one's own is hard to guess. `names` are words a guesser would try first.
///
/// # Errors
/// A usage failure that says what is weak about it.
pub fn check_strength(password: &Password, names: &[String]) -> Result<(), Failure> {
    let weak = |cause: String| {
        Failure::new(Exit::Usage, "weak-password", "this password is too weak")
            .cause(cause)
            .hint("take six random words, as --generate-password makes them, or a longer password")
    };
    let text = password.expose();
    if text.chars().any(char::is_control) {
        return Err(Failure::new(Exit::Usage, "bad-password", "cannot use this password")
            .cause("it holds a line break or another control character, which cannot be typed")
            .hint("give the password on one line"));
    }
    let length = text.chars().count();
    if length < LEAST_CODE_POINTS {
        return Err(weak(format!("it has {length} characters, fewer than {LEAST_CODE_POINTS}")));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let estimate = zxcvbn::zxcvbn(text, &names);
    if estimate.score() >= zxcvbn::Score::Three {
        return Ok(());
    }
    let why = estimate.feedback().and_then(|feedback| feedback.warning()).map(|warning| warning.to_string());
    let why = why.unwrap_or_else(|| "it can be guessed in too few tries".into());
    Err(weak(why.trim_end_matches('.').replacen(|c: char| c.is_uppercase(), &first_lower(&why), 1)))
}

fn first_lower(text: &str) -> String {
    text.chars().next().map(|first| first.to_lowercase().collect()).unwrap_or_default()
}

/// Returns words that a guesser would try first: the user's, the host's and the vault folder's names.
pub fn telling_names(context: &Context) -> Vec<String> {
    let mut names = vec!["strongroom".to_owned(), "vault".to_owned()];
    names.extend(["USER", "LOGNAME", "USERNAME", "HOSTNAME"].iter().filter_map(|name| std::env::var(name).ok()));
    let folder = context.vault_folder();
    names.extend(folder.iter().filter_map(|part| part.to_str().map(str::to_owned)));
    names
}

/// Asks twice for a new password of the user's own, until it is strong and the same.
///
/// # Errors
/// Ctrl-C, or a terminal that is gone.
pub fn ask_new(context: &Context, terminal: &mut super::terminal::Terminal) -> Result<Password, Failure> {
    let names = telling_names(context);
    loop {
        let first = terminal.ask_hidden("new master password (at least 15 characters)")?;
        let password = match typed(&first).and_then(|password| {
            check_strength(&password, &names)?;
            Ok(password)
        }) {
            Ok(password) => password,
            Err(failure) if failure.exit == Exit::Usage => {
                // To the terminal itself: standard error may be a file, or hold JSON alone.
                let cause = failure.cause.as_deref().map(|cause| format!(": {cause}")).unwrap_or_default();
                terminal.say(&format!("{}{cause}", failure.message))?;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        // One copy, in locked memory, is enough to wait for the second with.
        drop(first);
        let again = terminal.ask_hidden("the same again")?;
        // Both were typed by the same person a moment ago: how long the comparison takes tells them nothing.
        if Password::new(again.as_bytes()).is_ok_and(|again| again.expose() == password.expose()) {
            return Ok(password);
        }
        terminal.say("the two differ; once more")?;
    }
}

/// Generates six random words of the EFF's large word list, joined by hyphens.
///
/// # Errors
/// Where the system has no random bytes.
pub fn generate() -> Result<Password, Failure> {
    let list = diceware_wordlists::EFF_LONG_WORDLIST;
    let mut words = Zeroizing::new(String::with_capacity(WORDS * 12));
    for number in 0..WORDS {
        if number > 0 {
            words.push('-');
        }
        words.push_str(list[random_below(list.len())?]);
    }
    checked(words.as_bytes())
}

/// Returns a random number below `limit`, each as likely as the others.
pub(super) fn random_below(limit: usize) -> Result<usize, Failure> {
    let bits = usize::BITS - (limit - 1).leading_zeros();
    loop {
        let mut bytes = Zeroizing::new([0; 8]);
        crate::crypto::random(&mut bytes[..]).map_err(|error| Failure::of("generate a password", error.into()))?;
        // The lowest bits alone, and those above the limit thrown again: a remainder would favour small numbers.
        let number = u64::from_le_bytes(*bytes) as usize & ((1 << bits) - 1);
        if number < limit {
            return Ok(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_line_ending_is_removed() {
        for (raw, line) in [
            (&b"pass"[..], &b"pass"[..]),
            (b"pass\n", b"pass"),
            (b"pass\r\n", b"pass"),
            (b"pass\r", b"pass\r"),
            (b"pass\n\n", b"pass\n"),
            (b"pass \n", b"pass "),
            (b"\n", b""),
        ] {
            assert_eq!(strip_line_end(raw), line);
        }
    }

    #[test]
    fn generated_passwords_are_six_words_and_strong() {
        for _ in 0..20 {
            let password = generate().unwrap();
            // The list has words with a hyphen of their own, such as t-shirt.
            assert!(password.expose().split('-').count() >= WORDS);
            check_strength(&password, &[]).unwrap();
        }
    }

    #[test]
    fn random_numbers_reach_every_value_and_no_other() {
        let mut seen = [false; 5];
        for _ in 0..500 {
            seen[random_below(5).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
    }

    #[test]
    fn weak_passwords_are_refused_with_the_reason() {
        for (weak, names) in [
            ("short one", vec![]),
            ("aaaaaaaaaaaaaaaaaaaa", vec![]),
            ("passwordpassword1", vec![]),
            ("mustermann-consulting", vec!["mustermann-consulting".to_owned()]),
        ] {
            let failure = check_strength(&Password::new(weak.as_bytes()).unwrap(), &names).expect_err(weak);
            assert_eq!((failure.exit, failure.kind), (Exit::Usage, "weak-password"), "{weak}");
            assert!(failure.cause.is_some_and(|cause| !cause.contains(weak)));
        }
    }
}
