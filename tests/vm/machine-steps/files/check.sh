#!/bin/sh
# Asks on the console, waits for a disk, then for the three keys, which make the kernel reboot at
# once.

printf "answer: "
read -r answer </dev/console
echo "answered: $answer"
[ "$answer" = yes ] || exit 1

modprobe virtio_pci && modprobe virtio_blk || exit 2
[ ! -b /dev/vda ] || exit 3
echo "waiting for a disk"
until [ -b /dev/vda ]; do sleep 0.1; done
label=$(dd if=/dev/vda bs=1 skip=1144 count=16 2>/dev/null | tr -d '\0')
echo "a disk has come: $label"

echo 1 >/proc/sys/kernel/ctrl-alt-del
echo "ready for keys"
sleep 20
echo "no key was pressed"
