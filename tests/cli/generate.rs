//! `strongroom generate`: passwords for other systems, without a vault.

use crate::support::home::Home;

fn is_of(text: &str, kinds: [fn(&char) -> bool; 4]) -> [bool; 4] {
    kinds.map(|kind| text.chars().any(|c| kind(&c)))
}

const KINDS: [fn(&char) -> bool; 4] =
    [char::is_ascii_lowercase, char::is_ascii_uppercase, char::is_ascii_digit, char::is_ascii_punctuation];

#[test]
fn the_password_is_all_that_is_printed_and_no_vault_is_needed() {
    let home = Home::empty();
    for (words, length, kinds) in [
        ("generate", 20, [true; 4]),
        ("generate --length 64", 64, [true; 4]),
        ("generate --length 1024 --quiet --no-input", 1024, [true; 4]),
        ("generate --classes lower,digits", 20, [true, false, true, false]),
        ("generate --classes symbols --length 9", 9, [false, false, false, true]),
        ("generate --no-look-alikes", 20, [true; 4]),
        ("generate --preset strong", 20, [true; 4]),
        ("generate --preset typed", 16, [true, true, true, false]),
        ("generate --preset pin", 6, [false, false, true, false]),
        ("generate --preset pin --length 4", 4, [false, false, true, false]),
        ("generate --preset legacy", 16, [true, true, true, false]),
    ] {
        let outcome = home.run_alone(words).succeeds().changed_nothing();
        assert_eq!(outcome.stderr(), "", "{words}");
        let text = outcome.text();
        let password = text.strip_suffix('\n').unwrap();
        assert_eq!(password.len(), length, "{words}: {password}");
        assert!(password.chars().all(|c| c.is_ascii_graphic()), "{words}: {password}");
        assert_eq!(is_of(password, KINDS), kinds, "{words}: {password}");
        if words.contains("look-alikes") || words.contains("typed") {
            assert!(!password.contains(|c| "iIlL1|!oO0".contains(c)), "{password}");
        }
        assert_ne!(home.run_alone(words).text(), text, "{words}");
    }
}

#[test]
fn words_are_joined_by_hyphens() {
    let home = Home::empty();
    for (words, number) in [("generate --words 4", 4), ("generate --preset words", 6), ("generate --words 64", 64)] {
        let text = home.run_alone(words).succeeds().changed_nothing().text();
        let parts = text.trim_end().split('-').count();
        // A few words of the list have a hyphen of their own.
        assert!((number..2 * number).contains(&parts), "{text}");
        assert!(text.trim_end().chars().all(|c| c == '-' || c.is_ascii_lowercase()), "{text}");
    }
}

#[test]
fn several_are_lines_and_all_different() {
    let home = Home::empty();
    let text = home.run_alone("generate --count 1000").succeeds().text();
    let lines: std::collections::BTreeSet<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1000);
    assert!(lines.iter().all(|line| line.len() == 20));
}

#[test]
fn json_has_the_password_and_its_bits() {
    let home = Home::empty();
    for (words, length, bits) in [
        ("generate --json", 20, 129.68),
        ("generate --json --quiet", 20, 129.68),
        ("generate --preset pin --json", 6, 19.93),
        ("generate --length 1024 --json", 1024, 6647.65),
    ] {
        let outcome = home.run_alone(words).succeeds();
        assert_eq!(outcome.stderr(), "", "{words}");
        let result = outcome.json();
        assert_eq!(result["password"].as_str().unwrap().len(), length, "{words}");
        assert_eq!(result["bits"], bits, "{words}");
        assert_eq!(result.as_object().unwrap().len(), 2);
    }
    for count in [1, 3] {
        let result = home.run_alone(&format!("generate --words 6 --count {count} --json")).succeeds().json();
        let all = result.as_array().unwrap();
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|each| each["bits"] == 77.54), "{result}");
    }
}

#[test]
fn what_could_be_guessed_is_refused() {
    let home = Home::empty();
    home.run_alone("generate --classes digits --length 8").fails(
        2,
        "\
error: cannot generate such a password
cause: such a password has 26 bits: fewer than 40, so that it could be guessed
hint: give a larger --length, or more --classes; --preset pin is for what locks itself after a few wrong guesses
",
    );
    home.run_alone("generate --words 3").fails(
        2,
        "\
error: cannot generate such a password
cause: such a password has 38 bits: fewer than 40, so that it could be guessed
hint: give --words 4 or more
",
    );
    for words in ["--words 0", "--words 65", "--length 0", "--length 6", "--length 1025", "--preset pin --length 3"] {
        home.run_alone(&format!("generate {words} --json")).fails_in_json(2, "usage");
    }
    for words in ["--count 0", "--count 1001", "--words 6 --length 20", "--classes all"] {
        home.run_alone(&format!("generate {words} --json")).fails_in_json(2, "usage");
    }
}

#[test]
fn a_password_that_nobody_got_whole_is_a_failure() {
    let home = Home::empty();
    for format in ["", "--json", "--count 5"] {
        home.shell(&format!("strongroom generate {format} > /dev/full")).fails(
            1,
            match format {
                "--json" => {
                    "{\"code\":1,\"hint\":\"free some space and run it again\",\"kind\":\"disk-full\",\"message\":\"cannot \
                     write to standard output: no space left on device\"}\n"
                }
                _ => {
                    "\
error: cannot write to standard output
cause: no space left on device
hint: free some space and run it again
"
                }
            },
        );
        let line = format!("exec 9> >(:); wait $!; strongroom generate {format} >&9");
        let code = home.shell(&format!("exec bash -c '{line}'")).code();
        assert_eq!(code, 1, "{format}");
    }
}

#[test]
fn a_copy_through_the_terminal_needs_one() {
    let home = Home::empty();
    home.run_alone("generate --clip=osc52").fails(
        2,
        "error: --clip=osc52 copies through the terminal, and there is none\nhint: without a terminal, give --clip, or \
         print it\n",
    );
    // Before anybody is asked for a password.
    home.run_alone("secret show portal --clip=osc52").fails(
        2,
        "error: --clip=osc52 copies through the terminal, and there is none\nhint: without a terminal, give --clip, or \
         print it\n",
    );
    for words in ["generate --clip --count 2", "generate --clip=soon", "secret show portal --clip --reveal"] {
        assert_eq!(home.run_alone(words).changed_nothing().code(), 2, "{words}");
    }
}
