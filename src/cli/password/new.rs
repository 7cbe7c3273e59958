//! New master passwords: six random words, or one of the user's own that is hard to guess.

use zeroize::Zeroizing;

use super::raw::{checked, typed};
use super::unseen::first_unseen;
use crate::cli::context::Context;
use crate::cli::terminal::Terminal;
use crate::crypto::secret::Password;
use crate::failure::{Exit, Failure};
use crate::memory::on_deeply_wiped_stack;

/// The fewest code points of a password of one's own.
const LEAST_CODE_POINTS: usize = 15;
/// The words of a generated password: 77 bits from a list of 7,776.
const WORDS: usize = 6;

/// Takes a new password of the user's own, as it was typed or read: it can be typed again as it is seen, and is hard to
/// guess.
///
/// # Errors
/// A usage failure that says what is wrong with it, and shows nothing of it.
pub fn accept(context: &Context, raw: &[u8]) -> Result<Password, Failure> {
    let password = checked(raw)?;
    // As it was typed: normalization moves places.
    check_seen(std::str::from_utf8(raw).unwrap_or_default())?;
    check_strength(&password, &guessable_words(context))?;
    Ok(password)
}

/// Refuses what nobody sees, and so leaves out when the password is typed.
fn check_seen(text: &str) -> Result<(), Failure> {
    let refused = |cause: String, hint: &str| {
        Err(Failure::new(Exit::Usage, "bad-password", "cannot use this as a new password").cause(cause).hint(hint))
    };
    if let Some(unseen) = first_unseen(text) {
        return refused(
            format!("its {unseen}, which nobody sees when the password is typed"),
            "remove that character; put the password alone on one line",
        );
    }
    if text.trim() != text {
        return refused("it begins or ends with white space, which nobody sees".into(), "remove the white space");
    }
    Ok(())
}

/// Checks that a new password is hard to guess. `names` are words a guesser would try first.
fn check_strength(password: &Password, names: &[String]) -> Result<(), Failure> {
    let weak = |cause: String| {
        Failure::new(Exit::Usage, "weak-password", "this password is too weak")
            .cause(cause)
            .hint("use six random words (--generate-password) or a longer password")
    };
    let text = password.expose();
    let length = text.chars().count();
    if length < LEAST_CODE_POINTS {
        return Err(weak(format!("it has {length} characters, fewer than {LEAST_CODE_POINTS}")));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // It looks through the password with code that leaves parts of it on the stack.
    let judged = on_deeply_wiped_stack(|| {
        let estimate = zxcvbn::zxcvbn(text, &names);
        let warning = estimate.feedback().and_then(|feedback| feedback.warning()).map(|warning| warning.to_string());
        if estimate.score() >= zxcvbn::Score::Three { Ok(()) } else { Err(warning) }
    });
    let Err(why) = judged else { return Ok(()) };
    let why = why.unwrap_or_else(|| "it can be guessed in too few tries".into());
    Err(weak(why.trim_end_matches('.').replacen(|c: char| c.is_uppercase(), &first_lower(&why), 1)))
}

fn first_lower(text: &str) -> String {
    text.chars().next().map(|first| first.to_lowercase().collect()).unwrap_or_default()
}

/// Returns words that a guesser would try first: the user's, the host's and the vault folder's names.
fn guessable_words(context: &Context) -> Vec<String> {
    let mut names = vec!["strongroom".to_owned(), "vault".to_owned()];
    names.extend(["USER", "LOGNAME", "USERNAME", "HOSTNAME"].iter().filter_map(|name| std::env::var(name).ok()));
    let folder = context.vault_folder().unwrap_or_default();
    names.extend(folder.iter().filter_map(|part| part.to_str().map(str::to_owned)));
    names
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
pub fn random_below(limit: usize) -> Result<usize, Failure> {
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
