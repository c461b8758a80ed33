/*
 * Both ends of a test of signals. `probe program` is what a wrapper starts: it says with which signal settings it was
 * started and which signals reach it. `probe stage` puts the wrapper into a situation and sends to it, as told on
 * standard input. All by the kernel's own calls, for the C library hides the signals 32 and 33.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The kernel's struct sigaction of x86_64 and aarch64. */
struct action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static const uint64_t every = ~(uint64_t)0;

static uint64_t bit(int signal)
{
	return (uint64_t)1 << (signal - 1);
}

static uint64_t set_mask(uint64_t mask)
{
	uint64_t before = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &before, sizeof mask);
	return before;
}

static uint64_t ignored_signals(void)
{
	uint64_t ignored = 0;
	for (int signal = 1; signal <= 64; signal++) {
		struct action now = { 0 };
		syscall(SYS_rt_sigaction, signal, NULL, &now, sizeof now.mask);
		if (now.handler == (void *)SIG_IGN)
			ignored |= bit(signal);
	}
	return ignored;
}

/* Blocks every signal, so that nothing that arrives has another effect than a line. Never returns. */
static _Noreturn void program(void)
{
	uint64_t blocked = set_mask(every);
	uint64_t ignored = ignored_signals();
	/* No word of the second process's stops. */
	struct action quiet = { .flags = SA_NOCLDSTOP };
	syscall(SYS_rt_sigaction, SIGCHLD, &quiet, NULL, sizeof quiet.mask);
	/* A second process of the same group never takes its signals: those that reached it stay pending. */
	if (fork() == 0)
		for (;;)
			pause();
	printf("up %llx %llx\n", (unsigned long long)blocked, (unsigned long long)ignored);
	for (;;) {
		siginfo_t info;
		memset(&info, 0, sizeof info);
		int signal = syscall(SYS_rt_sigtimedwait, &every, &info, NULL, sizeof every);
		if (signal > 0)
			printf("got %d %d %d %d %d\n", signal, info.si_code, info.si_pid, (int)info.si_uid,
			       info.si_value.sival_int);
	}
}

/* The wrapper's place at the terminal; the numbers are those of the enum in probe.rs. */
enum terminal { ABSENT, LEADER, FRONT, BACK };

/* What `probe stage` is told in its arguments. */
struct situation {
	int pid_1;
	enum terminal terminal;
	uint64_t blocked, ignored;
	char **wrapper;
};

static void become_wrapper(const struct situation *given)
{
	for (int signal = 1; signal <= 64; signal++) {
		struct action action = { .handler = given->ignored & bit(signal) ? (void *)SIG_IGN : (void *)SIG_DFL };
		syscall(SYS_rt_sigaction, signal, &action, NULL, sizeof action.mask);
	}
	set_mask(given->blocked);
	execv(given->wrapper[0], given->wrapper);
	perror(given->wrapper[0]);
	_exit(125);
}

/* A line of which the stage holds the other end until its own end. */
static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		return -1;
	return open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* PID 1 of the namespace: the wrapper, or what stands in for the shell above it and reaps nothing. */
static void first_process(const struct situation *given, int line)
{
	dup2(line, 0);
	if (!given->pid_1 && given->terminal == LEADER && fork() != 0)
		for (;;)
			pause();
	setsid();
	if (given->terminal != ABSENT && ioctl(line, TIOCSCTTY, 0) != 0)
		_exit(124);
	if (given->pid_1 || given->terminal == LEADER)
		become_wrapper(given);
	if (fork() == 0) {
		setpgid(0, 0);
		/* Who is not in front is stopped by TTOU for this, unless it is blocked. */
		set_mask(every);
		if (given->terminal == FRONT && tcsetpgrp(0, getpid()) != 0)
			_exit(124);
		become_wrapper(given);
	}
	for (;;)
		pause();
}

/* Sends from within the namespace, from a process that says its pid there first. */
static void send_inside(int pid, int signal, int value)
{
	pid_t sender = fork();
	if (sender == 0) {
		siginfo_t info;
		memset(&info, 0, sizeof info);
		info.si_code = SI_QUEUE;
		info.si_pid = getpid();
		info.si_uid = getuid();
		info.si_value.sival_int = value;
		printf("sender %d\n", getpid());
		if (value == 0)
			kill(pid, signal);
		else
			syscall(SYS_rt_sigqueueinfo, pid, signal, &info);
		_exit(0);
	}
	waitpid(sender, NULL, 0);
}

/* `stage PID1 TERMINAL BLOCKED IGNORED WRAPPER...`: all of it is gone when standard input ends. */
static int stage(char **words)
{
	struct situation given = {
		.pid_1 = atoi(words[0]),
		.terminal = atoi(words[1]),
		.blocked = strtoull(words[2], NULL, 16),
		.ignored = strtoull(words[3], NULL, 16),
		.wrapper = words + 4,
	};
	int line = given.terminal ? open_terminal() : open("/dev/null", O_RDWR | O_CLOEXEC);
	if (line < 0 || unshare(CLONE_NEWPID) != 0) {
		perror("stage");
		return 1;
	}
	/* Where nobody reads any more, there is still something to be cleared away. */
	signal(SIGPIPE, SIG_IGN);
	/* A wrapper that is killed by a signal shall leave no file. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	pid_t first = fork();
	if (first == 0)
		first_process(&given, line);
	printf("first %d\n", first);
	char order[80];
	while (fgets(order, sizeof order, stdin) != NULL) {
		int pid, signal, value;
		if (sscanf(order, "outside %d %d", &pid, &signal) == 2)
			kill(pid, signal);
		else if (sscanf(order, "inside %d %d %d", &pid, &signal, &value) == 3)
			send_inside(pid, signal, value);
		else
			/* Back: whatever was written before it comes before it. */
			fputs(order, stdout);
	}
	kill(first, SIGKILL);
	waitpid(first, NULL, 0);
	return 0;
}

int main(int count, char **words)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (count == 2 && strcmp(words[1], "program") == 0)
		program();
	if (count > 6 && strcmp(words[1], "stage") == 0)
		return stage(words + 2);
	return 2;
}
