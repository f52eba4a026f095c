//! Which machine it was: a figure without it says nothing.

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn value_of(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':').map(|v| v.trim().to_owned()))
}

/// Sentences that name processor, memory, disk and kernel, and how busy they were.
pub fn described(folder: &Path) -> Vec<String> {
    let cpu = read("/proc/cpuinfo");
    let model = value_of(&cpu, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = value_of(&read("/proc/meminfo"), "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or_else(String::new, |kilobytes| format!("{:.0} GiB", kilobytes / 1024.0 / 1024.0));
    let virtual_machine = cpu.contains("hypervisor");
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    let kind = if virtual_machine { "virtual machine" } else { "machine" };
    vec![
        format!("{kind}: {model}, {cores} cores, {memory} of memory"),
        format!("disk: {}", disk_of(folder)),
        format!("kernel: {} {}", std::env::consts::OS, kernel.trim()),
        format!(
            "load of other programs when it began: {} on {cores} cores",
            load.split(' ').next().unwrap_or("unknown")
        ),
    ]
}

/// The file system under a folder, and what kind of device holds it.
fn disk_of(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = read("/proc/self/mounts");
    let best = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (device, place, system) = (words.next()?, words.next()?, words.next()?);
            folder.starts_with(place).then_some((place.len(), device, system))
        })
        .max();
    let Some((_, device, system)) = best else { return "unknown".into() };
    let device = device.rsplit('/').next().unwrap_or(device);
    let block = device.trim_end_matches(|c: char| c.is_ascii_digit());
    let turns = read(&format!("/sys/block/{block}/queue/rotational"));
    let kind = match (device.starts_with("vd"), turns.trim()) {
        (true, _) => "a virtual disk",
        (false, "0") => "a solid-state disk",
        (false, "1") => "a turning disk",
        _ => "a disk of unknown kind",
    };
    format!("{system} on {kind}")
}

/// Memory of a process that is really there, in bytes.
pub fn resident(process: u32) -> f64 {
    value_of(&read(&format!("/proc/{process}/status")), "VmRSS")
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
        .map_or(f64::NAN, |kilobytes| kilobytes * 1024.0)
}

/// Lets this process, and those it starts, open so many files; as many as the system allows, if that is less.
pub fn allow_files(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let higher = Rlimit { current: Some(wanted), maximum: Some(wanted.max(now.maximum.unwrap_or(wanted))) };
    if setrlimit(Resource::Nofile, higher).is_err() {
        // Only root may raise the upper bound.
        let most = Rlimit { current: Some(wanted.min(now.maximum.unwrap_or(wanted))), maximum: now.maximum };
        let _ = setrlimit(Resource::Nofile, most);
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
