//! The `reputed` program: parses its command line, does one thing, exits 0, 1 or 2.

fn main() -> std::process::ExitCode {
    reputed::cli::main()
}
