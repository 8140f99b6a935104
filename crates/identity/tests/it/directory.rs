//! What was answered is on the disk, and nothing else is taken for a directory.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use kerbstone_identity::directory::{Directory, DirectoryError};
use kerbstone_identity::http::ApiError;
use kerbstone_identity::model::{
    Actor, Assignment, Extra, Group, Id, Implication, Membership, Project, Role, Target, User,
};
use redb::{Database, TableDefinition};
use tempfile::TempDir;

const FILE: &str = "KERBSTONE_TEST_DIRECTORY";

fn user(name: &str) -> User {
    User {
        id: Id::random(),
        name: name.to_owned(),
        domain_id: Id::from("default"),
        enabled: true,
        principal: Some(format!("{name}@EXAMPLE.ORG")),
        default_project_id: None,
        options: Extra::new(),
        extra: Extra::new(),
    }
}

fn project(id: &str, above: Option<&str>) -> Project {
    Project {
        id: Id::from(id),
        name: id.to_owned(),
        description: None,
        domain_id: above.map(|_| Id::from("default")),
        parent_id: above.map(Id::from),
        is_domain: above.is_none(),
        enabled: true,
        tags: ["t".to_owned()].into(),
        options: Extra::new(),
        extra: Extra::new(),
    }
}

fn role(id: &str) -> Role {
    Role {
        id: Id::from(id),
        name: id.to_owned(),
        domain_id: None,
        description: None,
        options: Extra::new(),
        extra: Extra::new(),
    }
}

fn put_user(directory: &Directory, user: User) {
    directory
        .change(|change| {
            change.put(user);
            Ok::<_, DirectoryError>(())
        })
        .unwrap();
}

/// Three projects below one another, a group and a user with a role from above.
fn furnish(directory: &Directory) {
    let made = directory.change(|change| {
        change.put(project("default", None));
        change.put(project("p", Some("default")));
        change.put(project("q", Some("p")));
        let alice = User {
            id: Id::from("alice"),
            ..user("alice")
        };
        change.put(alice);
        change.put(Group {
            id: Id::from("g"),
            name: "g".to_owned(),
            domain_id: Id::from("default"),
            description: None,
            extra: Extra::new(),
        });
        change.put(Membership {
            group_id: Id::from("g"),
            user_id: Id::from("alice"),
        });
        for name in ["admin", "member", "reader"] {
            change.put(role(name));
        }
        for (prior, implied) in [
            ("admin", "member"),
            ("member", "reader"),
            ("reader", "admin"),
        ] {
            change.put(Implication {
                prior_role_id: Id::from(prior),
                implied_role_id: Id::from(implied),
            });
        }
        change.put(Assignment {
            actor: Actor::Group(Id::from("g")),
            target: Target::Project(Id::from("p")),
            role_id: Id::from("member"),
            inherited: true,
        });
        Ok::<_, DirectoryError>(())
    });
    made.unwrap();
}

fn held(directory: &Directory, target: Target) -> Vec<String> {
    let roles = directory.read().roles_held(&Id::from("alice"), &target);
    roles.iter().map(|role| role.name.clone()).collect()
}

#[test]
fn what_was_written_is_read_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory");
    let directory = Directory::open(&path).unwrap();
    furnish(&directory);
    let generation = directory.read().generation;
    drop(directory);

    let directory = Directory::open(&path).unwrap();
    let model = directory.read();
    assert_eq!(model.generation, generation);
    assert_eq!(
        model.user_by_principal("alice@EXAMPLE.ORG").unwrap().id,
        "alice"
    );
    assert_eq!(
        model
            .user_by_name(&Id::from("default"), "alice")
            .unwrap()
            .id,
        "alice"
    );
    assert!(model.get::<Project>("q").unwrap().tags.contains("t"));
    let on = |id: &str| Target::Project(Id::from(id));
    assert_eq!(held(&directory, on("q")), ["admin", "member", "reader"]);
    assert!(held(&directory, on("p")).is_empty());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_goes_takes_along_what_hangs_on_it() {
    let directory = Directory::in_memory().unwrap();
    furnish(&directory);
    let removed = directory.change(|change| {
        change.remove_group("g");
        change.remove_role("member");
        change.remove_user("alice");
        Ok::<_, DirectoryError>(())
    });
    removed.unwrap();
    let model = directory.read();
    assert!(model.all::<Assignment>().is_empty());
    assert!(model.all::<Membership>().is_empty());
    assert_eq!(model.all::<Implication>().len(), 1);
    assert!(model.user_by_principal("alice@EXAMPLE.ORG").is_none());
    assert_eq!(model.all::<Project>().len(), 3);
}

#[test]
fn a_change_that_fails_was_never_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory");
    let directory = Directory::open(&path).unwrap();
    let failed = directory.change(|change| {
        change.put(user("bob"));
        assert_eq!(change.all::<User>().len(), 1, "a change sees itself");
        Err::<(), _>(ApiError::forbidden("no"))
    });
    assert!(failed.is_err());
    assert!(directory.read().all::<User>().is_empty());
    assert_eq!(directory.read().generation, 0);
    drop(directory);
    assert!(
        Directory::open(&path)
            .unwrap()
            .read()
            .all::<User>()
            .is_empty()
    );
}

#[test]
fn a_reader_keeps_what_it_saw() {
    let directory = Directory::in_memory().unwrap();
    let before = directory.read();
    put_user(&directory, user("bob"));
    assert!(before.all::<User>().is_empty());
    assert_eq!(directory.read().all::<User>().len(), 1);
    assert_ne!(before.generation, directory.read().generation);
}

#[test]
fn a_file_in_use_of_somebody_else_or_too_new_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory");
    let directory = Directory::open(&path).unwrap();
    let refused = Directory::open(&path).unwrap_err();
    assert!(matches!(refused, DirectoryError::InUse { .. }), "{refused}");
    drop(directory);

    let text = folder.path().join("text");
    fs::write(&text, "[settings]\n").unwrap();
    let refused = Directory::open(&text).unwrap_err();
    assert!(
        matches!(refused, DirectoryError::Foreign { .. }),
        "{refused}"
    );
    assert_eq!(fs::read(&text).unwrap(), b"[settings]\n");

    let others = folder.path().join("others");
    drop(Database::create(&others).unwrap());
    let refused = Directory::open(&others).unwrap_err();
    assert!(
        matches!(refused, DirectoryError::Foreign { .. }),
        "{refused}"
    );

    let about: TableDefinition<'_, &str, u64> = TableDefinition::new("about");
    write(&path, |transaction| {
        let mut table = transaction.open_table(about).unwrap();
        table.insert("kerbstone identity form", 99).unwrap();
    });
    let refused = Directory::open(&path).unwrap_err();
    assert!(
        matches!(refused, DirectoryError::TooNew { found: 99, .. }),
        "{refused}"
    );

    let missing = folder.path().join("no such folder").join("directory");
    let refused = Directory::open(&missing).unwrap_err();
    assert!(matches!(refused, DirectoryError::Io { .. }), "{refused}");
}

#[test]
fn a_damaged_record_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory");
    drop(Directory::open(&path).unwrap());
    let users: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("users");
    for (key, value) in [
        ("x", &b"{\"id\":"[..]),
        (
            "x",
            br#"{"id":"y","name":"n","domain_id":"d","enabled":true}"#,
        ),
    ] {
        write(&path, |transaction| {
            let mut table = transaction.open_table(users).unwrap();
            table.insert(key, value).unwrap();
        });
        let refused = Directory::open(&path).unwrap_err();
        let DirectoryError::Damaged { table, key, .. } = &refused else {
            panic!("{refused}");
        };
        assert_eq!((*table, key.as_str()), ("users", "x"));
    }
}

fn write(path: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(path).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

#[test]
fn what_was_answered_survives_a_kill() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("directory");
    let mut told = Vec::new();
    for round in 1..=3 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "directory::writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let mut written = lines
            .map(Result::unwrap)
            .filter_map(|line| line.strip_prefix("wrote ").map(str::to_owned));
        told.extend(written.by_ref().take(15 * round));
        writer.kill().unwrap();
        writer.wait().unwrap();
        told.extend(written);
        let directory = Directory::open(&path).unwrap();
        let model = directory.read();
        for name in &told {
            let found = model.user_by_name(&Id::from("default"), name);
            assert!(found.is_some(), "{name} was told and is gone");
        }
        assert_eq!(model.generation as usize, model.all::<User>().len());
    }
    assert!(told.len() >= 90);
}

/// The writer of the test before; nothing by itself.
#[test]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let directory = Directory::open(Path::new(&path)).unwrap();
    loop {
        let one = user(&Id::random());
        let name = one.name.clone();
        put_user(&directory, one);
        println!("wrote {name}");
    }
}
