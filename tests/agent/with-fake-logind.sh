#!/usr/bin/env bash
# Runs a command on a system bus of its own, with python-dbusmock's logind on it.
#
#   with-fake-logind.sh COMMAND [ARGUMENT...]
#
# The command finds the bus in $DBUS_SYSTEM_BUS_ADDRESS, and the process ids of the bus and of logind in $BUS_PROCESS and
# $LOGIND_PROCESS. Leaves with the command's status, or with 97 if the bus did not come up. Needs dbus and
# python3-dbusmock.
set -euo pipefail

folder=$(mktemp -d)
cat >"$folder/bus.conf" <<CONFIGURATION
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path=$folder/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
CONFIGURATION
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT

fail() {
  echo "with-fake-logind.sh: $*" >&2
  cat "$folder"/*.log >&2
  exit 97
}

# wait_for CONDITION...
wait_for() {
  local turns=500
  until "$@"; do
    [ $((turns -= 1)) -gt 0 ] || return 1
    sleep 0.02
  done
}

logind_is_there() {
  dbus-send --system --print-reply=literal --dest=org.freedesktop.DBus /org/freedesktop/DBus \
    org.freedesktop.DBus.NameHasOwner string:org.freedesktop.login1 2>/dev/null | grep -q true
}

dbus-daemon --config-file="$folder/bus.conf" --nofork --nopidfile >"$folder/bus.log" 2>&1 &
export BUS_PROCESS=$! DBUS_SYSTEM_BUS_ADDRESS="unix:path=$folder/bus"
wait_for test -S "$folder/bus" || fail "the bus did not come up"
# Debian's own interpreter, which python3-dbusmock belongs to.
/usr/bin/python3 -m dbusmock --system --template logind >"$folder/logind.log" 2>&1 &
export LOGIND_PROCESS=$!
wait_for logind_is_there || fail "logind did not come up"
"$@"
