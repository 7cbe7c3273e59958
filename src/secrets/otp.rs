//! One-time codes that change with the time (TOTP, RFC 6238), as an authenticator app shows them. The clock is the
//! caller's.

use std::fmt::{self, Write};
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use percent_encoding::percent_decode_str;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::memory::on_wiped_stack;

/// The longest text that is looked at, in bytes.
const TEXT_LIMIT: usize = 4096;
/// The shortest seed, in bytes. RFC 4226 asks for 16, and services give out 10; what is shorter still is rather a word
/// that happens to be base32.
const LEAST_SEED: usize = 5;
/// How long a code is valid unless the URI says otherwise, in seconds.
const PERIOD: u64 = 30;
/// How many digits a code has unless the URI says otherwise.
const DIGITS: u8 = 6;

/// Base32 as RFC 4648 has it, without padding. Services choose symbols at random, so the last of them may hold bits
/// that no byte is made of.
#[allow(clippy::expect_used, reason = "32 different symbols make an encoding")]
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    specification.check_trailing_bits = false;
    specification.encoding().expect("32 different symbols make an encoding")
});

/// What makes one-time codes: a seed, and how codes are made of it. The seed is wiped on drop, and `Debug` does not show
/// it.
pub struct Otp(Totp);

/// Why a text is not what one-time codes are made from. Nothing of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtpError {
    /// There is no seed in it.
    #[error("it has no seed")]
    NoSeed,
    /// Longer than any seed or URI.
    #[error("it is longer than {TEXT_LIMIT} bytes")]
    TooLong,
    /// A character that base32 does not have.
    #[error("character {place} of its seed is not in base32, which has the letters A to Z and the digits 2 to 7")]
    NotBase32 {
        /// Its place in the seed, counted from 1.
        place: usize,
    },
    /// No bytes have as many symbols in base32.
    #[error("its seed is not complete: no base32 text has this length")]
    Incomplete,
    /// A seed that is no seed.
    #[error("its seed is shorter than {LEAST_SEED} bytes")]
    ShortSeed,
    /// Codes by a counter.
    #[error("it is for codes that are counted (hotp), not for codes that change with the time (totp)")]
    Counted,
    /// Codes of Steam.
    #[error("it is for codes of Steam, which are made in another way")]
    Steam,
    /// The export of an app, which holds several seeds in another form.
    #[error("it is an export of an authenticator app, not the seed of one account")]
    Export,
    /// A URI of another kind.
    #[error("it is a URI that does not begin with otpauth://totp/")]
    OtherUri,
    /// Something other than NAME=VALUE.
    #[error("parameter {place} of its URI is not of the form NAME=VALUE")]
    NotAParameter {
        /// Its place, counted from 1.
        place: usize,
    },
    /// What this parameter changes is not known.
    #[error("parameter {place} of its URI is not known, and may change the codes")]
    UnknownParameter {
        /// Its place, counted from 1.
        place: usize,
    },
    /// A parameter that decides about the codes is there twice.
    #[error("its URI has the parameter {name} twice")]
    Twice {
        /// Its name.
        name: &'static str,
    },
    /// Another hash function.
    #[error("its algorithm is not SHA1, SHA256 or SHA512")]
    Algorithm,
    /// Too few digits, or too many.
    #[error("its codes do not have 6 to 8 digits")]
    Digits,
    /// No time, or a very long one.
    #[error("its period is not 1 to 3600 seconds")]
    Period,
}

impl Otp {
    /// Takes a seed in base32, or a URI `otpauth://totp/LABEL?secret=SEED`. In a seed, letters may be in lower case;
    /// spaces, hyphens and padding are ignored.
    ///
    /// # Errors
    /// [`OtpError`] for anything else, also for a URI whose parameters may ask for codes that are made in another way.
    pub fn parse(text: &str) -> Result<Self, OtpError> {
        let text = text.trim();
        if text.len() > TEXT_LIMIT {
            return Err(OtpError::TooLong);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self::new(&seed(text.bytes())?, Algorithm::SHA1, DIGITS, PERIOD);
        };
        let is = |name: &str| scheme.eq_ignore_ascii_case(name);
        if is("otpauth") {
            Self::from_uri(rest)
        } else if is("steam") {
            Err(OtpError::Steam)
        } else if is("otpauth-migration") {
            Err(OtpError::Export)
        } else {
            Err(OtpError::OtherUri)
        }
    }

    /// Reads what follows the scheme: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
    fn from_uri(rest: &str) -> Result<Self, OtpError> {
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let is_kind = |name| before.split('/').next().unwrap_or_default().eq_ignore_ascii_case(name);
        match [is_kind("totp"), is_kind("hotp"), is_kind("steam")] {
            [true, ..] => {}
            [_, true, _] => return Err(OtpError::Counted),
            [.., true] => return Err(OtpError::Steam),
            _ => return Err(OtpError::OtherUri),
        }
        let (mut secret, mut algorithm, mut digits, mut period) = (None, None, None, None);
        for (place, parameter) in (1..).zip(query.split('&').filter(|_| !query.is_empty())) {
            let (name, value) = parameter.split_once('=').ok_or(OtpError::NotAParameter { place })?;
            match name {
                "secret" => put(&mut secret, "secret", value)?,
                "algorithm" => put(&mut algorithm, "algorithm", value)?,
                "digits" => put(&mut digits, "digits", value)?,
                "period" => put(&mut period, "period", value)?,
                // The name and the looks of an entry in an app.
                "issuer" | "image" | "color" => {}
                "encoder" if value.eq_ignore_ascii_case("steam") => return Err(OtpError::Steam),
                _ => return Err(OtpError::UnknownParameter { place }),
            }
        }
        let known = [("SHA1", Algorithm::SHA1), ("SHA256", Algorithm::SHA256), ("SHA512", Algorithm::SHA512)];
        let named = algorithm.unwrap_or("SHA1");
        let algorithm = known.into_iter().find(|(name, _)| named.eq_ignore_ascii_case(name));
        let (_, algorithm) = algorithm.ok_or(OtpError::Algorithm)?;
        let digits = digits.map_or(Some(u64::from(DIGITS)), number).filter(|digits| (6..=8).contains(digits));
        let digits = digits.and_then(|digits| u8::try_from(digits).ok()).ok_or(OtpError::Digits)?;
        let period = period.map_or(Some(PERIOD), number).filter(|period| (1..=3600).contains(period));
        let period = period.ok_or(OtpError::Period)?;
        let seed = seed(percent_decode_str(secret.unwrap_or_default()))?;
        Self::new(&seed, algorithm, digits, period)
    }

    fn new(seed: &[u8], algorithm: Algorithm, digits: u8, period: u64) -> Result<Self, OtpError> {
        if seed.len() < LEAST_SEED {
            return Err(OtpError::ShortSeed);
        }
        let made = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(digits)
            .with_step_duration(period)
            .with_secret(Secret::new(seed.into()));
        // What it would check is checked above, except that it refuses the seeds of 10 bytes that many services use.
        Ok(Self(made.build_noncompliant()))
    }

    /// Returns the code at a time, in seconds since 1970, and for how many more seconds it is valid: one at least.
    #[must_use]
    pub fn code_at(&self, unix_seconds: u64) -> (Zeroizing<String>, u64) {
        let mut code = Zeroizing::new(String::with_capacity(usize::from(self.0.digits())));
        // Writing to a string cannot fail.
        let _ = on_wiped_stack(|| write!(code, "{}", self.0.generate(unix_seconds)));
        (code, self.0.step() - unix_seconds % self.0.step())
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp(..)")
    }
}

/// Keeps the value of a parameter, unless there is one already.
fn put<'a>(kept: &mut Option<&'a str>, name: &'static str, value: &'a str) -> Result<(), OtpError> {
    if kept.replace(value).is_some() { Err(OtpError::Twice { name }) } else { Ok(()) }
}

/// Reads a number in decimal digits, and nothing else: no sign, no space.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Decodes a seed. In a URI, a `+` may stand for a space.
fn seed(text: impl Iterator<Item = u8>) -> Result<Zeroizing<Vec<u8>>, OtpError> {
    let mut symbols = Zeroizing::new(Vec::with_capacity(TEXT_LIMIT));
    let mut is_padded = false;
    // Before the first byte that is refused all are ASCII, so places are those of characters, too.
    for (place, byte) in (1..).zip(text) {
        match byte.to_ascii_uppercase() {
            b' ' | b'-' | b'+' => {}
            b'=' => is_padded = true,
            symbol @ (b'A'..=b'Z' | b'2'..=b'7') if !is_padded => symbols.push(symbol),
            _ => return Err(OtpError::NotBase32 { place }),
        }
    }
    if symbols.is_empty() {
        return Err(OtpError::NoSeed);
    }
    let length = BASE32.decode_len(symbols.len()).map_err(|_| OtpError::Incomplete)?;
    let mut seed = Zeroizing::new(vec![0; length]);
    // The symbols are base32's, and the buffer is as long as what they stand for.
    let written = BASE32.decode_mut(&symbols, &mut seed).map_err(|_| OtpError::Incomplete)?;
    seed.truncate(written);
    Ok(seed)
}

#[cfg(test)]
mod tests;
