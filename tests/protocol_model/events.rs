//! What may happen next: what users do, whole, cut short, halted or beside another process; power cuts; time that
//! passes; files that are put in the vault's place by hand.

use super::keychain::NO_ANCHOR;
use super::run::{Action, Kits, Race, Run, Stop};
use super::state::{Doc, MACHINES, Mark, NONE, State};
use super::variant::Variant;

/// A process that a power cut stops after one of its writes.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "read by Debug, which prints the way to a counterexample")]
pub struct Running {
    password: u8,
    action: Action,
    write: u8,
    halted_before: Option<u8>,
    race: Option<Race>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "read by Debug, which prints the way to a counterexample")]
pub enum Event {
    Start,
    Run {
        machine: u8,
        password: u8,
        action: Action,
        killed_after: Option<u8>,
        halted_before: Option<u8>,
        race: Option<Race>,
    },
    /// The computer loses power; before that, the process of the event before was where it says.
    PowerCut {
        machine: u8,
        running: Option<Running>,
    },
    Wait,
    Copy,
    PutBack,
}

/// States that one event may lead to.
pub type Reached = Vec<(State, Event)>;
/// An invariant that does not hold after an event.
pub type Broken = (&'static str, Event);

/// Everything that may happen next.
pub fn successors(state: &State, variant: Variant, reached: &mut Reached) -> Result<(), Broken> {
    for machine in 0..MACHINES {
        for (action, password) in actions(state, machine) {
            let mut allowed = *state;
            if spend(&mut allowed, action) {
                run(&allowed, machine, action, password, variant, reached)?;
            }
        }
        power_cuts(state, machine, None, variant, reached);
    }
    let mut waited = *state;
    waited.settle();
    reached.push((waited, Event::Wait));
    if state.budget.copies > 0 {
        let mut copied = *state;
        copied.budget.copies -= 1;
        copied.copy = Some(Doc { by_hand: false, ..state.vault });
        copied.copy_is_truth = false;
        reached.push((copied, Event::Copy));
        if let Some(copy) = state.copy.filter(|copy| copy.id != state.vault.id) {
            reached.push((put_back(state, copy), Event::PutBack));
        }
    }
    Ok(())
}

/// A file is put in the vault's place by hand, as a synced folder or an attacker does it.
fn put_back(state: &State, copy: Doc) -> State {
    let mut next = *state;
    next.budget.copies -= 1;
    next.copy = Some(Doc { by_hand: false, ..state.vault });
    next.vault = Doc { by_hand: !state.copy_is_truth, ..copy };
    next.undone = [None; 2];
    next.copy_is_truth = !state.vault.by_hand;
    if next.vault.by_hand {
        // What only the other file has is lost by that hand, unless it is put back or merged.
        next.acknowledged &= copy.content;
        next.papers &= copy.kits;
        next.clean = false;
    }
    next
}

fn spend(state: &mut State, action: Action) -> bool {
    let budget = &mut state.budget;
    let left = match action {
        Action::Unlock => return true,
        Action::AskAgent => return true,
        Action::Keep => &mut budget.agents,
        Action::Change | Action::AgentChange => &mut budget.changes,
        Action::ChangePassword(_) => &mut budget.passwords,
        Action::Rotate(..) | Action::Destroy => &mut budget.rotations,
        Action::NewKit => &mut budget.kits,
        Action::Recover(..) => &mut budget.recoveries,
        Action::Restore | Action::Accept | Action::Merge => &mut budget.copies,
    };
    *left > 0 && {
        *left -= 1;
        true
    }
}

/// What a computer's user may do, with each password that may be in force.
fn actions(state: &State, machine: usize) -> Vec<(Action, u8)> {
    let own = &state.machines[machine];
    let mut actions = Vec::new();
    if own.agent.is_some() {
        actions.extend([(Action::AskAgent, 0), (Action::AgentChange, 0)]);
    }
    for password in (0..4).filter(|password| own.passwords >> password & 1 == 1) {
        if state.copy.is_some_and(|copy| own.item.value.opens(copy.key, password)) {
            actions.push((Action::Restore, password));
        }
        if !own.item.value.opens(state.vault.key, password) {
            continue;
        }
        let mut add = |action| actions.push((action, password));
        add(Action::Unlock);
        if state.budget.agents > 0 {
            add(Action::Keep);
        }
        add(Action::Change);
        add(Action::NewKit);
        add(Action::Destroy);
        add(Action::Accept);
        add(Action::Merge);
        for now in [false, true] {
            add(Action::Rotate(Kits::None, now));
            if state.budget.kits > 0 || state.next_kit == 0 {
                add(Action::Rotate(Kits::New, now));
            }
        }
        for kit in (0..8).filter(|kit| state.papers & state.vault.kits >> kit & 1 == 1) {
            add(Action::Rotate(Kits::Keep(kit), false));
        }
        for new in (0..4).filter(|new| own.passwords >> new & 1 == 0).take(1) {
            add(Action::ChangePassword(new));
        }
    }
    let new = (0..4).find(|new| own.passwords >> new & 1 == 0).unwrap_or(0);
    for kit in (0..8).filter(|kit| state.papers >> kit & 1 == 1) {
        actions.push((Action::Recover(kit, new), new));
    }
    actions
}

/// One action: to its end, cut off after each write, halted before each write, with another process in between.
fn run(
    state: &State,
    machine: usize,
    action: Action,
    password: u8,
    variant: Variant,
    reached: &mut Reached,
) -> Result<(), Broken> {
    let event = |killed_after, halted_before, race| Event::Run {
        machine: machine as u8,
        password,
        action,
        killed_after,
        halted_before,
        race,
    };
    let first = one_run(state, machine, action, password, (None, None), variant, &event, reached)?;
    let Some((writes, locks)) = first else { return Ok(()) };
    if state.budget.halts > 0 {
        let mut halting = *state;
        halting.budget.halts -= 1;
        for before in 0..writes {
            one_run(&halting, machine, action, password, (Some(before), None), variant, &event, reached)?;
        }
    }
    if state.budget.races > 0 {
        let mut racing = *state;
        racing.budget.races -= 1;
        for other in 0..MACHINES {
            for (action_between, password_between) in actions(&racing, other) {
                let mut allowed = racing;
                if !spend(&mut allowed, action_between) {
                    continue;
                }
                let mut writes_between = Run::new(&allowed, other, password_between, variant);
                // A breach by the other alone is found where it runs alone.
                let _ = writes_between.act(action_between);
                let writes = writes_between.cuts.len() as u8;
                let kills = (0..writes).filter(|_| allowed.budget.kills > 0).map(Some);
                for killed_after in kills.chain([None]) {
                    let mut allowed = allowed;
                    allowed.budget.kills -= u8::from(killed_after.is_some());
                    for at in 0..locks {
                        let machine_between = other as u8;
                        let race = Race {
                            at,
                            machine: machine_between,
                            password: password_between,
                            action: action_between,
                            killed_after,
                        };
                        one_run(&allowed, machine, action, password, (None, Some(race)), variant, &event, reached)?;
                    }
                }
            }
        }
    }
    Ok(())
}

type Naming<'a> = &'a dyn Fn(Option<u8>, Option<u8>, Option<Race>) -> Event;

/// Returns how many writes and takings of the lock there were; `None` where nothing was written.
#[allow(clippy::too_many_arguments, reason = "one call, spread over what varies")]
fn one_run(
    state: &State,
    machine: usize,
    action: Action,
    password: u8,
    (halt, race): (Option<u8>, Option<Race>),
    variant: Variant,
    event: Naming<'_>,
    reached: &mut Reached,
) -> Result<Option<(u8, u8)>, Broken> {
    let mut run = Run::new(state, machine, password, variant);
    (run.halt, run.race) = (halt, race);
    match run.act(action) {
        Err(Stop::Broken(broken)) => return Err((broken, event(None, halt, race))),
        Err(Stop::Void) => return Ok(None),
        // Done in part, and told so.
        Err(Stop::Refused) if run.cuts.is_empty() && race.is_none() => return Ok(None),
        Err(Stop::Refused) | Ok(()) => reached.push((run.state, event(None, halt, race))),
    }
    // What is cut off before the disturbance is cut off in the run without one, too.
    for (write, cut) in run.cuts.iter().enumerate().skip(run.disturbed_at) {
        if write > run.disturbed_at && run.cuts[write - 1] == *cut {
            // What was synced stood on the disk already.
            continue;
        }
        let write = write as u8;
        if cut.budget.kills > 0 {
            let mut killed = *cut;
            killed.budget.kills -= 1;
            reached.push((killed, event(Some(write), halt, race)));
        }
        let running = Running { password, action, write, halted_before: halt, race };
        power_cuts(cut, machine, Some(running), variant, reached);
    }
    Ok(Some((run.cuts.len() as u8, run.locks)))
}

/// Every state that a power cut of one computer may leave: each item at any value it had since it settled, and renames
/// that were not synced undone.
fn power_cuts(state: &State, machine: usize, running: Option<Running>, variant: Variant, reached: &mut Reached) {
    if state.budget.cuts == 0 || variant.at_once[machine] && state.undone[0].is_none() && running.is_none() {
        return;
    }
    let own = &state.machines[machine];
    let vaults = std::iter::once(state.vault).chain(state.undone.into_iter().flatten());
    let previous = (0..=NONE).filter(|key| state.previous_undone >> key & 1 == 1).chain([state.previous]);
    let previous: Vec<u8> = previous.collect();
    let items: Vec<_> = std::iter::once(own.item.value).chain(own.item.earlier()).collect();
    let anchors: Vec<_> = std::iter::once(own.anchor.value).chain(own.anchor.earlier()).collect();
    for vault in vaults {
        for previous in &previous {
            for item in &items {
                for anchor in &anchors {
                    let mut cut = *state;
                    cut.budget.cuts -= 1;
                    cut.vault = vault;
                    cut.previous = *previous;
                    cut.sync();
                    cut.fall_back(machine, *item);
                    let own = &mut cut.machines[machine];
                    own.agent = None;
                    if *anchor != own.anchor.value {
                        own.seen = if *anchor == NO_ANCHOR { NONE } else { anchor.id };
                    }
                    own.anchor.value = *anchor;
                    own.anchor.settle();
                    for doc in cut.docs_mut() {
                        let marks = doc.pending.marks[machine * 4..][..4].iter_mut();
                        marks.filter(|mark| **mark == Mark::Running).for_each(|mark| *mark = Mark::Over);
                    }
                    reached.push((cut, Event::PowerCut { machine: machine as u8, running }));
                }
            }
        }
    }
}
