sleep 16
echo "starts in 16 s: $(wc -l </run/starts)"
kill -HUP 1
sleep 1
echo "and behind HUP: $(wc -l </run/starts)"
poweroff
