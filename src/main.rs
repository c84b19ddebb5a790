//! The thin binary: arguments in, exit status out.

fn main() -> std::process::ExitCode {
    borderflow::cli::main()
}
