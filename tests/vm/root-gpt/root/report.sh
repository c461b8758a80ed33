echo "name $(hostname), domain $(cat /proc/sys/kernel/domainname)"
while read -r device place kind options rest; do
    case $place in
        /|/data|/boot|/bound|/volatile|/missing|/later) echo "mount $place $kind $options" ;;
    esac
done </proc/mounts
echo "swaps $(($(wc -l </proc/swaps) - 1))"
echo "init $(cat /proc/1/comm), arguments $(tr '\0' ' ' </proc/1/cmdline)"
ls -d /old-root /init 2>/dev/null
echo data >/data/written
# What the initramfs held was memory that cannot be paged out.
sleep 1
grep Unevictable /proc/meminfo | tr -s ' '
