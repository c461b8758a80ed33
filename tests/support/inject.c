// Makes one system call of one process of a command fail, or kills it there, and tells how all ended.
//
// inject [-n] [-i] [-R DIR] [-l SECONDS] LOG WHAT COMMAND...   WHAT: list | PROCESS:NUMBER:NTH:ERRNO | PROCESS:NUMBER:NTH:kill
//
// -R: DIR, a mount, is the command's root. -n: what does things to a whole machine (reboot(2), swapoff(2), clocks, modules)
// is answered without being done, and the kernel command line is read in /kernel-line. -i: the first table of mounts that is
// read is /initial-mounts, such as that of an initramfs.
//
// Processes are numbered as they are made, from 0. A process that executes something by execve(2) is rootlet no more:
// rootlet itself does so by execveat(2) alone. Calls are counted in each process by their number. Of a list each line is
// `PROCESS NUMBER NTH RESULT TEXT`, where the text is the first string among the arguments. The last lines are `reached`,
// and `end STATUS LEFT`: wait(2)'s status of the first process, and how many others have outlived it by two seconds.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 512, NUMBERS = 600, KILL = -1, LEFT_S = 2, HELD_MS = 100 };

struct process {
    pid_t pid;
    int alive, foreign, inside, injected;
    // The status of a stop in which it is held, 0 for none.
    int held;
    long number;
    char text[200];
    // A constant of the program that stands changed while a call is under way.
    unsigned long changed;
    long words[4];
    unsigned short count[NUMBERS];
};

static struct process processes[PROCESSES];
static int count, machine, initial, listing, target, nth, error, reached, limit_s = 9;
static long number;
static FILE *log_file;
static volatile sig_atomic_t alarmed;

static void on_alarm(int signal) { (void)signal, alarmed = 1; }

static void fail(const char *what) {
    perror(what);
    exit(99);
}

static struct process *find(pid_t pid) {
    for (int i = count - 1; i >= 0; i--)
        if (processes[i].pid == pid && processes[i].alive) return &processes[i];
    return NULL;
}

static struct process *add(pid_t pid, int foreign) {
    struct process *p = find(pid);
    if (!p && count < PROCESSES) {
        p = &processes[count++];
        p->pid = pid, p->alive = 1;
    }
    if (p) p->foreign |= foreign;
    return p;
}

// A process whose calls are of no interest runs on without a stop at each.
static void go_on(struct process *p, int signal) {
    int wanted = !p->foreign && (listing || machine || (!reached && p - processes == target));
    ptrace(wanted || p->injected ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, 0, signal);
}

static int read_text(pid_t pid, unsigned long address, char *text, size_t size) {
    struct iovec ours = {text, size - 1};
    size_t left = 4096 - address % 4096;
    struct iovec theirs = {(void *)address, left < size - 1 ? left : size - 1};
    ssize_t got = address < 4096 ? -1 : process_vm_readv(pid, &ours, 1, &theirs, 1, 0);
    if (got < 1) return 0;
    text[got] = 0;
    for (char *c = text; *c; c++)
        if (*c < 32 || *c > 126) return 0;
    return text[0] != 0;
}

static void find_text(struct process *p, struct user_regs_struct *r) {
    unsigned long arguments[] = {r->rdi, r->rsi, r->rdx, r->r10};
    p->text[0] = 0;
    if (r->orig_rax == SYS_prctl) snprintf(p->text, sizeof p->text, "prctl %lld %lld", r->rdi, r->rsi);
    else if (r->orig_rax == SYS_wait4) strcpy(p->text, r->rdx & WNOHANG ? "looks" : "waits");
    else
        for (int i = 0; i < 4 && !read_text(p->pid, arguments[i], p->text, sizeof p->text); i++)
            p->text[0] = 0;
}

// What a test must not do to the machine that it runs on: answered, but not made.
static int is_of_machine(long number) {
    return number == SYS_reboot || number == SYS_swapoff || number == SYS_swapon || number == SYS_settimeofday ||
           number == SYS_clock_settime || number == SYS_finit_module || number == SYS_init_module ||
           number == SYS_delete_module || number == SYS_sync;
}

// The same of mount(2): /dev is the machine's own, and what is made read-only is so for all.
static int is_of_all(struct process *p, struct user_regs_struct *r) {
    char source[16];
    if (p->number != SYS_mount) return 0;
    return r->r10 & MS_REMOUNT || (read_text(p->pid, r->rdi, source, sizeof source) && !strcmp(source, "devtmpfs"));
}

static void end_of_machine(struct process *p) {
    fprintf(log_file, "power\n");
    kill(p->pid, SIGKILL);
}

// Only ptrace(2) may write a constant.
static void change(struct process *p, unsigned long address, const char *path) {
    char bytes[sizeof p->words];
    for (int i = 0; i < 4; i++) p->words[i] = ptrace(PTRACE_PEEKDATA, p->pid, address + 8 * i, 0);
    memcpy(bytes, p->words, sizeof bytes);
    strcpy(bytes, path);
    for (int i = 0; i < 4; i++) {
        long word;
        memcpy(&word, bytes + 8 * i, 8);
        ptrace(PTRACE_POKEDATA, p->pid, address + 8 * i, word);
    }
    p->changed = address;
}

static void on_entry(struct process *p) {
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, p->pid, 0, &r)) return;
    p->number = r.orig_rax;
    if (p->number < 0 || p->number >= NUMBERS) return;
    int nr = ++p->count[p->number];
    if (listing) find_text(p, &r);
    if (machine && is_of_machine(p->number)) {
        p->injected = p->number == SYS_reboot && r.rdx == 0 ? 0x10000 : 0x10000 | (p->number == SYS_reboot ? 0 : EPERM);
        if (p->number == SYS_reboot && r.rdx != 0) return end_of_machine(p);
    } else if (machine && is_of_all(p, &r)) {
        p->injected = 0x10000 | (r.r10 & MS_REMOUNT ? 0 : ENODEV);
    } else if (machine && p->number == SYS_openat) {
        char path[32];
        if (!read_text(p->pid, r.rsi, path, sizeof path)) path[0] = 0;
        if (!strcmp(path, "/proc/cmdline")) change(p, r.rsi, "/kernel-line");
        if (initial && !strcmp(path, "/proc/self/mountinfo")) initial = 0, change(p, r.rsi, "/initial-mounts");
    }
    if (!listing && !reached && p - processes == target && p->number == number && nr == nth) {
        reached = 1;
        fprintf(log_file, "reached\n");
        if (error == KILL) kill(p->pid, SIGKILL);
        else p->injected = 0x10000 | error;
    }
    // The kernel closes a descriptor whatever it answers.
    if (p->injected && p->number != SYS_close) {
        r.orig_rax = -1;
        ptrace(PTRACE_SETREGS, p->pid, 0, &r);
    }
}

static void on_exit_of_call(struct process *p) {
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, p->pid, 0, &r)) return;
    if (p->injected) {
        r.rax = -(long)(p->injected & 0xffff);
        ptrace(PTRACE_SETREGS, p->pid, 0, &r);
        p->injected = 0;
    }
    for (int i = 0; p->changed && i < 4; i++) ptrace(PTRACE_POKEDATA, p->pid, p->changed + 8 * i, p->words[i]);
    p->changed = 0;
    if (listing && p->number >= 0 && p->number < NUMBERS)
        fprintf(log_file, "%d %ld %d %lld %s\n", (int)(p - processes), p->number, p->count[p->number], r.rax, p->text);
}

static void on_stop(struct process *p, int status);

// A child may stop before its parent's event has told whose it is. It is held until then, so that no call of what CMD
// has made counts; but not for ever, since its parent may have been killed before it could tell.
static void hold(pid_t pid, int status) {
    struct process *p = add(pid, 0);
    if (p) p->held = status;
}

static int holds(void) {
    for (int i = 0; i < count; i++)
        if (processes[i].held && processes[i].alive) return 1;
    return 0;
}

static void release(struct process *p) {
    int status = p->held;
    p->held = 0;
    if (status && p->alive) on_stop(p, status);
}

static void on_stop(struct process *p, int status) {
    int event = status >> 16, signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
        p->inside = !p->inside;
        if (p->inside) on_entry(p);
        else on_exit_of_call(p);
        signal = 0;
    } else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        unsigned long made = 0;
        ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &made);
        struct process *child = add(made, p->foreign);
        if (child) release(child);
        signal = 0;
    } else if (event == PTRACE_EVENT_EXEC) {
        // The first is that of rootlet.
        if (p->number == SYS_execve) p->foreign = 1;
        signal = 0;
    } else if (event) {
        signal = 0;
        // A stopped process stays stopped: only what ends a stop lets it go on.
        if (event == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
            ptrace(PTRACE_LISTEN, p->pid, 0, 0);
            return;
        }
    }
    go_on(p, signal);
}

static void start(const char *root, char **command) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC)) fail("pipe");
    pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
        if (root) {
            if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) || chdir(root) ||
                syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
                fail("root");
        }
        // PID 1 of a namespace cannot stop itself by a signal.
        char byte;
        close(pipes[1]);
        if (read(pipes[0], &byte, 1)) fail("read");
        execv(command[0], command);
        fail(command[0]);
    }
    int status;
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, pid, 0, options)) fail("seize");
    close(pipes[0]), close(pipes[1]);
    struct process *p = add(pid, 0);
    // Up to execve nothing counts.
    for (;;) {
        if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) exit(99);
        if (status >> 16 == PTRACE_EVENT_EXEC) break;
        ptrace(PTRACE_CONT, pid, 0, status >> 16 ? 0 : WSTOPSIG(status));
    }
    // The next stop is the exit of that execve.
    p->inside = 1, p->number = -1;
    ptrace(PTRACE_SYSCALL, pid, 0, 0);
}

int main(int argc, char **argv) {
    const char *root = NULL;
    for (int option; (option = getopt(argc, argv, "+niR:l:")) != -1;)
        if (option == 'n') machine = 1;
        else if (option == 'i') initial = 1;
        else if (option == 'l') limit_s = atoi(optarg);
        else root = optarg;
    if (argc - optind < 3) return 99;
    log_file = fopen(argv[optind], "we");
    if (!log_file) fail(argv[optind]);
    const char *what = argv[optind + 1];
    char last[16];
    if (!strcmp(what, "list")) listing = 1;
    else if (sscanf(what, "%d:%ld:%d:%15s", &target, &number, &nth, last) != 4) return 99;
    else error = strcmp(last, "kill") ? atoi(last) : KILL;
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    start(root, argv + optind + 2);
    alarm(limit_s);
    int first_status = -1, left = 0, waited = 0, status;
    pid_t pid;
    for (;;) {
        pid = waitpid(-1, &status, __WALL | (holds() ? WNOHANG : 0));
        if (pid == 0 && !alarmed) {
            usleep(1000);
            for (int i = 0; i < count && waited >= HELD_MS; i++) release(&processes[i]);
            waited = waited < HELD_MS ? waited + 1 : 0;
            continue;
        }
        if (pid < 0 && errno == ECHILD) break;
        if (pid <= 0 && alarmed) {
            for (int i = 0; i < count; i++) {
                if (!processes[i].alive) continue;
                left++, processes[i].alive = 0;
                fprintf(log_file, "left %d %s\n", i, processes[i].foreign ? "foreign" : "rootlet");
                kill(processes[i].pid, SIGKILL);
            }
            alarmed = 0;
            // Whatever does not even die by that is not waited for.
            alarm(1);
            if (left == 0) break;
            continue;
        }
        if (pid < 0) continue;
        struct process *p = find(pid);
        if (WIFSTOPPED(status)) {
            if (p) on_stop(p, status);
            else hold(pid, status);
            continue;
        }
        if (p) p->alive = 0;
        if (p == &processes[0]) {
            first_status = status;
            alarm(LEFT_S);
        }
    }
    fprintf(log_file, "end %d %d\n", first_status, left);
    fclose(log_file);
    if (first_status == -1) return 98;
    if (WIFSIGNALED(first_status)) return 128 + WTERMSIG(first_status);
    return WEXITSTATUS(first_status);
}
