grep ' / ' /proc/mounts
ls -l /bin/rootlet | sed 's/.*rootlet/rootlet/'
cmp /init /sbin/init && echo "the same init"
rootlet run --rootfs / -- /bin/sh -c 'echo inside a container'
poweroff
