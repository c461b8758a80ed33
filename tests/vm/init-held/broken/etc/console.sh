# Ctrl-S is a byte like any other.
stty -ixon
