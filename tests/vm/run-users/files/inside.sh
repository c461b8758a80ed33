#!/bin/sh
# Looks around in a container of $1, whose ids are to be $2. Ends with 7 when all is right.

fail() {
    echo "$who: WRONG: $*"
    exit 1
}

who=$1
[ "$(id -u)" = 0 ] || fail "uid $(id -u)"
ids=$(tr -s ' \n' '  ' </proc/self/uid_map | sed 's/^ //; s/ $//')
[ "$ids" = "$2" ] || fail "ids $ids"
echo "$who: ids $ids"

field() {
    sed -n "s/^$1:[[:space:]]*//p" /proc/self/status
}

[ "$(field Seccomp)" = 2 ] || fail "seccomp $(field Seccomp)"
[ "$(field NoNewPrivs)" = 1 ] || fail "no_new_privs $(field NoNewPrivs)"
for set in CapPrm CapEff CapBnd; do
    [ "$(field $set)" = 00000000a80425fb ] || fail "$set $(field $set)"
done
unshare -U true 2>/dev/null && fail "a user namespace could be made"
echo "$who: a filter, no new privileges, docker's capabilities"

(echo x >/proc/sys/kernel/domainname) 2>/dev/null && fail "/proc/sys can be written"
[ -z "$(cat /proc/timer_list)" ] || fail "/proc/timer_list can be read"
[ -z "$(ls /sys/firmware)" ] || fail "/sys/firmware can be read"
echo x >/dev/null || fail "/dev/null"
echo x >/dev/shm/x || fail "/dev/shm"
echo "$who: /proc/sys is read-only, /proc/timer_list is hidden"
exit 7
