//! Walks through every state that users, kills and power cuts can reach, and holds each against what must always hold.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use crate::protocol::{Action, Flaw, Run};
use crate::state::{Budget, State};

/// What the walk came to.
#[derive(Debug)]
pub struct Outcome {
    /// How many different states were reached.
    pub states: usize,
    /// How many power cuts and kills were tried.
    pub faults: usize,
    /// The first invariant that did not hold, how many events lead there, and the state.
    pub broken: Option<(String, usize, Box<State>)>,
    /// Whether there was nothing left to visit.
    pub complete: bool,
}

/// Walks from `start`, breadth first, until `limit` states were visited or an invariant does not hold.
pub fn walk(start: State, flaw: Flaw, limit: usize) -> Outcome {
    let mut seen = HashSet::new();
    let mut queue = VecDeque::new();
    let mut outcome = Outcome { states: 0, faults: 0, broken: None, complete: false };
    seen.insert(fingerprint(&start));
    queue.push_back((start, 0));
    while let Some((state, depth)) = queue.pop_front() {
        outcome.states += 1;
        if let Err(broken) = check(&state, flaw) {
            outcome.broken = Some((broken, depth, Box::new(state)));
            return outcome;
        }
        if outcome.states >= limit {
            return outcome;
        }
        let mut reached = Vec::new();
        if let Err(broken) = successors(&state, flaw, &mut reached, &mut outcome.faults) {
            outcome.broken = Some((broken, depth + 1, Box::new(state)));
            return outcome;
        }
        for next in reached {
            let next = next.normal();
            if seen.insert(fingerprint(&next)) {
                queue.push_back((next, depth + 1));
            }
        }
    }
    outcome.complete = true;
    outcome
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

fn spend(budget: &mut Budget, action: Action) -> bool {
    let left = match action {
        Action::Unlock => return true,
        Action::Change => &mut budget.changes,
        Action::ChangePassword(_) => &mut budget.passwords,
        Action::Rotate { .. } => &mut budget.rotations,
        Action::NewKit => &mut budget.kits,
        Action::Recover { .. } => &mut budget.recoveries,
        Action::Restore | Action::Accept => &mut budget.copies,
    };
    *left > 0 && {
        *left -= 1;
        true
    }
}

fn actions(state: &State, machine: usize) -> Vec<Action> {
    let mut actions = vec![
        Action::Unlock,
        Action::Change,
        Action::Rotate { kit: false, now: false },
        Action::Rotate { kit: true, now: false },
        Action::Rotate { kit: false, now: true },
        Action::NewKit,
        Action::Restore,
        Action::Accept,
    ];
    let passwords = state.machines[machine].passwords;
    // A password never used before, and one used before the last.
    for new in 0..3 {
        if passwords & (1 << new) == 0 {
            actions.push(Action::ChangePassword(new));
        }
    }
    for kit in 0..state.next.kit {
        if state.papers & (1 << kit) != 0 {
            actions.push(Action::Recover { kit, password: 3 });
        }
    }
    actions
}

fn successors(state: &State, flaw: Flaw, reached: &mut Vec<State>, faults: &mut usize) -> Result<(), String> {
    for machine in 0..state.machines.len() {
        for action in actions(state, machine) {
            let mut allowed = state.clone();
            if !spend(&mut allowed.budget, action) {
                continue;
            }
            let mut halt = None;
            loop {
                let mut run = Run::new(&allowed, machine, flaw, halt);
                if halt.is_some() {
                    run.state.budget.waits -= 1;
                }
                let done = run.act(action).map_err(|broken| format!("{action:?} on machine {machine}: {broken}"))?;
                if done || !run.cuts.is_empty() {
                    for cut in &run.cuts {
                        if cut.budget.kills > 0 {
                            let mut killed = cut.clone();
                            killed.budget.kills -= 1;
                            reached.push(killed);
                            *faults += 1;
                        }
                        power_cuts(cut, reached, faults);
                    }
                    settled(&run.state, machine, action, done)?;
                    reached.push(run.state.clone());
                }
                // The process may be halted before any of its writes, for longer than the waiting takes.
                let next = halt.map_or(0, |halt| halt + 1);
                if allowed.budget.waits == 0 || next >= run.cuts.len() {
                    break;
                }
                halt = Some(next);
            }
        }
    }
    power_cuts(state, reached, faults);
    if state.budget.waits > 0 {
        let mut waited = state.clone();
        waited.budget.waits -= 1;
        waited.settle();
        reached.push(waited);
    }
    if state.budget.copies > 0 {
        let mut copied = state.clone();
        copied.budget.copies -= 1;
        copied.copy = Some(state.vault.clone());
        reached.push(copied);
        if let Some(copy) = &state.copy
            && copy.id != state.vault.id
        {
            // By hand, as a synced folder or an attacker does it.
            let mut put_back = state.clone();
            put_back.budget.copies -= 1;
            put_back.copy = Some(state.vault.clone());
            put_back.vault = copy.clone();
            put_back.unsynced = None;
            put_back.put_back = true;
            put_back.alarm_due = true;
            reached.push(put_back);
        }
    }
    Ok(())
}

fn power_cuts(state: &State, reached: &mut Vec<State>, faults: &mut usize) {
    if state.budget.cuts == 0 {
        return;
    }
    for mut cut in state.after_power_cut() {
        cut.budget.cuts -= 1;
        reached.push(cut);
        *faults += 1;
    }
}

/// After an unlock that found the vault it knows, nothing of an earlier data key is left.
fn settled(state: &State, machine: usize, action: Action, done: bool) -> Result<(), String> {
    if action != Action::Unlock || !done || state.vault.pending.is_some() || state.alarm_due {
        return Ok(());
    }
    let own = &state.machines[machine];
    let key = state.vault.data_key;
    if own.item.value.last().is_some_and(|wrap| wrap.data_key == key) {
        if own.item.value.iter().any(|wrap| wrap.data_key != key) {
            return Err("I3: a wrap of an earlier data key is left after an unlock".into());
        }
        // Where another machine was cut off in step d, the rotation is not over before that one unlocks.
        let held = |key| state.machines.iter().any(|own| own.item.value.iter().any(|wrap| wrap.data_key == key));
        let outdated = |old: &crate::state::Document| old.data_key != key && !held(old.data_key);
        if !state.put_back && state.previous.as_ref().is_some_and(outdated) {
            return Err("I3: a previous vault file of an earlier data key is left after an unlock".into());
        }
    }
    Ok(())
}

fn opens(state: &State, machine: usize) -> bool {
    let own = &state.machines[machine];
    let opens =
        |wrap: &crate::state::Wrap| wrap.data_key == state.vault.data_key && own.passwords & (1 << wrap.password) != 0;
    own.item.value.iter().any(opens)
}

fn check(state: &State, flaw: Flaw) -> Result<(), String> {
    if state.alarm_due {
        // Somebody put another file there a moment ago; what holds of the vault holds again when it is put back.
        return Ok(());
    }
    let enrolled = (0..state.machines.len()).filter(|machine| state.machines[*machine].enrolled);
    let mut any = false;
    for machine in enrolled {
        any = true;
        if !opens(state, machine) {
            return Err(format!("I1: no password of its user opens the vault on machine {machine}"));
        }
        if state.machines[machine].item.value.len() > 4 {
            return Err("I1: an item holds more than four wraps".into());
        }
    }
    if !any && state.papers & state.vault.kits == 0 {
        return Err("I4: every machine is shut out, and no kit opens the vault".into());
    }
    if !state.put_back && state.acknowledged & !state.vault.content != 0 {
        return Err("I1: an acknowledged change is missing".into());
    }
    if !state.put_back && state.papers & !state.vault.kits != 0 {
        return Err("I2: a kit that was reported good does not open the vault".into());
    }
    progress(state, flaw)
}

/// Without further faults, unlocking and waiting ends every rotation.
fn progress(state: &State, flaw: Flaw) -> Result<(), String> {
    if state.put_back || state.vault.pending.is_none() && state.machines.iter().all(|own| own.item.value.len() < 2) {
        return Ok(());
    }
    let mut later = state.clone();
    for _ in 0..4 {
        for machine in 0..later.machines.len() {
            if !opens(&later, machine) {
                continue;
            }
            let mut run = Run::new(&later, machine, flaw, None);
            run.act(Action::Unlock).map_err(|broken| format!("I5: {broken}"))?;
            later = run.state;
        }
        later.settle();
    }
    if later.vault.pending.is_some() {
        return Err("I5: a rotation never ends".into());
    }
    let enrolled = (0..later.machines.len()).filter(|machine| later.machines[*machine].enrolled);
    for machine in enrolled {
        if !opens(&later, machine) {
            return Err(format!("I1: machine {machine} is locked out once the rotation has ended"));
        }
    }
    Ok(())
}
