//! The `reputed` program: parses its command line, does one thing, exits 0, 1 or 2.

/// Posts are allocated on one thread and freed on another, which the system's allocator is slow at: under full load a
/// tenth of all processor time went there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    reputed::cli::main()
}
