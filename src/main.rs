//! The program: hands the arguments to the composition root and its exit code to the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    qlib_pro::app::run(std::env::args_os())
}
