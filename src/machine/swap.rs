//! Whether what memory holds can reach a disk in clear.

use std::fs;
use std::path::Path;

use super::blocks::{Blocks, Encryption, read};
use super::drives::of_mount;
use super::mounts::unescaped;
use super::{Found, Kind, Machine, State, not_known};

/// Says whether all swap is encrypted, or in memory itself, or there is none.
pub fn encrypted(machine: &Machine) -> Found {
    match machine.kind {
        Kind::Linux => on_linux(machine),
        Kind::MacOs => match machine.run("/usr/sbin/sysctl", &["vm.swapusage"]) {
            Some(ran) if ran.out.contains("(encrypted)") => (State::Met, "encrypted".into()),
            Some(ran) if ran.out.contains("total = 0.00M") => (State::Met, "there is no swap".into()),
            _ => not_known("sysctl does not say"),
        },
        Kind::Windows | Kind::Other => not_known("nothing is known of swap on this system"),
    }
}

fn on_linux(machine: &Machine) -> Found {
    let (Ok(swaps), Some(blocks)) = (fs::read_to_string(&machine.swaps), machine.blocks()) else {
        return not_known("the list of swaps cannot be read");
    };
    let mut found: Vec<(String, Option<Encryption>)> = Vec::new();
    // The first line names the columns.
    for line in swaps.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(kind)) = (fields.next(), fields.next()) else {
            return not_known("the list of swaps cannot be read");
        };
        let name = unescaped(name).to_string_lossy().into_owned();
        let encryption = if kind == "file" { of_file(&blocks, Path::new(&name)) } else { of_device(&blocks, &name) };
        found.push((name, encryption));
    }
    if let Some((name, _)) = found.iter().find(|(_, encryption)| *encryption == Some(Encryption::None)) {
        return (State::NotMet, format!("{name} is not encrypted"));
    }
    if let Some((name, _)) = found.iter().find(|(_, encryption)| *encryption == Some(Encryption::NotKnown)) {
        return not_known(format!("whether {name} is encrypted cannot be seen"));
    }
    let is_in_memory = found.iter().all(|(_, encryption)| encryption.is_none());
    let says = match found.len() {
        0 => "there is no swap",
        _ if is_in_memory => "it is in memory (zram)",
        _ => "encrypted",
    };
    (State::Met, says.into())
}

fn of_file(blocks: &Blocks, path: &Path) -> Option<Encryption> {
    Some(blocks.mount_of(path).map_or(Encryption::NotKnown, |mount| of_mount(blocks, mount)))
}

/// Says so of a device; `None` of one that is in memory.
fn of_device(blocks: &Blocks, name: &str) -> Option<Encryption> {
    let Some(device) = blocks.device_named(name) else { return Some(Encryption::NotKnown) };
    if !name.starts_with("/dev/zram") {
        return Some(blocks.encryption(&device));
    }
    match read(&device.join("backing_dev")).as_deref() {
        // A kernel without that file writes no page out of zram.
        None | Some("none") => None,
        Some(behind) => Some(blocks.device_named(behind).map_or(Encryption::NotKnown, |it| blocks.encryption(&it))),
    }
}
