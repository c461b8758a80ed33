// The first service: says in the kernel's log, which has times, that it is up and when it asks for the end.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void say(const char *text) {
    int log = open("/dev/kmsg", O_WRONLY);
    if (write(log, text, strlen(text)) < 0) _exit(1);
    close(log);
}

int main(void) {
    say("<4>service: up\n");
    sleep(1);
    say("<4>service: asks for the end\n");
    // Power off, to busybox's init, to rootlet and to the lean one.
    return kill(1, SIGUSR2);
}
