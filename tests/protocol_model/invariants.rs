//! What must hold in every state.

use super::run::{Action, Kits, Memory, Run, Stop};
use super::state::{MACHINES, Machine, NONE, State};
use super::variant::Variant;

/// I1 to I3, I5 and I7. I4 and I6 are about writes, and are looked at where those are made.
pub fn check(state: &State, variant: Variant) -> Result<(), &'static str> {
    nothing_is_lost(state)?;
    kits_open(state)?;
    if state.previous == NONE {
        return Err("I7: the vault file is the only one");
    }
    nothing_older_opens(state)?;
    progress(state, variant)
}

fn nothing_is_lost(state: &State) -> Result<(), &'static str> {
    if state.acknowledged & !state.vault.content != 0 {
        return Err("I1: an acknowledged change is missing");
    }
    if state.vault.by_hand {
        // What holds of the vault holds again when it is put back, or a computer goes on from here.
        return Ok(());
    }
    let enrolled = |machine: &usize| state.vault.enrolled >> *machine & 1 == 1;
    if (0..MACHINES).filter(enrolled).any(|machine| !state.opens(machine)) {
        return Err("I1: no password of its user opens the vault on a computer that nobody has shut out");
    }
    // Whoever puts a copy of another data key back has the file that stood, which is set aside.
    let from_aside = |own: &Machine| state.aside != NONE && own.item.value.holds(state.aside);
    let by_kit = state.papers & state.vault.kits != 0;
    if !(0..MACHINES).any(|machine| enrolled(&machine)) && !state.machines.iter().any(from_aside) && !by_kit {
        return Err("I4: every computer is shut out, and no kit opens the vault");
    }
    Ok(())
}

fn kits_open(state: &State) -> Result<(), &'static str> {
    if state.vault.stale != 0 {
        return Err("I2: a kit that the vault lists as valid does not open it");
    }
    if state.papers & !state.vault.kits != 0 {
        return Err("I2: a kit that was reported good has ended, and its user was not asked");
    }
    Ok(())
}

fn nothing_older_opens(state: &State) -> Result<(), &'static str> {
    for own in &state.machines {
        if !own.fell && own.item.value.wraps().any(|wrap| own.retired >> wrap.key & 1 == 1) {
            return Err("I3: the keychain opens vault copies from before a rotation that was reported as settled");
        }
    }
    // Whoever holds a wrap of an earlier data key will finish, and remove that file.
    let left = state.previous != state.vault.key;
    if left && state.clean && !state.machines.iter().any(|own| own.item.value.holds(state.previous)) {
        return Err("I3: the previous vault file of an earlier data key is left after a rotation");
    }
    Ok(())
}

/// I5: without further faults, unlocking and waiting ends every rotation, whichever of the passwords that open the
/// vault is typed.
fn progress(state: &State, variant: Variant) -> Result<(), &'static str> {
    let one_key = |machine: &usize| {
        let own = &state.machines[*machine];
        own.item.value.wraps().all(|wrap| wrap.key == own.item.value.last_key())
    };
    if state.vault.by_hand || state.vault.pending.key == NONE && (0..MACHINES).all(|machine| one_key(&machine)) {
        return Ok(());
    }
    for highest in [false, true] {
        let mut later = *state;
        for _ in 0..3 {
            for machine in 0..MACHINES {
                let own = &later.machines[machine];
                let opens = |password: &u8| {
                    own.passwords >> password & 1 == 1 && own.item.value.opens(later.vault.key, *password)
                };
                let password = if highest { (0..4).rev().find(opens) } else { (0..4).find(opens) };
                let Some(password) = password else { continue };
                let mut run = Run::new(&later, machine, password, variant);
                if let Err(Stop::Broken(broken)) = run.act(Action::Unlock) {
                    return Err(broken);
                }
                if run.memory == Memory::RolledBack {
                    // The alarm names the way out.
                    run = Run::new(&run.state, machine, password, variant);
                    if let Err(Stop::Broken(broken)) = run.act(Action::Accept) {
                        return Err(broken);
                    }
                }
                later = run.state;
            }
            later.settle();
        }
        if later.vault.pending.key != NONE {
            anew(&mut later, variant)?;
        }
        if later.vault.pending.key != NONE {
            return Err("I5: a rotation never ends");
        }
        for machine in (0..MACHINES).filter(|machine| later.vault.enrolled >> *machine & 1 == 1) {
            if !later.opens(machine) {
                return Err("I1: a computer is locked out once the rotation has ended");
            }
            let item = later.machines[machine].item.value;
            if item.last_key() == later.vault.key && item.wraps().any(|wrap| wrap.key != later.vault.key) {
                return Err("I5: an item never gets back to one data key");
            }
        }
    }
    Ok(())
}

/// Begins a rotation anew on a computer that has no part in the one under way, where no computer that has can go on: it
/// lost its item, or is shut out. Each unlock there says that another computer rotates, and names the way out.
fn anew(state: &mut State, variant: Variant) -> Result<(), &'static str> {
    if (0..MACHINES).any(|machine| state.has_part(machine)) {
        return Ok(());
    }
    for machine in 0..MACHINES {
        let passwords =
            state.machines[machine].passwords & state.machines[machine].item.value.passwords(state.vault.key);
        if passwords == 0 {
            continue;
        }
        for action in [Action::Rotate(Kits::None, true), Action::Unlock] {
            let mut run = Run::new(state, machine, passwords.trailing_zeros() as u8, variant);
            if let Err(Stop::Broken(broken)) = run.act(action) {
                return Err(broken);
            }
            *state = run.state;
        }
        return Ok(());
    }
    Ok(())
}
