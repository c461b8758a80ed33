/*
 * Many of something, which end with this program: it prints that they are there and waits for the end of its input.
 *
 * crowd processes COUNT [FLAGS]      processes, each in new namespaces of these flags of clone(2)
 * crowd mounts COUNT DIR             mounts below DIR, in a mount namespace of its own
 * crowd stack COUNT DIR              mounts over each other, in a mount namespace of its own
 * crowd changing                     short-lived processes in namespaces of their own, until the input ends
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for_end(void)
{
    char byte;
    puts("up");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
}

static void processes(int count, int flags)
{
    int ready[2];
    if (pipe(ready))
        err(1, "pipe");
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid < 0)
            err(1, "fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (flags && unshare(flags))
                err(1, "unshare");
            if (write(ready[1], "", 1) != 1)
                _exit(1);
            close(ready[0]);
            close(ready[1]);
            for (;;)
                pause();
        }
    }
    close(ready[1]);
    char bytes[4096];
    for (int seen = 0; seen < count;) {
        ssize_t got = read(ready[0], bytes, sizeof bytes);
        if (got <= 0)
            errx(1, "only %d of %d are there", seen, count);
        seen += got;
    }
    wait_for_end();
    kill(0, SIGKILL);
}

static void mounts(int count, const char *dir, int stacked)
{
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        err(1, "unshare");
    if (mount("top", dir, "tmpfs", 0, NULL) || chdir(dir))
        err(1, "mount %s", dir);
    for (int i = 0; i < count; i++) {
        char name[32] = ".";
        if (!stacked) {
            snprintf(name, sizeof name, "m%d", i);
            mkdir(name, 0755);
        }
        if (mount("none", stacked ? dir : name, "tmpfs", 0, "size=64k"))
            err(1, "mount %s", name);
    }
    wait_for_end();
}

static void come_and_go(void)
{
    struct pollfd input = { .fd = 0, .events = POLLIN };
    puts("up");
    fflush(stdout);
    while (poll(&input, 1, 0) == 0) {
        if (fork() == 0)
            _exit(unshare(CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID) != 0);
        wait(NULL);
    }
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 0;
    setpgid(0, 0);
    if (argc > 2 && !strcmp(argv[1], "processes"))
        processes(count, argc > 3 ? (int)strtol(argv[3], NULL, 0) : 0);
    else if (argc > 3 && !strcmp(argv[1], "mounts"))
        mounts(count, argv[3], 0);
    else if (argc > 3 && !strcmp(argv[1], "stack"))
        mounts(count, argv[3], 1);
    else if (argc > 1 && !strcmp(argv[1], "changing"))
        come_and_go();
    else
        errx(2, "crowd: no such thing");
    return 0;
}
