use std::env;
use std::fs;
use std::io::{self, Cursor, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kerbstone_admin::client::{ClientError, Connection};
use kerbstone_admin::door::{Access, DoorError, Limits, bind, serve};
use kerbstone_admin::frame::{Answer, decode_answer, length};
use kerbstone_admin::{KeySource, Operation, Reply};
use nix::unistd::Uid;
use tempfile::TempDir;

use crate::site::{Site, create, principal, realm};

const SOCKET: &str = "KERBSTONE_ADMIN_TEST_SOCKET";
const NOBODY: u32 = 65534;

/// A door that is open until the test ends.
struct OpenDoor {
    site: Site,
    folder: TempDir,
}

impl OpenDoor {
    fn new(access: Access, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::new("");
        let listener = bind(&folder.path().join("admin.sock"), access).unwrap();
        let administration = Arc::clone(&site.administration);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::UnixListener::from_std(listener).unwrap();
                serve(listener, administration, limits).await;
            });
        });
        Self { site, folder }
    }

    fn standard() -> Self {
        Self::new(Access::Owner, Limits::default())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    fn connect(&self) -> Connection {
        Connection::open(&self.path()).unwrap()
    }

    fn raw(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }
}

fn read_answer(stream: &mut UnixStream) -> io::Result<Answer> {
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let mut json = vec![0; length(header).unwrap()];
    stream.read_exact(&mut json)?;
    Ok(decode_answer(&json).unwrap())
}

fn framed(json: &str) -> Vec<u8> {
    let mut frame = u32::try_from(json.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(json.as_bytes());
    frame
}

#[test]
fn several_requests_go_through_one_connection() {
    let door = OpenDoor::standard();
    let mut connection = door.connect();
    connection
        .execute(create("alice", KeySource::Random))
        .unwrap();
    let show = || Operation::GetPrincipal {
        principal: principal("alice"),
    };
    let reply = connection.execute(show()).unwrap();
    assert!(matches!(reply, Reply::Principal(view) if view.principal == principal("alice")));
    let missing = connection.execute(Operation::GetPrincipal {
        principal: principal("bob"),
    });
    let Err(ClientError::Refused(refusal)) = missing else {
        panic!("{missing:?}");
    };
    assert_eq!(refusal.code, 43_787_532);
    assert!(refusal.help.contains("principal list"));
    connection.execute(show()).unwrap();
    let audit = door.site.audit();
    assert_eq!(audit[0]["pid"], std::process::id());
}

#[test]
fn a_list_that_fits_no_frame_arrives_whole() {
    let door = OpenDoor::standard();
    let long = "x".repeat(200);
    for number in 0..1500 {
        let name = format!("{number:04}{long}");
        door.site.root(create(&name, KeySource::None)).unwrap();
    }
    let list = Operation::ListPrincipals {
        realm: realm(),
        pattern: Some(format!("*{long}")),
    };
    let Reply::Principals(names) = door.connect().execute(list).unwrap() else {
        panic!("no list");
    };
    assert_eq!(names.len(), 1500);
    assert!(names.is_sorted());
}

#[test]
fn a_dump_is_streamed_and_whole() {
    let door = OpenDoor::standard();
    for number in 0..300 {
        let name = format!("user{number}");
        door.site.root(create(&name, KeySource::Random)).unwrap();
    }
    let mut out = Vec::new();
    let records = door.connect().dump(&mut out).unwrap();
    let verified = kerbstone_realm::verify(&mut Cursor::new(out)).unwrap();
    assert_eq!(verified.records, records);
    assert!(records > 300);
}

#[test]
fn hostile_frames_get_a_refusal_or_nothing_and_the_door_stays_open() {
    let door = OpenDoor::standard();
    let told: [(&[u8], &str); 5] = [
        (&[255, 255, 255, 255], "octets"),
        (&framed(""), "ends too early"),
        (&framed(r#"{"version":2}"#), "version 2"),
        (&framed("garbage"), "not JSON"),
        (
            &framed(r#"{"version":1,"body":{"execute":{"reboot":{}}}}"#),
            "unknown or wrong fields",
        ),
    ];
    for (bytes, words) in told {
        let mut stream = door.raw();
        stream.write_all(bytes).unwrap();
        let Answer::Refused(refusal) = read_answer(&mut stream).unwrap() else {
            panic!("{words}");
        };
        assert!(refusal.message.contains(words), "{}", refusal.message);
        assert!(!refusal.help.is_empty());
        assert_eq!(
            read_answer(&mut stream).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
    for cut_short in [&[0][..], &[0, 0, 0, 9], &[0, 0, 0, 9, b'{']] {
        let mut stream = door.raw();
        stream.write_all(cut_short).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(read_answer(&mut stream).is_err());
    }
    door.connect().execute(Operation::ListRealms).unwrap();
}

#[test]
fn who_sends_nothing_is_cut_off_and_frees_the_place() {
    let limits = Limits {
        max_connections: 1,
        deadline: Duration::from_millis(300),
    };
    let door = OpenDoor::new(Access::Owner, limits);
    let mut idle = door.raw();
    let turned_away = door.connect().execute(Operation::ListRealms);
    assert!(turned_away.unwrap_err().to_string().contains("too many"));
    assert!(read_answer(&mut idle).is_err(), "closed without an answer");
    // The place is free a moment after the connection is closed.
    let served = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(10));
        door.connect().execute(Operation::ListRealms).is_ok()
    });
    assert!(served);
}

#[test]
fn nobody_there_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = Connection::open(&folder.path().join("admin.sock")).unwrap_err();
    assert!(error.help().contains("start the KDC"), "{}", error.help());
}

#[test]
fn the_socket_has_the_mode_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let group = fs_group(folder.path());
    for (name, access, mode) in [
        ("owner", Access::Owner, 0o600),
        ("group", Access::Group(group), 0o660),
        ("everybody", Access::Everybody, 0o666),
    ] {
        let path = folder.path().join(name);
        let _listener = bind(&path, access).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, mode, "{name}");
    }
}

fn fs_group(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().gid()
}

#[test]
fn a_socket_that_a_dead_process_left_is_replaced_and_one_that_answers_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    drop(UnixListener::bind(&path).unwrap());
    fs::write(folder.path().join("admin.sock.new"), "left over").unwrap();
    let listener = bind(&path, Access::Owner).unwrap();
    assert!(matches!(
        bind(&path, Access::Owner),
        Err(DoorError::InUse(_))
    ));
    UnixStream::connect(&path).unwrap();
    drop(listener);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "somebody's file").unwrap();
    assert!(matches!(
        bind(&path, Access::Owner),
        Err(DoorError::NotASocket(_))
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody's file");
}

/// The kernel tells who is at the other end; nothing that a client says can change it.
#[test]
fn another_user_is_recognised_and_refused() {
    if !Uid::effective().is_root() {
        println!("skipped: only root can become another user");
        return;
    }
    let door = OpenDoor::new(Access::Everybody, Limits::default());
    let folder = door.folder.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    // A copy, because the tests' own folder may be closed to others.
    let program = folder.join("child");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program)
        .args(["--exact", "door::as_nobody", "--ignored", "--nocapture"])
        .env(SOCKET, door.path())
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
    let audit = door.site.audit();
    let refused = audit
        .iter()
        .find(|line| line["outcome"] == "refused")
        .unwrap();
    assert_eq!(refused["uid"], NOBODY);
    let unknown = door.site.root(Operation::GetPrincipal {
        principal: principal("mallory"),
    });
    assert!(unknown.is_err());
}

#[test]
#[ignore = "run by another test, as another user"]
fn as_nobody() {
    let Some(socket) = env::var_os(SOCKET) else {
        return;
    };
    assert_eq!(Uid::effective().as_raw(), NOBODY);
    let mut connection = Connection::open(Path::new(&socket)).unwrap();
    let refused = connection.execute(create("mallory", KeySource::Random));
    assert!(refused.unwrap_err().to_string().contains("may not"));
    let mut out = Vec::new();
    assert!(connection.dump(&mut out).is_err() && out.is_empty());
    let privileges = connection.execute(Operation::GetPrivileges).unwrap();
    assert_eq!(privileges, Reply::Privileges(String::new()));
}
