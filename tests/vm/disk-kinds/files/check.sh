#!/bin/sh
# Mounts every disk of the machine and says what is on it. Ends with 1 at the first thing that
# is not right.

fail() { echo "$*"; exit 1; }

# named DEVICE NAME…: which device has that name.
named() {
    device=$1
    shift
    for name; do
        found=$(findfs "$name")
        [ "$found" = "$device" ] || fail "$device is not $name: $found"
    done
}

# holds DEVICE TYPE rw|ro busybox|hello: the filesystem, mounted, has the scenario's file, and
# the rootfs where that is its base.
holds() {
    mount -t "$2" -o "$3" "$1" /mnt || fail "$1 is not mounted"
    [ "$(cat /mnt/etc/hello)" = hello ] || fail "$1 has no hello"
    if [ "$4" = busybox ]; then
        [ "$(chroot /mnt /bin/sh -c 'id -u && readlink /bin/sh')" = "0
../bin/busybox" ] || fail "$1 has no rootfs"
        [ "$(stat -c %u:%a /mnt/home/user /mnt/root)" = "1000:755
0:700" ] || fail "$1 has other owners: $(stat -c %u:%a /mnt/home/user /mnt/root)"
    fi
    [ "$3" = ro ] || echo "by the guest" >/mnt/etc/written || fail "$1 cannot be written"
    umount /mnt || fail "$1 is still used"
    echo "$3 $2 on $1: $4"
}

for module in virtio_pci virtio_blk xfs btrfs vfat nls_cp437 nls_ascii squashfs erofs isofs; do
    modprobe $module || fail "no module $module"
done

named /dev/nvme0n1p2 LABEL=system UUID=11111111-2222-3333-4444-555555555555
part=/sys/class/block/nvme0n1p2/uevent
grep -qx PARTNAME=first $part || fail "the partition is not called first: $(cat $part)"
holds /dev/nvme0n1p2 ext4 rw busybox
named /dev/vda1 LABEL=tree
holds /dev/vda1 btrfs rw hello
named /dev/vdb LABEL=extents UUID=22222222-2222-3333-4444-555555555555
holds /dev/vdb xfs rw busybox
named /dev/vdc LABEL=FIRMWARE UUID=12AB-34CD
holds /dev/vdc vfat rw hello
holds /dev/vdd squashfs ro busybox
named /dev/vde UUID=33333333-2222-3333-4444-555555555555
holds /dev/vde erofs ro busybox
named /dev/vdf LABEL=MEDIUM
holds /dev/vdf iso9660 ro hello
named /dev/vdg LABEL=memory
swapon /dev/vdg && swapoff /dev/vdg || fail "no swap"
echo "swap on /dev/vdg"
echo "all disks are right"
