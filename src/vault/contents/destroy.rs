//! The end of a project: what stands in its way, and what is left of it.

use super::keys::{SharedKeys, shared_keys};
use super::project::{find, usable};
use crate::crypto::secret::DataKey;
use crate::error::{Error, Exists, Refused};
use crate::format::vault::{KeyState, Payload, Project};
use crate::format::{Timestamp, VaultId};

/// Leaves nothing of a project's keys, and notes when they went.
pub fn destroy(project: &mut Project, at: Timestamp) {
    project.destroyed = Some(at);
    for key in &mut project.keys {
        key.state = KeyState::Destroyed;
        key.wrapped.0.clear();
    }
}

/// Tells whether a project may be destroyed.
pub fn check(
    payload: &Payload,
    (vault, data_key): (VaultId, &DataKey),
    name: &str,
    shared: SharedKeys,
) -> Result<(), Error> {
    let project = find(payload, name).and_then(usable)?;
    if let Some(hold) = &project.hold {
        return Err(Error::Refused(Refused::Held {
            name: project.name.clone(),
            since: hold.since,
            reason: hold.reason.clone(),
        }));
    }
    if shared == SharedKeys::Allowed {
        return Ok(());
    }
    let mut places: Vec<_> =
        shared_keys(payload, vault, data_key, project).into_iter().map(|key| key.elsewhere).collect();
    places.sort();
    places.dedup();
    if places.is_empty() { Ok(()) } else { Err(Error::Exists(Exists::KeyElsewhere { places })) }
}
