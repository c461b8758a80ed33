#!/bin/sh
# Looks around in a container. Ends with 7 when all is right, with 1 at the first thing wrong.

fail() {
    echo "inside: WRONG: $*"
    exit 1
}

[ "$(hostname)" = guest ] || fail "hostname $(hostname)"
echo "inside: hostname guest"

[ $$ != 1 ] || fail "the command is PID 1"
[ "$(cat /proc/1/comm)" = rootlet ] || fail "PID 1 is $(cat /proc/1/comm)"
processes=$(ls -d /proc/[0-9]* | wc -l)
[ "$processes" -le 5 ] || fail "$processes processes: $(ps)"
echo "inside: rootlet is PID 1 of few processes"

line=$(grep ' /sys/fs/cgroup ' /proc/mounts)
case "$line" in
*" /sys/fs/cgroup cgroup2 ro,"*) ;;
*) fail "cgroup: $line" ;;
esac
[ -e /sys/fs/cgroup/cgroup.procs ] || fail "no cgroup.procs"
mkdir /sys/fs/cgroup/made 2>/dev/null && fail "a cgroup could be made"
echo "inside: cgroup2 is read-only"

for name in cgroup ipc mnt net pid uts; do
    own=$(readlink /proc/self/ns/$name)
    case " $HOST " in
    *" $own "*) fail "the host's $name namespace" ;;
    esac
done
echo "inside: no namespace of the host"

found=$(find / -path /proc -prune -o -path /sys -prune -o -name outside-only -print)
[ -z "$found" ] || fail "a file of the host: $found"
readlink /proc/1/root && fail "/proc/1/root can be read"
ls /proc/1/cwd/ 2>/dev/null && fail "/proc/1/cwd can be read"
echo "inside: no file of the host"
exit 7
