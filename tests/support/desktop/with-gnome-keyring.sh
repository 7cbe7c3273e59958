#!/usr/bin/env bash
# Runs a command on a session bus of its own, with a gnome-keyring-daemon that no desktop knows.
#
#   with-gnome-keyring.sh [MODE] COMMAND [ARGUMENT...]
#     --unlocked   the login collection exists and is open (the default)
#     --locked     the login collection exists and is locked
#     --empty      the daemon runs and has no collection
#     --nodaemon   the bus runs, no Secret Service does
#     --startable  as --nodaemon, but the bus could start one, which leaves $DESKTOP/started and does not come up
#     --nobus      there is no session bus at all
#
# The command finds the daemon's process id in $DESKTOP_DAEMON (a file) and may start another daemon, which unlocks
# the same collection, with:  with-gnome-keyring.sh --again
#
# Leaves with the command's status, or with 97 where the desktop did not come up. Needs dbus and gnome-keyring.
set -euo pipefail

readonly SECRETS=org.freedesktop.secrets
readonly PASSWORD=desktop

fail() {
  echo "with-gnome-keyring.sh: $*" >&2
  [ ! -s "$DESKTOP/daemon.log" ] || cat "$DESKTOP/daemon.log" >&2
  exit 97
}

# wait_for SECONDS CONDITION...
wait_for() {
  local turns=$(($1 * 50)); shift
  until "$@"; do
    [ $((turns -= 1)) -gt 0 ] || return 1
    sleep 0.02
  done
}

call() { dbus-send --session --print-reply=literal --reply-timeout=2000 "$@" 2>/dev/null; }

# Asked of the bus, because a question to the service itself might start one.
name_is_owned() {
  call --dest=org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus.NameHasOwner "string:$SECRETS" |
    grep -q 'boolean true'
}
name_is_free() { ! name_is_owned; }

login_is_open() {
  call "--dest=$SECRETS" /org/freedesktop/secrets/aliases/default org.freedesktop.DBus.Properties.Get \
    string:org.freedesktop.Secret.Collection string:Locked | grep -q 'boolean false'
}

# start_daemon open|shut
start_daemon() {
  wait_for 5 name_is_free || fail "another Secret Service runs on the private bus"
  local daemon=(gnome-keyring-daemon --foreground --components=secrets)
  if [ "$1" = open ]; then
    # The daemon takes its standard input up to the end as the password, and makes the collection where there is none.
    "${daemon[@]}" --unlock < <(printf %s "$PASSWORD") >>"$DESKTOP/daemon.log" 2>&1 &
  else
    "${daemon[@]}" </dev/null >>"$DESKTOP/daemon.log" 2>&1 &
  fi
  echo "$!" >"$DESKTOP_DAEMON"
  echo "$!" >>"$DESKTOP/daemons"
  wait_for 10 name_is_owned || fail "gnome-keyring-daemon did not come up"
  # The name is taken a moment before the collection is open.
  [ "$1" = shut ] || wait_for 10 login_is_open || fail "the login collection did not open"
}

stop_daemon() {
  kill -TERM "$(cat "$DESKTOP_DAEMON")"
  wait "$(cat "$DESKTOP_DAEMON")" || true
}

end_daemons() {
  local daemon
  [ -e "$DESKTOP/daemons" ] || return 0
  # KILL also ends one that a test has stopped, and its data goes with the folder.
  while read -r daemon; do kill -KILL "$daemon" 2>/dev/null || true; done <"$DESKTOP/daemons"
  wait 2>/dev/null || true
}

mode=unlocked
case ${1-} in
  --unlocked | --locked | --empty | --nodaemon | --startable | --nobus | --again | --inside-*) mode=${1#--}; shift ;;
esac

case $mode in
  inside-*)
    trap end_daemons EXIT
    trap 'exit 143' INT TERM HUP
    case $mode in
      inside-unlocked) start_daemon open ;;
      inside-locked) start_daemon open; stop_daemon; start_daemon shut ;;
      inside-empty) start_daemon shut ;;
      inside-nodaemon | inside-startable) ;;
    esac
    "$@"
    ;;
  again)
    start_daemon open
    # Nobody waits for it here: the outer script ends it.
    disown
    ;;
  *)
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    DESKTOP=$(mktemp -d "${TMPDIR:-/tmp}/desktop.XXXXXX")
    trap 'rm -rf "$DESKTOP"' EXIT
    mkdir -m 700 "$DESKTOP"/{run,data,config,cache,services}
    export DESKTOP DESKTOP_DAEMON=$DESKTOP/daemon
    export XDG_RUNTIME_DIR=$DESKTOP/run XDG_DATA_HOME=$DESKTOP/data
    export XDG_CONFIG_HOME=$DESKTOP/config XDG_CACHE_HOME=$DESKTOP/cache
    unset DISPLAY WAYLAND_DISPLAY DBUS_SESSION_BUS_ADDRESS GNOME_KEYRING_CONTROL SSH_AUTH_SOCK
    if [ "$mode" = nobus ]; then
      "$@"
    else
      sed "s|SERVICES|$DESKTOP/services|" "$here/bus.conf" >"$DESKTOP/bus.conf"
      [ "$mode" != startable ] || printf '[D-BUS Service]\nName=%s\nExec=/usr/bin/touch %s\n' \
        "$SECRETS" "$DESKTOP/started" >"$DESKTOP/services/$SECRETS.service"
      # The bus complains about its file limit where it may not raise it.
      dbus-run-session --config-file="$DESKTOP/bus.conf" -- "$here/$(basename "$0")" "--inside-$mode" "$@" \
        2> >(grep -v 'Failed to set fd limit' >&2)
    fi
    ;;
esac
