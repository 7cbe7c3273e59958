//! New master passwords: six random words, or one of the user's own that is hard to guess.

use zeroize::Zeroizing;

use super::raw::checked;
use crate::cli::context::Context;
use crate::cli::terminal::Terminal;
use crate::crypto::secret::Password;
use crate::failure::{Exit, Failure};
use crate::password::typed;
use crate::secrets::generator::generate_password;
use crate::secrets::strength::{Refusal, check_seen, check_strength};

/// Takes a new password of the user's own, as it was typed or read: it can be typed again as it is seen, and is hard to
/// guess.
///
/// # Errors
/// A usage failure that says what is wrong with it, and shows nothing of it.
pub fn accept(context: &Context, raw: &[u8]) -> Result<Password, Failure> {
    let password = checked(raw)?;
    // As it was typed: normalization moves places.
    check_seen(std::str::from_utf8(raw).unwrap_or_default()).map_err(refused)?;
    check_strength(&password, &context.home.guessable_words()).map_err(refused)?;
    Ok(password)
}

fn refused(refusal: Refusal) -> Failure {
    let (kind, message, hint) = match refusal {
        Refusal::Unseen(_) => (
            "bad-password",
            "cannot use this as a new password",
            "remove that character; put the password alone on one line",
        ),
        Refusal::WhiteSpace => ("bad-password", "cannot use this as a new password", "remove the white space"),
        Refusal::TooShort { .. } | Refusal::Guessable(_) => (
            "weak-password",
            "this password is too weak",
            "use six random words (--generate-password) or a longer password",
        ),
    };
    Failure::new(Exit::Usage, kind, message).cause(refusal.to_string()).hint(hint)
}

/// Asks for a new password: six random words, or one of the user's own.
///
/// # Errors
/// Where the answer is neither; Ctrl-C, or a terminal that is gone.
pub fn choose(context: &Context, terminal: &mut Terminal) -> Result<Password, Failure> {
    terminal.say(
        "The master password opens this vault on this computer. Nobody can reset it.\n  \
         1  six random words, made for you (recommended)\n  \
         2  a password of your own, at least 15 characters",
    )?;
    match terminal.ask("1 or 2? [1]")?.as_str() {
        "2" => ask_own(context, terminal),
        "" | "1" => show_generated(terminal),
        _ => Err(Failure::usage("the answer is 1 or 2").hint("run it again")),
    }
}

/// Shows six random words and waits until they are typed back.
fn show_generated(terminal: &mut Terminal) -> Result<Password, Failure> {
    let generated = generate()?;
    let shown = Zeroizing::new(format!(
        "\n    {}\n\nWrite it down or save it in your password manager: it is shown only once.",
        generated.expose()
    ));
    terminal.say(&shown)?;
    loop {
        let typed = terminal.ask_hidden("type it to continue")?;
        if Password::new(typed.as_bytes()).is_ok_and(|typed| typed.expose() == generated.expose()) {
            return Ok(generated);
        }
        terminal.say("not correct, try again")?;
    }
}

/// Asks twice for a new password of the user's own, until it is strong and the same.
fn ask_own(context: &Context, terminal: &mut Terminal) -> Result<Password, Failure> {
    loop {
        let first = terminal.ask_hidden("new master password (at least 15 characters)")?;
        let password = match accept(context, typed(&first)) {
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
        let again = terminal.ask_hidden("repeat the password")?;
        // Both were typed by the same person a moment ago: how long the comparison takes tells them nothing.
        if Password::new(again.as_bytes()).is_ok_and(|again| again.expose() == password.expose()) {
            return Ok(password);
        }
        terminal.say("they do not match, try again")?;
    }
}

/// Generates six random words.
///
/// # Errors
/// If the system has no random bytes.
pub fn generate() -> Result<Password, Failure> {
    generate_password().map_err(|error| Failure::of("generate a password", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_password_is_told_apart_by_its_kind() {
        for (refusal, kind) in
            [(Refusal::WhiteSpace, "bad-password"), (Refusal::TooShort { length: 3 }, "weak-password")]
        {
            let failure = refused(refusal);
            assert_eq!((failure.exit, failure.kind, failure.cause), (Exit::Usage, kind, Some(refusal.to_string())));
        }
    }
}
