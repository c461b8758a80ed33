sleep 1
echo halting
case $(cat /proc/cmdline) in
    *forced*) halt -f ;;
    *) halt ;;
esac
