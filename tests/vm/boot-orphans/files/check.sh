#!/bin/sh
# Makes orphans, lets them end, and looks whether somebody has reaped them.

# count PATTERN: how many processes have a name, state and parent like it.
count() {
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^[0-9]* //' | grep -c "^$1 "
}

# Tries again for some seconds.
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 40 ] || return 1
        usleep 100000
    done
}

all_are_orphans() {
    orphans=$(count '(cat) S 1')
    [ "$orphans" = 30 ]
}

all_are_gone() {
    zombies=$(count '(.*) Z [0-9]*')
    orphans=$(count '(cat) . 1')
    [ "$zombies" = 0 ] && [ "$orphans" = 0 ]
}

mkfifo /pipe
sh /orphans.sh
until_true all_are_orphans
echo "$orphans orphans have PID 1 as their parent"
: >/pipe
until_true all_are_gone
gone=$?
echo "$zombies zombies, $orphans orphans left"
exit $gone
