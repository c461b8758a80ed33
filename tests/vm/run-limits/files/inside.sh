#!/bin/sh
# Looks at the limits of a container of $1. Ends with 7 when all is right.

who=$1
cgroup=/sys/fs/cgroup

fail() {
    echo "$who: WRONG: $*"
    exit 1
}

is() {
    [ "$(cat $cgroup/$1)" = "$2" ] || fail "$1 is $(cat $cgroup/$1)"
}

[ "$(cat /proc/self/cgroup)" = "0::/" ] || fail "cgroup $(cat /proc/self/cgroup)"
if [ "$who" = user ]; then
    is memory.max 33554432
    is pids.max 30
    echo "user: its cgroup is the root, 32 MiB"
    exit 7
fi
is memory.max 67108864
is memory.low 33554432
[ ! -e $cgroup/memory.swap.max ] || is memory.swap.max 33554432
is cpu.max "50000 100000"
is cpu.weight 59
is cpuset.cpus 0
is cpuset.mems 0
is pids.max 20
mkdir $cgroup/made 2>/dev/null && fail "a cgroup was made"
(echo 0 >$cgroup/cgroup.procs) 2>/dev/null && fail "cgroup.procs can be written"
echo "root: its cgroup is the root, 64 MiB, half a processor, 20 processes"

[ "$(head -c 2 /dev/x | wc -c)" = 2 ] || fail "/dev/x cannot be read"
(echo y >/dev/x) 2>&1 | grep -q 'Operation not permitted' || fail "/dev/x can be written"
for device in null zero tty urandom full pts/ptmx; do
    (: </dev/$device) 2>&1 | grep 'not permitted' && fail "/dev/$device cannot be opened"
done
echo y >/dev/null || fail "/dev/null cannot be written"
mknod /tmp/node c 1 1 || fail "no node can be made"
echo "root: a device can be read alone, others as ever"
exit 7
