/*
 * What runs as the program of a PID 1, or of a subreaper, that is measured.
 *
 * Both of these read numbers from standard input, do so much for each, and print `round N` and two figures:
 *
 * workload orphans SLEEPERS SECONDS
 *     leaves orphans to its parent, while SLEEPERS others live on; milliseconds until the last was reaped, which may
 *     take SECONDS, and its parent's own on the processor
 * workload echo
 *     sends signals to its parent; p50 and p99, in microseconds, from kill to receipt here
 *
 * workload sleep
 *     prints that it is up, and waits for a signal that ends it
 * workload calls
 *     prints how calls end that old kernels lack or that docker forbids
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAILED 99
#define MOST_SIGNALS 10000

static double now_ns(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time) != 0)
		err(FAILED, "clock_gettime");
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static pid_t checked_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(FAILED, "fork");
	return pid;
}

/* Forks `count` times in a process group of its own, which is returned. */
static pid_t in_new_group(void (*body)(int), int count)
{
	pid_t group = checked_fork();

	if (group == 0) {
		setpgid(0, 0);
		body(count);
		_exit(0);
	}
	if (waitpid(group, NULL, 0) != group)
		err(FAILED, "waitpid");
	return group;
}

static void leave_sleepers(int count)
{
	while (count-- > 0)
		if (checked_fork() == 0)
			for (;;)
				pause();
}

static int end_at_once(void *nothing)
{
	(void)nothing;
	return 0;
}

/*
 * Orphans share this stack, as they share all memory: a copy of it would cost most of the time. None calls
 * anything, so that what each writes there is the same.
 */
static int leave_orphan(void *nothing)
{
	static char stack[256] __attribute__((aligned(16)));

	(void)nothing;
	return clone(end_at_once, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL) < 0;
}

static void leave_orphans(int count)
{
	static char stack[4096] __attribute__((aligned(16)));
	int status;

	while (count-- > 0) {
		pid_t middle = clone(leave_orphan, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

		if (middle < 0 || waitpid(middle, &status, 0) != middle || status != 0)
			errx(FAILED, "no orphan");
	}
}

/* A zombie is still a member of its group: the group is gone only when all have been reaped. */
static void await_end_of(pid_t group, double seconds)
{
	double end = now_ns(CLOCK_MONOTONIC) + seconds * 1e9;

	while (kill(-group, 0) == 0) {
		if (now_ns(CLOCK_MONOTONIC) > end)
			errx(FAILED, "zombies are left");
		usleep(300);
	}
}

/* The next number on standard input, 0 at its end. */
static int next_count(void)
{
	int count;

	return scanf("%d", &count) == 1 ? count : 0;
}

static void report(double first, double second)
{
	static int round;

	printf("round %d %.3f %.3f\n", ++round, first, second);
	fflush(stdout);
}

static int orphans(int sleeper_count, double seconds)
{
	clockid_t parents_clock;
	pid_t sleepers = 0;
	int count;

	if (clock_getcpuclockid(getppid(), &parents_clock) != 0)
		errx(FAILED, "no clock of the parent");
	if (sleeper_count > 0)
		sleepers = in_new_group(leave_sleepers, sleeper_count);
	while ((count = next_count()) > 0) {
		double started = now_ns(CLOCK_MONOTONIC), parents = now_ns(parents_clock);

		await_end_of(in_new_group(leave_orphans, count), seconds);
		report((now_ns(CLOCK_MONOTONIC) - started) / 1e6, (now_ns(parents_clock) - parents) / 1e6);
	}
	if (sleepers != 0)
		kill(-sleepers, SIGKILL);
	return 0;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* The other end of `echo`: sends to its parent's parent, and reads from `answers` when they came. */
static void send_signals(pid_t target, int answers)
{
	static double taken[MOST_SIGNALS];
	int count;

	while ((count = next_count()) > 0 && count <= MOST_SIGNALS) {
		for (int index = 0; index < count; index++) {
			double sent = now_ns(CLOCK_MONOTONIC), received;

			if (kill(target, SIGUSR1) != 0)
				err(FAILED, "kill");
			if (read(answers, &received, sizeof received) != sizeof received)
				err(FAILED, "no answer");
			taken[index] = (received - sent) / 1e3;
			/* The target shall sleep again when the next one comes, as it does in real life. */
			usleep(20);
		}
		qsort(taken, count, sizeof taken[0], by_size);
		report(taken[count / 2], taken[count * 99 / 100]);
	}
}

static int echo(void)
{
	int answers[2], signo = 0;
	pid_t target = getppid(), sender;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(answers) != 0)
		err(FAILED, "pipe");
	sender = checked_fork();
	if (sender == 0) {
		/* In a session of its own it gets nothing of what is passed on to ours. */
		setsid();
		close(answers[1]);
		send_signals(target, answers[0]);
		_exit(0);
	}
	while (sigwait(&set, &signo) == 0 && signo == SIGUSR1) {
		double received = now_ns(CLOCK_MONOTONIC);

		if (write(answers[1], &received, sizeof received) != sizeof received)
			err(FAILED, "answer");
	}
	return waitpid(sender, NULL, 0) == sender ? 0 : FAILED;
}

static void show(const char *name, long result)
{
	printf("%s %s\n", name, result == -1 ? strerrorname_np(errno) : "works");
}

static int calls(void)
{
	show("getpid", syscall(SYS_getpid));
	show("rseq", syscall(SYS_rseq, NULL, 0, 0, 0));
	show("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0));
	show("close_range", syscall(SYS_close_range, 1000, 1000, 0));
	show("clone3", syscall(SYS_clone3, NULL, 0));
	show("clone", syscall(SYS_clone, CLONE_NEWNS | CLONE_FS, 0, 0, 0, 0));
	show("unshare", unshare(CLONE_NEWUTS));
	show("mount", mount("none", "/nowhere", "tmpfs", 0, NULL));
	show("keyctl", syscall(SYS_keyctl, 0, -1, 0, 0, 0));
	show("ptrace", syscall(SYS_ptrace, -1, 0, 0, 0));
	show("personality", syscall(SYS_personality, 0xffffffff));
	show("ADDR_NO_RANDOMIZE", syscall(SYS_personality, 0x0040000));
	return 0;
}

int main(int count, char **words)
{
	const char *mode = count > 1 ? words[1] : "";

	if (strcmp(mode, "orphans") == 0 && count == 4)
		return orphans(atoi(words[2]), atof(words[3]));
	if (strcmp(mode, "echo") == 0)
		return echo();
	if (strcmp(mode, "calls") == 0)
		return calls();
	if (strcmp(mode, "sleep") == 0) {
		puts("up");
		fflush(stdout);
		return pause();
	}
	errx(FAILED, "what?");
}
