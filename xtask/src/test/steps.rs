//! What is done to a machine while it runs: keys, typed text, disks.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::verdict::Line;

/// One step as a scenario describes it: when, and exactly one thing to do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the console must show first, after the step before this one was done; the line may be
    /// unfinished. Without it the step follows at once.
    pub after: Option<Line>,
    #[serde(default)]
    pub wait_ms: u64,
    /// Text for the serial line.
    #[serde(rename = "type")]
    pub typed: Option<String>,
    /// Keys that are pressed together, in QEMU's names with dashes between them.
    pub press: Option<String>,
    /// The number of a disk that is plugged in now, and is not there before.
    pub plug: Option<usize>,
}

impl Step {
    /// Refuses a step that does nothing, or more than one thing.
    pub fn check(&self) -> Result<()> {
        let things = [self.typed.is_some(), self.press.is_some(), self.plug.is_some()];
        let count = things.into_iter().filter(|is_done| *is_done).count();
        ensure!(count == 1, "a step has one of type, press and plug");
        Ok(())
    }
}

/// How far the steps of a machine have come.
pub struct Steps<'a> {
    left: &'a [Step],
    /// When the first of them is due; None while its line is awaited.
    due: Option<Instant>,
}

impl<'a> Steps<'a> {
    pub fn new(steps: &'a [Step]) -> Steps<'a> {
        Steps { left: steps, due: None }
    }

    /// Makes the first step due, if it waits for no line: at the machine's start, and after each step.
    pub fn start(&mut self, now: Instant) {
        if let Some(step) = self.left.first()
            && step.after.is_none()
        {
            self.due = Some(now + Duration::from_millis(step.wait_ms));
        }
    }

    /// Takes text of the console; returns whether the next step was waiting for it.
    pub fn see(&mut self, text: &str, now: Instant) -> bool {
        let Some(step) = self.left.first() else { return false };
        let found = self.due.is_none() && step.after.as_ref().is_some_and(|line| line.is_in(text));
        if found {
            self.due = Some(now + Duration::from_millis(step.wait_ms));
        }
        found
    }

    /// When the next step is due, if that is known.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes the step that is due now, if there is one.
    pub fn take(&mut self, now: Instant) -> Option<&'a Step> {
        let (step, rest) = self.left.split_first()?;
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        self.left = rest;
        self.due = None;
        self.start(now);
        Some(step)
    }

    /// What the next step still waits for.
    pub fn waited_for(&self) -> Option<Line> {
        // A step that only waited for its time has been overtaken by the machine's end, too.
        let step = self.left.first()?;
        Some(step.after.clone().unwrap_or_else(|| Line::Part(format!("({} ms)", step.wait_ms))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(after: Option<&str>, wait_ms: u64, press: &str) -> Step {
        Step {
            after: after.map(|text| Line::Part(text.to_owned())),
            wait_ms,
            typed: None,
            press: Some(press.to_owned()),
            plug: None,
        }
    }

    #[test]
    fn steps_come_in_order_each_after_its_line_and_its_time() {
        let steps = [step(Some("# "), 0, "a"), step(None, 5, "b"), step(Some("# "), 0, "c")];
        let mut running = Steps::new(&steps);
        let start = Instant::now();
        let later = |ms| start + Duration::from_millis(ms);
        let press = |step: Option<&Step>| step.and_then(|s| s.press.clone()).unwrap_or_default();
        running.start(start);
        assert!(running.due().is_none() && !running.see("boot", start));
        assert!(running.see("# ", start) && !running.see("# ", start));
        assert_eq!(press(running.take(start)), "a");
        assert!(!running.see("# ", later(1)), "the second step waits for no line");
        assert_eq!(press(running.take(later(4))), "");
        assert_eq!(press(running.take(later(5))), "b");
        assert!(running.waited_for().is_some_and(|line| line.is_in("# ")));
        assert!(running.see("# ", later(6)));
        assert_eq!(press(running.take(later(6))), "c");
        assert!(running.waited_for().is_none() && running.take(later(9)).is_none());
    }

    #[test]
    fn a_step_does_exactly_one_thing() {
        let good = step(None, 0, "a");
        assert!(good.check().is_ok());
        assert!(Step { press: None, ..good.clone() }.check().is_err());
        assert!(Step { plug: Some(0), ..good }.check().is_err());
    }
}
