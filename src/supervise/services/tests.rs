//! Init as a simulation: tasks that are started, end, or live on.

use super::*;

const EXITED_1: Status = Status(0x100);

fn services(text: &str, is_machine: bool) -> Box<Services> {
    let mut services = Box::new(Services::new());
    services.begin(&BootParameters::NONE, is_machine, !is_machine);
    read(&mut services, text);
    services
}

fn read(services: &mut Services, text: &str) {
    services.tasks.next_text()[..text.len()].copy_from_slice(text.as_bytes());
    services.take(text.len(), 100, &mut |bad| panic!("{bad:?}"));
}

/// Starts what is to be started, each with the pid 10 + its index, and gives the commands and the step behind them.
fn start(services: &mut Services, now_ms: u64) -> (String, Step) {
    let mut started = String::new();
    loop {
        match services.next(now_ms) {
            Step::Start(index) => {
                let entry = services.tasks.entry(index).unwrap();
                started.push_str(str::from_utf8(entry.command).unwrap());
                services.on_started(index, 10 + index as i32, now_ms);
            }
            step => return (started, step),
        }
    }
}

fn shown(started: &str, step: Step) -> (String, Step) {
    (started.to_string(), step)
}

const WAIT: Step = Step::Wait(FOR_EVER);

#[test]
fn entries_are_started_in_the_order_of_their_kinds() {
    let text = "::respawn:r\n::once:o\n::wait:w\n::sysinit:s\n::sysinit:t\n::askfirst:a\n\
        ::shutdown:d\n::ctrlaltdel:k\n::restart:i\n::once:p\n";
    let mut init = services(text, true);
    assert_eq!(start(&mut init, 0), shown("s", WAIT));
    init.on_end(99, EXITED_1, 1);
    assert_eq!(start(&mut init, 1), shown("", WAIT), "somebody else's end is none of ours");
    init.on_end(13, EXITED_1, 2);
    assert_eq!(start(&mut init, 2), shown("t", WAIT));
    init.on_end(14, EXITED_1, 3);
    assert_eq!(start(&mut init, 3), shown("w", WAIT));
    init.on_end(12, EXITED_1, 4);
    assert_eq!(start(&mut init, 4), shown("opra", WAIT));
    init.on_signal(Signal::INT);
    assert_eq!(start(&mut init, 5), shown("k", WAIT));
    init.on_signal(Signal::INT);
    assert_eq!(start(&mut init, 5), shown("", WAIT), "the keys are pressed already");
    init.on_end(17, EXITED_1, 6);
    assert_eq!(start(&mut init, 6), shown("", WAIT));
}

#[test]
fn a_service_that_ends_soon_is_started_later_and_later_and_then_left_alone() {
    let mut init = services("::respawn:r\n::respawn:q\n", true);
    assert_eq!(start(&mut init, 0), shown("rq", WAIT));
    let mut now_ms = 1000;
    for times in 1..QUICK_ENDS {
        assert_eq!(init.on_end(10, EXITED_1, now_ms), None);
        let delay_ms = RESPAWN_MS << (times - 1);
        assert_eq!(start(&mut init, now_ms), shown("", Step::Wait(delay_ms as u32)));
        now_ms += delay_ms;
        assert_eq!(start(&mut init, now_ms), shown("r", WAIT));
    }
    assert_eq!(init.on_end(10, EXITED_1, now_ms), Some(Notice::Respawns(0)));
    assert_eq!(start(&mut init, now_ms), shown("", Step::Wait(PAUSE_MS as u32)));
    // The other one has lived, so it is started at once.
    assert_eq!(init.on_end(11, EXITED_1, now_ms), None);
    assert_eq!(start(&mut init, now_ms), shown("q", Step::Wait(PAUSE_MS as u32)));
    assert_eq!(start(&mut init, now_ms + PAUSE_MS), shown("r", WAIT));
}

#[test]
fn a_machine_with_nothing_to_run_needs_a_shell_and_a_container_ends() {
    for (is_machine, expected) in [(true, Step::Rescue), (false, Step::Finish(Outcome::Idle(1)))] {
        let mut init = services("::once:o\n", is_machine);
        assert_eq!(start(&mut init, 0), shown("o", WAIT));
        init.on_end(10, EXITED_1, 1);
        // Something that it has left behind may still be running.
        assert_eq!(start(&mut init, 1), shown("", WAIT));
        init.on_no_child();
        assert_eq!(start(&mut init, 1), shown("", expected));
        // A service that will be started again soon is something to run.
        let mut init = services("::respawn:r\n", is_machine);
        assert_eq!(start(&mut init, 0), shown("r", WAIT));
        init.on_end(10, EXITED_1, 1);
        init.on_no_child();
        assert_eq!(start(&mut init, 1), shown("", Step::Wait(100)));
    }
}

#[test]
fn a_missing_terminal_switches_a_task_off_until_the_next_reading() {
    let mut init = services("tty9::respawn:r\n::respawn:q\n", true);
    assert_eq!(init.next(0), Step::Start(0));
    init.on_refused(0, true, 0);
    assert_eq!(start(&mut init, 0), shown("q", WAIT));
    init.on_signal(Signal::HUP);
    assert_eq!(init.next(1), Step::Reload);
    read(&mut init, "tty9::respawn:r\n::respawn:q\n");
    assert_eq!(init.next(1), Step::Start(0));
    // No process could be made: again, in a while.
    init.on_refused(0, false, 1);
    assert_eq!(start(&mut init, 1), shown("", Step::Wait(QUICK_MS as u32)));
}

#[test]
fn shutdown_entries_then_term_then_kill_then_the_end() {
    let mut init = services("::respawn:r\n::shutdown:d\n::shutdown:e\n", true);
    assert_eq!(start(&mut init, 0), shown("r", WAIT));
    init.on_signal(Signal(12));
    let limit_ms = BootParameters::NONE.shutdown_limit_ms;
    assert_eq!(start(&mut init, 0), shown("d", Step::Wait(limit_ms)));
    init.on_end(10, EXITED_1, 1);
    init.on_signal(Signal(15));
    assert_eq!(start(&mut init, 1), shown("", Step::Wait(limit_ms - 1)), "r is not started again");
    init.on_end(11, EXITED_1, 5);
    assert_eq!(start(&mut init, 5), shown("e", Step::Wait(limit_ms)));
    let mut now_ms = 5 + u64::from(limit_ms);
    assert_eq!(init.next(now_ms), Step::GiveUp(2));
    assert_eq!(init.next(now_ms), Step::EndAll);
    assert_eq!(init.next(now_ms), Step::Wait(5000));
    now_ms += 5000;
    for _ in 0..KILLS {
        assert_eq!(init.next(now_ms), Step::KillAll);
        assert_eq!(init.next(now_ms), Step::Wait(KILL_AGAIN_MS as u32));
        now_ms += KILL_AGAIN_MS;
    }
    assert_eq!(init.next(now_ms), Step::Finish(Outcome::End(End::PowerOff)), "as first asked");
}

#[test]
fn when_all_are_gone_nothing_is_waited_for() {
    let mut init = services("::sysinit:s\n::restart:i\n", true);
    assert_eq!(start(&mut init, 0), shown("s", WAIT));
    // Asked while it starts.
    init.on_signal(Signal(3));
    assert_eq!(init.next(0), Step::EndAll);
    init.on_end(10, EXITED_1, 0);
    init.on_no_child();
    assert_eq!(init.next(0), Step::Finish(Outcome::Restart));
}

#[test]
fn a_pause_starts_nothing() {
    let mut init = services("::respawn:r\n", true);
    assert_eq!(start(&mut init, 0), shown("r", WAIT));
    init.on_signal(Signal::TSTP);
    init.on_end(10, EXITED_1, 9000);
    init.on_no_child();
    assert_eq!(start(&mut init, 9000), shown("", WAIT));
    init.on_signal(Signal::CONT);
    assert_eq!(start(&mut init, 9000), shown("r", WAIT));
}

#[test]
fn the_process_of_a_line_that_is_gone_has_some_time_to_end() {
    let mut init = services("::respawn:r\n::respawn:q\n", true);
    assert_eq!(start(&mut init, 0), shown("rq", WAIT));
    read(&mut init, "::respawn:q\n");
    assert_eq!(start(&mut init, 100), shown("", Step::Send(10, Signal::TERM)));
    assert_eq!(start(&mut init, 100), shown("", Step::Wait(STALE_MS as u32)));
    assert_eq!(start(&mut init, 100 + STALE_MS), shown("", Step::Send(10, Signal::KILL)));
    assert_eq!(start(&mut init, 100 + STALE_MS), shown("", Step::Wait(STALE_MS as u32)));
    init.on_end(10, EXITED_1, 6000);
    assert_eq!(start(&mut init, 6000), shown("", WAIT), "it is not started again");
}

#[test]
fn signals_mean_what_busybox_and_engines_mean_by_them() {
    let end = |signal, is_machine| {
        let mut init = services("::respawn:r\n", is_machine);
        let _ = start(&mut init, 0);
        init.on_signal(Signal(signal));
        match init.stage {
            Stage::ShuttingDown(Outcome::End(end)) => Some(end),
            _ => None,
        }
    };
    use End::{Halt, Kexec, PowerOff, Reboot};
    for (signal, machine, container) in [
        (10, Some(Halt), Some(PowerOff)),
        (12, Some(PowerOff), Some(PowerOff)),
        (15, Some(Reboot), Some(PowerOff)),
        (30, Some(PowerOff), Some(PowerOff)),
        (37, Some(Halt), Some(PowerOff)),
        (38, Some(PowerOff), Some(PowerOff)),
        (39, Some(Reboot), Some(Reboot)),
        (40, Some(Kexec), Some(Kexec)),
        // Without an entry Ctrl-C ends a container, and Ctrl-Alt-Del does nothing to a machine.
        (2, None, Some(PowerOff)),
        // Without a restart entry there is nothing to restart.
        (3, None, None),
        (1, None, None),
        (14, None, None),
        (28, None, None),
    ] {
        assert_eq!((end(signal, true), end(signal, false)), (machine, container), "{signal}");
    }
}
