/*
 * reference ROOT RECORDS CMD
 *
 * Runs CMD in a container in ROOT by just the system calls of rootlet's default run, in the same order and with the
 * same operands, and does nothing else: no options, no plan, no words, no errors but an exit code. What rootlet takes
 * longer is the price of those. RECORDS is a directory like /run/rootlet. x86_64, without libc.
 *
 *   -DNETWORK=0   the network namespace stays the host's
 *   -DUSER=1      by an ordinary user, in a user namespace
 *
 * filter.h has FILTER, the program that rootlet loads, as strace shows it.
 */
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/stat.h>

#include "filter.h"

#ifndef NETWORK
#define NETWORK 1
#endif
#ifndef USER
#define USER 0
#endif

typedef unsigned long u64;
typedef unsigned int u32;

#define HERE AT_FDCWD
#define SIGKILL 9
#define SIGCHLD 17
#define CLOEXEC_PROBE (O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
#define ALL (u32)-1
#define BUSY_MOUNT (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static long call6(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	long result;
	register u64 r10 __asm__("r10") = d;
	register u64 r8 __asm__("r8") = e;
	register u64 r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	                 : "rcx", "r11", "memory");
	return result;
}

#define PICK(_1, _2, _3, _4, _5, _6, _7, NAME, ...) NAME
#define call(...) PICK(__VA_ARGS__, C6, C5, C4, C3, C2, C1, C0)(__VA_ARGS__)
#define U(x) (u64)(x)
#define C0(n) call6(n, 0, 0, 0, 0, 0, 0)
#define C1(n, a) call6(n, U(a), 0, 0, 0, 0, 0)
#define C2(n, a, b) call6(n, U(a), U(b), 0, 0, 0, 0)
#define C3(n, a, b, c) call6(n, U(a), U(b), U(c), 0, 0, 0)
#define C4(n, a, b, c, d) call6(n, U(a), U(b), U(c), U(d), 0, 0)
#define C5(n, a, b, c, d, e) call6(n, U(a), U(b), U(c), U(d), U(e), 0)
#define C6(n, a, b, c, d, e, f) call6(n, U(a), U(b), U(c), U(d), U(e), U(f))

static void leave(int code)
{
	for (;;)
		call(__NR_exit_group, code);
}

/* Whatever must work. */
static long must(long result)
{
	if (result < 0)
		leave(125);
	return result;
}

struct text {
	const char *bytes;
	u64 length;
};

struct message {
	void *name;
	u64 name_length;
	struct text *parts;
	u64 count;
	void *control;
	u64 control_length;
	u64 flags;
};

static const u64 NO_SIGNALS = 0, ALL_SIGNALS = ~0UL;

/* From a read-only copy of the mount; the second time it is one. */
static void be_out_of_reach(char **words, char **environment)
{
	char statfs[120], stat[144];
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	long self;

	must(call(__NR_statfs, "/proc/self/exe", statfs));
	if (USER) {
		call(__NR_open_tree, HERE, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		self = must(call(__NR_openat, HERE, "/proc/self/exe", CLOEXEC_PROBE));
		call(__NR_fcntl, self, F_GET_SEALS, 0);
		call(__NR_fstat, self, stat);
		call(__NR_geteuid);
		call(__NR_close, self);
	} else if (statfs[80] & 1) {
		call(__NR_prctl, PR_SET_NAME, "reference");
	} else {
		self = must(call(__NR_open_tree, HERE, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
		must(call(__NR_mount_setattr, self, "", AT_EMPTY_PATH | AT_RECURSIVE, &read_only, sizeof read_only));
		must(call(__NR_execveat, self, "", words, environment, AT_EMPTY_PATH));
	}
}

static void look(const char *root)
{
	static const char *const NAMES[] = {"proc", "sys", "dev"};
	char room[512];
	long directory;

	call(__NR_uname, room);
	directory = must(call(__NR_openat, HERE, root, O_RDONLY | O_CLOEXEC | O_PATH | O_DIRECTORY));
	for (int at = 0; at < 3; at++)
		must(call(__NR_newfstatat, directory, NAMES[at], room, AT_SYMLINK_NOFOLLOW));
	call(__NR_statfs, "/", room);
	call(__NR_openat, HERE, "/dev/tty", CLOEXEC_PROBE);
	if (!USER)
		call(__NR_statfs, "/run/rootlet/.mounts", room);
	call(__NR_close, directory);
}

/* The record's name: six bytes of chance as digits, and the file in that directory. */
static char name[] = "............/record";

static void choose_name(char **environment)
{
	const u64 *auxiliary;
	const unsigned char *chance;

	while (*environment)
		environment++;
	for (auxiliary = (const u64 *)(environment + 1); *auxiliary != 25; auxiliary += 2)
		;
	chance = (const unsigned char *)auxiliary[1];
	for (int at = 0; at < 12; at++)
		name[at] = "0123456789abcdef"[chance[at / 2] >> (at % 2 ? 0 : 4) & 15];
}

static long records, record;

static void keep_record(const char *directory)
{
	struct { short type, whence; long start, length; int pid; } lock = {.type = 1};
	char stat[144];

	records = must(call(__NR_openat, HERE, directory, CLOEXEC_PROBE | O_NOFOLLOW | O_DIRECTORY));
	call(__NR_flock, records, 2);
	call(__NR_fstat, records, stat);
	name[12] = 0;
	must(call(__NR_mkdirat, records, name, 0700));
	name[12] = '/';
	record = must(call(__NR_openat, records, name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644));
	must(call(__NR_fcntl, record, F_SETLK, &lock));
	call(__NR_flock, records, 8);
}

/* The root's tree, and the container's /dev. */
static long root_tree, dev;

static long open_inside(const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_PATH,
		.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT,
	};

	return call(__NR_openat2, root_tree, path, &how, sizeof how);
}

static void attach(long mount, long target)
{
	must(call(__NR_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

/* Options are pairs of names and values. */
static long make_filesystem(const char *type, const char *const *options, u64 attributes)
{
	long context = must(call(__NR_fsopen, type, FSOPEN_CLOEXEC));

	for (; options && *options; options += 2)
		must(call(__NR_fsconfig, context, FSCONFIG_SET_STRING, options[0], options[1], 0));
	must(call(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0));
	return must(call(__NR_fsmount, context, FSMOUNT_CLOEXEC, attributes));
}

static long mount_at(const char *type, const char *const *options, u64 attributes, const char *path)
{
	long mount = make_filesystem(type, options, attributes);

	attach(mount, must(open_inside(path)));
	return mount;
}

static void mount_below_dev(const char *type, const char *const *options, u64 attributes, const char *at)
{
	long mount = make_filesystem(type, options, attributes);

	must(call(__NR_move_mount, mount, "", dev, at, MOVE_MOUNT_F_EMPTY_PATH));
}

static void set_mounts(long at, const char *path, u64 set, u64 propagation)
{
	struct mount_attr attributes = {.attr_set = set, .propagation = propagation};

	must(call(__NR_mount_setattr, at, path, AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes));
}

static long copy_tree(long at, const char *path, u64 recursive)
{
	return must(call(__NR_open_tree, at, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive));
}

static void bring_up_lo(void)
{
	struct { char name[16]; short flags; char rest[22]; } request = {.name = "lo", .flags = 1};
	long socket = must(call(__NR_socket, 2, 2 | O_CLOEXEC, 0));

	must(call(__NR_ioctl, socket, 0x8914, &request));
}

static void make_dev(void)
{
	static const char *const MODE[] = {"mode", "755", 0};
	static const char *const PTS[] = {"gid", "5", "mode", "620", "ptmxmode", "666", 0};
	static const char *const USERS_PTS[] = {"mode", "620", "ptmxmode", "666", 0};
	static const char *const SHM[] = {"size", "64m", 0};
	static const char *const NODES[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};
	static const char *const LINKS[][2] = {
		{"pts/ptmx", "ptmx"}, {"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	};

	dev = mount_at("tmpfs", MODE, BUSY_MOUNT, "/dev");
	must(call(__NR_mkdirat, dev, "pts", 0755));
	must(call(__NR_mkdirat, dev, "mqueue", 0755));
	must(call(__NR_mkdirat, dev, "shm", 0755));
	for (int at = 0; at < 6; at++) {
		long node = copy_tree(HERE, NODES[at], 0);

		must(call(__NR_mknodat, dev, NODES[at] + 5, S_IFREG | 0644, 0));
		must(call(__NR_move_mount, node, "", dev, NODES[at] + 5, MOVE_MOUNT_F_EMPTY_PATH));
	}
	for (int at = 0; at < 5; at++)
		must(call(__NR_symlinkat, LINKS[at][0], dev, LINKS[at][1]));
	mount_below_dev("devpts", USER ? USERS_PTS : PTS, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "pts");
	mount_below_dev("mqueue", 0, BUSY_MOUNT, "mqueue");
	mount_below_dev("tmpfs", SHM, BUSY_MOUNT, "shm");
}

static void hide(void)
{
	static const char *const EMPTY[] = {"nr_inodes", "1", "mode", "555", 0};
	static const char *const FOLDERS[] = {"/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/devices/virtual/powercap"};
	static const char *const FILES[] = {"/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"};
	static const char *const READ_ONLY[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
	long target, empty = mount_at("tmpfs", EMPTY, BUSY_MOUNT | MOUNT_ATTR_RDONLY, "/sys/firmware");

	for (int at = 0; at < 4; at++)
		if ((target = open_inside(FOLDERS[at])) >= 0)
			attach(copy_tree(empty, "", 0), target);
	for (int at = 0; at < 5; at++)
		if ((target = open_inside(FILES[at])) >= 0)
			attach(copy_tree(dev, "null", 0), target);
	for (int at = 0; at < 5; at++)
		if ((target = open_inside(READ_ONLY[at])) >= 0) {
			long tree = copy_tree(target, "", AT_RECURSIVE);

			set_mounts(tree, "", MOUNT_ATTR_RDONLY, 0);
			attach(tree, target);
		}
}

static void build(const char *root)
{
	root_tree = copy_tree(HERE, root, AT_RECURSIVE);
	set_mounts(root_tree, "", MOUNT_ATTR_NODEV, 1 << 19);
	set_mounts(HERE, "/", 0, 1 << 18);
	must(call(__NR_move_mount, root_tree, "", HERE, "/", MOVE_MOUNT_F_EMPTY_PATH));
	must(call(__NR_fchdir, root_tree));
	mount_at("proc", 0, BUSY_MOUNT, "/proc");
#if NETWORK || !USER
	mount_at("sysfs", 0, BUSY_MOUNT | MOUNT_ATTR_RDONLY, "/sys");
#endif
	mount_at("cgroup2", 0, BUSY_MOUNT | MOUNT_ATTR_RDONLY, "/sys/fs/cgroup");
	make_dev();
	hide();
	must(call(__NR_pivot_root, ".", "."));
	must(call(__NR_umount2, ".", 2));
	set_mounts(HERE, "/", 0, 1 << 20);
}

/* Docker's fourteen capabilities. */
#define KEPT 0xa80425fbUL

static void give_up_privileges(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	struct sock_fprog filter = {sizeof FILTER / sizeof FILTER[0], (struct sock_filter *)FILTER};
	int group = 0;

	must(call(__NR_sethostname, "reference", 9));
	call(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
	for (u64 at = 0; at < 64; at++)
		if ((KEPT >> at & 1) == 0 && call(__NR_prctl, PR_CAPBSET_DROP, at) < 0)
			break;
	if (!USER)
		must(call(__NR_setgroups, 1, &group));
	must(call(__NR_setresgid, 0, 0, 0));
	must(call(__NR_setresuid, 0, 0, 0));
	for (int at = 0; at < 2; at++) {
		data[at].effective = data[at].permitted = at ? 0 : KEPT;
		data[at].inheritable = 0;
	}
	must(call(__NR_capset, &header, data));
	must(call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	call(__NR_prctl, PR_SET_DUMPABLE, 0);
	call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
	call(__NR_close_range, 4, ALL, 0);
	must(call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

static void be_the_container(const char *root, char **command, int *link)
{
	static char *environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=reference", 0};
	struct text word = {"\2\2\2\2\2\2\2\2", 8};
	struct message message = {.parts = &word, .count = 1};
	char room[128];
	int status = 0;
	long program;

	must(call(__NR_dup3, link[1], 3, O_CLOEXEC));
	call(__NR_close_range, 4, ALL, 0);
	if (USER)
		must(call(__NR_recvfrom, 3, room, 2, 0, 0, 0));
	must(call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL));
	if (NETWORK)
		bring_up_lo();
	build(root);
	give_up_privileges();
	program = must(call(__NR_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0));
	if (program == 0) {
		call(__NR_setpgid, 0, 0);
		call(__NR_rt_sigprocmask, 2, &NO_SIGNALS, 0, 8);
		call(__NR_execve, command[0], command, environment);
		leave(127);
	}
	call(__NR_sendmsg, 3, &message, 0x4000);
	call(__NR_madvise, 0, 4096, 4);
	do
		call(__NR_rt_sigtimedwait, &ALL_SIGNALS, room, 0, 8);
	while (call(__NR_wait4, -1, &status, 3, 0) != program);
	leave(status >> 8 & 255);
}

static void write_map(const char *pid, u64 length, const char *file, const char *text, u64 bytes)
{
	char path[64] = "/proc/";
	u64 at = 6;

	for (u64 digit = 0; digit < length; digit++)
		path[at++] = pid[digit];
	while ((path[at] = *file++))
		at++;
	long map = must(call(__NR_openat, HERE, path, O_WRONLY | O_CLOEXEC));
	must(call(__NR_write, map, text, bytes));
	call(__NR_close, map);
}

/* A number's digits, at the end of `room`. */
static char *digits(long number, char *room)
{
	do
		*--room = '0' + number % 10;
	while ((number /= 10) > 0);
	return room;
}

static int supervise(long container, int *link)
{
	char digit_room[24], map_room[40], buffer[640];
	struct text texts[4] = {{"pid ", 4}, {0, 0}, {"", 0}, {"", 1}}, part = {buffer, sizeof buffer};
	struct message message = {.parts = &part, .count = 1};
	struct { int fd; short events, revents; } polled[2] = {{0, 1, 0}, {link[0], 1, 0}};
	int status = 0;

	texts[1].bytes = digits(container, digit_room + sizeof digit_room);
	texts[1].length = digit_room + sizeof digit_room - texts[1].bytes;
	call(__NR_close, link[1]);
	call(__NR_writev, record, texts, 4);
	if (USER) {
		char *end = map_room + sizeof map_room, *map = end;

		map -= 3, map[0] = ' ', map[1] = '1', map[2] = '\n';
		map = digits(call(__NR_getegid), map);
		*--map = ' ', *--map = '0';
		write_map(texts[1].bytes, texts[1].length, "/setgroups", "deny", 4);
		write_map(texts[1].bytes, texts[1].length, "/uid_map", map, end - map);
		write_map(texts[1].bytes, texts[1].length, "/gid_map", map, end - map);
		call(__NR_sendto, link[0], "go", 2, 0x4000, 0, 0);
	}
	if (call(__NR_recvmsg, link[0], &message, 0x40000000) != 8)
		leave(125);
	polled[0].fd = call(__NR_signalfd4, -1, &ALL_SIGNALS, 8, O_CLOEXEC | O_NONBLOCK);
	call(__NR_madvise, 0, 4096, 4);
	do
		call(__NR_ppoll, polled, 2, 0, 0, 0);
	while (polled[1].revents == 0);
	must(call(__NR_wait4, container, &status, 0, 0));
	call(__NR_unlinkat, records, name, 0);
	name[12] = 0;
	call(__NR_unlinkat, records, name, AT_REMOVEDIR);
	return status >> 8 & 255;
}

__attribute__((used)) static void run(long *stack)
{
	char **words = (char **)(stack + 1), **environment = words + *stack + 1;
	int link[2];
	u64 previous, action[4] = {0};
	struct clone_args arguments = {
		.flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID
			| (NETWORK ? CLONE_NEWNET : 0) | (USER ? CLONE_NEWUSER : 0),
		.exit_signal = SIGCHLD,
	};
	long container;

	if (*stack != 4)
		leave(125);
	be_out_of_reach(words, environment);
	look(words[1]);
	choose_name(environment);
	call(__NR_rt_sigprocmask, 2, &ALL_SIGNALS, &previous, 8);
	call(__NR_rt_sigaction, SIGCHLD, action, 0, 8);
	keep_record(words[2]);
	must(call(__NR_socketpair, 1, 5 | O_CLOEXEC, 0, link));
	container = must(call(__NR_clone3, &arguments, sizeof arguments));
	if (container == 0)
		be_the_container(words[1], words + 3, link);
	leave(supervise(container, link));
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall run\n");
