use super::service::{ALICE, Identity, PASSWORD};

const PROJECT: [(&str, &str); 2] = [
    ("OS_PROJECT_NAME", "admin"),
    ("OS_PROJECT_DOMAIN_ID", "default"),
];
const PERSON: [(&str, &str); 3] = [
    ("OS_USERNAME", ALICE),
    ("OS_PASSWORD", PASSWORD),
    ("OS_USER_DOMAIN_NAME", "Default"),
];

#[test]
fn stock_plugins_get_tokens() {
    let Some(identity) = Identity::start() else {
        return;
    };
    let alice = identity.somebody(ALICE);
    let made = alice.script(
        "token issue -f value -c id\n\
         application credential create --role member -f value -c id -c secret deploy\n",
    );
    let lines: Vec<&str> = made
        .stdout
        .lines()
        .map(|line| line.trim_start_matches("(openstack) "))
        .collect();
    let is_word = |line: &&&str| !line.is_empty() && !line.contains(' ');
    let words: Vec<&str> = lines.iter().filter(is_word).copied().collect();
    let [token, id, secret] = words[..] else {
        panic!("{made}\n{}", identity.log());
    };
    let user = alice.value(&["token", "issue", "-c", "user_id"]);
    let with_project = [("OS_TOKEN", token), PROJECT[0], PROJECT[1]];
    let credential = [
        ("OS_APPLICATION_CREDENTIAL_ID", id),
        ("OS_APPLICATION_CREDENTIAL_SECRET", secret),
    ];
    let person = [PERSON.as_slice(), &PROJECT].concat();
    for (plugin, variables) in [
        ("password", &person[..]),
        ("v3token", &with_project),
        ("token", &with_project),
        ("v3applicationcredential", &credential),
    ] {
        let client = identity.openstack(plugin).and(variables.iter().copied());
        let got = client.value(&["token", "issue", "-c", "user_id"]);
        assert_eq!(got, user, "{plugin}\n{}", identity.log());
    }
    identity
        .openstack("v3password")
        .and(PERSON)
        .and([("OS_PASSWORD", "wrong")])
        .run(&["token", "issue"])
        .failed()
        .saying("The request you have made requires authentication. (HTTP 401)");
}
