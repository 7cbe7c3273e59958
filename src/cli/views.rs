//! What several commands show of a vault in the same words and the same JSON.

use serde_json::{Value, json};

use crate::crypto::kdf::KdfCost;
use crate::format::kit::KitName;
use crate::format::vault::KeyState;
use crate::vault::{KeyInfo, KitInfo, ProjectInfo, Rotation, Unlocked};

/// Says in JSON what the password costs to guess.
pub fn kdf_json(cost: KdfCost) -> Value {
    json!({"algorithm": "argon2id", "memory_mib": cost.memory_kib / 1024, "passes": cost.passes, "lanes": cost.lanes})
}

/// Returns a project as docs/cli.md lists its members.
pub fn project_json(project: &ProjectInfo) -> Value {
    json!({
        "project": project.name,
        "id": project.id.to_string(),
        "client": project.client,
        "note": project.note,
        "created": project.created.to_string(),
        "keys": keys_json(project),
        "hold": project.hold.as_ref().map(|hold| json!({"since": hold.since.to_string(), "reason": hold.reason})),
        "destroyed": project.destroyed.map(|at| at.to_string()),
    })
}

/// Returns a project's keys as docs/cli.md lists their members.
pub fn keys_json(project: &ProjectInfo) -> Value {
    let keys = project.keys.iter();
    keys.map(|key| {
        let mut value = json!({"version": key.version, "state": state_name(key), "created": key.created.to_string()});
        if let Some((files, at)) = key.seen {
            value["seen"] = json!({"files": files, "at": at.to_string()});
        }
        value
    })
    .collect()
}

/// Names a key's state.
pub fn state_name(key: &KeyInfo) -> &'static str {
    match key.state {
        KeyState::Active if key.current => "current",
        KeyState::Active => "earlier",
        KeyState::Retired => "retired",
        KeyState::Destroyed => "destroyed",
    }
}

/// Returns kits as a sentence names them.
pub fn kit_names(kits: &[String]) -> String {
    match kits.split_last() {
        Some((last, [])) => format!("kit {last}"),
        Some((last, others)) => format!("kit {} or {last}", others.join(", ")),
        None => "kit".into(),
    }
}

/// Says so where no kit is left.
pub fn valid_left(vault: &Unlocked) -> String {
    if vault.kits().iter().any(|kit| kit.valid) {
        String::new()
    } else {
        "\nno valid recovery kit is left: make one with `strongroom kit new`".into()
    }
}

/// Tells a kit's state in words.
pub fn kit_state(kit: &KitInfo) -> String {
    match (kit.valid, kit.ended, kit.destroyed) {
        (true, _, _) => "valid".into(),
        (false, Some(at), Some(destroyed)) => format!("ended {at}; paper destroyed {destroyed}"),
        (false, Some(at), None) => format!("ended {at}; destroy its paper"),
        (false, None, _) => "does not open the vault".into(),
    }
}

/// Returns a kit as docs/cli.md lists its members.
pub fn kit_json(kit: &KitInfo) -> Value {
    json!({
        "kit": kit.name.to_string(),
        "number": kit.name.number,
        "id": kit.name.id.to_string(),
        "created": kit.created.to_string(),
        "valid": kit.valid,
        "ended": kit.ended.map(|at| at.to_string()),
        "paper_destroyed": kit.destroyed.map(|at| at.to_string()),
    })
}

/// Tells in a line or two how far a rotation is.
pub fn rotation_text(rotation: Rotation) -> String {
    match rotation {
        Rotation::Settled => {
            "the data key is rotated: vault files from before no longer open with this computer's keychain".into()
        }
        Rotation::Waits { left: Some(left) } => format!(
            "the rotation of the data key is under way: the keychain is given time to keep the new key. The first \
             command that unlocks the vault after {} min, or after the computer has started again, finishes it; until \
             then older vault files still open",
            left.div_ceil(60)
        ),
        Rotation::Waits { left: None } => {
            "the rotation of the data key is under way: finish it with `strongroom vault rotate --settle-now` once \
             the computer has started again; until then older vault files still open"
                .into()
        }
        Rotation::Elsewhere => "a rotation of the data key is under way on another computer".into(),
    }
}

/// Tells in JSON how far a rotation is.
pub fn rotation_json(rotation: Rotation) -> Value {
    match rotation {
        Rotation::Settled => json!({"state": "settled", "seconds_left": 0}),
        Rotation::Waits { left } => json!({"state": "waiting", "seconds_left": left}),
        Rotation::Elsewhere => json!({"state": "elsewhere", "seconds_left": null}),
    }
}

/// Says what a rotation means for backups.
pub fn old_backups(rotation: Rotation) -> String {
    let since = if rotation == Rotation::Settled { "" } else { "once it is finished, " };
    format!(
        "\n{since}old backups no longer open with this computer's keychain, but with a kit from that time, a kept one \
         too: destroy them, and make a new one with `strongroom vault backup FILE`"
    )
}

/// Says that the paper of a kit is to be destroyed.
pub fn destroy_paper(name: KitName) -> String {
    format!(
        "\ndestroy the paper of kit {name}: older vault files still open with it. Then: strongroom kit revoke \
         {name} --paper-destroyed"
    )
}

/// Says which papers are to be destroyed.
pub fn papers(vault: &Unlocked) -> String {
    let ended = vault.kits().into_iter().filter(|kit| !kit.valid && kit.destroyed.is_none());
    ended.map(|kit| destroy_paper(kit.name)).collect()
}
