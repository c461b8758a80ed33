// An init that does no more than it must: four mounts, the console, one service, reaping, power off.
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &all, 0);
    const char *mounts[4][2] = {{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}};
    for (int at = 0; at < 4; at++) {
        mkdir(mounts[at][1], 0755);
        mount(mounts[at][0], mounts[at][1], mounts[at][0], 0, 0);
    }
    int console = open("/dev/console", O_RDWR);
    for (int number = 0; number < 3; number++) dup2(console, number);
    if (fork() == 0) {
        sigprocmask(SIG_SETMASK, &none, 0);
        setsid();
        execl("/service", "service", (char *)0);
        _exit(127);
    }
    for (;;) {
        siginfo_t info;
        sigwaitinfo(&all, &info);
        if (info.si_signo == SIGCHLD) while (waitpid(-1, 0, WNOHANG) > 0) {}
        if (info.si_signo == SIGUSR2) {
            sync();
            reboot(RB_POWER_OFF);
        }
    }
}
