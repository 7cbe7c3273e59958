//! What the vault knows of time: the newest moment in it, and how old a key is.

use crate::format::vault::{Payload, Rotation};
use crate::format::{Date, Timestamp};

/// After so many months a key should be replaced soon.
pub const AGEING_MONTHS: i64 = 22;
/// After so many months a key is past the period that NIST SP 800-57 part 1, section 5.3.6, recommends at most for a
/// key that encrypts data.
pub const PERIOD_MONTHS: i64 = 24;

/// How old the key is that encrypts a project's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAge {
    /// Young enough.
    Young,
    /// To be replaced soon: it has as many whole months behind it.
    Ageing(i64),
    /// Past its period: it has as many whole months behind it.
    Past(i64),
}

impl KeyAge {
    /// Returns how old a key is on a day that was made at a moment.
    #[must_use]
    pub fn of(created: Timestamp, today: Date) -> Self {
        match Date::of(created).months_until(today) {
            months @ PERIOD_MONTHS.. => Self::Past(months),
            months @ AGEING_MONTHS.. => Self::Ageing(months),
            _ => Self::Young,
        }
    }
}

/// Returns the newest time in a vault. A clock that shows an earlier one is behind.
pub fn newest(payload: &Payload, created: Timestamp) -> Timestamp {
    let mut newest = created;
    let mut see = |at: Timestamp| newest = newest.max(at);
    for project in &payload.projects {
        see(project.created);
        project.keys.iter().for_each(|key| {
            see(key.created);
            key.seen.iter().for_each(|seen| see(seen.at));
        });
        project.hold.iter().for_each(|hold| see(hold.since));
        project.destroyed.into_iter().for_each(&mut see);
        let revisions = project.engagement.iter().flat_map(|engagement| &engagement.revisions);
        revisions.for_each(|revision| see(revision.at));
    }
    payload.secrets.iter().for_each(|secret| see(secret.made));
    for kit in &payload.kits {
        see(kit.created);
        kit.ended.into_iter().chain(kit.destroyed).for_each(&mut see);
    }
    if let Some(Rotation::Cancelled(cancelled)) = &payload.rotation {
        see(cancelled.since);
    }
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_to_be_replaced_from_month_22_and_past_its_period_after_24() {
        let created: Timestamp = "2026-11-27T23:00:00Z".parse().unwrap();
        for (today, age) in [
            ("2026-11-27", KeyAge::Young),
            ("2026-01-01", KeyAge::Young),
            ("2028-09-26", KeyAge::Young),
            ("2028-09-27", KeyAge::Ageing(22)),
            ("2028-11-26", KeyAge::Ageing(23)),
            ("2028-11-27", KeyAge::Past(24)),
            ("2031-11-27", KeyAge::Past(60)),
        ] {
            assert_eq!(KeyAge::of(created, today.parse().unwrap()), age, "{today}");
        }
    }
}
