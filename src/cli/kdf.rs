//! Choosing what Argon2id costs: from flags, or measured on this computer.

use std::time::{Duration, Instant};

use clap::Args;

use super::output::Output;
use crate::crypto::kdf::{KdfCost, KdfParams, derive_kek};
use crate::crypto::secret::Password;
use crate::failure::Failure;
use crate::host;

/// What unlocking should take.
const TARGET: Duration = Duration::from_millis(750);
/// What it may take before the cost goes below the default. A computer that was busy for a moment must not end with a
/// weak vault.
const BEARABLE: Duration = Duration::from_secs(3);
const MIB: u32 = 1024;
/// The most memory that calibration chooses.
const CALIBRATION_LIMIT_MIB: u64 = 1024;

/// What guessing a password costs.
#[derive(Debug, Clone, Args)]
pub struct KdfFlags {
    /// Memory that Argon2id uses for the password, in MiB: 64 to 4096 [default: measured for a new vault, else the
    /// vault's own; 256 if another --kdf flag is given]
    #[arg(long, value_name = "MIB")]
    kdf_memory: Option<u32>,
    /// Passes of Argon2id over the memory: 3 to 64 [default: measured for a new vault, else the vault's own; 3 if
    /// another --kdf flag is given]
    #[arg(long, value_name = "N")]
    kdf_passes: Option<u32>,
    /// Lanes of Argon2id: 4 to 16 [default: 4]
    #[arg(long, value_name = "N")]
    kdf_lanes: Option<u32>,
}

impl KdfFlags {
    /// Names each flag and says whether it was given.
    pub fn given(&self) -> [(bool, &'static str); 3] {
        [
            (self.kdf_memory.is_some(), "--kdf-memory"),
            (self.kdf_passes.is_some(), "--kdf-passes"),
            (self.kdf_lanes.is_some(), "--kdf-lanes"),
        ]
    }

    /// Returns the cost that the flags name; what they leave out is the default's. `None` where there is no flag.
    ///
    /// # Errors
    /// A usage failure for numbers out of range.
    pub fn cost(&self) -> Result<Option<KdfCost>, Failure> {
        if self.given().iter().all(|(is_given, _)| !is_given) {
            return Ok(None);
        }
        let default = KdfCost::DEFAULT;
        let cost = KdfCost {
            memory_kib: self.kdf_memory.map_or(default.memory_kib, |mib| mib.saturating_mul(MIB)),
            passes: self.kdf_passes.unwrap_or(default.passes),
            lanes: self.kdf_lanes.unwrap_or(default.lanes),
        };
        cost.check().map_err(|error| {
            Failure::usage("cannot use these --kdf numbers")
                .cause(error.to_string())
                .hint("memory is 64 to 4096 MiB, passes 3 to 64, lanes 4 to 16; leave them out to have them measured")
        })?;
        Ok(Some(cost))
    }
}

/// Measures what this computer can do in about three quarters of a second: memory first, in powers of two up to 1 GiB
/// and an eighth of its memory, then passes. Never below the default where the computer bears it.
///
/// # Errors
/// Where not even the floor can be derived.
pub fn calibrate(output: &Output) -> Result<KdfCost, Failure> {
    output.remark("measuring this computer to choose how slow each password guess will be");
    let password = Password::new(b"calibration").map_err(|error| Failure::of("calibrate", error.into()))?;
    let time = |cost: KdfCost| -> Result<Duration, Failure> {
        let params = KdfParams { cost, salt: vec![0; 32] };
        let start = Instant::now();
        derive_kek(&password, &[0; 32], &params, host::Host::available_memory(&host::ThisHost))
            .map_err(|error| Failure::of("derive a key", error.into()))?;
        Ok(start.elapsed())
    };
    choose(host::total_memory(), time)
}

fn choose(
    total_memory: Option<u64>,
    mut time: impl FnMut(KdfCost) -> Result<Duration, Failure>,
) -> Result<KdfCost, Failure> {
    let eighth = total_memory.map_or(CALIBRATION_LIMIT_MIB, |bytes| bytes / 8 / (1 << 20));
    let fits = |memory_kib: u32| u64::from(memory_kib / MIB) <= eighth.min(CALIBRATION_LIMIT_MIB);
    let floor = KdfCost::FLOOR.memory_kib;
    let mut cost = KdfCost::DEFAULT;
    while cost.memory_kib > floor && !fits(cost.memory_kib) {
        cost.memory_kib /= 2;
    }
    let mut took = time(cost)?;
    while cost.memory_kib > floor && took > BEARABLE {
        cost.memory_kib /= 2;
        took = time(cost)?;
    }
    while fits(cost.memory_kib * 2) && took * 2 <= TARGET {
        cost.memory_kib *= 2;
        took = time(cost)?;
    }
    // Memory is the guesser's greater cost, so passes grow only where memory cannot.
    let one_pass = took / cost.passes;
    while !fits(cost.memory_kib * 2) && took + one_pass <= TARGET {
        let more = KdfCost { passes: cost.passes + 1, ..cost };
        if more.check().is_err() {
            break;
        }
        cost = more;
        took += one_pass;
    }
    Ok(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(total_mib: u64, ms_per_64_mib_pass: u64) -> (u32, u32, u32) {
        let time = |cost: KdfCost| {
            let work = u64::from(cost.memory_kib / (64 * MIB)) * u64::from(cost.passes);
            Ok(Duration::from_millis(work * ms_per_64_mib_pass))
        };
        let cost = choose(Some(total_mib << 20), time).unwrap();
        cost.check().unwrap();
        (cost.memory_kib / MIB, cost.passes, cost.lanes)
    }

    #[test]
    fn memory_grows_first_and_in_powers_of_two() {
        assert_eq!(chosen(24 * 1024, 40), (256, 3, 4));
        assert_eq!(chosen(24 * 1024, 30), (512, 3, 4));
        assert_eq!(chosen(64 * 1024, 10), (1024, 4, 4));
    }

    #[test]
    fn a_small_machine_takes_more_passes_and_a_slow_one_keeps_the_floor() {
        assert_eq!(chosen(1024, 40), (128, 9, 4));
        assert_eq!(chosen(256, 10), (64, 64, 4));
        assert_eq!(chosen(24 * 1024, 2000), (64, 3, 4));
    }

    #[test]
    fn a_busy_moment_does_not_make_a_weak_vault() {
        assert_eq!(chosen(24 * 1024, 150), (256, 3, 4));
    }
}
