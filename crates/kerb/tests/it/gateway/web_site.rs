//! A realm, a gateway and a back end that tells what it sees.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use kerbstone_testkit::lab::{
    Finished, Gssproxy, Keeper, Kerb, Port, Session, Setup, Suite, kerb_binary,
};
use rcgen::{CertificateParams, KeyPair};
use rustix::process::{Pid, Signal, kill_process};

use crate::service::eventually;

pub(super) const PASSWORD: &str = "correct horse 7";
const SERVICE: &str = "HTTP/localhost";

/// A gateway before a back end, in a realm with alice and bob.
pub(super) struct WebSite {
    kerb: Kerb,
    gateway: Worker,
    proxy: Option<Gssproxy>,
    back_end: BackEnd,
    extra: String,
    entries: String,
    metrics: Port,
}

/// A running gateway.
pub(super) struct Worker {
    process: Child,
    port: Port,
    log: PathBuf,
}

/// Echoes requests as text: the head as it came, then the body.
struct BackEnd {
    port: u16,
    requests: Arc<AtomicUsize>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl WebSite {
    /// `extra` are further lines of `[gateway]`.
    pub(super) fn start(extra: &str) -> Self {
        Self::start_in(&Setup::realm("WEB.TEST"), extra, "")
    }

    /// With further tables after those that there always are; `BACK_END` stands for the back end's address.
    pub(super) fn start_with(extra: &str, entries: &str) -> Self {
        Self::start_in(&Setup::realm("WEB.TEST"), extra, entries)
    }

    /// The same, after files have been put beside the settings.
    pub(super) fn start_certified(extra: &str, entries: &str, prepare: impl FnOnce(&Path)) -> Self {
        let mut site = Self::start("");
        prepare(&site.folder());
        extra.clone_into(&mut site.extra);
        entries.clone_into(&mut site.entries);
        site.restart();
        site
    }

    /// Where the settings are.
    pub(super) fn folder(&self) -> PathBuf {
        self.kerb.folder().join("web")
    }

    /// A request that waits for [`Self::let_back_end_answer`].
    pub(super) fn begin_slow(&self, session: &Session, path: &str) -> Child {
        let before = self.back_end_requests();
        let url = format!("https://localhost:{}{path}", self.port());
        let child = Command::new("curl")
            .args(["-sk", "--noproxy", "*", "-w", "\n%{http_code}", &url])
            .current_dir(session.folder())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        eventually("the slow request", || {
            (self.back_end_requests() > before).then_some(())
        });
        child
    }

    /// With a gateway that has no keytab, and a proxy that has it.
    pub(super) fn start_proxied(extra: &str) -> Self {
        let mut site = Self::start(extra);
        let keytab = site.kerb.folder().join("web/http.keytab");
        let service = format!(
            "[service/web]\n  mechs = krb5 spnego\n  euid = {}\n  cred_usage = accept\n  cred_store = keytab:{}\n",
            rustix::process::geteuid().as_raw(),
            keytab.display()
        );
        let proxy = Gssproxy::start(Keeper::Ours, site.kerb.krb5_conf(), &service).unwrap();
        site.extra = format!("{extra}\nproxy = \"{}\"", proxy.socket().display());
        site.proxy = Some(proxy);
        site.restart();
        site
    }

    /// The proxy ends.
    pub(super) fn lose_proxy(&mut self) {
        self.proxy = None;
    }

    fn start_in(setup: &Setup, extra: &str, entries: &str) -> Self {
        let kerb = Kerb::start(setup);
        for person in ["alice", "bob"] {
            kerb.add_user(person, PASSWORD);
        }
        kerb.add_service(SERVICE);
        fs::create_dir(kerb.folder().join("web")).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = names.self_signed(&key).unwrap();
        fs::write(kerb.folder().join("web/server.pem"), certificate.pem()).unwrap();
        fs::write(kerb.folder().join("web/server.key"), key.serialize_pem()).unwrap();
        let (back_end, metrics) = (BackEnd::start(), Port::claim());
        write_keytab(&kerb);
        let settings = settings(extra, entries, back_end.port, Some(metrics.number()));
        let gateway = Worker::start(&kerb, "gateway", &settings, Port::claim());
        Self {
            kerb,
            gateway,
            proxy: None,
            back_end,
            extra: extra.to_owned(),
            entries: entries.to_owned(),
            metrics,
        }
    }

    /// Another process with the same keys and the same replay cache.
    pub(super) fn another_worker(&self) -> Worker {
        let settings = settings(&self.extra, &self.entries, self.back_end.port, None);
        Worker::start(&self.kerb, "other", &settings, Port::claim())
    }

    pub(super) fn restart(&mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), Some(0));
        let settings = self.settings();
        self.gateway = Worker::start(&self.kerb, "gateway", &settings, Port::claim());
    }

    fn settings(&self) -> String {
        let metrics = Some(self.metrics.number());
        settings(&self.extra, &self.entries, self.back_end.port, metrics)
    }

    /// Other tables after those that there always are, which the gateway is told to read.
    pub(super) fn reload_with(&mut self, entries: &str) {
        self.write_settings(entries);
        self.signal(Signal::HUP);
    }

    /// The same, and nobody is told.
    pub(super) fn write_settings(&mut self, entries: &str) {
        self.entries = entries.to_owned();
        let port = self.gateway.port().to_string();
        fs::write(self.config(), self.settings().replace("PORT", &port)).unwrap();
    }

    /// Other tables after those that there always are, for a gateway that is started anew.
    pub(super) fn replace_entries(&mut self, entries: &str) {
        entries.clone_into(&mut self.entries);
        self.restart();
    }

    /// The gateway's settings file.
    pub(super) fn config(&self) -> PathBuf {
        self.kerb.folder().join("web/gateway.toml")
    }

    /// Runs `kerb gateway` with these arguments and the settings file.
    pub(super) fn kerb_gateway(&self, session: &Session, arguments: &[&str]) -> Finished {
        let (kerb, config) = (kerb_binary(), self.config());
        let (kerb, config) = (kerb.to_string_lossy(), config.to_string_lossy());
        session.run(&kerb, &[&["gateway"], arguments, &[&config]].concat(), "")
    }

    pub(super) fn session(&self) -> Session {
        Session::new(Suite::Mit, self.kerb.krb5_conf())
    }

    /// The service gets new keys at the KDC, and the gateway does not get to know.
    pub(super) fn change_keys(&self) {
        self.kerb.admin(&["principal", "random-keys", SERVICE]);
    }

    pub(super) fn write_keytab(&self) {
        write_keytab(&self.kerb);
    }

    /// Runs curl; its output ends with a line that is the status.
    pub(super) fn curl(&self, session: &Session, arguments: &[&str], path: &str) -> Finished {
        self.curl_at(self.gateway.port(), session, arguments, path)
    }

    pub(super) fn curl_at(
        &self,
        port: u16,
        session: &Session,
        arguments: &[&str],
        path: &str,
    ) -> Finished {
        let ca = self.kerb.folder().join("web/server.pem");
        let ca = ca.to_string_lossy();
        let url = format!("https://localhost:{port}{path}");
        let fixed = [
            "-sS",
            "-v",
            "--max-time",
            "60",
            "--noproxy",
            "*",
            "--cacert",
            &ca,
            "-w",
            "\n%{http_code}",
        ];
        session.run("curl", &[&fixed[..], arguments, &[&url]].concat(), "")
    }

    pub(super) fn metrics(&self, session: &Session) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics.number());
        session
            .run("curl", &["-sS", "--noproxy", "*", &url], "")
            .succeeded()
            .stdout
    }

    pub(super) fn port(&self) -> u16 {
        self.gateway.port()
    }

    pub(super) fn back_end_requests(&self) -> usize {
        self.back_end.requests.load(Ordering::SeqCst)
    }

    /// Answers to paths that end in `slow` wait for this.
    pub(super) fn let_back_end_answer(&self) {
        let (is_open, opened) = &*self.back_end.gate;
        *is_open.lock().unwrap() = true;
        opened.notify_all();
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.gateway.process), signal).unwrap();
    }

    pub(super) fn is_listening(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.gateway.port())).is_ok()
    }

    pub(super) fn wait(&mut self) -> Option<i32> {
        self.gateway.process.wait().unwrap().code()
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(&self.gateway.log).unwrap_or_default()
    }

    pub(super) fn audit(&self) -> String {
        fs::read_to_string(self.kerb.folder().join("web/gateway.jsonl")).unwrap_or_default()
    }
}

fn write_keytab(kerb: &Kerb) {
    let keytab = kerb.keytab(SERVICE);
    fs::rename(keytab, kerb.folder().join("web/http.keytab")).unwrap();
}

fn settings(extra: &str, entries: &str, back_end: u16, metrics: Option<u16>) -> String {
    let keys = match extra.contains("proxy = ") {
        true => "",
        false => "keytab = \"http.keytab\"\nreplay_cache = \"replay\"\n",
    };
    let mut text = format!(
        "[gateway]\ncertificate = \"server.pem\"\nkey = \"server.key\"\n{keys}\
         audit = \"gateway.jsonl\"\n{extra}\n"
    );
    if let Some(port) = metrics {
        writeln!(text, "metrics = \"127.0.0.1:{port}\"").unwrap();
    }
    write!(
        text,
        "listen = [\"127.0.0.1:PORT\"]\n\
         [gateway.headers]\nstrip = [\"X-Employee\"]\n\
         [[gateway.entry]]\npath = \"/whoami\"\npage = \"whoami\"\n\
         [[gateway.entry]]\npath = \"/app\"\nback_end = \"http://127.0.0.1:{back_end}\"\n\
         [[gateway.entry]]\npath = \"/alices\"\nback_end = \"http://127.0.0.1:{back_end}\"\nusers = [\"alice\"]\nname = \"principal\"\n\
         [[gateway.entry]]\npath = \"/open\"\nback_end = \"http://127.0.0.1:{back_end}\"\nauthentication = \"none\"\n"
    )
    .unwrap();
    text.push_str(&entries.replace("BACK_END", &format!("http://127.0.0.1:{back_end}")));
    text
}

impl Worker {
    fn start(kerb: &Kerb, name: &str, settings: &str, port: Port) -> Self {
        let folder = kerb.folder().join("web");
        let (config, log) = (
            folder.join(format!("{name}.toml")),
            folder.join(format!("{name}.log")),
        );
        fs::write(
            &config,
            settings.replace("PORT", &port.number().to_string()),
        )
        .unwrap();
        let output = fs::File::create(&log).unwrap();
        let process = Command::new(kerb_binary())
            .args(["gateway", "--config"])
            .arg(&config)
            .env_clear()
            .env("KRB5_CONFIG", kerb.krb5_conf())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut worker = Self { process, port, log };
        eventually("the gateway", || {
            let said = fs::read_to_string(&worker.log).unwrap_or_default();
            let ended = worker.process.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {said}");
            said.contains("ready").then_some(())
        });
        worker
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _already_ended = self.process.kill();
        let _status = self.process.wait();
    }
}

impl BackEnd {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let back_end = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
            gate: Arc::default(),
        };
        let (requests, gate) = (Arc::clone(&back_end.requests), Arc::clone(&back_end.gate));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, gate) = (Arc::clone(&requests), Arc::clone(&gate));
                thread::spawn(move || echo(stream, &requests, &gate));
            }
        });
        back_end
    }
}

/// Serves a connection as long as it is kept.
fn echo(stream: TcpStream, requests: &AtomicUsize, gate: &(Mutex<bool>, Condvar)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(head) = read_head(&mut reader) {
        requests.fetch_add(1, Ordering::SeqCst);
        let body = read_body(&mut reader, &head);
        if head
            .lines()
            .next()
            .is_some_and(|line| line.contains("slow "))
        {
            let open = gate
                .1
                .wait_while(gate.0.lock().unwrap(), |is_open| !*is_open);
            drop(open.unwrap());
        }
        let answer = [head.as_bytes(), &body].concat();
        let length = answer.len();
        let status = match head.split_whitespace().nth(1) {
            Some(path) if path.contains("unknown") => {
                "401 Unauthorized\r\nwww-authenticate: Keystone uri=\"https://localhost/v3\"\r\nwww-authenticate: Negotiate"
            }
            _ => "200 OK",
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n"
        );
        if stream
            .write_all(&[head.as_bytes(), &answer].concat())
            .is_err()
        {
            return;
        }
    }
}

fn read_head(reader: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

fn read_body(reader: &mut impl BufRead, head: &str) -> Vec<u8> {
    let fields: HashSet<String> = head.lines().map(str::to_ascii_lowercase).collect();
    let length = fields
        .iter()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = Vec::new();
    if let Some(length) = length {
        reader.take(length).read_to_end(&mut body).unwrap();
    } else if fields.contains("transfer-encoding: chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).unwrap();
            let size = u64::from_str_radix(size.trim(), 16).unwrap();
            reader.take(size).read_to_end(&mut body).unwrap();
            reader.read_line(&mut String::new()).unwrap();
            if size == 0 {
                break;
            }
        }
    }
    body
}
