//! Random passwords and numbers.

use zeroize::Zeroizing;

use crate::crypto::RandomUnavailable;
use crate::crypto::secret::Password;
use crate::error::Error;

/// The words of a generated password: 77 bits from a list of 7,776.
const WORDS: usize = 6;

/// Generates six random words of the EFF's large word list, joined by hyphens.
///
/// # Errors
/// If the system has no random bytes.
pub fn generate_password() -> Result<Password, Error> {
    let list = diceware_wordlists::EFF_LONG_WORDLIST;
    let mut words = Zeroizing::new(String::with_capacity(WORDS * 12));
    for number in 0..WORDS {
        if number > 0 {
            words.push('-');
        }
        words.push_str(list[random_below(list.len())?]);
    }
    Ok(Password::new(words.as_bytes())?)
}

/// Returns a random number below `limit`, each as likely as the others.
///
/// # Errors
/// If the system has no random bytes.
pub fn random_below(limit: usize) -> Result<usize, RandomUnavailable> {
    let bits = usize::BITS - (limit - 1).leading_zeros();
    loop {
        let mut bytes = Zeroizing::new([0; 8]);
        crate::crypto::random(&mut bytes[..])?;
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
    use crate::secrets::strength::check_strength;

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
}
