use kerbstone_testkit::lab::{Keystone, KeystoneSetup};

use super::service::{ALICE, BOB, Identity, curl};

const JSON: &str = "Content-Type: application/json";

/// A Keystone as its administrator sees it. uwsgi closes each connection without saying so, which curl does not mind.
struct Theirs {
    url: String,
    token: String,
}

impl Theirs {
    fn of(keystone: &Keystone) -> Self {
        let url = keystone.url();
        let password = Keystone::PASSWORD;
        let body = format!(
            r#"{{"auth":{{"identity":{{"methods":["password"],"password":{{"user":{{"name":"admin","domain":{{"id":"default"}},"password":"{password}"}}}}}},"scope":{{"project":{{"name":"admin","domain":{{"id":"default"}}}}}}}}}}"#
        );
        let asked = ["-i", "-H", JSON, "-d", &body];
        let (status, answer) = curl(&format!("{url}/auth/tokens"), &asked);
        assert_eq!(status, "201", "{answer}");
        let header = answer
            .lines()
            .find_map(|line| line.strip_prefix("X-Subject-Token: "));
        Self {
            url,
            token: header.expect("a token").trim().to_owned(),
        }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> String {
        let token = format!("X-Auth-Token: {}", self.token);
        let mut asked = vec!["-X", method, "-H", JSON, "-H", &token];
        if !body.is_empty() {
            asked.extend(["-d", body]);
        }
        let (status, answer) = curl(&format!("{}{path}", self.url), &asked);
        assert!(
            status.starts_with('2'),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// Makes something; gives its id.
    fn make(&self, path: &str, body: &str) -> String {
        id_in(&self.send("POST", path, body))
    }

    /// bob is a member of a project by a group, and reads the one below it himself. Gives the project's id.
    fn populate(&self) -> String {
        let west = self.make("/domains", r#"{"domain":{"name":"west"}}"#);
        let demo =
            format!(r#"{{"project":{{"name":"demo","domain_id":"{west}","tags":["blue"]}}}}"#);
        let demo = self.make("/projects", &demo);
        let below = format!(
            r#"{{"project":{{"name":"below","domain_id":"{west}","parent_id":"{demo}"}}}}"#
        );
        let below = self.make("/projects", &below);
        let bob = self.make(
            "/users",
            r#"{"user":{"name":"bob","email":"bob@example.org"}}"#,
        );
        self.make("/users", r#"{"user":{"name":"alice"}}"#);
        let staff = self.make("/groups", r#"{"group":{"name":"staff"}}"#);
        let watcher = self.make("/roles", r#"{"role":{"name":"watcher"}}"#);
        let role = |name: &str| id_in(&self.send("GET", &format!("/roles?name={name}"), ""));
        let (member, reader) = (role("member"), role("reader"));
        for path in [
            format!("/groups/{staff}/users/{bob}"),
            format!("/projects/{demo}/groups/{staff}/roles/{member}"),
            format!("/projects/{below}/users/{bob}/roles/{reader}"),
            format!("/roles/{reader}/implies/{watcher}"),
        ] {
            self.send("PUT", &path, "");
        }
        let nova = self.make(
            "/services",
            r#"{"service":{"type":"compute","name":"nova"}}"#,
        );
        let endpoint = format!(
            r#"{{"endpoint":{{"interface":"public","region_id":"RegionOne","service_id":"{nova}","url":"http://127.0.0.1:8774/v2.1"}}}}"#
        );
        self.make("/endpoints", &endpoint);
        demo
    }
}

fn id_in(answer: &str) -> String {
    let (_, id) = answer.split_once("\"id\": \"").expect("an id");
    id.split('"').next().expect("an id").to_owned()
}

#[test]
fn a_site_moves_from_keystone_with_its_ids() {
    let Some(mut identity) = Identity::prepare() else {
        return;
    };
    let Some(keystone) = Keystone::start(&KeystoneSetup::default()) else {
        return;
    };
    let theirs = Theirs::of(&keystone);
    let demo = theirs.populate();

    let from = ["import", "--from", &theirs.url];
    let applied = [&from[..], &["--apply"]].concat();
    identity
        .with_token("gAAAAABwrong", &from)
        .failed()
        .saying("401")
        .saying("help: the token has to be an administrator's");
    let told = identity.with_token(&theirs.token, &from).succeeded();
    assert!(
        told.says("nothing was written") && told.says("memberships   1 new"),
        "{told}"
    );
    let again = identity.with_token(&theirs.token, &from).succeeded();
    assert_eq!(told.stdout, again.stdout, "a dry run wrote something");
    let done = identity.with_token(&theirs.token, &applied);
    done.succeeded().saying("users         3 new");
    let twice = identity.with_token(&theirs.token, &applied);
    twice.succeeded().saying("users         3 there already");

    identity.bootstrap();
    identity.serve();
    let ours = identity.somebody(ALICE);
    let show = ["project", "show", &demo, "-c", "name"];
    assert_eq!(ours.value(&show), "demo");
    let bob = identity.somebody(BOB).and([
        ("OS_PROJECT_NAME", "below"),
        ("OS_PROJECT_DOMAIN_ID", ""),
        ("OS_PROJECT_DOMAIN_NAME", "west"),
    ]);
    assert_eq!(bob.value(&["token", "issue", "-c", "project_id"]).len(), 32);
    let held = ["role", "assignment", "list", "--names", "--effective"];
    let held = ours.value(&[&held[..], &["--user", BOB, "-c", "Role"]].concat());
    for role in ["member", "reader", "watcher"] {
        assert!(held.contains(role), "{role}: {held}");
    }
    let urls = ["endpoint", "list", "--service", "compute", "-c", "URL"];
    assert!(ours.value(&urls).contains("8774"));
}
