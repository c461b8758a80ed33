#!/bin/sh
# The second container.

for i in 1 2 3 4 5; do
    answer=$(echo question | nc -w 5 10.1.0.2 80) && break
    sleep 1
done
[ "$answer" = answer ] || exit 1
echo "two: $answer"
ip route | grep '^default via 10.1.0.1 dev eth0' || exit 2
grep '^10.1.0.3' /etc/hosts || exit 3
