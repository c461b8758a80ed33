#!/bin/sh
# What $1 does with a container of his, whose cgroup is below $2.

who=$1
below=$2

fail() {
    echo "$who: WRONG: $*"
    exit 1
}

. /pause.sh

# From the cgroup that is there for it, where it is the only process.
start() {
    [ "$who" = root ] || sh -c 'echo $PPID' >"$below/scope/cgroup.procs" || fail "the scope"
    exec rootlet run -d --name "c-$who" --log "/tmp/log-$who" --rootfs /rootfs --memory 32m -- "$@"
}

# How many letters the container has written.
letters() {
    rootlet logs "c-$who" | wc -c
}

# Nothing of rootlet's is below.
is_clean() {
    left=$(find "$below" -name supervisor -o -name "*c-$who*")
    [ -z "$left" ] || fail "$1: left: $left"
}

(start no-such-program)
[ $? = 127 ] || fail "a start that fails"
[ ! -e "$below" ] || is_clean "a start that failed"
(start sh -c 'trap "exit 5" TERM; while :; do printf x; usleep 20000; done') || fail "status $?"
[ "$(rootlet exec "c-$who" -- cat /proc/self/cgroup)" = "0::/" ] || fail "exec: its cgroup"
rootlet exec "c-$who" -- sleep 303 &
entered=$!
own=$(find "$below" -type d -name "*c-$who*" | head -n 1)
[ -n "$own" ] || fail "no cgroup below $below"
for try in $(seq 100); do
    for pid in $(cat "$own/cgroup.procs"); do
        grep -q 303 "/proc/$pid/cmdline" && break 2
    done
    usleep 50000
done
grep -q 303 "/proc/$pid/cmdline" || fail "exec: not in $own"
echo "$who: exec is in the container's own cgroup"

pause "c-$who" || fail "pause: $?"
before=$(letters)
usleep 500000
[ "$before" = "$(letters)" ] || fail "it goes on while paused"
grep -q 'frozen 1' "$own/cgroup.events" || fail "not frozen: $(cat "$own/cgroup.events")"
rootlet ps | grep "c-$who" | grep -q paused || fail "ps: $(rootlet ps)"
echo "$who: nothing runs while it is paused"

rootlet resume "c-$who" || fail "resume: $?"
for try in $(seq 100); do
    [ "$(letters)" -gt "$before" ] && break
    usleep 50000
done
[ "$(letters)" -gt "$before" ] || fail "it does not go on"
echo "$who: what was paused goes on"

rootlet stop "c-$who" || fail "stop: $?"
wait $entered
[ "$(rootlet wait "c-$who")" = 5 ] || fail "wait: $(rootlet wait "c-$who")"
rootlet rm "c-$who" || fail "rm: $?"
[ ! -e "$below" ] || is_clean end
[ "$who" = root ] || echo "$who: stopped with status 5, and nothing is left"
exit 0
