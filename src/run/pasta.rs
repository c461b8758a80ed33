//! pasta(1), which connects a network without root: its start and its end.

use core::ffi::CStr;

use super::identity;
use super::process_files::open_of;
use crate::input::namespaces::Namespaces;
use crate::input::network::{PORTS, Port};
use crate::plan::network::PASTA_WORDS;
use crate::sys::descriptor::{Descriptor, OpenFlags, pipe};
use crate::sys::process::{
    Pid, Side, Until, close_from, duplicate_to, execute, exit, fork, join_namespaces, look_at,
    own_pid, parent_pid, wait_for,
};
use crate::sys::signal::{self, Signal};
use crate::sys::standard;
use crate::sys::vectors::StringTable;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::parts::parts;

/// Words of its command line: ours, two for each port, two for each protocol without one.
const ARGUMENTS: usize = 16 + 2 * PORTS + 4;
/// It has said itself why it fails.
pub const SAID: Errno = Errno(0);
/// How much is kept of what it says before it is ready: the end.
const SAID_BYTES: usize = 2048;
/// Stands before what is left of a line that was cut: that is neither a pid nor a reason.
const CUT: u8 = b'~';

/// Starts it for the namespaces of `container`, and waits until the network is there. It is our child, and is killed
/// when we end: an old version of it does not notice the end of the namespace.
///
/// # Errors
/// The call that failed; where it has ended, `SAID` of `pasta`, or EPERM where it had no words.
#[inline(never)]
pub fn start(
    program: &CStr,
    ports: &[Port<'_>],
    joins: bool,
    container: Pid,
) -> Result<Pid, CallError> {
    let namespace = |name| open_of(container, name, OpenFlags::READ).map_err(Call::Openat.failed());
    let network = namespace("ns/net")?;
    let users = if joins { Some(namespace("ns/user")?) } else { None };
    let (reader, writer) = pipe().map_err(Call::Pipe2.failed())?;
    let supervisor = own_pid();
    match fork(Until::Made).map_err(Call::Clone.failed())? {
        Side::Child => {
            // What fails here has no words of its own: the pipe ends.
            match prepare(&network, users.as_ref(), &writer, supervisor) {
                Ok(()) => become_pasta(program, ports),
                Err(error) => exit(error.errno.0),
            }
        }
        Side::Parent(pid) => {
            drop(writer);
            let heard = hear(&reader);
            if heard.is_err() {
                end(pid);
            }
            heard.map(|()| pid)
        }
    }
}

/// In the child: the descriptors, rights and ties of pasta.
fn prepare(
    network: &Descriptor,
    users: Option<&Descriptor>,
    writer: &Descriptor,
    supervisor: i32,
) -> Result<(), CallError> {
    if let Some(users) = users {
        join_namespaces(users.as_fd(), Namespaces::USER.0).map_err(Call::Setns.failed())?;
        // Who is nobody there has no rights there either.
        identity::set_group(0)?;
        identity::set_user(0)?;
    }
    for (from, to) in [(network, 0), (writer, 1), (writer, 2)] {
        duplicate_to(from.as_fd(), to, false).map_err(Call::Dup3.failed())?;
    }
    close_from(standard::FIRST_OTHER.into()).map_err(Call::CloseRange.failed())?;
    // Ctrl-C is the command's. A shell's job it is not either.
    let _ = rustix::process::setsid();
    identity::die_with_parent()?;
    if parent_pid() != supervisor {
        exit(1);
    }
    signal::unblock_all();
    Ok(())
}

#[inline(never)]
fn become_pasta(program: &CStr, ports: &[Port<'_>]) -> ! {
    let mut arguments = StringTable::<{ ARGUMENTS + 1 }>::new();
    let mut add = |word| {
        let _ = arguments.push(word);
    };
    for word in PASTA_WORDS {
        add(word);
    }
    for (is_datagram, option) in [(false, c"--tcp-ports"), (true, c"--udp-ports")] {
        let mut own = ports.iter().filter(|port| port.is_datagram == is_datagram).peekable();
        if own.peek().is_none() {
            add(option);
            add(c"none");
        }
        for port in own {
            add(option);
            add(port.text);
        }
    }
    let environment = StringTable::<1>::new();
    let errno = execute(program, arguments.strings(), environment.strings());
    exit(errno.0)
}

/// Waits for a line with a pid alone, which says that it is ready. Where the pipe ends before that, what it has said
/// last is handed on.
#[inline(never)]
fn hear(reader: &Descriptor) -> Result<(), CallError> {
    let mut halves = [[0; SAID_BYTES / 2]; 2];
    let mut length = 0;
    loop {
        if length == SAID_BYTES {
            let [older, newer] = &mut halves;
            *older = *newer;
            older[0] = CUT;
            length /= 2;
        }
        let said = halves.as_flattened_mut();
        match rustix::io::read(reader, said.get_mut(length..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Call::Read.failed()(errno)),
        }
        if is_ready(said.get(..length).unwrap_or_default()) {
            return Ok(());
        }
    }
    let said = halves.as_flattened().get(..length).unwrap_or_default();
    if let Some(why) = parts(said.trim_ascii_end(), b'\n').filter(|line| is_reason(line)).last() {
        let mut line = Line::new();
        line.text("rootlet: pasta: ").operand(why).newline();
        let _ = rustix::io::write(standard::error(), line.bytes());
        return Err(CallError { call: Call::Pasta, errno: SAID });
    }
    Err(CallError { call: Call::Pasta, errno: Errno::PERM })
}

/// Whether one of the lines is a number.
fn is_ready(said: &[u8]) -> bool {
    let mut lines = parts(said, b'\n');
    lines.any(|line| !line.is_empty() && line.iter().all(u8::is_ascii_digit))
        && said.ends_with(b"\n")
}

/// Old versions complain where there is no syslog.
fn is_reason(line: &[u8]) -> bool {
    !line.is_empty() && !line.starts_with(b"Failed to send ") && !line.starts_with(&[CUT])
}

/// Ends it, and waits for that, so that its ports are free again. One that has ended before has been reaped, and its
/// number may be somebody else's.
pub fn end(Pid(pid): Pid) {
    if look_at(pid).pid == 0 {
        let _ = signal::kill(pid, Signal::KILL);
        let _ = wait_for(Pid(pid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(said: &str) -> Result<(), Errno> {
        let (reader, writer) = pipe().unwrap();
        crate::sys::descriptor::write_all(writer.as_fd(), said.as_bytes()).unwrap();
        drop(writer);
        hear(&reader).map_err(|error| error.errno)
    }

    #[test]
    fn it_is_ready_however_much_it_has_said_before() {
        let complaint = "Failed to send 43 bytes to syslog\n";
        assert_eq!(heard("77\n"), Ok(()));
        for times in [1, 59, 60, 61, 200] {
            assert_eq!(heard(&format!("{}77\n", complaint.repeat(times))), Ok(()), "{times}");
            assert_eq!(heard(&complaint.repeat(times)), Err(Errno::PERM), "{times}");
        }
        // What is left of a line that was too long is no pid.
        for blanks in [2042, 3070] {
            let long = format!("{}123456\n", " ".repeat(blanks));
            assert!(heard(&long).is_err(), "{blanks}");
        }
    }
}
