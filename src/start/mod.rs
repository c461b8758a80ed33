//! The entry point: from the kernel's stack to `role::dispatch`.
mod entry;
mod mem;
mod panic;
