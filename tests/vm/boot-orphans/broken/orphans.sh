#!/bin/sh
# Starts 30 processes whose parent dies at once, and one whose parent stays. They wait for
# somebody to open the pipe.
i=0
while [ $i -lt 30 ]; do
    cat /pipe &
    i=$((i + 1))
done
sh -c 'cat /pipe & exec tail -f /dev/null' &
