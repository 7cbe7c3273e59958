//! Which day it is for what has a date.

use super::context::Context;
use crate::failure::Failure;
use crate::format::Date;
use crate::host::{Host, local_date};
use crate::vault::OpenVault;

/// How far a clock may be behind the vault without being reported, in seconds: the clocks of two computers differ.
const TOLERANCE: i64 = 5 * 60;

/// Returns the day where this computer is, of the clock or of the newest time in the vault, whichever is later: to set
/// the clock back makes nothing undue. A clock that is behind is reported.
///
/// # Errors
/// If the vault is unlocked in another process, which does not answer.
pub fn today(context: &Context, vault: &dyn OpenVault) -> Result<Date, Failure> {
    let now = context.host.now();
    let newest = vault.newest_time().map_err(|error| Failure::of("read the newest time in the vault", error))?;
    if newest.as_unix().saturating_sub(now.as_unix()) > TOLERANCE {
        context.output.warn(
            "clock-behind",
            format!(
                "this computer's clock shows {now}, and the vault was changed at {newest}: {} counts as today, so that \
                 nothing that is due seems not to be",
                local_date(newest)
            ),
        );
    }
    Ok(local_date(now.max(newest)))
}
