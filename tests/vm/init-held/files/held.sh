# The kernel's own lines are shown on a held console too; alerts are, whatever its level.
say() { echo "<1>$*" >/dev/kmsg; }
. /etc/console.sh
echo "hold the console now"
sleep 2
# More than the line has room for: whoever writes it waits.
(i=0; while [ $i -lt 400 ]; do echo "filler line $i"; i=$((i + 1)); done; say "the console took it all") &
sleep 2
# Each time init has a line to say.
for _ in 1 2 3; do kill -HUP 1; sleep 0.2; done
(sleep 0.1 &)
sleep 1
say "zombies: $(ps -o stat | grep -c '^Z')"
poweroff
