//! Every fault of a keychain, after every number of calls of every operation: no operation makes a new data key for
//! a vault that has one, none hangs, each says what is wrong, and once the keychain behaves again everything opens.

mod bench;
#[cfg(all(unix, not(target_os = "macos"), feature = "cli"))]
mod program;

use std::sync::Mutex;
use std::time::{Duration, Instant};
use strongroom::error::Begun;

use strongroom::Error;
use strongroom::crypto::kdf::KdfCost;
use strongroom::keychain::ItemKind;
use strongroom::vault::{Edges, NextKit, Rotation, Settle, Unlocked, create};

use crate::support::proof;
use bench::*;

/// What may take so long at most, Argon2id's own time included. What hangs takes for ever.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// Something that is done to a vault through its keychain.
struct Operation {
    name: &'static str,
    begins: fn() -> State,
    /// Calls `arm` of the computer where the operation itself begins.
    run: fn(&Machine) -> Result<(), Error>,
    /// Tells whether what was acknowledged is there.
    is_done: fn(&Unlocked) -> bool,
    /// The passwords that may open the vault afterwards: where it was acknowledged, and where it was refused.
    opens: Passwords,
    /// Whether a rotation of the data key has its part in it.
    rotates: bool,
    /// Whether it may end that rotation without a new data key.
    gives_up: bool,
    /// Whether it goes by an item that has settled: such a one does not fall back any more.
    has_settled: bool,
}

struct Passwords {
    acknowledged: &'static [&'static str],
    refused: &'static [&'static str],
}

const SAME: Passwords = Passwords { acknowledged: &[OLD], refused: &[OLD] };
const CHANGED: Passwords = Passwords { acknowledged: &[NEW], refused: &[OLD] };

/// The earlier password goes with the one write that makes the new one; who has the kit can always do it again.
const RECOVERED: Passwords = Passwords { acknowledged: &[NEW], refused: &[OLD, NEW] };

fn settled() -> State {
    life().settled.clone()
}

fn rotating() -> State {
    life().rotating.clone()
}

const UNLOCK: Operation = Operation {
    name: "unlock",
    begins: settled,
    run: |machine| {
        machine.arm();
        machine.unlock(OLD).map(drop)
    },
    is_done: |_| true,
    opens: SAME,
    rotates: false,
    gives_up: false,
    has_settled: false,
};

const ADD_PROJECT: Operation = Operation {
    name: "project add",
    begins: settled,
    run: |machine| {
        let mut unlocked = machine.unlock(OLD)?;
        machine.arm();
        unlocked.add_project(&named("beta")).map(drop)
    },
    is_done: |unlocked| unlocked.project("beta").is_ok(),
    opens: SAME,
    rotates: false,
    gives_up: false,
    has_settled: false,
};

const CHANGE_PASSWORD: Operation = Operation {
    name: "change password",
    begins: settled,
    run: |machine| {
        let mut unlocked = machine.unlock(OLD)?;
        machine.arm();
        unlocked.change_password(&password(OLD), &password(NEW), None).map(drop)
    },
    is_done: |_| true,
    opens: CHANGED,
    rotates: false,
    gives_up: false,
    has_settled: false,
};

const REMOVE_DUPLICATES: Operation = Operation {
    name: "remove duplicates",
    begins: settled,
    run: |machine| {
        let state = machine.state();
        for (kind, first) in [(ItemKind::DataKey, state.first_item()), (ItemKind::Anchor, state.first_anchor())] {
            machine.add_twin(kind, &first);
            machine.add_twin(kind, b"garbage");
        }
        let mut unlocked = machine.unlock(OLD)?;
        machine.arm();
        unlocked.remove_duplicates().map(drop)
    },
    is_done: |_| true,
    opens: SAME,
    rotates: false,
    gives_up: false,
    has_settled: false,
};

const CREATE: Operation = Operation {
    name: "create",
    begins: State::default,
    run: |machine| {
        machine.arm();
        create(machine.edges(), VAULT, &password(OLD), KdfCost::FLOOR).map(drop)
    },
    is_done: |_| true,
    opens: SAME,
    rotates: false,
    gives_up: false,
    has_settled: false,
};

const BEGIN_ROTATION: Operation = Operation {
    name: "begin a rotation",
    begins: settled,
    run: |machine| {
        let mut unlocked = machine.unlock(OLD)?;
        machine.arm();
        let rotation = unlocked.rotate_data_key(&password(OLD), NextKit::None)?;
        assert!(matches!(rotation, Rotation::Waits { left: Some(left) } if left > 0), "{rotation:?}");
        Ok(())
    },
    is_done: |_| true,
    opens: SAME,
    rotates: true,
    gives_up: false,
    has_settled: false,
};

const FINISH_ROTATION: Operation = Operation {
    name: "unlock that finishes a rotation",
    begins: rotating,
    run: |machine| {
        machine.boot();
        machine.arm();
        machine.unlock(OLD).map(drop)
    },
    is_done: |_| true,
    opens: SAME,
    rotates: true,
    gives_up: false,
    has_settled: true,
};

const SETTLE_NOW: Operation = Operation {
    name: "settle a rotation now",
    begins: rotating,
    run: |machine| {
        let mut unlocked = machine.unlock(OLD)?;
        machine.arm();
        unlocked.settle_rotation(&password(OLD), Settle::Now).map(|rotation| assert_eq!(rotation, Rotation::Settled))
    },
    is_done: |unlocked| unlocked.rotation().is_none(),
    opens: SAME,
    rotates: true,
    gives_up: false,
    has_settled: true,
};

const CHANGE_PASSWORD_MEANWHILE: Operation =
    Operation { name: "change password during a rotation", begins: rotating, rotates: true, ..CHANGE_PASSWORD };

const RECOVER: Operation = Operation {
    name: "recover",
    begins: settled,
    run: recover,
    is_done: |_| true,
    opens: RECOVERED,
    rotates: false,
    gives_up: false,
    has_settled: false,
};

const RECOVER_MEANWHILE: Operation = Operation {
    name: "recover during a rotation",
    begins: rotating,
    run: recover,
    is_done: |unlocked| unlocked.rotation().is_none(),
    opens: RECOVERED,
    rotates: true,
    gives_up: true,
    has_settled: false,
};

fn recover(machine: &Machine) -> Result<(), Error> {
    machine.arm();
    let opened = machine.vault()?.open_with_kit(life().kit.secret())?;
    let Edges { keychain, host, .. } = machine.edges();
    opened.enroll(keychain, host, &password(NEW), None, false).map(drop)
}

/// One operation with one fault.
struct Case<'a> {
    operation: &'a Operation,
    fault: Fault,
    spared: usize,
    before: State,
}

impl Case<'_> {
    /// Runs it and sees to it that all holds. Returns whether the operation was refused.
    fn holds(&self) -> Result<bool, String> {
        let Self { operation, fault, spared, before } = self;
        let mut machine = Machine::new(before, Some((*fault, *spared)));
        let start = Instant::now();
        let result = (operation.run)(&machine);
        let took = start.elapsed();
        if took > GONE_WITHIN {
            return Err(format!("took {took:?}"));
        }
        if let Err(error) = &result
            && !fault.may_be_told_as(error)
        {
            return Err(format!("was told as {error:?}"));
        }
        machine.heal();
        let after = machine.state();
        let own = before.data_key().or(after.data_key());
        let made = after.data_keys_ever().into_iter().chain(after.data_key()).filter(|key| Some(*key) != own);
        if !operation.rotates && before.has_vault() && made.count() > 0 {
            return Err("made a new data key".into());
        }
        if result.is_err() && after.opens_as(before) {
            return Ok(true);
        }
        if !after.has_vault() {
            return match result {
                Ok(()) => Err("there is no vault though it was acknowledged".into()),
                Err(_) if before.has_vault() => Err("the vault is gone".into()),
                Err(_) => Ok(true),
            };
        }
        self.still_opens(&machine, &result)?;
        Ok(result.is_err())
    }

    /// Opens the vault with the keychain healed, and goes on with it.
    fn still_opens(&self, machine: &Machine, result: &Result<(), Error>) -> Result<(), String> {
        let Self { operation, fault, before, .. } = self;
        let fell_back = *fault == Fault::FallsBack;
        let either: &[&str] = &[OLD, NEW];
        let passwords = match result {
            // What fell back after the last look is the earlier password's.
            Ok(()) if fell_back => either,
            Ok(()) => operation.opens.acknowledged,
            Err(Error::Unfinished { begun: Begun::PasswordChange, .. }) => either,
            Err(_) => operation.opens.refused,
        };
        let mut refusals = Vec::new();
        let opened = passwords.iter().find_map(|text| match machine.unlock(text) {
            Ok(unlocked) => Some((*text, unlocked)),
            Err(error) => {
                refusals.push(error.to_string());
                None
            }
        });
        let (text, mut unlocked) = opened.ok_or(format!("after {result:?} does not open: {refusals:?}"))?;
        if let Some(rolled_back) = unlocked.rolled_back() {
            return Err(format!("counts as rolled back: {rolled_back}"));
        }
        if result.is_ok() && !(operation.is_done)(&unlocked) {
            return Err("what was acknowledged is not there".into());
        }
        self.holds_its_key(&unlocked)?;
        unlocked.add_project(&named("afterwards")).map_err(|error| format!("cannot be changed: {error}"))?;
        drop(unlocked);
        if before.has_vault() && machine.state().data_key() == before.data_key() {
            // Whatever became of the password, the kit opens what it was made for.
            let opened = machine.vault().and_then(|vault| vault.open_with_kit(life().kit.secret()));
            opened.map_err(|error| format!("the kit does not open it: {error}"))?;
        }
        if operation.rotates { self.rotation_ends(machine, text) } else { Ok(()) }
    }

    fn holds_its_key(&self, unlocked: &Unlocked) -> Result<(), String> {
        if !self.before.has_vault() {
            return Ok(());
        }
        let key = unlocked.file_key("acme", Some(1)).map_err(|error| format!("a key is lost: {error}"))?;
        if *key.key.expose() == life().key { Ok(()) } else { Err("a file key is another".into()) }
    }

    /// A rotation that was cut short ends by unlocking, one start of the computer after another.
    fn rotation_ends(&self, machine: &Machine, text: &str) -> Result<(), String> {
        for _ in 0..4 {
            machine.boot();
            let unlocked = machine.unlock(text).map_err(|error| format!("does not open after a boot: {error}"))?;
            self.holds_its_key(&unlocked)?;
            let (own, keys) = (machine.state().data_key().expect("a vault"), machine.state().data_keys());
            // Where the rotation was given up, a wrap of its data key may be left: it is dropped by the next one.
            let tidy = keys.iter().all(|key| *key == own) || self.operation.gives_up && keys.contains(&own);
            if unlocked.rotation().is_none() && tidy {
                return Ok(());
            }
        }
        Err("the rotation never ends".into())
    }
}

/// Injects each of `faults` after each number of calls of an operation, and adds to the figure of this name.
fn survives(operation: &Operation, faults: &[Fault], name: &str) {
    let before = (operation.begins)();
    let undisturbed = Machine::new(&before, None);
    (operation.run)(&undisturbed).unwrap();
    let calls = undisturbed.calls();
    assert!(calls > 1, "{} makes {calls} calls", operation.name);
    let (mut wrong, mut cases, mut refused) = (Vec::new(), 0, 0);
    for fault in faults.iter().filter(|fault| !operation.has_settled || **fault != Fault::FallsBack) {
        for spared in 0..calls {
            let case = Case { operation, fault: *fault, spared, before: before.clone() };
            cases += 1;
            match case.holds() {
                Ok(was_refused) => refused += usize::from(was_refused),
                Err(what) => wrong.push(format!("{}: {fault:?} after {spared} of {calls}: {what}", operation.name)),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} cases: {wrong:#?}", wrong.len());
    assert!(refused > 0, "no fault was ever noticed");
    println!(
        "{}: {} faults after each of {calls} calls, {cases} cases, {refused} refused",
        operation.name,
        faults.len()
    );
    // The tests run side by side, and each adds to one figure.
    static TOTAL: Mutex<(usize, usize, usize)> = Mutex::new((0, 0, 0));
    let mut total = TOTAL.lock().unwrap();
    *total = (total.0 + 1, total.1 + cases, total.2 + refused);
    let (operations, cases, refused) = *total;
    let figure = format!(
        "{operations} operations, {cases} cases, {refused} refused with the right error, 0 not opened by healing"
    );
    proof::record(name, "faults of a keychain after each number of calls of each operation", &figure);
}

/// Where a password change was cut short, two passwords open the vault; where a rotation begins then, either the one
/// that began it is the password from now on, or both end it.
#[test]
fn every_password_that_opens_a_rotating_vault_ends_the_rotation() {
    for begins_with in [OLD, NEW] {
        let mut machine = Machine::new(&settled(), Some((Fault::Locked, 4)));
        let mut unlocked = machine.unlock(OLD).unwrap();
        machine.arm();
        let changed = unlocked.change_password(&password(OLD), &password(NEW), None);
        assert!(matches!(changed, Err(Error::Unfinished { begun: Begun::PasswordChange, .. })), "{changed:?}");
        drop(unlocked);
        machine.heal();
        assert!(machine.unlock(OLD).is_ok() && machine.unlock(NEW).is_ok());
        machine.unlock(begins_with).unwrap().rotate_data_key(&password(begins_with), NextKit::None).unwrap();
        let rotating = machine.state();
        let mut ended = 0;
        for text in [OLD, NEW] {
            let machine = Machine::new(&rotating, None);
            let Ok(mut unlocked) = machine.unlock(text) else { continue };
            let rotation = unlocked.settle_rotation(&password(text), Settle::Now);
            assert!(matches!(rotation, Ok(Rotation::Settled)), "begun with {begins_with}, {text}: {rotation:?}");
            ended += 1;
        }
        assert!(ended > 0, "no password opens the vault");
    }
}

/// Faults that stand for the others where an operation costs many password derivations: from one call on nothing is
/// done any more, and one write is done that nobody hears of.
const SOME: [Fault; 2] = [Fault::Locked, Fault::WritesAndFails];

macro_rules! survive {
    ($($name:ident: $operation:ident,)*) => {$(
        #[test]
        fn $name() {
            survives(&$operation, &FAULTS, "keychain-faults");
        }
    )*};
    ($($name:ident, $long:ident: $operation:ident,)*) => {$(
        #[test]
        fn $name() {
            survives(&$operation, &SOME, "keychain-faults");
        }

        #[test]
        #[ignore = "long: run ./test --long"]
        fn $long() {
            survives(&$operation, &FAULTS, "keychain-faults-long");
        }
    )*};
}

survive! {
    unlocking_survives_every_fault: UNLOCK,
}

survive! {
    adding_a_project_survives, long_mode_adding_a_project_survives_every_fault: ADD_PROJECT,
    changing_the_password_survives, long_mode_changing_the_password_survives_every_fault: CHANGE_PASSWORD,
    making_a_vault_survives, long_mode_making_a_vault_survives_every_fault: CREATE,
    removing_duplicates_survives, long_mode_removing_duplicates_survives_every_fault: REMOVE_DUPLICATES,
    beginning_a_rotation_survives, long_mode_beginning_a_rotation_survives_every_fault: BEGIN_ROTATION,
    finishing_a_rotation_survives, long_mode_finishing_a_rotation_survives_every_fault: FINISH_ROTATION,
    settling_a_rotation_survives, long_mode_settling_a_rotation_survives_every_fault: SETTLE_NOW,
    changing_the_password_meanwhile_survives, long_mode_changing_the_password_meanwhile_survives_every_fault:
        CHANGE_PASSWORD_MEANWHILE,
    recovering_survives, long_mode_recovering_survives_every_fault: RECOVER,
    recovering_meanwhile_survives, long_mode_recovering_meanwhile_survives_every_fault: RECOVER_MEANWHILE,
}
