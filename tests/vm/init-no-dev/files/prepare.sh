#!/bin/sh
# Makes a root without /dev that cannot be written, and becomes its init with nothing open.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/bin /mnt/sbin /mnt/etc /mnt/proc /mnt/sys
cp /bin/busybox /mnt/bin/sh
cp /init /mnt/sbin/init
ln -s init /mnt/sbin/poweroff
cp /inittab /mnt/etc/inittab
mount -o remount,ro /mnt
exec switch_root /mnt /sbin/init <&- >&- 2>&-
