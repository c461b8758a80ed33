#!/bin/sh
# Starts containers in the background, enters, pauses and ends them; as root, then as an ordinary user.

cgroup=/sys/fs/cgroup
mount -t cgroup2 none $cgroup || exit 1

sh /inside.sh root $cgroup/rootlet || exit 1

rootlet run -d --name c-root --rootfs /rootfs --memory 24m -- sleep 300 || exit 2
rootlet exec c-root -- sh -c 'tail -c 100m /dev/zero >/dev/null; echo "hog: $?"' | grep -q 'hog: 137' || {
    echo "root: WRONG: a program that entered has no limit"
    exit 2
}
echo "root: a program that entered counts for its limits"
rootlet kill -s KILL c-root
rootlet wait c-root
rootlet rm c-root || exit 3
[ -z "$(find $cgroup -name 'c-*')" ] || exit 4
echo "root: killed, and nothing is left"

# A cgroup of his own with his shell's and one for the container in it, as systemd makes them.
echo "+memory +pids" >$cgroup/cgroup.subtree_control || exit 5
mkdir $cgroup/own
echo "+memory +pids" >$cgroup/own/cgroup.subtree_control || exit 5
mkdir $cgroup/own/shell $cgroup/own/scope
for made in own own/shell own/scope; do
    chown user $cgroup/$made $cgroup/$made/cgroup.procs $cgroup/$made/cgroup.subtree_control
done
sh -c "echo \$\$ >$cgroup/own/shell/cgroup.procs; exec su -s /bin/sh user -c 'exec sh /inside.sh user $cgroup/own'" || exit 6
exit 0
