//! A step in words, system calls, and as the nearest shell command.

use self::words::{
    append_calls, append_capabilities, append_groups, append_landlock, append_limit,
    append_of_attached, append_of_cgroups, append_of_entered, append_of_filesystem, append_of_join,
    append_of_maps, append_of_path, append_of_root, append_of_start, append_of_tmpfs,
    append_of_tree, append_preserved, append_target,
};
use super::cgroups::{Cgroup, Devices, Setting};
use super::filter::INSTRUCTION_BYTES;
use super::network::append_of_network;
use super::step::{Kind, Mask, Place, Step, TreeCopy};
use crate::input::capability::CapabilitySet;
use crate::input::namespaces::{Join, Namespaces, Owner};
use crate::input::network::Veth;
use crate::text::line::Line;
use crate::text::packed::{Packed, packed};
use crate::text::parts::parts;

pub mod words;

/// What is asked of a step's row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// `mount proc on /proc (rw,nosuid,nodev,noexec)`
    Words,
    /// `fsopen fsconfig fsmount openat2 move_mount`
    Calls,
    /// `mount -t proc …`; empty where no command comes near.
    Shell,
}

/// Declares the rows: number, pattern, then words, system calls and shell command with `|` between them. One text
/// for all rows takes 700 bytes less than a table of strings; a test counts the numbers.
macro_rules! rows {
    ($($number:literal: $pattern:pat => $row:literal,)*) => {
        const ROWS: Packed = packed!(concat!($($row, "\n",)*));
        #[cfg(test)]
        const NUMBERS: &[usize] = &[$($number,)*];

        impl Step<'_> {
            /// The row of this kind of step.
            fn row(&self) -> Packed {
                let number = match self {
                    $($pattern => $number,)*
                };
                ROWS.line(number)
            }
        }
    };
}

// `$p` stands for a path or name, `$t` for a target inside; the other letters are in `operand`.
rows! {
    0: Step::NewNamespaces(..) =>
        "start $z$s$C|socketpair$Oclone3|unshare$S --fork",
    1: Step::WritePidFile(_) =>
        "write its pid to $p|openat write sendto|echo PID > $p",
    2: Step::TakeLink(_) =>
        "keep standard descriptors$n and the link out|dup3 close_range|",
    3: Step::DieWithSupervisor =>
        "be killed when the supervisor ends|prctl|setpriv --pdeathsig KILL",
    4: Step::AdoptOrphans =>
        "become the parent of orphans|prctl|",
    5: Step::AwaitSupervisor =>
        "wait for the supervisor|recvfrom|",
    6: Step::LoopbackUp =>
        "bring up lo|socket ioctl|ip link set lo up",
    7: Step::CloneTree(_) =>
        "copy the mounts of $p, detached ($a)|open_tree mount_setattr|mount --rbind $p .",
    8: Step::PrivateMounts =>
        "cut other mounts off from the host's|mount_setattr|mount --make-rprivate /",
    9: Step::AttachRoot =>
        "attach the root over / and go there|move_mount fchdir|mount --move . / && cd .",
    10: Step::Directory(_) =>
        "make directory $t|mkdirat|mkdir $t",
    11: Step::Filesystem(_) | Step::Tmpfs(_) =>
        "mount $f on $t ($o)|fsopen$C fsmount$O move_mount|mount -t $f -o $o none $t",
    12: Step::Device(_) =>
        "bind the host's $p|open_tree mknodat move_mount|touch .$p && mount --bind $p .$p",
    13: Step::Link(_) =>
        "link $t to $p|symlinkat|ln -s $p $t",
    14: Step::AttachTree { .. } =>
        "attach the copy at $t|$Omove_mount|mount --move . $t",
    15: Step::Terminal { .. } =>
        "open a terminal of the new /dev/pts for user $n|openat ioctl ioctl fchown$W mknodat \
         open_tree move_mount sendmsg dup3 dup3 dup3|script /dev/null",
    16: Step::PivotRoot =>
        "make it the root|pivot_root|pivot_root . .",
    17: Step::DetachOldRoot =>
        "detach the host's mounts|umount2|umount -l .",
    18: Step::ChangeRoot =>
        "make it the root without pivot_root|chroot|chroot .",
    19: Step::JoinPeers =>
        "share the root's mounts with the host's|\
         move_mount move_mount mount_setattr fchdir umount2 chdir|",
    20: Step::Propagate(_) =>
        "make all mounts $p|mount_setattr|mount --make-r$p /",
    21: Step::Hostname(_) =>
        "host name $p|sethostname|hostname $p",
    22: Step::Domainname(_) =>
        "domain name $p|setdomainname|domainname $p",
    23: Step::Groups(_) | Step::AllowedGroups(_) =>
        "supplementary groups$n|setgroups|setpriv --groups$n",
    24: Step::GroupId(_) =>
        "group id $n|setresgid|setpriv --regid $n",
    25: Step::UserId(_) =>
        "user id $n|setresuid|setpriv --reuid $n",
    26: Step::Capabilities(_) =>
        "capabilities$c|capset (capget capset)|capsh --caps=...",
    27: Step::NoNewPrivileges =>
        "gain no privileges by exec|prctl|setpriv --no-new-privs",
    28: Step::Undumpable =>
        "refuse to be traced from inside|prctl|",
    29: Step::CheckSupervisor =>
        "check that the supervisor is alive|recvfrom|",
    30: Step::CloseDescriptors =>
        "close what building left open|close_range|exec 3>&-",
    31: Step::Fork =>
        "make the process that becomes the program|clone|",
    32: Step::Supervise =>
        "reap, forward signals, end with its status|sendmsg rt_sigtimedwait wait4|",
    33: Step::DieWithInit =>
        "be killed when PID 1 ends|prctl|setpriv --pdeathsig KILL",
    34: Step::RestoreSignals =>
        "have the caller's signal mask|rt_sigprocmask|",
    35: Step::ControllingTerminal =>
        "lead a session on the terminal|setsid ioctl|setsid -c",
    36: Step::ChangeDirectory(_) =>
        "go to $p|chdir|cd $p",
    37: Step::Execute(_) =>
        "execute $p|execve|exec $p",
    38: Step::MakePath(_) =>
        "make $t|umask$C umask|$m $t",
    39: Step::Mask(_) =>
        "hide $t if it is there|openat2 (open_tree move_mount)|$m $t",
    40: Step::ReadOnly(_) =>
        "make $p read-only if it is there|openat2 (open_tree mount_setattr move_mount)|\
         mount --bind -o ro $p $p",
    41: Step::SessionKeyring =>
        "have a session keyring of its own|keyctl|keyctl session",
    42: Step::BoundingSet(_) =>
        "drop all capabilities but$c for ever|$D|capsh --drop=...",
    43: Step::KeepCapabilities =>
        "keep capabilities while the user changes|prctl|capsh --keep=1",
    44: Step::AmbientCapabilities(_) =>
        "capabilities of the user$c|capset (capget capset)$D|setpriv --inh-caps ... --ambient-caps ...",
    45: Step::Join(_) | Step::JoinWithUsers(_) =>
        "go into namespaces of $p:$s|$jsetns|nsenter$S",
    46: Step::MapUsers(_) =>
        "map users$u and groups$g|$M|",
    47: Step::NoMoreUsers =>
        "allow no user namespaces inside|openat2 write|sysctl -w user.max_user_namespaces=0",
    48: Step::ProtectOwnFile =>
        "be executed from a read-only mount|statfs (open_tree mount_setattr execveat)|",
    49: Step::Limit(_) =>
        "limit $l|prlimit64|prlimit --pid PID --$l",
    50: Step::OomScore(_) =>
        "end it at a score of $p for want of memory|openat write|choom -p PID -n $p",
    51: Step::Landlock(_) =>
        "use files below$l alone|$L|",
    52: Step::Label(_) =>
        "confine programs: $p|openat2 write|aa-exec, runcon",
    53: Step::MapTree(_) =>
        "copy the mounts of $p, detached ($a), owned by its users|\
         openat open_tree mount_setattr sendmsg|mount --rbind -o X-mount.idmap=... $p .",
    54: Step::ReceiveTree(_) =>
        "take the copy of $p|recvmsg|",
    55: Step::OwnGroup =>
        "lead a process group|setpgid|",
    56: Step::Filter(_) =>
        "filter system calls: $n instructions|seccomp|",
    57: Step::KeepRecord { .. } =>
        "keep a record in $p|openat (mkdirat openat) flock fstat (getdents64) mkdirat openat \
         fcntl flock (writev)|mkdir $p",
    58: Step::LeaveGroups =>
        "give up supplementary groups|setgroups|setpriv --clear-groups",
    59: Step::ShiftClocks(_) =>
        "shift clocks: $p|unshare openat2 write|unshare --time --monotonic ... --boottime ...",
    60: Step::Persist(_) =>
        "keep its $s namespace at $p|openat open_tree move_mount|\
         touch $p && mount --bind /proc/PID/ns/... $p",
    61: Step::ChooseProcessor =>
        "go to a processor whose mount namespaces can be kept|sched_getaffinity \
         openat ioctl sched_setaffinity clone3 openat ioctl kill wait4|",
    62: Step::AnyProcessor =>
        "be on any processor again|sched_setaffinity sched_setaffinity|",
    63: Step::Veth { .. } =>
        "make link $p$v, eth0 inside its other end|socket$N|\
         ip link add $p type veth peer name eth0 netns PID",
    64: Step::ConfigureLink(_) =>
        "eth0:$v|socket$N|ip address add ... dev eth0",
    65: Step::Pasta { .. } =>
        "have $p connect the network|openat$J pipe2 clone read|pasta --config-net PID",
    66: Step::EtcFiles(_) =>
        "write and bind$v|fsopen fsconfig fsconfig fsmount move_mount umask$N umask|\
         mount --bind FILE /etc/...",
    67: Step::OpenLayer { .. } =>
        "open $p|openat|exec 4< $p",
    68: Step::MemoryRoot(_) =>
        "make a tmpfs for the root ($o)|fsopen$C fsmount|mount -t tmpfs -o $o none .",
    69: Step::Scratch(_) =>
        "make a tmpfs for what is written ($o)|fsopen$C fsmount move_mount fchdir umask mkdirat \
         mkdirat umask|mount -t tmpfs -o $o none . && mkdir upper work",
    70: Step::Overlay { .. } =>
        "lay what is written over $n directories|fsopen fsconfig fsconfig fsconfig$U fsconfig \
         fsmount$D|mount -t overlay -o lowerdir=...,upperdir=...,workdir=... none .",
    71: Step::Unpack { .. } =>
        "unpack $p|mmap read openat2 openat write|tar -x -C . < $p",
    72: Step::MountPoint(_) =>
        "have a directory at $t|umask$C umask openat|mkdir -p .$t",
    73: Step::ReadOnlyRoot =>
        "make the root read-only|mount_setattr|mount -o remount,bind,ro .",
    74: Step::NullInput =>
        "have /dev/null as standard input|openat dup3|exec < /dev/null",
    75: Step::StepAside(_) =>
        "go into the cgroup $p|mkdirat openat write|mkdir $p && echo PID > $p/cgroup.procs",
    76: Step::MakeCgroup(_) =>
        "make the cgroup $p$c|$C|mkdir -p $p",
    77: Step::SetLimit(_) =>
        "set $p to $x|openat write|echo $x > $p",
    78: Step::RestrictDevices(_) =>
        "let $p use devices of $n rules alone|$C|",
    79: Step::JoinCgroup(_) =>
        "put it into the cgroup $p|openat write|echo PID > $p/cgroup.procs",
    80: Step::NewCgroupNamespace =>
        "see its cgroups as the roots|unshare|unshare --cgroup",
    81: Step::HoldDevice(..) =>
        "hold the host's $p|open_tree|exec 4< $p",
    82: Step::HeldDevice(..) =>
        "bind it at $p|mknodat move_mount|touch .$p && mount --move . .$p",
    83: Step::EnterPrepared =>
        "have mounts of its own and none of the host's|openat setns unshare statfs|\
         nsenter --mount=/run/rootlet/.mounts unshare --mount",
    84: Step::Background { .. } =>
        "go on in the background, output to $p|openat close pipe2 clone prctl setsid dup3 \
         close_range openat dup3|setsid ... >> $p < /dev/null &",
    85: Step::SameOutput =>
        "have standard error where the output is|dup3|exec 2>&1",
    86: Step::Enter(_) =>
        "go into namespaces of $p:$s|prctl (openat write prlimit64) (setgroups)$j prctl$D|\
         nsenter$S",
    87: Step::Tools(_) =>
        "lay tools over / in mounts of its own|unshare mount_setattr (fsopen fsconfig fsconfig \
         fsmount openat sendfile) open_tree move_mount pivot_root umount2|unshare --mount",
}

impl Step<'_> {
    /// Appends one column of the step's row.
    pub fn describe(&self, column: Column, line: &mut Line) {
        let mut row = Line::new();
        let text = parts(self.row().unpack(&mut row), b'|').skip_to(column as usize);
        let mut pieces = parts(text, b'$');
        line.raw(pieces.skip_to(0));
        for piece in pieces {
            if let Some((letter, rest)) = piece.split_first() {
                self.operand(*letter, line);
                line.raw(rest);
            }
        }
    }

    /// Appends what a letter of the row stands for. No row has a letter that is not of its kind of step.
    // By the kind first, since a match of both at once is three times as long. What takes more than one call is out of
    // line: each arm is then one jump, with no frame to be given back before it.
    #[inline(never)]
    fn operand(&self, letter: u8, line: &mut Line) {
        if letter == b'p' {
            return self.append_name(line);
        }
        match self {
            Self::Link(link) => append_target(Place::Dev, link.name, line),
            Self::Directory(name) => append_target(Place::Dev, name, line),
            Self::AttachTree { place, target, .. } => {
                append_of_attached(letter, *place, target, line);
            }
            Self::MemoryRoot(parameters) | Self::Scratch(parameters) => {
                append_of_root(letter, parameters, line);
            }
            Self::Overlay { .. } => self.append_of_overlay(letter, line),
            Self::MakePath(missing) | Self::MountPoint(missing) => {
                append_of_path(letter, missing, line);
            }
            Self::NewNamespaces(set, cgroup) => append_of_start(letter, *set, *cgroup, line),
            Self::Enter(target) => append_of_entered(letter, target, line),
            Self::Join(join) => append_of_join(letter, join, join.kinds, line),
            Self::JoinWithUsers(join) => {
                append_of_join(letter, join, join.kinds.with(Namespaces::USER, true), line);
            }
            Self::Persist(persist) => drop(line.raw(persist.name)),
            Self::CloneTree(copy) | Self::MapTree(copy) => append_of_tree(copy, line),
            Self::Terminal { uid, .. } if letter == b'n' => drop(line.number(u64::from(*uid))),
            Self::Terminal { size: Some(_), .. } => drop(line.text(" ioctl")),
            Self::Groups(groups) | Self::AllowedGroups(groups) => append_groups(groups, line),
            Self::GroupId(number) | Self::UserId(number) => drop(line.number(u64::from(*number))),
            // The kernel is asked for one more than it has: it may have more than we know.
            Self::BoundingSet(set) if letter == b'D' => {
                append_calls(CapabilitySet((CapabilitySet::ALL.0 << 1 | 1) & !set.0), line);
            }
            Self::AmbientCapabilities(set) if letter == b'D' => append_calls(*set, line),
            Self::Capabilities(set) | Self::BoundingSet(set) | Self::AmbientCapabilities(set) => {
                append_capabilities(*set, line);
            }
            Self::TakeLink(preserved) => append_preserved(*preserved, line),
            Self::Landlock(rules) => append_landlock(letter, rules, line),
            Self::Limit(limit) => append_limit(limit, line),
            Self::MapUsers(maps) => append_of_maps(letter, maps, line),
            Self::Filter(program) => drop(line.number((program.len() / INSTRUCTION_BYTES) as u64)),
            Self::Mask(mask) if letter == b't' => append_target(Place::Root, mask.path, line),
            Self::Mask(Mask { kind: Kind::File, .. }) => drop(line.text("mount --bind /dev/null")),
            Self::Mask(_) => drop(line.text("mount -t tmpfs -o ro none")),
            Self::Filesystem(filesystem) => append_of_filesystem(letter, filesystem, line),
            Self::Tmpfs(tmpfs) => append_of_tmpfs(letter, tmpfs, line),
            Self::MakeCgroup(_) | Self::SetLimit(_) | Self::RestrictDevices(_) => {
                append_of_cgroups(letter, self, line);
            }
            _ => append_of_network(letter, self, line),
        }
    }

    /// `$n` how many layers, `$U` and `$D` the calls that it may need.
    #[inline(never)]
    fn append_of_overlay(&self, letter: u8, line: &mut Line) {
        match (letter, self) {
            (b'n', Self::Overlay { count, .. }) => drop(line.number(u64::from(*count))),
            (b'U', Self::Overlay { of_user: true, .. }) => drop(line.text(" fsconfig")),
            (b'D', Self::Overlay { kept: false, .. }) => drop(line.text(" umount2")),
            _ => {}
        }
    }

    #[inline(never)]
    fn append_name(&self, line: &mut Line) {
        line.shell_word(self.name());
    }

    /// The one path or name of the step.
    const fn name(&self) -> &[u8] {
        match self {
            Self::WritePidFile(name)
            | Self::StepAside(name)
            | Self::MakeCgroup(Cgroup { path: name, .. })
            | Self::SetLimit(Setting { path: name, .. })
            | Self::RestrictDevices(Devices { path: name, .. })
            | Self::JoinCgroup(Cgroup { path: name, .. })
            | Self::CloneTree(TreeCopy { source: name, .. })
            | Self::MapTree(TreeCopy { source: name, .. })
            | Self::ReceiveTree(TreeCopy { source: name, .. })
            | Self::Device(name)
            | Self::HoldDevice(_, name)
            | Self::HeldDevice(_, name)
            | Self::KeepRecord { path: name, .. }
            | Self::OpenLayer { path: name, .. }
            | Self::Unpack { path: name, .. }
            | Self::OomScore(name)
            | Self::ReadOnly(name)
            | Self::Veth { pair: Veth { link: name, .. }, .. }
            | Self::Pasta { program: name, .. }
            | Self::Hostname(name)
            | Self::Domainname(name)
            | Self::ChangeDirectory(name)
            | Self::Execute(name) => name.to_bytes(),
            Self::Join(Join { owner: Owner::Container(name) | Owner::File(name), .. })
            | Self::JoinWithUsers(Join {
                owner: Owner::Container(name) | Owner::File(name), ..
            }) => name.to_bytes(),
            Self::Enter(target) => target.name.to_bytes(),
            Self::ShiftClocks(offsets) => offsets.asked.to_bytes(),
            Self::Persist(persist) => persist.file.to_bytes(),
            Self::Background { log, .. } => match log {
                Some(log) => log.to_bytes(),
                None => b"/dev/null",
            },
            Self::Label(label) => label.text.to_bytes(),
            Self::Link(link) => link.to.to_bytes(),
            Self::Propagate(kind) => kind.name().as_bytes(),
            _ => b"",
        }
    }
}

#[cfg(test)]
mod tests;
