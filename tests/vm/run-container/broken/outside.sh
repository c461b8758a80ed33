#!/bin/sh
# Runs a container in the booted machine, and looks at what it leaves behind.

# What must be as before: mounts, and all processes but this script's own children.
state() {
    cat /proc/self/mountinfo
    for process in /proc/[0-9]*; do
        [ "${process#/proc/}" -le $$ ] && echo "$process"
    done
    for process in /proc/[0-9]*; do
        tr '\0' ' ' <"$process/cmdline" | grep rootlet
    done 2>/dev/null
}

namespaces() {
    for name in /proc/self/ns/*; do
        readlink "$name"
    done | tr '\n' ' '
}

touch /outside-only
state >/tmp/before
rootlet run --rootfs /rootfs --hostname guest \
    -v /:/mnt:ro -v /inside.sh:/inside.sh:ro -e "HOST=$(namespaces)" \
    -- sh /inside.sh
status=$?
echo "outside: status $status"
[ $status = 7 ] || exit 1
state >/tmp/after
diff /tmp/before /tmp/after || exit 1
echo "outside: nothing is left"
