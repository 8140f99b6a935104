//! A back end that says its name and whom the gateway vouches for.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::subject::loopback;

/// Serves until it is killed.
///
/// # Errors
/// The port is taken.
pub(crate) fn serve(port: u16, name: &str) -> io::Result<()> {
    for stream in TcpListener::bind(loopback(port))?.incoming() {
        let (stream, name) = (stream?, name.to_owned());
        thread::spawn(move || answer(stream, &name));
    }
    Ok(())
}

fn answer(mut stream: TcpStream, name: &str) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut user) = (String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some((header, value)) = line.split_once(':') {
            if header.eq_ignore_ascii_case("remote_user") {
                user = value.trim().to_owned();
            }
        } else if line.trim().is_empty() {
            let body = format!("{name} {user}");
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )?;
            user.clear();
        }
    }
}

/// A process that serves so.
pub(crate) struct Echo {
    child: Option<Child>,
    name: String,
    pub(crate) address: SocketAddr,
}

impl Echo {
    /// # Errors
    /// It does not come up.
    pub(crate) fn start(port: u16, name: &str) -> io::Result<Self> {
        let mut echo = Self {
            child: None,
            name: name.to_owned(),
            address: loopback(port),
        };
        echo.again()?;
        Ok(echo)
    }

    /// # Errors
    /// It does not come up.
    pub(crate) fn again(&mut self) -> io::Result<()> {
        let child = Command::new(std::env::current_exe()?)
            .args(["echo", &self.address.port().to_string(), &self.name])
            .stdin(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        let limit = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(self.address).is_err() {
            if Instant::now() > limit {
                return Err(io::Error::other("a back end does not come up"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.kill();
    }
}
