mount -o remount,rw /
mkdir -p /deep/disk /loop
mount /dev/nvme1n1 /deep/disk
dd if=/dev/zero of=/deep/disk/image bs=1M count=8 2>/dev/null
mkswap /deep/disk/image >/dev/null
swapon /deep/disk/image
dd if=/dev/nvme2n1 of=/deep/disk/filesystem bs=1M count=4
losetup /dev/loop0 /deep/disk/filesystem
mount -t ext4 /dev/loop0 /loop
mount -t tmpfs tmpfs /deep
echo "loop $(grep -c loop0 /proc/mounts), swap $(grep -c image /proc/swaps)"
echo data >/loop/file
