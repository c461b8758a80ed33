#!/bin/sh
# Two containers, one of which is on no bridge.

modprobe veth && modprobe bridge || exit 1
cp /inside.sh /rootfs/inside.sh
ip link add br0 type bridge && ip link set br0 up && ip addr add 10.1.0.1/24 dev br0 || exit 2
rootlet run --rootfs /rootfs --network veth:one,10.1.0.2/24 \
    -- sh -c 'echo answer | nc -l -p 80 | sed "s/^/one: /"' &
sleep 1
rootlet run --rootfs /rootfs --network veth:two,10.1.0.3/24,gw=10.1.0.1,bridge=br0 -- sh /inside.sh || exit 3
wait
[ -e /sys/class/net/one ] || [ -e /sys/class/net/two ] && exit 4
echo "outside: no link is left"
