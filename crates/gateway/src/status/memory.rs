//! How much memory the process holds.

use std::fs;

/// Octets of memory that are ours now, as the kernel counts them; `None` where it does not say.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_some() {
        assert!(resident().is_some_and(|octets| octets > 1 << 20));
    }
}
