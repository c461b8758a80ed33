//! A filter from a file as docker and the OCI specification write them.
//!
//! Keys that are known and say nothing here are passed over; an unknown key is an error, since it may have been meant
//! to forbid something. Names of calls that this machine does not have are those of other machines, as in docker's
//! file.

use heapless::Vec;

use super::capability::CapabilitySet;
use super::filter::{CallSet, Comparison, Condition, Profile, Rule, Verdict};
use super::json::Json;
use super::kernel_release::KernelRelease;
use super::place::Misread;
use super::refusal::Reason;
use super::system_calls::Machine;
use crate::text::parts::line_of;

/// Rules of one filter.
pub const RULES: usize = 512;
/// Conditions of all of them.
pub const CONDITIONS: usize = 512;

/// The tables that a file is read into.
pub struct Tables {
    rules: Vec<Rule, RULES>,
    conditions: Vec<Condition, CONDITIONS>,
}

impl Tables {
    /// Empty tables, all zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { rules: Vec::new(), conditions: Vec::new() }
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

/// What a file is read for. Rules may demand some of it.
pub struct Reader<'n> {
    /// The machine.
    pub machine: &'n Machine,
    /// The names of its calls, with newlines between them: `Machine::write_names`.
    pub names: &'n [u8],
    /// The running kernel.
    pub kernel: KernelRelease,
    /// What the program may do.
    pub capabilities: CapabilitySet,
}

/// One rule while it is read.
struct Draft {
    calls: CallSet,
    verdict: Option<Verdict>,
    errno: Option<u16>,
    first_condition: usize,
    /// Its demands are met by this machine, kernel and program.
    applies: bool,
}

impl Reader<'_> {
    /// Reads `text` into `tables`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    #[inline(never)]
    pub fn read<'t>(&self, text: &[u8], tables: &'t mut Tables) -> Result<Profile<'t>, Misread> {
        let mut json = Json::new(text);
        let default = self.top(&mut json, tables);
        let default = default.map_err(|reason| json.misread(reason))?;
        Ok(Profile { default, rules: &tables.rules, conditions: &tables.conditions })
    }

    fn top(&self, json: &mut Json<'_>, tables: &mut Tables) -> Result<Verdict, Reason> {
        let (mut verdict, mut errno) = (None, None);
        json.members(&mut |json, key| {
            match line_of(TOP_KEYS, key) {
                Some(0) => verdict = Some(action(json)?),
                Some(1) => errno = Some(read_errno(json)?),
                Some(2) => json.elements(&mut |json, ()| self.rule(json, tables))?,
                Some(_) => json.skip()?,
                None => return Err(Reason::NoFilterKey),
            }
            Ok(())
        })?;
        json.end()?;
        with_errno(verdict, errno)
    }

    fn rule(&self, json: &mut Json<'_>, tables: &mut Tables) -> Result<(), Reason> {
        let mut draft = Draft {
            calls: CallSet::NONE,
            verdict: None,
            errno: None,
            first_condition: tables.conditions.len(),
            applies: true,
        };
        json.members(&mut |json, key| {
            match line_of(RULE_KEYS, key) {
                Some(0) => json.elements(&mut |json, ()| self.name(json, &mut draft))?,
                Some(1) => self.name(json, &mut draft)?,
                Some(2) => draft.verdict = Some(action(json)?),
                Some(3) => draft.errno = Some(read_errno(json)?),
                Some(4) => {
                    json.elements(&mut |json, ()| condition(json, &mut tables.conditions))?
                }
                Some(5) => self.demands(json, true, &mut draft)?,
                Some(6) => self.demands(json, false, &mut draft)?,
                Some(_) => json.skip()?,
                None => return Err(Reason::NoFilterKey),
            }
            Ok(())
        })?;
        let verdict = with_errno(draft.verdict, draft.errno)?;
        if draft.applies { draft.add(verdict, tables) } else { Ok(()) }
    }

    fn name(&self, json: &mut Json<'_>, draft: &mut Draft) -> Result<(), Reason> {
        let name = json.string()?;
        // Passed over as another machine's, an escaped name would not forbid what it was meant to.
        if name.contains(&b'\\') {
            return Err(Reason::NoJson);
        }
        if let Some(line) = line_of(self.names, name) {
            let line = u16::try_from(line).unwrap_or(u16::MAX);
            draft.calls.put(self.machine.number_of_line(line), true);
        }
        Ok(())
    }

    /// Reads what a rule demands. `includes` (`wanted`): it applies with all of the capabilities, on one of the
    /// machines, from a kernel on. `excludes`: with none of the capabilities, on none of the machines, before a kernel.
    fn demands(&self, json: &mut Json<'_>, wanted: bool, draft: &mut Draft) -> Result<(), Reason> {
        json.members(&mut |json, key| {
            let mut holds = wanted;
            match line_of(DEMAND_KEYS, key) {
                Some(0) => json.elements(&mut |json, ()| {
                    let named = CapabilitySet::named(json.string()?);
                    let has = named.is_some_and(|one| self.capabilities.0 & one.0 == one.0);
                    draft.applies &= has == wanted;
                    Ok(())
                })?,
                Some(1) => {
                    let (mut named, mut ours) = (false, false);
                    json.elements(&mut |json, ()| {
                        ours |= json.string()? == self.machine.docker_name.as_bytes();
                        named = true;
                        Ok(())
                    })?;
                    holds = if named { ours } else { wanted };
                }
                Some(_) => {
                    let release = json.string()?;
                    if !release.first().is_some_and(u8::is_ascii_digit) {
                        return Err(Reason::NoFilterNumber);
                    }
                    holds = self.kernel >= KernelRelease::parse(release);
                }
                None => return Err(Reason::NoFilterKey),
            }
            draft.applies &= holds == wanted;
            Ok(())
        })
    }
}

impl Draft {
    /// Adds the rule. Where two conditions are about one argument, any single condition is enough, as runc has it: each
    /// becomes a rule of its own.
    fn add(&self, verdict: Verdict, tables: &mut Tables) -> Result<(), Reason> {
        let conditions = tables.conditions.get(self.first_condition..).unwrap_or_default();
        let (mut seen, mut twice) = (0_u8, false);
        for condition in conditions {
            twice |= seen >> condition.argument & 1 == 1;
            seen |= 1 << condition.argument;
        }
        let count = conditions.len();
        let (rules, each) = if twice { (count, 1) } else { (1, count) };
        for number in 0..rules {
            let rule = Rule {
                calls: self.calls,
                verdict,
                // Both are bounded by CONDITIONS.
                first_condition: (self.first_condition + number) as u16,
                conditions: u8::try_from(each).map_err(|_| Reason::ManyRules)?,
            };
            tables.rules.push(rule).map_err(|_| Reason::ManyRules)?;
        }
        Ok(())
    }
}

/// Keys of the whole file. Those behind `syscalls` change nothing here: other machines, comments, what goes with
/// SCMP_ACT_NOTIFY (which is no action here), names of errnos beside their numbers. `flags` synchronise threads and
/// log: our filter is put on a single thread, from which all others come.
const TOP_KEYS: &[u8] = b"\
defaultAction\ndefaultErrnoRet\nsyscalls\n\
archMap\narchitectures\nflags\ndefaultErrno\nlistenerPath\nlistenerMetadata\ncomment";
/// Keys of a rule; `name` is docker's older form.
const RULE_KEYS: &[u8] = b"names\nname\naction\nerrnoRet\nargs\nincludes\nexcludes\ncomment\nerrno";
const DEMAND_KEYS: &[u8] = b"caps\narches\nminKernel";

const ACTIONS: &[u8] = b"\
SCMP_ACT_KILL\nSCMP_ACT_KILL_THREAD\nSCMP_ACT_KILL_PROCESS\nSCMP_ACT_TRAP\nSCMP_ACT_ERRNO\nSCMP_ACT_TRACE\n\
SCMP_ACT_LOG\nSCMP_ACT_ALLOW";

/// Verdicts in the order of `ACTIONS`.
const VERDICTS: [Verdict; 8] = [
    Verdict::KILL_THREAD,
    Verdict::KILL_THREAD,
    Verdict::KILL_PROCESS,
    Verdict::TRAP,
    Verdict::EPERM,
    Verdict::TRACE,
    Verdict::LOG,
    Verdict::ALLOW,
];

fn action(json: &mut Json<'_>) -> Result<Verdict, Reason> {
    let place = line_of(ACTIONS, json.string()?);
    place.and_then(|place| VERDICTS.get(place).copied()).ok_or(Reason::NoFilterAction)
}

/// Reads an errno; the kernel takes none above 4095 (`MAX_ERRNO`).
fn read_errno(json: &mut Json<'_>) -> Result<u16, Reason> {
    let number = json.number()?;
    u16::try_from(number).ok().filter(|errno| *errno < 4096).ok_or(Reason::NoFilterNumber)
}

/// The verdict, with the number that stands beside it. Only ERRNO and TRACE have one; for the others it means nothing.
fn with_errno(verdict: Option<Verdict>, errno: Option<u16>) -> Result<Verdict, Reason> {
    let verdict = verdict.ok_or(Reason::NoFilterAction)?;
    Ok(match errno {
        Some(errno) if verdict.is_errno() => Verdict::errno(errno),
        Some(data) if verdict == Verdict::TRACE => Verdict(verdict.0 | u32::from(data)),
        _ => verdict,
    })
}

const COMPARISONS: &[u8] = b"\
SCMP_CMP_NE\nSCMP_CMP_LT\nSCMP_CMP_LE\nSCMP_CMP_EQ\nSCMP_CMP_GE\nSCMP_CMP_GT\nSCMP_CMP_MASKED_EQ";

/// `{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_..."}`; with MASKED_EQ the value is the mask, and the
/// second one what must be there.
fn condition(
    json: &mut Json<'_>,
    conditions: &mut Vec<Condition, CONDITIONS>,
) -> Result<(), Reason> {
    let (mut argument, mut values, mut operator) = (None, [0, 0], None);
    json.members(&mut |json, key| {
        match line_of(b"index\nvalue\nvalueTwo\nop", key) {
            Some(0) => argument = Some(json.number()?),
            Some(1) => values[0] = json.number()?,
            Some(2) => values[1] = json.number()?,
            Some(_) => operator = line_of(COMPARISONS, json.string()?),
            None => return Err(Reason::NoFilterKey),
        }
        Ok(())
    })?;
    let argument = argument.filter(|index| *index < 6).ok_or(Reason::NoFilterNumber)? as u8;
    let [value, second] = values;
    let (comparison, mask, value) = match operator.ok_or(Reason::NoFilterComparison)? {
        0 => (Comparison::NotEqual, u64::MAX, value),
        1 => (Comparison::Less, u64::MAX, value),
        2 => (Comparison::LessOrEqual, u64::MAX, value),
        3 => (Comparison::Equal, u64::MAX, value),
        4 => (Comparison::GreaterOrEqual, u64::MAX, value),
        5 => (Comparison::Greater, u64::MAX, value),
        _ => (Comparison::Equal, value, second),
    };
    let condition = Condition { argument, comparison, value, mask };
    conditions.push(condition).map_err(|_| Reason::ManyRules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::system_calls::NATIVE;

    /// Which calls a file with these names and demands allows.
    fn allowed(names: &str, demands: &str) -> Result<std::vec::Vec<u16>, Reason> {
        let mut room = [0; 8192];
        let length = NATIVE.write_names(&mut room).unwrap();
        let reader = Reader {
            machine: &NATIVE,
            names: &room[..length],
            kernel: KernelRelease(6, 1),
            capabilities: CapabilitySet::DEFAULT,
        };
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
                {{"names":[{names}],"action":"SCMP_ACT_ALLOW"{demands}}}]}}"#
        );
        let mut tables = Box::new(Tables::new());
        let profile = reader.read(text.as_bytes(), &mut tables).map_err(|wrong| wrong.reason)?;
        let is_named = |call: &u16| profile.rules.iter().any(|rule| rule.calls.has(*call));
        Ok((0..super::super::filter::CALLS).filter(is_named).collect())
    }

    #[test]
    fn a_name_is_that_of_one_call() {
        assert_eq!(allowed(r#""read""#, "").unwrap().len(), 1);
        assert_eq!(allowed(r#""of_another_machine","""#, ""), Ok(vec![]));
        // What this spells would have to be read to know what it allows or forbids.
        assert_eq!(allowed(r#""\u0072ead""#, ""), Err(Reason::NoJson));
    }

    #[test]
    fn a_kernel_is_asked_for_by_its_release() {
        let allowed = |release: &str| {
            let demands = format!(r#","includes":{{"minKernel":"{release}"}}"#);
            allowed(r#""read""#, &demands).map(|calls| calls.len())
        };
        assert_eq!((allowed("4.8"), allowed("6.1"), allowed("6.2")), (Ok(1), Ok(1), Ok(0)));
        for bad in ["", "five", "v6.1"] {
            assert_eq!(allowed(bad), Err(Reason::NoFilterNumber), "{bad}");
        }
    }
}
