//! Members of a payload that this program does not read: shares, identities, and what later programs
//! add. They are carried along whole, and never looked into.

use crate::error::{Error, Unsupported};
use crate::format::json::Others;
use crate::format::vault::{Payload, Slot};

pub fn check_renewable(payload: &Payload) -> Result<(), Error> {
    let features = payload.unrenewable();
    if features.is_empty() { Ok(()) } else { Err(Error::Unsupported(Unsupported::ReadOnly { features })) }
}

/// Refuses to leave a way in behind that somebody else was given: this program cannot wrap the next data key for it.
pub fn check_slots(slots: &[Slot]) -> Result<(), Error> {
    let foreign = slots.iter().filter(|slot| slot.as_kit().is_none());
    let features: Vec<String> = foreign.map(|slot| format!("slot:{}", slot.kind())).collect();
    if features.is_empty() { Ok(()) } else { Err(Error::Unsupported(Unsupported::ReadOnly { features })) }
}

/// Takes over the members that only the other file has, in every object that both files have. Returns those that both
/// have and that are not the same; the own one stays.
///
/// What is in one file alone may also have been taken away from the other: a format that takes something away has to
/// say so in a member.
pub fn unite(own: &mut Payload, other: &Payload) -> Vec<String> {
    let mut differing = Vec::new();
    for need in &other.needs {
        if !own.needs.contains(need) {
            own.needs.push(need.clone());
        }
    }
    unite_members(&mut own.others, &other.others, "the vault", &mut differing);
    unite_members(&mut own.policy.others, &other.policy.others, "the policy", &mut differing);
    for project in &mut own.projects {
        let Some(other) = other.projects.iter().find(|other| other.id == project.id) else { continue };
        let name = format!("project {:?}", project.name);
        unite_members(&mut project.others, &other.others, &name, &mut differing);
        if let (Some(hold), Some(other)) = (&mut project.hold, &other.hold) {
            unite_members(&mut hold.others, &other.others, &name, &mut differing);
        }
    }
    for kit in &mut own.kits {
        if let Some(other) = other.kits.iter().find(|other| other.id == kit.id) {
            let name = format!("recovery kit {}", kit.name());
            unite_members(&mut kit.others, &other.others, &name, &mut differing);
        }
    }
    differing
}

/// Does so for one object.
pub fn unite_members(own: &mut Others, other: &Others, object: &str, differing: &mut Vec<String>) {
    for (name, value) in other {
        let held = own.entry(name.clone()).or_insert_with(|| value.clone());
        if held != value {
            differing.push(format!("{name:?} of {object}"));
        }
    }
}
