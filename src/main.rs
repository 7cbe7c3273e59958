//! The `strongroom` program.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

// Every block is overwritten when it is freed: a password or key also passes through the buffers of crates that do not
// wipe them (the prompt, the strength estimate, readers and writers).
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    strongroom::cli::run(std::env::args_os())
}
