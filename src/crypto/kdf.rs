//! Turns a master password into a key-encryption key with Argon2id (RFC 9106).
//!
//! Parameters may come from anyone, so their cost is checked before any memory is spent.

use argon2::{Algorithm, Argon2, Params, Version};

use super::RandomUnavailable;
use super::secret::{KEY_LEN, Kek, Password};
use crate::memory::{Blocks, on_wiped_stack};

/// Length of the salt of new wraps, in bytes.
pub const SALT_LEN: usize = 32;
/// Length of the pepper that stands in the vault file, in bytes.
pub const PEPPER_LEN: usize = 32;

const MIB: u32 = 1024;
const GIB: u64 = 1024 * 1024;

/// What Argon2id may cost, without the salt: the policy chosen when a vault is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes, which may run in parallel.
    pub lanes: u32,
}

impl KdfCost {
    /// The least that is accepted: 64 MiB, 3 passes, 4 lanes.
    pub const FLOOR: Self = Self { memory_kib: 64 * MIB, passes: 3, lanes: 4 };
    /// The most that is accepted: 4 GiB, 64 passes, 16 lanes, and not the most of both memory and passes.
    pub const CEILING: Self = Self { memory_kib: 4 * MIB * 1024, passes: 64, lanes: 16 };
    /// The most that memory in KiB times passes may be.
    pub const MOST_WORK_KIB: u64 = 32 * GIB;
    /// What `status` and `doctor` measure a vault against: 256 MiB, 3 passes, 4 lanes.
    pub const DEFAULT: Self = Self { memory_kib: 256 * MIB, passes: 3, lanes: 4 };

    /// Checks a policy for new wraps: at least the floor, at most the ceiling.
    ///
    /// # Errors
    /// [`KdfError::OutOfRange`], which names the number that is out of range.
    pub fn check(&self) -> Result<(), KdfError> {
        let range = |name, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(KdfError::OutOfRange { name, value, least, most })
            }
        };
        range("memory in KiB", self.memory_kib.into(), (64 * MIB).into(), Self::CEILING.memory_kib.into())?;
        range("passes", self.passes.into(), Self::FLOOR.passes.into(), Self::CEILING.passes.into())?;
        range("lanes", self.lanes.into(), Self::FLOOR.lanes.into(), Self::CEILING.lanes.into())?;
        range("memory times passes in KiB", u64::from(self.memory_kib) * u64::from(self.passes), 0, Self::MOST_WORK_KIB)
    }

    /// Tells whether this costs a guesser less than [`KdfCost::DEFAULT`].
    #[must_use]
    pub fn is_below_default(&self) -> bool {
        self.memory_kib < Self::DEFAULT.memory_kib || self.passes < Self::DEFAULT.passes
    }

    /// Returns the memory that deriving takes, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        u64::from(self.memory_kib) * 1024
    }
}

/// A cost and the salt that goes with it: what a keychain item says of its wrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdfParams {
    /// The cost.
    pub cost: KdfCost,
    /// 16 to 64 random bytes.
    pub salt: Vec<u8>,
}

/// Why no key can be derived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KdfError {
    /// A parameter is outside what is accepted.
    #[error("argon2 {name} is {value}, outside {least} to {most}")]
    OutOfRange {
        /// What is out of range.
        name: &'static str,
        /// Its value.
        value: u64,
        /// The least accepted.
        least: u64,
        /// The most accepted.
        most: u64,
    },
    /// The computer does not have the memory.
    #[error("not enough memory: deriving the key takes {} MiB", .needed / (1024 * 1024))]
    NotEnoughMemory {
        /// What deriving takes, in bytes.
        needed: u64,
    },
}

impl KdfParams {
    /// Puts a fresh random salt to a cost.
    ///
    /// # Errors
    /// [`RandomUnavailable`] where the system has no random bytes.
    pub fn generate(cost: KdfCost) -> Result<Self, RandomUnavailable> {
        let mut salt = vec![0; SALT_LEN];
        super::random(&mut salt)?;
        Ok(Self { cost, salt })
    }

    /// Checks that the parameters are within what is accepted. Costs nothing.
    ///
    /// # Errors
    /// [`KdfError::OutOfRange`].
    pub fn check(&self) -> Result<(), KdfError> {
        self.cost.check()?;
        if !(16..=64).contains(&self.salt.len()) {
            let value = self.salt.len() as u64;
            return Err(KdfError::OutOfRange { name: "salt length", value, least: 16, most: 64 });
        }
        Ok(())
    }
}

/// Derives the key-encryption key: Argon2id v19 over the password, with the vault's pepper as the secret input.
///
/// `available` is the memory the computer has free, in bytes, where that is known.
///
/// # Errors
/// [`KdfError::OutOfRange`] before anything is spent; [`KdfError::NotEnoughMemory`] where the cost exceeds 70 % of
/// `available` or the allocation fails, so that a short computer is never taken for a wrong password.
pub fn derive_kek(
    password: &Password,
    pepper: &[u8; PEPPER_LEN],
    params: &KdfParams,
    available: Option<u64>,
) -> Result<Kek, KdfError> {
    params.check()?;
    let needed = params.cost.memory_bytes();
    if available.is_some_and(|available| needed > available / 10 * 7) {
        return Err(KdfError::NotEnoughMemory { needed });
    }
    let short = |_| KdfError::NotEnoughMemory { needed };
    let cost = params.cost;
    // `check` has bounded every number that `Params` could refuse.
    let argon2_params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_LEN)).map_err(short)?;
    // Argon2id gets its memory from outside: for huge pages, and because a drop wipes it whatever happens.
    let blocks = Blocks::new(argon2_params.block_count()).map_err(|_| KdfError::NotEnoughMemory { needed })?;
    let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, argon2_params).map_err(short)?;
    let password = password.expose().as_bytes();
    let fill = |out: &mut [u8; KEY_LEN]| argon2.hash_password_into_with_memory(password, &params.salt, out, blocks);
    on_wiped_stack(|| Kek::fill_with(fill)).map_err(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(memory_mib: u32, passes: u32, lanes: u32, salt_len: usize) -> KdfParams {
        KdfParams {
            cost: KdfCost { memory_kib: memory_mib.saturating_mul(MIB), passes, lanes },
            salt: vec![2; salt_len],
        }
    }

    #[test]
    fn the_floor_and_the_ceiling_hold() {
        for good in [params(64, 3, 4, 16), params(4096, 8, 16, 64), params(512, 64, 4, 32)] {
            good.check().unwrap();
        }
        for bad in [
            params(63, 3, 4, 32),
            params(64, 2, 4, 32),
            params(64, 3, 3, 32),
            params(4097, 3, 4, 32),
            params(u32::MAX, 3, 4, 32),
            params(64, 65, 4, 32),
            params(64, 3, 17, 32),
            params(4096, 9, 4, 32),
            params(64, 3, 4, 15),
            params(64, 3, 4, 65),
        ] {
            assert!(matches!(bad.check(), Err(KdfError::OutOfRange { .. })), "{bad:?}");
        }
    }

    #[test]
    fn a_short_machine_is_not_a_wrong_password() {
        let password = Password::new(b"a password").unwrap();
        let result = derive_kek(&password, &[0; 32], &params(64, 3, 4, 32), Some(90 << 20));
        assert_eq!(result.unwrap_err(), KdfError::NotEnoughMemory { needed: 64 << 20 });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_the_system_refuses_is_not_a_wrong_password() {
        const LIMITED: &str = "STRONGROOM_TEST_LIMITED_MEMORY";
        if std::env::var_os(LIMITED).is_some() {
            let password = Password::new(b"a password").unwrap();
            let result = derive_kek(&password, &[0; 32], &params(4096, 3, 4, 32), None);
            assert_eq!(result.unwrap_err(), KdfError::NotEnoughMemory { needed: 4 << 30 });
            return;
        }
        // The limit holds for a whole process, so this test runs itself in one that may have 1 GiB.
        let this = "crypto::kdf::tests::memory_that_the_system_refuses_is_not_a_wrong_password";
        let output = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 1048576 && exec \"$0\" --exact \"$1\""])
            .arg(std::env::current_exe().unwrap())
            .arg(this)
            .env(LIMITED, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    #[test]
    fn the_reference_implementation_gives_the_same_key() {
        // Computed with argon2-cffi 25.1 (the C reference) through argon2.low_level.core with a secret, see
        // tests/python/argon2_vector.py, which the test script runs.
        let password = Password::new("correct horse battery staple".as_bytes()).unwrap();
        let kek = derive_kek(&password, &[1; 32], &params(64, 3, 4, 32), None).unwrap();
        assert_eq!(hex::encode(kek.expose()), include_str!("../../tests/vectors/argon2id-kek.hex").trim());
    }

    #[test]
    fn every_input_changes_the_key() {
        let password = Password::new(b"a password").unwrap();
        let base = params(64, 3, 4, 32);
        let kek = derive_kek(&password, &[0; 32], &base, None).unwrap();
        let other_pepper = derive_kek(&password, &[9; 32], &base, None).unwrap();
        let mut salted = base.clone();
        salted.salt[31] ^= 1;
        let other_salt = derive_kek(&password, &[0; 32], &salted, None).unwrap();
        let other = Password::new(b"b password").unwrap();
        let other_password = derive_kek(&other, &[0; 32], &base, None).unwrap();
        for other in [other_pepper, other_salt, other_password] {
            assert_ne!(kek.expose(), other.expose());
        }
    }

    #[test]
    fn seventy_percent_of_the_memory_there_is_are_enough_and_a_byte_less_is_not() {
        let password = Password::new(b"a password").unwrap();
        // A cost that is seven tenths of a whole number of bytes.
        let cost = KdfCost { memory_kib: 7 * 9363, ..KdfCost::FLOOR };
        let params = KdfParams { cost, salt: vec![2; 32] };
        let available = 10 * 9363 * 1024;
        derive_kek(&password, &[0; 32], &params, Some(available)).unwrap();
        let refused = derive_kek(&password, &[0; 32], &params, Some(available - 1)).unwrap_err();
        assert_eq!(refused, KdfError::NotEnoughMemory { needed: cost.memory_bytes() });
    }

    #[test]
    fn below_the_default_is_whatever_costs_a_guesser_less() {
        let default = KdfCost::DEFAULT;
        assert!(!default.is_below_default() && KdfCost::FLOOR.is_below_default());
        assert!(KdfCost { memory_kib: default.memory_kib - 1, ..default }.is_below_default());
        assert!(KdfCost { passes: default.passes - 1, ..default }.is_below_default());
        assert!(!KdfCost { memory_kib: default.memory_kib + 1, passes: 9, lanes: 1 }.is_below_default());
        assert_eq!((default.memory_kib, KdfCost::FLOOR.memory_kib), (262_144, 65_536));
    }

    #[test]
    fn a_salt_is_new_each_time() {
        let salt = || KdfParams::generate(KdfCost::FLOOR).unwrap().salt;
        assert_eq!(salt().len(), SALT_LEN);
        assert_ne!(salt(), salt());
    }
}
