//! The server as a program.

mod open_files;
mod serve;

use std::process::ExitCode;

use adsum_server::config::{self, Loaded};
use adsum_server::load;
use clap::{ArgMatches, Command};

fn command() -> Command {
    let check = Command::new("check-config")
        .about("Say which options are in force and where each comes from, and end")
        .args(config::arguments());
    let load = Command::new("load")
        .about("Put a server under load and say what that costs, and end")
        .args(load::arguments());
    Command::new("adsum-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A presence server that speaks tim's protocol")
        .after_help(
            "A flag goes before the environment, that before the file. In the file a dot, an \
             underscore and a change of case are all one (device.limit, device_limit, \
             deviceLimit), and a dot may also be an object: {\"security\": {\"maxdata\": 65536}}.",
        )
        .args(config::arguments())
        .subcommand(check)
        .subcommand(load)
        .args_conflicts_with_subcommands(true)
}

fn read_config(flags: &ArgMatches) -> Option<Loaded> {
    // Not std::env::vars, which panics at a name or value that is not UTF-8.
    let (mut environment, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => environment.push((name, value)),
            (Ok(name), Err(_)) if name.starts_with("ADSUM_") => {
                problems.push(format!("{name} (in the environment) is not UTF-8"));
            }
            _ => {}
        }
    }
    match config::load(flags, environment) {
        Ok(loaded) if problems.is_empty() => return Some(loaded),
        Ok(_) => {}
        Err(error) => problems.extend(error.problems),
    }
    for problem in problems {
        eprintln!("adsum-server: {problem}");
    }
    None
}

fn main() -> ExitCode {
    let matches = command().get_matches();
    match matches.subcommand() {
        Some(("check-config", flags)) => {
            let Some(loaded) = read_config(flags) else { return ExitCode::from(2) };
            print!("{}", loaded.report());
            ExitCode::SUCCESS
        }
        Some(("load", flags)) => serve::load(load::Options::from_flags(flags)),
        _ => serve::serve(move || read_config(&matches)),
    }
}
