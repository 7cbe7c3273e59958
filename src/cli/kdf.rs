//! Choosing what Argon2id costs: from flags, or measured on this computer.

use clap::Args;

use super::output::Output;
use crate::crypto::kdf::KdfCost;
use crate::failure::Failure;
use crate::home::calibration;

const MIB: u32 = 1024;

/// What guessing a password costs.
#[derive(Debug, Clone, Args)]
pub struct KdfFlags {
    /// Memory that Argon2id uses for the password, in MiB: 64 to 4096 [default: the vault's present value; 256 if
    /// another --kdf flag is given without this one]
    #[arg(long, value_name = "MIB")]
    kdf_memory: Option<u32>,
    /// Passes of Argon2id over the memory: 3 to 64 [default: the vault's present value; 3 if another --kdf flag
    /// is given without this one]
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

/// Measures what this computer bears, and says that it does.
///
/// # Errors
/// As [`calibration::measure`].
pub fn calibrate(output: &Output) -> Result<KdfCost, Failure> {
    output.remark("measuring this computer to choose how slow each password guess will be");
    calibration::measure().map_err(|error| Failure::of("derive a key", error))
}
