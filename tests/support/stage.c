/*
 * stage [--namespace] [--linux-4.18] [--docker] PROGRAM [ARGUMENT...]
 *
 * Sets the scene for a PID 1, then becomes PROGRAM, or its parent:
 *
 *   --namespace   PROGRAM is PID 1 of a pid namespace with a /proc of its own, and dies with us
 *   --linux-4.18  system calls that came after Linux 4.18 fail with ENOSYS
 *   --docker      docker's default seccomp profile
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 99
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define ERROR(code) RETURN(SECCOMP_RET_ERRNO | (code))
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
/* Each leaves out the next `skip` instructions unless its condition holds. */
#define IF_EQUAL(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define IF_ABOVE(value, skip) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 0, skip)
#define IF_FROM(value, skip) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, value, 0, skip)
#define IF_ANY_OF(bits, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, skip)
#define IF_NOT_ABOVE(value, skip) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, skip, 0)
#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* On x86_64 rseq is the last call of 4.18; the next is pidfd_send_signal with number 424. */
#define LAST_OF_4_18 SYS_rseq

/* Every CLONE_NEW* but the time namespace's, which shares its bit with the exit signal. */
#define NEW_NAMESPACES 0x7e020000
#define PERSONALITY_QUERY 0xffffffff

struct range {
	unsigned short first, last;
};

/*
 * What docker 20.10.24 allows with its default capabilities on x86_64, whatever the arguments: read from
 * profiles/seccomp/default.json of its sources (Debian's package golang-github-docker-docker-dev). The
 * comments name what lies between: it fails with EPERM, but where the filter
 * says otherwise.
 */
static const struct range DOCKER_ALLOWS[] = {
	{0, 55},    /* clone: see below */
	{57, 102},  /* syslog */
	{104, 133}, /* uselib, personality: see below, ustat */
	{137, 138}, /* sysfs */
	{140, 152}, /* vhangup */
	{154, 154}, /* pivot_root, _sysctl */
	{157, 162}, /* acct, settimeofday, mount, umount2, swapon, swapoff, reboot, sethostname, setdomainname, iopl,
	               ioperm, create_module, init_module, delete_module, get_kernel_syms, query_module, quotactl,
	               nfsservctl, getpmsg, putpmsg, afs_syscall, tuxcall, security */
	{186, 211}, /* lookup_dcookie */
	{213, 226}, /* clock_settime */
	{228, 235}, /* vserver, mbind, set_mempolicy, get_mempolicy */
	{240, 245}, /* kexec_load */
	{247, 247}, /* add_key, request_key, keyctl */
	{251, 255}, /* migrate_pages */
	{257, 271}, /* unshare */
	{273, 278}, /* move_pages */
	{280, 297}, /* perf_event_open */
	{299, 299}, /* fanotify_init */
	{301, 302}, /* name_to_handle_at, open_by_handle_at */
	{305, 307}, /* setns */
	{309, 309}, /* process_vm_readv, process_vm_writev, kcmp, finit_module */
	{314, 319}, /* kexec_file_load, bpf */
	{322, 322}, /* userfaultfd */
	{324, 328}, /* pkey_mprotect, pkey_alloc, pkey_free */
	{332, 334}, /* no calls */
	{424, 427}, /* open_tree, move_mount, fsopen, fsconfig, fsmount, fspick */
	{434, 434}, /* clone3: see below */
	{436, 437}, /* pidfd_getfd */
	{439, 439}, /* process_madvise */
	{441, 441}, /* mount_setattr, quotactl_fd */
	{444, 449}, /* what docker's runtime does not know: ENOSYS */
};

static void install(struct sock_filter *filter, size_t length)
{
	struct sock_fprog program = {.len = length, .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		err(FAILED, "no_new_privs");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		err(FAILED, "seccomp");
}

static void linux_4_18_filter(void)
{
	struct sock_filter filter[] = {
		LOAD(nr),
		IF_ABOVE(LAST_OF_4_18, 1),
		ERROR(ENOSYS),
		ALLOW,
	};

	install(filter, LENGTH(filter));
}

static void docker_filter(void)
{
	const struct sock_filter head[] = {
		LOAD(nr),
		IF_EQUAL(SYS_clone3, 1),
		ERROR(ENOSYS),
		IF_ABOVE(DOCKER_ALLOWS[LENGTH(DOCKER_ALLOWS) - 1].last, 1),
		ERROR(ENOSYS),
		IF_EQUAL(SYS_clone, 4),
		LOAD(args[0]),
		IF_ANY_OF(NEW_NAMESPACES, 1),
		ERROR(EPERM),
		ALLOW,
		IF_EQUAL(SYS_personality, 6),
		LOAD(args[0]),
		IF_EQUAL(PERSONALITY_QUERY, 1),
		ALLOW,
		IF_ANY_OF(~(unsigned)(UNAME26 | PER_LINUX32), 1),
		ERROR(EPERM),
		ALLOW,
	};
	struct sock_filter filter[LENGTH(head) + 3 * LENGTH(DOCKER_ALLOWS) + 1];
	size_t length = LENGTH(head);

	memcpy(filter, head, sizeof head);
	for (size_t index = 0; index < LENGTH(DOCKER_ALLOWS); index++) {
		const struct range *range = &DOCKER_ALLOWS[index];

		filter[length++] = (struct sock_filter)IF_FROM(range->first, 2);
		filter[length++] = (struct sock_filter)IF_NOT_ABOVE(range->last, 1);
		filter[length++] = (struct sock_filter)ALLOW;
	}
	filter[length++] = (struct sock_filter)ERROR(EPERM);
	install(filter, length);
}

/* Returns in PID 1 of a new pid namespace; its parent passes on how it ends. */
static void enter_namespace(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
		err(FAILED, "unshare");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		err(FAILED, "private mounts");
	pid = fork();
	if (pid < 0)
		err(FAILED, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (mount("proc", "/proc", "proc", 0, NULL) != 0)
			err(FAILED, "/proc");
		return;
	}
	if (waitpid(pid, &status, 0) < 0)
		err(FAILED, "waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int main(int count, char **words)
{
	int linux_4_18 = 0, docker = 0, namespace = 0;

	(void)count;
	for (words++; *words && strncmp(*words, "--", 2) == 0; words++) {
		linux_4_18 |= strcmp(*words, "--linux-4.18") == 0;
		docker |= strcmp(*words, "--docker") == 0;
		namespace |= strcmp(*words, "--namespace") == 0;
	}
	if (namespace)
		enter_namespace();
	if (docker)
		docker_filter();
	if (linux_4_18)
		linux_4_18_filter();
	execv(words[0], words);
	err(FAILED, "%s", words[0]);
}
