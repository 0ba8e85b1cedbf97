//! The program; everything it does is in the library, so that others can build theirs on it.

fn main() -> std::process::ExitCode {
    otus::main()
}
