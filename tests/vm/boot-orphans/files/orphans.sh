#!/bin/sh
# Starts 30 processes whose parent dies at once. They wait for
# somebody to open the pipe.
i=0
while [ $i -lt 30 ]; do
    cat /pipe &
    i=$((i + 1))
done
