//! Full disks: under the agent's socket, and under the vault that it keeps unlocked. The lines run in a mount namespace,
//! and so does the agent that they start.

use super::*;
use crate::cli::inputs::with_small_disk;

/// Unlocks, and says how that ended.
const UNLOCK: &str = "strongroom unlock --password-file pw --quiet; echo $?";

#[test]
fn without_room_for_its_socket_the_vault_is_not_unlocked_and_commands_still_work() {
    let home = Home::with_project();
    let key = home.run("key show acme").succeeds().text();
    // No file can be made there; a page is free.
    let lines = format!(
        "
        export DBUS_SYSTEM_BUS_ADDRESS={NO_BUS}
        run=.local/state/strongroom/run
        mount -o remount,nr_inodes=2 small && touch small/filler
        XDG_RUNTIME_DIR=small {UNLOCK}
        export XDG_RUNTIME_DIR=$HOME/small
        {UNLOCK}
        ls $run/*.sock | wc -l
        strongroom key show acme
        strongroom lock
        mount --bind small $run
        {UNLOCK}
        strongroom key show acme
        strongroom key show acme --password-file pw
        strongroom lock
        rm small/filler; umount $run; mount -o remount,nr_inodes=100 small
        {UNLOCK}
        ls $run | grep -c sock; ls small/strongroom/*.sock | wc -l
        strongroom key show acme
        strongroom lock"
    );
    let Some(outcome) = with_small_disk(&home, &lines) else { return };
    let stdout = format!(
        "0\n0\n1\n{key}the vault is locked\n1\n{key}the vault was not unlocked; nothing was changed\n0\n0\n1\n{key}the \
         vault is locked\n"
    );
    let stderr = format!(
        "\
error: cannot keep the vault unlocked
cause: cannot lock {{home}}/.local/state/strongroom/run/[..].lock: no space left on device
hint: free some space there and run it again
{NEEDS_PASSWORD}"
    );
    outcome.ends(0, &stdout, &stderr);
}

#[test]
fn writes_through_the_agent_fail_on_a_full_disk_as_without_it_and_nothing_is_lost() {
    let home = Home::with_project();
    home.write("a.csv", "id,amount\n");
    let lines = format!(
        "
        export DBUS_SYSTEM_BUS_ADDRESS={NO_BUS}
        cp -a .local/share/strongroom small/vault
        export STRONGROOM_VAULT=$HOME/small/vault
        dd if=/dev/zero of=small/filler bs=4096 2>/dev/null
        {UNLOCK}
        # When the access log has no room either depends on how long its entries are.
        but_warnings() {{ \"$@\" 2> said; code=$?; grep -v ^warning: said >&2; return $code; }}
        but_warnings strongroom project add bistro; echo $?
        but_warnings strongroom project add bistro --password-file pw; echo $?
        but_warnings strongroom key rotate acme; echo $?
        but_warnings strongroom key rotate acme --password-file pw; echo $?
        but_warnings strongroom encrypt --quiet -p acme a.csv
        # Nothing is opened that cannot be recorded.
        strongroom decrypt -o - a.csv.sealed 2> said; grep -c cannot.record.the.access said
        ls -A small/vault
        rm small/filler
        strongroom project add bistro --quiet
        strongroom project list --password-file pw | cut -c1-23
        strongroom project list | cut -c1-23
        strongroom lock"
    );
    let Some(outcome) = with_small_disk(&home, &lines) else { return };
    let full = |doing: &str| {
        let text = format!(
            "\
error: cannot {doing}
cause: cannot write {{home}}/small/vault/vault.json: no space left on device
hint: free some space and run it again; nothing was changed
"
        );
        text.repeat(2)
    };
    let list = "PROJECT  CLIENT  STATE \nacme             intake\nbistro           intake\n";
    let stdout = format!(
        "0\n1\n1\n1\n1\n1\nlog\nvault.json\nvault.json.lock\nvault.json.prev\n{list}{list}the vault is locked\n"
    );
    outcome.ends(0, &stdout, &(full("add project \"bistro\"") + &full("rotate the key of \"acme\"")));
}
