# The console is as init has left it: Ctrl-S holds it.
