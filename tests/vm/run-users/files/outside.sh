#!/bin/sh
# Runs a container as root with ids of its own, and one as an ordinary user.

cp /inside.sh /rootfs/inside.sh
rootlet run --rootfs /rootfs --uidmap 0:100000:1000 \
    -- sh /inside.sh root "0 100000 1000"
[ $? = 7 ] || exit 1
su -s /bin/sh user -c 'rootlet run --rootfs /rootfs -- sh /inside.sh user "0 1000 1"'
[ $? = 7 ] || exit 2
echo "outside: both ended with 7"
