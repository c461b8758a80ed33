#!/bin/sh
fail() { echo "$*"; exit 1; }
for module in nvme virtio_pci virtio_blk virtio_scsi sd_mod ahci xhci_pci usb_storage 9p 9pnet_virtio; do
    modprobe $module || fail "no module $module"
done

# found MIB DRIVER: waits for the disk of that size and looks for its driver on the way to it.
found() {
    tries=0
    until disk=$(grep -lx $(($1 * 2048)) /sys/block/*/size); do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail "no disk of $1 MiB"
        sleep 0.1
    done
    place=$(readlink -f "${disk%/size}")
    while [ "$place" != / ]; do
        case $(readlink $place/driver) in */$2) return ;; esac
        place=$(dirname $place)
    done
    fail "$1 MiB on $(readlink -f $disk), not $2"
}
found 1 nvme
found 2 virtio_blk
found 3 virtio_scsi
found 4 ahci
echo "nvme, virtio, scsi, ahci"
echo "waiting for usb"
found 5 usb-storage
echo "usb, later"
mount -t 9p -o trans=virtio,version=9p2000.L host /mnt || fail "no share"
echo "shared: $(cat /mnt/hello)"
