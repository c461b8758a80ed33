#!/bin/sh
# Runs containers with limits, as root and as an ordinary user, and looks at what is left.

cgroup=/sys/fs/cgroup
run="rootlet run --rootfs /rootfs"

fail() {
    echo "outside: WRONG: $*"
    exit 1
}

# Whether no cgroup of ours is left.
is_clean() {
    left=$(find $cgroup -name 'rootlet' -o -name supervisor -o -name 'c-*')
    [ -z "$left" ] || fail "$1: left: $left"
}

mount -t cgroup2 none $cgroup || fail "no cgroup2"
cp /inside.sh /rootfs/inside.sh
$run --memory 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 \
    --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 20 --device /dev/zero:/dev/x:r \
    -- sh /inside.sh root
[ $? = 7 ] || exit 1
is_clean root

$run -m 16m --memory-swap 16m -- tail -c 100m /dev/zero >/dev/null
echo "outside: $?"
is_clean memory

$run --name c-bomb --pids-limit 20 -- sh -c 'bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 300' &
for try in $(seq 100); do
    grep -q '^max [1-9]' $cgroup/rootlet/c-bomb/pids.events 2>/dev/null && break
    usleep 100000
done
[ "$(cat $cgroup/rootlet/c-bomb/pids.current)" -le 20 ] || fail "pids.current"
kill $!
wait $!
is_clean bomb
echo "outside: a bomb met its limit"

$run --name c-killed -m 64m --pid host -- sh -c 'setsid sleep 301 & sleep 302' &
for try in $(seq 100); do
    pgrep -f 'sleep 301' >/dev/null && break
    usleep 100000
done
kill -9 $!
wait $!
$run -- true
is_clean killed
pgrep -f 'sleep 30[12]' >/dev/null && fail "processes of a killed run are left"
echo "outside: nothing is left of a container that was killed"

$run --name c-outlived -m 64m --pid host -- sh -c 'setsid sleep 303 & sleep 304' &
for try in $(seq 100); do
    pgrep -f 'sleep 303' >/dev/null && break
    usleep 100000
done
kill -9 $(cat /proc/$!/task/*/children)
wait $!
[ $? = 137 ] || fail "status $?"
is_clean outlived
pgrep -f 'sleep 30[34]' >/dev/null && fail "processes outlived their container"
echo "outside: processes that outlived PID 1 are gone"

# A user without a cgroup of his own, then with one, as systemd-run gives it to him.
as_user() {
    su -s /bin/sh user -c "exec rootlet run --rootfs /rootfs $*"
}
as_user "-m 32m -- true"
[ $? = 125 ] || fail "a user without a cgroup"
mkdir $cgroup/own
chown user $cgroup/own $cgroup/own/cgroup.procs $cgroup/own/cgroup.subtree_control
sh -c "echo \$\$ >$cgroup/own/cgroup.procs
    exec su -s /bin/sh user -c 'exec rootlet run --rootfs /rootfs -m 32m --pids-limit 30 -- sh /inside.sh user'"
[ $? = 7 ] || exit 2
[ -z "$(cat $cgroup/own/cgroup.subtree_control)" ] || fail "subtree_control"
is_clean user
rmdir $cgroup/own || fail "the user's cgroup is in use"
echo "outside: the user's cgroup is as it was"

# Errors that say why.
$run --cpuset-cpus 8191 -- true
[ $? = 125 ] || fail "8191"
mkdir $cgroup/full
sh -c "echo \$\$ >$cgroup/full/cgroup.procs; exec $run -m 32m --cgroup-parent /full -- true"
[ $? = 125 ] || fail "a parent with processes"
rmdir $cgroup/full
is_clean errors
exit 0
