//! What the numbers were measured on.

use std::{fs, process::Command};

/// Prints the processor, the versions that matter, and the load at the start.
pub(crate) fn describe() {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("", |m| m.1);
    let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    println!("{cores} cores, {model}, Linux {}", kernel.trim());
    // slapd tells its version on the error channel.
    let slapd = output(Command::new("slapd").arg("-VV").env("PATH", path_with_sbin()));
    let slapd = slapd.split_whitespace().skip_while(|word| *word != "slapd").nth(1).unwrap_or("?").to_owned();
    println!(
        "scimgate {}, slapd {slapd}, {}",
        env!("CARGO_PKG_VERSION"),
        output(Command::new("rustc").arg("-V")).trim()
    );
    print_load();
}

/// Prints how busy the machine is.
pub(crate) fn print_load() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average: {}", load.split(' ').take(3).collect::<Vec<_>>().join(" "));
}

fn path_with_sbin() -> String {
    format!("{}:/usr/local/sbin:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Everything a command prints; nothing if it cannot be run.
fn output(command: &mut Command) -> String {
    command.output().map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    )
}
