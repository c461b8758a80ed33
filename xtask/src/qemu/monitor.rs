//! QEMU's monitor: how a machine ended; keys and disks while it runs.
//!
//! The protocol is described in QEMU's `docs/interop/qmp-spec.rst`, its commands and events in
//! the "QEMU QMP Reference Manual".

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What the monitor says.
#[derive(Debug)]
pub enum Message {
    /// It has connected, and takes commands.
    Ready(Monitor),
    /// The machine has ended, for this reason: `guest-shutdown`, `guest-reset`, …
    Shutdown(String),
    /// A command was refused.
    Refused(String),
}

/// The side of the connection that commands are written to.
#[derive(Debug)]
pub struct Monitor {
    stream: UnixStream,
}

/// A socket that waits for a QEMU to connect to it.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    pub fn new(path: &Path) -> Result<Socket> {
        let listener = UnixListener::bind(path).with_context(|| path.display().to_string())?;
        Ok(Socket { listener, path: path.to_owned() })
    }

    /// Hands every message to `on_message`, in a thread, until the connection ends or `on_message`
    /// returns false.
    pub fn listen(self, on_message: impl FnMut(Message) -> bool + Send + 'static) -> Closer {
        let Socket { listener, path } = self;
        thread::spawn(move || {
            // An error counts as the end of the connection: how QEMU itself ended says more.
            let _ended = listener.accept().map(|(stream, _)| speak(&stream, on_message));
        });
        Closer { path }
    }
}

/// Ends, when it is dropped, a thread to which no QEMU has connected.
pub struct Closer {
    path: PathBuf,
}

impl Drop for Closer {
    fn drop(&mut self) {
        // Where QEMU has connected, nobody accepts this one, which does no harm.
        let _unused = UnixStream::connect(&self.path);
    }
}

fn speak(stream: &UnixStream, mut on_message: impl FnMut(Message) -> bool) -> Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let _greeting = lines.next().context("no greeting")??;
    let mut monitor = Monitor { stream: stream.try_clone()? };
    // QEMU takes no other command before this one.
    monitor.command("qmp_capabilities", &json!({}))?;
    if !on_message(Message::Ready(monitor)) {
        return Ok(());
    }
    for line in lines {
        if let Some(message) = parse(&line?)
            && !on_message(message)
        {
            return Ok(());
        }
    }
    Ok(())
}

/// The message of a line. Answers without an error, and other events, do not matter.
fn parse(line: &str) -> Option<Message> {
    let value: Value = serde_json::from_str(line).ok()?;
    if let Some(error) = value.get("error") {
        return Some(Message::Refused(error["desc"].as_str().unwrap_or("?").to_owned()));
    }
    if value["event"] != "SHUTDOWN" {
        return None;
    }
    let reason = value["data"]["reason"].as_str().unwrap_or("unknown");
    Some(Message::Shutdown(reason.to_owned()))
}

impl Monitor {
    /// Plugs a device in; `properties` are those of `-device`.
    pub fn plug(&mut self, properties: &Value) -> Result<()> {
        self.command("device_add", properties)
    }

    /// Presses all keys at once, named as QEMU names them (`ctrl`, `delete`, `a`).
    pub fn press<'a>(&mut self, keys: impl Iterator<Item = &'a str>) -> Result<()> {
        let keys: Vec<_> = keys.map(|key| json!({ "type": "qcode", "data": key })).collect();
        self.command("send-key", &json!({ "keys": keys }))
    }

    /// Ends QEMU.
    pub fn quit(&mut self) -> Result<()> {
        self.command("quit", &json!({}))
    }

    fn command(&mut self, name: &str, arguments: &Value) -> Result<()> {
        let line = format!("{}\n", json!({ "execute": name, "arguments": arguments }));
        self.stream.write_all(line.as_bytes()).with_context(|| format!("QEMU's monitor: {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn only_ends_and_refusals_matter() {
        let reason = |line: &str| match parse(line) {
            Some(Message::Shutdown(reason)) => format!("end {reason}"),
            Some(Message::Refused(why)) => format!("refused {why}"),
            _ => String::new(),
        };
        let shutdown = r#"{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}"#;
        assert_eq!(reason(shutdown), "end guest-reset");
        let refused = r#"{"error": {"class": "GenericError", "desc": "no such bus"}}"#;
        assert_eq!(reason(refused), "refused no such bus");
        for line in [r#"{"return": {}}"#, r#"{"event": "STOP"}"#, "", "nonsense"] {
            assert_eq!(reason(line), "", "{line}");
        }
    }

    #[test]
    fn commands_follow_the_greeting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let socket = Socket::new(&path).unwrap();
        let (sender, receiver) = mpsc::channel();
        let closer = socket.listen(move |message| sender.send(message).is_ok());
        let mut qemu = UnixStream::connect(&path).unwrap();
        qemu.write_all(b"{\"QMP\": {}}\n").unwrap();
        let Ok(Message::Ready(mut monitor)) = receiver.recv() else { panic!("not ready") };
        monitor.press(["ctrl", "alt", "delete"].into_iter()).unwrap();
        let mut lines = BufReader::new(qemu.try_clone().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("qmp_capabilities"));
        assert!(lines.next().unwrap().unwrap().contains("\"data\":\"delete\""));
        drop((monitor, lines, qemu));
        assert!(receiver.recv().is_err(), "the thread ends with the connection");
        drop(closer);
    }

    #[test]
    fn a_thread_without_a_qemu_ends_too() {
        let folder = tempfile::tempdir().unwrap();
        let socket = Socket::new(&folder.path().join("qmp")).unwrap();
        let (sender, receiver) = mpsc::channel();
        drop(socket.listen(move |message| sender.send(message).is_ok()));
        assert!(receiver.recv().is_err());
    }
}
