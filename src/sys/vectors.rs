//! The argument and environment vectors, as the kernel laid them on the stack.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr;

#[cfg(feature = "run")]
use linux_raw_sys::auxvec as kernel;

/// Argument and environment vector of this process.
#[derive(Clone, Copy)]
pub struct Vectors {
    /// All arguments, `argv[0]` first.
    pub arguments: Strings<'static>,
    /// The environment, `KEY=VALUE` each.
    pub environment: Strings<'static>,
    /// Made by `new` alone: what is written to these vectors, and read behind them, must be the kernel's.
    _from_kernel: PhantomData<()>,
}

impl Vectors {
    /// Wraps the vectors.
    ///
    /// # Safety
    /// Both end in a null pointer, and behind that of the environment lies the auxiliary vector, as the kernel has put them
    /// there. They and their strings can be written and live as long as the process; only methods of `Vectors` change them.
    #[must_use]
    pub const unsafe fn new(argv: *const *const c_char, envp: *const *const c_char) -> Self {
        Self {
            arguments: Strings { next: argv, lives: PhantomData },
            environment: Strings { next: envp, lives: PhantomData },
            _from_kernel: PhantomData,
        }
    }
}

#[cfg(feature = "run")]
impl Vectors {
    /// A value that the kernel has handed over at execve(2): `AT_EUID` and the like. getauxval(3)
    fn auxiliary(self, kind: u32) -> Option<usize> {
        let mut rest = self.environment;
        while rest.next().is_some() {}
        let mut entry = rest.next.wrapping_add(1).cast::<[usize; 2]>();
        loop {
            // SAFETY: the vector begins behind the environment's null, and ends in an entry of kind 0.
            let [found, value] = unsafe { entry.read() };
            if found == 0 || found == kind as usize {
                return (found != 0).then_some(value);
            }
            entry = entry.wrapping_add(1);
        }
    }

    /// The effective user id that this process was started with; that of geteuid(2) where the kernel has not said it.
    #[must_use]
    pub fn user(self) -> u32 {
        let said = self.auxiliary(kernel::AT_EUID);
        said.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user as u32)
    }

    /// Random bytes, others at each execve(2); zeros where the kernel gave none.
    #[must_use]
    pub fn random(self) -> [u8; 16] {
        let place = self.auxiliary(kernel::AT_RANDOM).map(|address| address as *const [u8; 16]);
        // SAFETY: `AT_RANDOM` is the address of 16 bytes on our own stack.
        place.map_or([0; 16], |place| unsafe { place.read() })
    }

    /// Replaces the arguments by `name`, as others see them in /proc/PID/cmdline: they hold paths of the host and
    /// values of `--env`. For a PID 1 whose program runs: nothing reads them in this process any more, and what did
    /// would find NULs.
    pub fn show_as(self, name: &[u8]) {
        let mut shown = name.iter();
        let mut rest = self.arguments;
        loop {
            let place = rest.next;
            let Some(string) = rest.next() else { return };
            // SAFETY: a place of the vector. Its pointer is the kernel's: nothing may be written through the string, which is
            // only borrowed.
            let start = unsafe { place.read() }.cast_mut().cast::<u8>();
            for at in 0..string.to_bytes().len() {
                let byte = shown.next().copied().unwrap_or(0);
                // SAFETY: our own stack, within the string, which nothing borrows any more; its NUL stays, so it still ends.
                // Volatile, since no reader is in sight.
                unsafe { start.wrapping_add(at).write_volatile(byte) };
            }
            // What did not fit into the first string is left out: the NUL behind it would cut it.
            shown = [].iter();
        }
    }
}

#[cfg(feature = "boot")]
impl Vectors {
    /// Our own arguments under another name; nothing where we have none.
    #[must_use]
    pub fn renamed(self, name: &'static CStr) -> Strings<'static> {
        let mut rest = self.arguments;
        if rest.next().is_some() {
            replace_first(self.arguments, name);
        }
        self.arguments
    }
}

impl Vectors {
    /// The command line of a shell that runs the script at `path`: `/bin/sh PATH ARG...`. `program` are the last
    /// strings of our own arguments, its name first; the shell's name takes the place before it. Nothing where
    /// there is none. For the process that becomes the shell.
    #[must_use]
    pub fn by_shell(self, program: Strings<'_>, path: &'static CStr) -> Option<Strings<'static>> {
        let mut before = self.arguments;
        let mut place = before;
        place.next()?;
        while place.next != program.next {
            before = place;
            place.next()?;
        }
        replace_first(before, c"/bin/sh");
        replace_first(place, path);
        Some(before)
    }

    /// Puts `new` in the place of variable `old`, a string of our environment.
    pub fn replace_variable(self, old: &CStr, new: &'static CStr) {
        let mut rest = self.environment;
        loop {
            let place = rest;
            match rest.next() {
                Some(string) if string.as_ptr() == old.as_ptr() => replace_first(place, new),
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// Replaces the first string of a part of our own arguments or environment that has one.
fn replace_first(place: Strings<'static>, string: &'static CStr) {
    // SAFETY: the callers have seen that the place is an element of a vector that `Vectors::new` was given: our own
    // stack, which may be written, and there is no other thread. The string lives as long as the process.
    unsafe { place.next.cast_mut().write(string.as_ptr()) };
}

/// A null-terminated vector of strings: an iterator, and what `execve` takes.
#[derive(Clone, Copy)]
pub struct Strings<'a> {
    next: *const *const c_char,
    lives: PhantomData<&'a CStr>,
}

impl<'a> Strings<'a> {
    /// The strings of a vector; nothing where it does not end in a null.
    ///
    /// # Safety
    /// The elements before its end are pointers to NUL-terminated strings that live as long as 'a.
    #[cfg(feature = "shell")]
    pub(super) unsafe fn of_vector(vector: &'a [*const c_char]) -> Option<Self> {
        let ends = vector.last().is_some_and(|last| last.is_null());
        ends.then_some(Self { next: vector.as_ptr(), lives: PhantomData })
    }

    /// The vector from the next string on, for `execve`.
    #[must_use]
    pub const fn as_ptr(&self) -> *const *const c_char {
        self.next
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a CStr;

    fn next(&mut self) -> Option<&'a CStr> {
        // SAFETY: `next` points into the vector, at most at its null, and never goes past it.
        let string = unsafe { self.next.read() };
        if string.is_null() {
            return None;
        }
        // SAFETY: not the last element, so the following one exists.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: elements are NUL-terminated strings that live as long as 'a.
        Some(unsafe { CStr::from_ptr(string) })
    }
}

/// A vector built by us, with room for `N - 1` strings and the final null.
pub struct StringTable<'a, const N: usize> {
    pointers: [*const c_char; N],
    length: usize,
    lives: PhantomData<&'a CStr>,
}

/// The table has no room for another string.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct TableFull;

impl<'a, const N: usize> StringTable<'a, N> {
    /// An empty table, all zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { pointers: [ptr::null(); N], length: 0, lives: PhantomData }
    }

    /// Puts `string` in the place of the first one for which `same` holds, else at the end.
    ///
    /// # Errors
    /// `TableFull` when there are `N - 1` strings already.
    pub fn replace_or_push(
        &mut self,
        string: &'a CStr,
        same: impl Fn(&CStr) -> bool,
    ) -> Result<(), TableFull> {
        let place = self.strings().position(same).unwrap_or(self.length);
        self.put(place, string)
    }

    /// Appends a string.
    ///
    /// # Errors
    /// `TableFull` when there are `N - 1` strings already.
    pub fn push(&mut self, string: &'a CStr) -> Result<(), TableFull> {
        self.put(self.length, string)
    }

    fn put(&mut self, place: usize, string: &'a CStr) -> Result<(), TableFull> {
        // The last place stays null.
        if place + 1 >= N {
            return Err(TableFull);
        }
        *self.pointers.get_mut(place).ok_or(TableFull)? = string.as_ptr();
        self.length = self.length.max(place + 1);
        Ok(())
    }

    /// The strings so far.
    #[must_use]
    pub const fn strings(&self) -> Strings<'a> {
        Strings { next: self.pointers.as_ptr(), lives: PhantomData }
    }
}

impl<const N: usize> Default for StringTable<'_, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_is<'k>(key: &'k [u8]) -> impl Fn(&CStr) -> bool + 'k {
        move |string| string.to_bytes().starts_with(key)
    }

    /// What the kernel lays out for a program, but not on the stack.
    struct Stack {
        _strings: [Vec<u8>; 4],
        arguments: Vec<*const c_char>,
        /// With the auxiliary vector behind the null.
        environment: Vec<*const c_char>,
    }

    impl Stack {
        fn new() -> Self {
            let strings = [&b"rootlet\0"[..], b"run\0", b"prog\0", b"A=1\0"].map(<[u8]>::to_vec);
            let mut strings = strings;
            let [a, b, c, d] = strings.each_mut().map(|s| s.as_mut_ptr().cast_const().cast());
            let random: &'static [u8; 16] = &[7; 16];
            let numbers = [kernel::AT_EUID, 1000, kernel::AT_RANDOM];
            let auxiliary = numbers.map(|number| ptr::without_provenance(number as usize));
            let end = [(&raw const *random).cast(), ptr::null(), ptr::null()];
            (&raw const *random).expose_provenance();
            let environment = [&[d, ptr::null()][..], &auxiliary, &end].concat();
            Self { _strings: strings, arguments: vec![a, b, c, ptr::null()], environment }
        }

        fn vectors(&mut self) -> Vectors {
            // SAFETY: laid out as the kernel does it; the tests keep it for as long as they look at it.
            unsafe { Vectors::new(self.arguments.as_mut_ptr(), self.environment.as_mut_ptr()) }
        }
    }

    #[test]
    fn what_the_kernel_says_stands_behind_the_environment() {
        let mut stack = Stack::new();
        let vectors = stack.vectors();
        assert_eq!((vectors.user(), vectors.random()), (1000, [7; 16]));
        assert_eq!(vectors.auxiliary(kernel::AT_PAGESZ), None);
    }

    #[test]
    fn arguments_are_replaced_where_they_stand() {
        let mut stack = Stack::new();
        let vectors = stack.vectors();
        let named: Vec<&CStr> = vectors.renamed(c"init").collect();
        assert_eq!(named, [c"init", c"run", c"prog"]);
        let mut program = vectors.arguments;
        program.nth(1);
        let script: Vec<&CStr> = vectors.by_shell(program, c"/script").unwrap().collect();
        assert_eq!(script, [c"/bin/sh", c"/script"]);
        assert!(vectors.by_shell(vectors.arguments, c"/script").is_none());
        let variable = { vectors.environment }.next().unwrap();
        vectors.replace_variable(variable, c"A=2");
        assert_eq!({ vectors.environment }.collect::<Vec<_>>(), [c"A=2"]);
    }

    #[test]
    fn another_name_takes_the_place_of_all_arguments() {
        for (name, shown) in [(&b"init"[..], c"init"), (b"a name that is longer", c"a name ")] {
            let mut stack = Stack::new();
            let vectors = stack.vectors();
            vectors.show_as(name);
            assert_eq!({ vectors.arguments }.collect::<Vec<_>>(), [shown, c"", c""]);
        }
    }

    #[test]
    fn a_table_replaces_appends_and_fills_up() {
        let mut table = StringTable::<3>::new();
        assert_eq!(table.replace_or_push(c"A=1", key_is(b"A=")), Ok(()));
        assert_eq!(table.replace_or_push(c"B=1", key_is(b"B=")), Ok(()));
        assert_eq!(table.replace_or_push(c"A=2", key_is(b"A=")), Ok(()));
        assert_eq!(table.replace_or_push(c"C=1", key_is(b"C=")), Err(TableFull));
        assert_eq!(table.push(c"A=2"), Err(TableFull));
        let strings: Vec<&CStr> = table.strings().collect();
        assert_eq!(strings, [c"A=2", c"B=1"]);
    }
}
