use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;

/// Below the range that Linux hands out to outgoing connections (32768-60999).
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of 127.0.0.1, free for UDP and TCP, that no other lab takes while this value lives.
///
/// Tests run in many processes at once, so a port is claimed by a lock on a file named after it.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: File,
}

impl Port {
    /// Claims a free port.
    ///
    /// # Panics
    /// When none of twelve thousand is free.
    #[must_use]
    pub fn claim() -> Self {
        let folder = env::temp_dir().join("kerbstone-lab-ports");
        fs::create_dir_all(&folder).expect("a folder for claims on ports");
        let start = process::id().wrapping_mul(37) % u32::from(COUNT);
        (0..u32::from(COUNT))
            .filter_map(|step| u16::try_from((start + step) % u32::from(COUNT)).ok())
            .find_map(|offset| Self::try_claim(&folder, FIRST + offset))
            .expect("a free port")
    }

    fn try_claim(folder: &std::path::Path, number: u16) -> Option<Self> {
        let claim = File::create(folder.join(number.to_string())).ok()?;
        claim.try_lock().ok()?;
        is_free(number).then_some(Self {
            number,
            _claim: claim,
        })
    }

    /// The port's number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

fn is_free(number: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
        && UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_not_given_out_twice_even_before_it_is_bound() {
        let first = Port::claim();
        let second = Port::claim();
        assert_ne!(first.number(), second.number());
    }

    #[test]
    fn a_port_that_somebody_uses_for_udp_alone_is_passed_over() {
        let used = Port::claim().number();
        let _socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, used)).expect("the port was free");
        assert_ne!(Port::claim().number(), used);
    }
}
