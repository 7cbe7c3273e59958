use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::secrets::strength::check_strength;

/// Fails if numbers that should be equal, but for chance, are not. Of even numbers it fails once in 10^10 runs: a
/// chi-squared variable of d degrees of freedom exceeds d + 2 sqrt(d x) + 2 x with a probability of at most e^-x
/// (Laurent and Massart, 2000, lemma 1).
fn is_even(counts: &[usize]) -> bool {
    let expected = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    assert!(expected >= 20.0, "too few to judge: {expected} of each");
    let chi_squared: f64 = counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    let (degrees, x) = (counts.len() as f64 - 1.0, 23.0);
    chi_squared < degrees + 2.0 * (degrees * x).sqrt() + 2.0 * x
}

fn policy(length: usize, classes: &[Class], look_alikes: LookAlikes) -> Policy {
    Policy::of_any_strength(length, classes, look_alikes).unwrap()
}

#[test]
fn generated_passwords_are_six_words_and_strong() {
    for _ in 0..20 {
        let password = generate_password().unwrap();
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
fn random_numbers_are_even() {
    for limit in [1, 2, 3, 10, 64, 65, 90, 1000] {
        let mut counts = vec![0; limit];
        for _ in 0..limit.max(500) * 200 {
            counts[random_below(limit).unwrap()] += 1;
        }
        assert!(is_even(&counts), "below {limit}: {counts:?}");
    }
}

#[test]
fn the_judgement_of_evenness_finds_what_a_remainder_would_do() {
    // A byte modulo 90: of its 256 values, three lead to each of the first 76 numbers, two to each of the others.
    let mut counts = vec![0; 90];
    for _ in 0..18_000 {
        counts[random_below(256).unwrap() % 90] += 1;
    }
    assert!(!is_even(&counts), "{counts:?}");
}

#[test]
fn every_text_with_one_character_of_each_class_is_as_likely_as_the_others() {
    let policy = policy(2, &[Class::Lower, Class::Digits], LookAlikes::Kept);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..520 * 200 {
        *counts.entry(policy.generate().unwrap().expose().to_owned()).or_default() += 1;
    }
    // A letter and a digit, in either order.
    assert_eq!(counts.len(), 2 * 26 * 10);
    assert!((policy.bits() - 520_f64.log2()).abs() < 1e-12);
    assert!(is_even(&counts.into_values().collect::<Vec<_>>()));
}

#[test]
fn texts_of_three_classes_are_even_too() {
    let policy = policy(3, &[Class::Lower, Class::Upper, Class::Digits], LookAlikes::LeftOut);
    let mut places = [0; 6];
    let mut counts: BTreeMap<char, usize> = BTreeMap::new();
    for _ in 0..30_000 {
        let generated = policy.generate().unwrap();
        let classes: Vec<usize> = generated.expose().chars().map(class_of).collect();
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        places[orders.iter().position(|order| *order == classes[..]).unwrap()] += 1;
        generated.expose().chars().for_each(|c| *counts.entry(c).or_default() += 1);
    }
    assert!(is_even(&places), "{places:?}");
    for (class, size) in [(0, 23), (1, 23), (2, 8)] {
        let of_class: Vec<usize> =
            counts.iter().filter(|(c, _)| class_of(**c) == class).map(|(_, count)| *count).collect();
        assert_eq!(of_class.len(), size);
        assert!(is_even(&of_class), "{counts:?}");
    }
}

fn class_of(c: char) -> usize {
    Class::ALL.iter().position(|class| class.characters().contains(c)).unwrap()
}

#[test]
fn every_word_is_as_likely_as_the_others() {
    let list = diceware_wordlists::EFF_LONG_WORDLIST;
    let places: BTreeMap<&str, usize> = list.iter().enumerate().map(|(place, word)| (*word, place)).collect();
    assert_eq!(places.len(), 7776);
    let mut counts = vec![0; 7776];
    for _ in 0..7776 * 25 {
        counts[places[random_words(1).unwrap().as_str()]] += 1;
    }
    assert!(is_even(&counts));
}

#[test]
fn different_words_never_make_the_same_password() {
    let list: BTreeSet<&str> = diceware_wordlists::EFF_LONG_WORDLIST.iter().copied().collect();
    let hyphened: Vec<&&str> = list.iter().filter(|word| word.contains('-')).collect();
    assert_eq!(hyphened.len(), 4, "{hyphened:?}");
    // Read from the left, each hyphen is then within a word or between two, never either: the entropy is that of the
    // choice.
    for first in hyphened.iter().filter_map(|word| word.split('-').next()) {
        assert!(!list.contains(first), "{first} is a word by itself");
    }
    assert!(list.iter().all(|word| word.len() < LONGEST_WORD && word.is_ascii()));
}

#[test]
fn the_entropy_is_that_of_the_texts_that_fit() {
    use Class::*;
    // Computed with Python's whole numbers: log2 of the sum of (-1)^|S| (all - S)^length over the sets S of classes.
    for (length, classes, look_alikes, bits) in [
        (20, Class::ALL, LookAlikes::Kept, 129.68905033853216),
        (16, &[Lower, Upper, Digits], LookAlikes::Kept, 95.1774412390046),
        (8, Class::ALL, LookAlikes::Kept, 50.866597811261016),
        (7, Class::ALL, LookAlikes::Kept, 44.071651421916876),
        (4, Class::ALL, LookAlikes::Kept, 22.115124953948307),
        (16, &[Lower, Upper, Digits], LookAlikes::LeftOut, 91.9623555410726),
        (1024, Class::ALL, LookAlikes::Kept, 6647.657570641587),
        (13, &[Digits], LookAlikes::Kept, 43.18506523353571),
        (6, &[Digits], LookAlikes::Kept, 19.931568569324174),
        (6, &[Digits], LookAlikes::LeftOut, 18.0),
    ] {
        let found = policy(length, classes, look_alikes).bits();
        assert!((found - bits).abs() < 1e-9, "{length} of {classes:?}: {found}, not {bits}");
    }
    assert!((Policy::words(6).unwrap().bits() - 77.54887502163469).abs() < 1e-9);
}

#[test]
fn presets_are_what_their_names_promise() {
    for (preset, said, bits) in [
        (Preset::Strong, "20 random characters (lower, upper, digits, symbols)", 129.6),
        (Preset::Words, "6 random words of a list of 7,776", 77.5),
        (Preset::Typed, "16 random characters (lower, upper, digits) without look-alikes", 91.9),
        (Preset::Pin, "6 random characters (digits)", 19.9),
        (Preset::Legacy, "16 random characters (lower, upper, digits)", 95.1),
    ] {
        let policy = preset.policy(None, LookAlikes::Kept).unwrap();
        assert_eq!(policy.to_string(), said);
        assert!((policy.bits() - bits).abs() < 0.1, "{said}: {}", policy.bits());
        assert!((policy.generate().unwrap().bits() - policy.bits()).abs() < f64::EPSILON);
        let longer = preset.policy(Some(30), LookAlikes::Kept);
        if preset == Preset::Words {
            assert_eq!(longer, Err(PolicyError::WordsAsTheyAre));
        } else {
            assert_eq!(longer.unwrap().generate().unwrap().expose().len(), 30);
        }
    }
}

#[test]
fn what_could_be_guessed_or_cannot_be_is_refused_in_words() {
    use Class::*;
    let kept = LookAlikes::Kept;
    for (refused, why) in [
        (Policy::words(0), "such a password has 0 bits: fewer than 40, so that it could be guessed"),
        (Policy::words(3), "such a password has 38 bits: fewer than 40, so that it could be guessed"),
        (Policy::words(65), "a password has at most 64 words"),
        (Policy::characters(0, &[Digits], kept), "at least one character of each class takes more than 0"),
        (
            Policy::characters(12, &[Digits], kept),
            "such a password has 39 bits: fewer than 40, so that it could be guessed",
        ),
        (
            Policy::characters(6, Class::ALL, kept),
            "such a password has 37 bits: fewer than 40, so that it could be guessed",
        ),
        (Policy::characters(1025, Class::ALL, kept), "a password has at most 1024 characters"),
        (Policy::characters(20, &[], kept), "no class of characters is chosen"),
        (Policy::characters(3, Class::ALL, kept), "at least one character of each class takes more than 3"),
        (Policy::pin(3, kept), "a PIN has at least 4 digits"),
        (Policy::pin(1025, kept), "a password has at most 1024 characters"),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), why);
    }
    for allowed in [Policy::words(4), Policy::words(64), Policy::characters(7, Class::ALL, kept), Policy::pin(4, kept)]
    {
        allowed.unwrap();
    }
}

#[test]
fn debug_shows_no_character() {
    assert_eq!(format!("{:?}", Policy::words(6).unwrap().generate().unwrap()), "Generated(..)");
}

proptest! {
    #[test]
    fn a_password_is_as_its_policy_says(
        length in 0..120_usize,
        classes in proptest::sample::subsequence(Class::ALL.to_vec(), 0..=4),
        leaves_out in any::<bool>(),
    ) {
        let look_alikes = if leaves_out { LookAlikes::LeftOut } else { LookAlikes::Kept };
        match Policy::characters(length, &classes, look_alikes) {
            Ok(policy) => {
                let generated = policy.generate().unwrap();
                let text = generated.expose();
                prop_assert_eq!(text.len(), length);
                let found: BTreeSet<Class> = text.chars().map(|c| Class::ALL[class_of(c)]).collect();
                prop_assert_eq!(found, classes.iter().copied().collect::<BTreeSet<_>>());
                prop_assert!(!leaves_out || !text.contains(|c| "il1Lo0OI|".contains(c)));
                prop_assert!(generated.bits() >= LEAST_BITS);
                prop_assert!(generated.bits() <= length as f64 * 90_f64.log2());
                prop_assert!(!text.contains(['"', '\\', '\'', '`', ' ']));
            }
            Err(PolicyError::NoClass) => prop_assert!(classes.is_empty()),
            Err(PolicyError::TooShort { .. }) => prop_assert!(length < classes.len()),
            // 13 digits, or 15 without look-alikes, are enough, and nothing else has fewer characters in its classes.
            Err(PolicyError::Guessable { bits }) => prop_assert!(bits < 40 && length < 14),
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn words_are_words_of_the_list(number in 4..=64_usize) {
        let generated = Policy::words(number).unwrap().generate().unwrap();
        prop_assert!(generated.expose().len() < number * LONGEST_WORD);
        prop_assert!((generated.bits() / number as f64 - 7776_f64.log2()).abs() < 1e-9);
        prop_assert!(generated.expose().split('-').count() >= number);
    }
}
