# Children that wait at a fifo fall to PID 1 when the shell that made them does not end, and end all at once when its last
# writer closes it.
mkfifo /fifo
wave=0
while [ $wave -lt 1 ]; do
    sh -c 'exec 3</fifo; i=0; while [ $i -lt 100 ]; do read -r line <&3 & i=$((i + 1)); done; exec sleep 1000' &
    exec 4>/fifo
    sleep 3
    [ $wave = 0 ] && echo "orphans: $(grep -l "^PPid:.1$" /proc/[0-9]*/status 2>/dev/null | wc -l)"
    exec 4>&-
    wave=$((wave + 1))
done
sleep 1
echo "left: $(grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l)"
poweroff
