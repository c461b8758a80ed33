#!/bin/sh
# Says what the booted machine is like. Ends with 1 at the first thing that is not right.

# mounted DIR TYPE FLAG…: the last mount on DIR has that type and all these flags.
mounted() {
    directory=$1 type=$2
    shift 2
    line=$(awk -v d="$directory" '$2 == d { line = $3 " " $4 } END { print line }' /proc/mounts)
    [ "${line%% *}" = "$type" ] || { echo "no $type on $directory: $line"; exit 1; }
    for flag; do
        case ",${line#* }," in
        *",$flag,"*) ;;
        *) echo "$directory lacks $flag: $line"; exit 1 ;;
        esac
    done
    echo "$type on $directory: $*"
}

echo "arguments: $# [$1] [$2]"
[ "$(readlink /proc/1/exe)" = /init ] && [ "$PPID" = 1 ] && echo "pid 1 is rootlet"
mounted /proc proc nosuid nodev noexec
mounted /sys sysfs nosuid nodev noexec
mounted /dev devtmpfs nosuid
mounted /run tmpfs nosuid nodev
for node in null zero full random urandom tty console; do
    [ -c /dev/$node ] || { echo "no /dev/$node"; exit 1; }
done
touch /run/written || exit 1
echo "console: a line through /dev/console" >/dev/console
echo "all checks passed"
