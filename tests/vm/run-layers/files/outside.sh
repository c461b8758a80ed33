#!/bin/sh
# Roots of several kinds, and containers that share.

modprobe overlay || exit 1
write='echo x >/new; rm /etc/passwd; [ -e /new ] && [ ! -e /etc/passwd ] && echo "$0: written"'

rootlet run --overlay --rootfs /rootfs -- sh -c "$write" overlay || exit 2
[ -e /rootfs/new ] && exit 3
[ -e /rootfs/etc/passwd ] || exit 3
echo "outside: the root is as it was"

# Layers that are written need a filesystem with attributes.
mkdir /layers && mount -t tmpfs layers /layers && mkdir /layers/upper /layers/work || exit 4
rootlet run --upper /layers/upper --work /layers/work --rootfs /rootfs -- sh -c "$write" kept || exit 5
[ -e /layers/upper/new ] || exit 6

mkdir -p /top/etc && echo top >/top/etc/mark
echo "stacked: $(rootlet run --rootfs /top --rootfs /rootfs -- cat /etc/mark)" || exit 7

tar -C /rootfs -czf - . | rootlet run --rootfs - -- sh -c 'echo "archive: $(ls /etc/passwd | sed s,/etc/,,)"' || exit 8

rootlet run --name first --hostname first --rootfs /rootfs -- sh -c 'sleep 8' &
sleep 2
rootlet run --uts container:first --pid container:first --rootfs /rootfs \
    -- sh -c 'kill -0 2 && echo "sidecar: $(hostname)"' || exit 9

rootlet run --persist net=/run/net --rootfs /rootfs -- true || exit 10
rootlet run --network ns:/run/net --rootfs /rootfs -- sh -c 'echo "kept namespace: $(ls /sys/class/net)"' || exit 11
umount /run/net && rm /run/net || exit 12

rootlet run --time-offset boottime=1000000 --rootfs /rootfs \
    -- sh -c '[ $(cut -d. -f1 /proc/uptime) -gt 1000000 ] && echo "clock: shifted"' || exit 13
wait
[ -z "$(ls /run/rootlet)" ] || exit 14
echo "outside: no record is left"
