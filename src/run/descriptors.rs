//! Closing inherited descriptors where the kernel has no close_range(2).

use rustix::fs::CWD;

use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_number;

/// Closes every descriptor from `first` on that /proc/self/fd lists; without /proc it closes none.
pub fn close_each(first: i32) {
    let Ok(list) = open(CWD, c"/proc/self/fd", OpenFlags::READ) else { return };
    for_each_number(&list, &mut |number| {
        if number >= first && number != list.number() {
            drop(Descriptor::from_answer(number as usize));
        }
    });
}
