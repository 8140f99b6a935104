//! Ours and Keystone answer the same calls with the same statuses, headers and bodies.
//!
//! There are two tests and not twenty, because Keystone takes its time to begin. Left out is what we do otherwise on
//! purpose: pages in HTML for unknown paths, passwords, and Keystone's own faults (roles that outlive their domain or keep
//! implying when they are gone, 500 where a method is not known, a link of tags that leads elsewhere, domains that every
//! reader of a project is shown as projects or that stay immutable, and 404 for a token whose user or project is gone).

use serde_json::{Value, json};

use crate::play::Play;
use crate::side::PASSWORD;

const ADMIN: &str = "admin";
const NOBODY: &str = "";

fn default_domain() -> Value {
    json!({ "name": "Default" })
}

fn on_admin_project() -> Option<Value> {
    Some(json!({ "project": { "name": "admin", "domain": { "name": "Default" } } }))
}

/// Both, with the administrator signed in; `None` without Keystone.
fn begin() -> Option<Play> {
    let mut play = Play::begin()?;
    play.sign_in(ADMIN, "admin", default_domain(), on_admin_project());
    play.status(ADMIN, "GET", "/v3/users", None)
        .keep_named("admin", "users", "admin");
    play.status(ADMIN, "GET", "/v3/projects", None).keep_named(
        "admin_project",
        "projects",
        "admin",
    );
    for role in ["admin", "member", "reader"] {
        let name = format!("{role}_role");
        play.status(ADMIN, "GET", "/v3/roles", None)
            .keep_named(&name, "roles", role);
    }
    Some(play)
}

#[test]
fn calls_about_things_are_answered_as_by_keystone() {
    let Some(mut play) = begin() else {
        return;
    };
    the_frame(&mut play);
    users(&mut play);
    tags(&mut play);
    groups(&mut play);
    roles(&mut play);
    catalog(&mut play);
    domains_and_projects(&mut play);
    play.end();
}

#[test]
fn calls_about_who_may_what_are_answered_as_by_keystone() {
    let Some(mut play) = begin() else {
        return;
    };
    grants_and_their_lists(&mut play);
    who_may_do_what(&mut play);
    what_ends_tokens(&mut play);
    play.end();
}

impl Play {
    fn get(&mut self, path: &str) -> &mut Self {
        self.call(ADMIN, "GET", path, None)
    }

    fn post(&mut self, path: &str, body: Value) -> &mut Self {
        self.call(ADMIN, "POST", path, Some(body))
    }

    fn patch(&mut self, path: &str, body: Value) -> &mut Self {
        self.call(ADMIN, "PATCH", path, Some(body))
    }

    fn put(&mut self, path: &str) -> &mut Self {
        self.call(ADMIN, "PUT", path, None)
    }

    fn delete(&mut self, path: &str) -> &mut Self {
        self.call(ADMIN, "DELETE", path, None)
    }

    fn head(&mut self, path: &str) -> &mut Self {
        self.call(ADMIN, "HEAD", path, None)
    }
}

fn the_frame(play: &mut Play) {
    for path in ["/", "/v3", "/v3/"] {
        play.call(NOBODY, "GET", path, None);
    }
    play.call(NOBODY, "GET", "/v3/users", None);
    play.call(NOBODY, "GET", "/v3/regions", None);
    for path in ["/nothing", "/v3/nothing", "/v2.0"] {
        play.status(NOBODY, "GET", path, None);
        play.status(ADMIN, "GET", path, None);
    }
    play.status(ADMIN, "PUT", "/v3/users", None);
    play.get("/v3/users/");
    play.head("/v3/users");
    for raw in [r#"{"user":"#, "[]", "\"x\"", "5"] {
        play.post("/v3/users", Value::String(raw.to_owned()));
        play.call(
            NOBODY,
            "POST",
            "/v3/users",
            Some(Value::String(raw.to_owned())),
        );
    }
    let deep = format!("{}{}", "{\"a\":[".repeat(400), "]}".repeat(400));
    play.status(ADMIN, "POST", "/v3/users", Some(Value::String(deep)));
    play.call(ADMIN, "POST", "/v3/users", None);
}

fn users(play: &mut Play) {
    for user in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "  " }),
        json!({ "name": 5 }),
        json!({ "name": null }),
        json!({ "name": "x".repeat(256) }),
        json!("x"),
        json!([]),
        json!(null),
        json!({ "name": "x", "enabled": "yes" }),
        json!({ "name": "x", "enabled": null }),
        json!({ "name": "x", "description": 5 }),
        json!({ "name": "x", "domain_id": "nope" }),
        json!({ "name": "x", "domain_id": "no pe" }),
        json!({ "name": "x", "default_project_id": "default" }),
        json!({ "name": "x", "options": { "nope": true } }),
        json!({ "name": "x", "options": { "lock_password": 1 } }),
    ] {
        play.post("/v3/users", json!({ "user": user }));
    }
    let bob = json!({
        "name": "  bob ", "email": "b@x", "foo": { "a": [1, null] }, "de-sc:ribed": 1, "description": "d",
        "default_project_id": "abc", "password": PASSWORD, "options": { "ignore_password_expiry": true },
    });
    play.post("/v3/users", json!({ "user": bob }))
        .keep("bob", "/user/id");
    play.post("/v3/users", json!({ "user": { "name": "bob" } }));
    play.post(
        "/v3/users",
        json!({ "user": { "name": "Ärger €", "enabled": false } }),
    )
    .keep("anger", "/user/id");
    play.get("/v3/users/{bob}");
    play.head("/v3/users/{bob}");
    play.get("/v3/users/nope");
    for change in [
        json!({ "id": "zzz", "name": "b2" }),
        json!({}),
        json!({ "name": "" }),
        json!({ "domain_id": "other" }),
        json!({ "domain_id": "default" }),
        json!({ "id": "{bob}", "foo": null, "bar": 1 }),
        json!({ "default_project_id": null, "options": { "ignore_password_expiry": null, "lock_password": true } }),
        json!({ "name": "admin" }),
        json!({ "name": "b2" }),
        json!({ "default_project_id": "{admin_project}" }),
        json!({ "enabled": false }),
    ] {
        play.patch("/v3/users/{bob}", json!({ "user": change }));
    }
    play.patch("/v3/users/nope", json!({ "user": { "name": "x" } }));
    for query in [
        "",
        "?name=b2",
        "?name__contains=B",
        "?name__icontains=B",
        "?name__startswith=b",
        "?name__iendswith=MIN",
        "?name=b2&enabled=false",
        "?enabled=0",
        "?enabled=true",
        "?enabled",
        "?domain_id=zz",
        "?domain_id=default",
        "?limit=1",
        "?sort=name&marker=x",
        "?nonsense=1",
        "?name=b2&domain_id=default",
        "?name=%C3%84rger%20%E2%82%AC",
    ] {
        play.get(&format!("/v3/users{query}"));
    }
    play.get("/v3/users/{bob}/projects");
    play.get("/v3/users/{bob}/groups");
    play.get("/v3/users/nope/projects");
    play.get("/v3/users/nope/groups");
    play.get("/v3/users/{admin}/projects");
    play.get("/v3/users/{admin}/projects?name=nope");
    play.call(
        NOBODY,
        "POST",
        "/v3/users/{bob}/password",
        Some(json!({ "user": { "password": "a" } })),
    );
    play.delete("/v3/users/{bob}");
    play.delete("/v3/users/{bob}");
    play.get("/v3/users/{bob}");
}

fn domains_and_projects(play: &mut Play) {
    play.post(
        "/v3/domains",
        json!({ "domain": { "name": "dom1", "foo": "bar" } }),
    )
    .keep("d", "/domain/id");
    for domain in [
        json!({ "name": "dom1" }),
        json!({ "name": "dx", "explicit_domain_id": "zz" }),
        json!({ "description": null }),
        json!({ "name": "x".repeat(65) }),
        json!({ "name": "dz", "enabled": 1 }),
        json!({ "name": "tagged", "tags": ["x"], "description": null }),
        json!({ "name": "Default" }),
    ] {
        play.post("/v3/domains", json!({ "domain": domain }));
    }
    for path in [
        "/v3/domains",
        "/v3/domains/{d}",
        "/v3/projects/{d}",
        "/v3/domains/nope",
        "/v3/domains/{admin_project}",
        "/v3/domains?name=dom1&enabled=1",
        "/v3/domains?enabled=0",
        "/v3/domains?name__icontains=DOM",
    ] {
        play.get(path);
    }
    play.patch(
        "/v3/domains/{d}",
        json!({ "domain": { "name": "dom2", "more": 1 } }),
    );
    play.patch(
        "/v3/domains/{d}",
        json!({ "domain": { "name": "Default" } }),
    );
    play.patch("/v3/domains/{d}", json!({ "domain": {} }));
    play.patch("/v3/domains/nope", json!({ "domain": { "name": "x" } }));
    let immutable = |immutable: bool| json!({ "options": { "immutable": immutable } });
    play.patch("/v3/domains/{d}", json!({ "domain": immutable(true) }));
    play.patch("/v3/domains/{d}", json!({ "domain": { "name": "dom3" } }));
    play.delete("/v3/domains/{d}");
    // Keystone frees a domain as a project alone.
    play.patch("/v3/projects/{d}", json!({ "project": immutable(false) }));
    play.delete("/v3/domains/{d}");
    play.get("/v3/projects/{p}");
    play.get("/v3/domains/{d}");
    play.delete("/v3/domains/default");
}

fn tags(play: &mut Play) {
    play.leave_out("/links/self");
    play.post("/v3/projects", json!({ "project": { "name": "p" } }))
        .keep("p", "/project/id");
    let tags = "/v3/projects/{p}/tags";
    play.get(tags);
    for given in [
        json!(["t2", "t1"]),
        json!("x"),
        json!(["a,b"]),
        json!([1]),
        json!([]),
    ] {
        play.call(ADMIN, "PUT", tags, Some(json!({ "tags": given })));
    }
    play.call(ADMIN, "PUT", tags, Some(json!({})));
    play.status(ADMIN, "PUT", "/v3/projects/{p}/tags/new", None);
    play.get("/v3/projects/{p}/tags/new");
    play.head("/v3/projects/{p}/tags/new");
    play.get("/v3/projects/{p}/tags/none");
    play.get(tags);
    play.get("/v3/projects/{p}");
    play.delete("/v3/projects/{p}/tags/new");
    play.delete("/v3/projects/{p}/tags/new");
    play.delete(tags);
    play.get(tags);
    play.get("/v3/projects/nope/tags");
    play.put("/v3/projects/nope/tags/x");
    play.leave_out("");
}

fn groups(play: &mut Play) {
    play.post("/v3/domains", json!({ "domain": { "name": "of groups" } }))
        .keep("d", "/domain/id");
    let group = json!({ "name": "g1", "domain_id": "{d}", "z": 1 });
    play.post("/v3/groups", json!({ "group": group }))
        .keep("g", "/group/id");
    for group in [
        json!({}),
        json!({ "name": "g1", "domain_id": "{d}" }),
        json!({ "name": "x", "domain_id": "nope" }),
        json!({ "name": "here", "description": "d" }),
        json!({ "name": "x", "description": 1 }),
    ] {
        play.post("/v3/groups", json!({ "group": group }));
    }
    play.get("/v3/groups");
    play.get("/v3/groups?name=g1");
    play.get("/v3/groups?domain_id={d}");
    play.get("/v3/groups/{g}");
    play.get("/v3/groups/nope");
    for change in [
        json!({ "description": "dd", "domain_id": "default" }),
        json!({}),
        json!({ "name": "g2", "y": null }),
        json!({ "id": "x" }),
        json!({ "description": null }),
    ] {
        play.patch("/v3/groups/{g}", json!({ "group": change }));
    }
    play.patch("/v3/groups/nope", json!({ "group": { "name": "x" } }));
    play.post(
        "/v3/users",
        json!({ "user": { "name": "u1", "domain_id": "{d}" } }),
    )
    .keep("u", "/user/id");
    let place = "/v3/groups/{g}/users/{u}";
    play.head(place);
    play.get(place);
    play.put(place);
    play.put(place);
    play.head(place);
    play.get("/v3/groups/{g}/users");
    play.get("/v3/groups/{g}/users?name=nope");
    play.get("/v3/groups/nope/users");
    play.get("/v3/users/{u}/groups");
    play.get("/v3/users/{u}/groups?name=nope");
    play.put("/v3/groups/{g}/users/nope");
    play.put("/v3/groups/nope/users/{u}");
    play.delete(place);
    play.delete(place);
    play.put(place);
    play.delete("/v3/groups/{g}");
    play.delete("/v3/groups/{g}");
    play.get("/v3/users/{u}/groups");
}

fn roles(play: &mut Play) {
    play.post("/v3/domains", json!({ "domain": { "name": "of roles" } }))
        .keep("d", "/domain/id");
    play.get("/v3/roles");
    play.get("/v3/role_inferences");
    play.post("/v3/roles", json!({ "role": { "name": "r1", "w": 1 } }))
        .keep("r", "/role/id");
    play.post(
        "/v3/roles",
        json!({ "role": { "name": "r1", "domain_id": "{d}" } }),
    )
    .keep("dr", "/role/id");
    for role in [
        json!({ "name": "r1" }),
        json!({}),
        json!({ "name": "r1", "domain_id": "{d}" }),
        json!({ "name": "x", "description": null }),
        json!({ "name": "fixed", "options": { "immutable": true } }),
        json!({ "name": "x".repeat(256) }),
    ] {
        play.post("/v3/roles", json!({ "role": role }));
    }
    for query in [
        "?domain_id={d}",
        "?name=admin",
        "?name=r1",
        "?domain_id=",
        "/{r}",
        "/{dr}",
        "/nope",
    ] {
        play.get(&format!("/v3/roles{query}"));
    }
    for change in [
        json!({ "name": "r2", "domain_id": "{d}" }),
        json!({ "name": "admin" }),
        json!({}),
        json!({ "name": "r2", "description": "ee" }),
        json!({ "w": 2 }),
        json!({ "id": "x" }),
    ] {
        play.patch("/v3/roles/{r}", json!({ "role": change }));
    }
    play.patch(
        "/v3/roles/{admin_role}",
        json!({ "role": { "name": "zz" } }),
    );
    play.delete("/v3/roles/{admin_role}");
    play.patch("/v3/roles/nope", json!({ "role": { "name": "zz" } }));
    let implies = |prior: &str, implied: &str| format!("/v3/roles/{prior}/implies/{implied}");
    play.put(&implies("{r}", "{dr}"));
    play.put(&implies("{dr}", "{r}"));
    play.get(&implies("{dr}", "{r}"));
    play.get("/v3/roles/{dr}/implies");
    play.get("/v3/roles/{r}/implies");
    play.get("/v3/roles/nope/implies");
    play.head(&implies("{dr}", "{r}"));
    play.put(&implies("{dr}", "{r}"));
    play.get(&implies("{r}", "{dr}"));
    play.put(&implies("{r}", "{admin_role}"));
    play.put(&implies("{r}", "nope"));
    play.put(&implies("{member_role}", "{r}"));
    play.get("/v3/role_inferences");
    play.delete(&implies("{dr}", "{r}"));
    play.delete(&implies("{dr}", "{r}"));
    play.put(&implies("{r}", "{r}"));
    play.delete(&implies("{r}", "{r}"));
    play.delete(&implies("{member_role}", "{r}"));
    play.delete("/v3/roles/{r}");
    play.delete("/v3/roles/{r}");
    play.get("/v3/role_inferences");
}

fn grants_and_their_lists(play: &mut Play) {
    play.post(
        "/v3/domains",
        json!({ "domain": { "name": "of grants_and_their_lists" } }),
    )
    .keep("d", "/domain/id");
    play.post(
        "/v3/projects",
        json!({ "project": { "name": "p", "domain_id": "{d}" } }),
    )
    .keep("p", "/project/id");
    let below = json!({ "name": "below", "domain_id": "{d}", "parent_id": "{p}" });
    play.post("/v3/projects", json!({ "project": below }))
        .keep("q", "/project/id");
    play.post(
        "/v3/users",
        json!({ "user": { "name": "u", "domain_id": "{d}", "password": PASSWORD } }),
    )
    .keep("u", "/user/id");
    play.post(
        "/v3/users",
        json!({ "user": { "name": "v", "domain_id": "{d}" } }),
    )
    .keep("v", "/user/id");
    play.post(
        "/v3/groups",
        json!({ "group": { "name": "g", "domain_id": "{d}" } }),
    )
    .keep("g", "/group/id");
    play.post("/v3/roles", json!({ "role": { "name": "r" } }))
        .keep("r", "/role/id");
    play.post(
        "/v3/roles",
        json!({ "role": { "name": "dr", "domain_id": "{d}" } }),
    )
    .keep("dr", "/role/id");
    play.put("/v3/roles/{dr}/implies/{r}");
    for one in ["{u}", "{v}"] {
        play.put(&format!("/v3/groups/{{g}}/users/{one}"));
    }
    for place in [
        "/v3/projects/{p}/users/{u}/roles",
        "/v3/projects/{p}/groups/{g}/roles",
        "/v3/domains/{d}/users/{u}/roles",
        "/v3/domains/{d}/groups/{g}/roles",
        "/v3/system/users/{u}/roles",
        "/v3/system/groups/{g}/roles",
    ] {
        let one = format!("{place}/{{r}}");
        play.get(place);
        play.head(&one);
        play.delete(&one);
        play.put(&one);
        play.put(&one);
        play.head(&one);
        play.get(&one);
        play.get(place);
        play.put(&format!("{place}/nope"));
        play.get(&format!("{place}/{{admin_role}}"));
    }
    for place in [
        "/v3/projects/nope/users/{u}/roles/{r}",
        "/v3/projects/{p}/users/nope/roles/{r}",
        "/v3/domains/nope/users/{u}/roles/{r}",
        "/v3/system/users/nope/roles/{r}",
        "/v3/projects/{p}/groups/nope/roles/{r}",
        "/v3/projects/{admin_project}/users/{u}/roles/{dr}",
        "/v3/projects/{p}/users/{u}/roles/{dr}",
        "/v3/system/users/{u}/roles/{dr}",
        "/v3/projects/{p}/users/{v}/roles/{member_role}",
    ] {
        play.put(place);
    }
    for place in [
        "domains/{d}/groups/{g}",
        "projects/{p}/users/{u}",
        "domains/{d}/users/{v}",
        "projects/{p}/groups/{g}",
    ] {
        let one = format!("/v3/OS-INHERIT/{place}/roles/{{member_role}}/inherited_to_projects");
        play.head(&one);
        play.put(&one);
        play.head(&one);
        play.get(&one);
        play.delete(&one);
        play.delete(&one);
        play.put(&one);
    }
    play.get("/v3/OS-INHERIT/domains/{d}/groups/{g}/roles/inherited_to_projects");
    play.get("/v3/OS-INHERIT/domains/{d}/users/{v}/roles/inherited_to_projects");
    for query in [
        "",
        "effective",
        "include_names",
        "effective&include_names",
        "user.id={u}",
        "user.id={u}&effective",
        "user.id={v}&effective&include_names",
        "group.id={g}",
        "scope.project.id={p}",
        "scope.project.id={p}&effective",
        "scope.project.id={q}&effective&include_names",
        "scope.project.id={p}&include_subtree",
        "scope.project.id={p}&include_subtree&effective",
        "scope.system=all",
        "scope.system=all&user.id={u}",
        "scope.domain.id={d}",
        "scope.domain.id={d}&effective",
        "role.id={r}",
        "role.id={reader_role}&effective",
        "scope.OS-INHERIT:inherited_to=projects",
        "scope.OS-INHERIT:inherited_to=projects&effective&user.id={u}",
        "scope.OS-INHERIT:inherited_to=nothing",
        "effective&group.id={g}",
        "user.id=a&group.id=b",
        "include_subtree",
        "scope.domain.id=a&scope.project.id=b",
        "scope.domain.id=a&scope.system=all",
        "scope.project.id=a&scope.system=all",
        "effective&scope.domain.id={d}&scope.OS-INHERIT:inherited_to=projects",
        "user.id=nope",
        "user.id=nope&effective",
        "scope.project.id=nope",
        "scope.project.id=nope&effective",
        "role.id=nope",
        "group.id=nope",
        "effective=0",
        "scope.system=some",
    ] {
        play.get(&format!("/v3/role_assignments?{query}"));
    }
    play.get("/v3/users/{u}/projects");
    play.get("/v3/users/{v}/projects?name=below");
    play.delete("/v3/projects/{p}/users/{u}/roles/{r}");
    play.delete("/v3/projects/{p}/users/{u}/roles/{r}");
    play.delete("/v3/groups/{g}");
    play.get("/v3/role_assignments");
    play.delete("/v3/users/{v}");
    play.delete("/v3/roles/{dr}/implies/{r}");
    play.delete("/v3/roles/{r}");
    play.get("/v3/role_assignments?include_names");
    play.delete("/v3/projects/{q}");
    play.delete("/v3/projects/{p}");
    play.get("/v3/role_assignments");
}

fn catalog(play: &mut Play) {
    for region in [
        json!({ "id": "r1", "description": "x", "k": 1 }),
        json!({ "id": "r1" }),
        json!({}),
        json!({ "id": "r5", "parent_region_id": "nope" }),
        json!({ "id": 5 }),
        json!({ "description": null }),
        json!(null),
    ] {
        play.post("/v3/regions", json!({ "region": region }));
    }
    let put = |play: &mut Play, path: &str, body: Value| {
        play.call(ADMIN, "PUT", path, Some(body));
    };
    put(
        play,
        "/v3/regions/r2",
        json!({ "region": { "parent_region_id": "r1" } }),
    );
    put(play, "/v3/regions/r3", json!({ "region": { "id": "r4" } }));
    put(play, "/v3/regions/r1", json!({ "region": {} }));
    for change in [
        json!({ "parent_region_id": "r2" }),
        json!({ "description": "yy", "k": null }),
        json!({}),
        json!({ "description": null }),
        json!({ "id": "r9" }),
        json!({ "parent_region_id": "nope" }),
    ] {
        play.patch("/v3/regions/r1", json!({ "region": change }));
    }
    for path in ["", "?parent_region_id=r1", "/r2", "/nope"] {
        play.get(&format!("/v3/regions{path}"));
    }
    for region in ["r1", "r2", "RegionOne", "nope"] {
        play.delete(&format!("/v3/regions/{region}"));
    }
    let nova = json!({ "type": "compute", "name": "nova", "description": "d", "z": 1 });
    play.post("/v3/services", json!({ "service": nova }))
        .keep("s", "/service/id");
    for service in [
        json!({ "name": "nova" }),
        json!({ "type": "", "name": "n" }),
        json!({ "type": "t2", "enabled": false }),
        json!({ "type": 5 }),
        json!(null),
    ] {
        play.post("/v3/services", json!({ "service": service }));
    }
    for path in ["", "?type=compute", "?name=nova", "/{s}", "/nope"] {
        play.get(&format!("/v3/services{path}"));
    }
    for change in [
        json!({ "type": "c2", "y": 1 }),
        json!({ "name": null }),
        json!({}),
        json!({ "enabled": false, "name": "n2" }),
        json!({ "id": "x" }),
    ] {
        play.patch("/v3/services/{s}", json!({ "service": change }));
    }
    for endpoint in [
        json!({ "interface": "weird", "service_id": "{s}", "url": "http://x" }),
        json!({ "interface": "public", "service_id": "{s}", "url": "x" }),
        json!({ "interface": "public", "service_id": "nope", "url": "http://x" }),
        json!({ "interface": "public", "service_id": "{s}", "url": "http://x", "region_id": "nope" }),
        json!({ "interface": "public", "service_id": "{s}", "url": "http://x/$(nope)s" }),
        json!({ "interface": "public", "service_id": "{s}", "url": format!("http://{}", "x".repeat(220)) }),
        json!({ "service_id": "{s}", "url": "http://x" }),
        json!({ "interface": "internal", "service_id": "{s}", "url": "http://x", "enabled": false }),
    ] {
        play.post("/v3/endpoints", json!({ "endpoint": endpoint }));
    }
    let public = json!({ "interface": "public", "service_id": "{s}", "url": "http://x/$(project_id)s", "region": "new", "name": "n" });
    play.post("/v3/endpoints", json!({ "endpoint": public }))
        .keep("e", "/endpoint/id");
    for path in [
        "",
        "/{e}",
        "/nope",
        "?interface=public",
        "?service_id={s}",
        "?region_id=new",
    ] {
        play.get(&format!("/v3/endpoints{path}"));
    }
    for change in [
        json!({ "url": "http://y", "enabled": false }),
        json!({ "region_id": "nope" }),
        json!({ "service_id": "nope" }),
        json!({}),
        json!({ "interface": "admin", "w": 1 }),
        json!({ "region": "other" }),
    ] {
        play.patch("/v3/endpoints/{e}", json!({ "endpoint": change }));
    }
    play.delete("/v3/regions/other");
    play.delete("/v3/services/{s}");
    play.get("/v3/endpoints/{e}");
    play.get("/v3/endpoints");
    play.delete("/v3/regions/other");
    play.delete("/v3/endpoints/nope");
    play.delete("/v3/services/nope");
}

fn who_may_do_what(play: &mut Play) {
    play.post(
        "/v3/domains",
        json!({ "domain": { "name": "of who_may_do_what" } }),
    )
    .keep("d", "/domain/id");
    play.post(
        "/v3/projects",
        json!({ "project": { "name": "p", "domain_id": "{d}" } }),
    )
    .keep("p", "/project/id");
    play.post(
        "/v3/groups",
        json!({ "group": { "name": "g", "domain_id": "{d}" } }),
    )
    .keep("g", "/group/id");
    play.post(
        "/v3/roles",
        json!({ "role": { "name": "dr", "domain_id": "{d}" } }),
    )
    .keep("dr", "/role/id");
    play.post("/v3/groups", json!({ "group": { "name": "elsewhere" } }))
        .keep("elsewhere", "/group/id");
    for user in [
        "eve",
        "project_reader",
        "domain_reader",
        "domain_member",
        "domain_admin",
        "system_reader",
        "system_admin",
        "project_admin",
    ] {
        let body = json!({ "name": user, "domain_id": "{d}", "password": PASSWORD });
        play.post("/v3/users", json!({ "user": body }))
            .keep(user, "/user/id");
    }
    let at = |user: &str, place: &str, role: &str| {
        format!("/v3/{place}/users/{{{user}}}/roles/{{{role}}}")
    };
    let domain = Some(json!({ "domain": { "id": "{d}" } }));
    let project = Some(json!({ "project": { "id": "{p}" } }));
    let system = Some(json!({ "system": { "all": true } }));
    for (user, place, role, scope) in [
        ("eve", "", "", None),
        (
            "project_reader",
            "projects/{p}",
            "reader_role",
            project.clone(),
        ),
        (
            "domain_reader",
            "domains/{d}",
            "reader_role",
            domain.clone(),
        ),
        (
            "domain_member",
            "domains/{d}",
            "member_role",
            domain.clone(),
        ),
        ("domain_admin", "domains/{d}", "admin_role", domain),
        ("system_reader", "system", "reader_role", system.clone()),
        ("system_admin", "system", "admin_role", system),
        ("project_admin", "projects/{p}", "admin_role", project),
    ] {
        if !place.is_empty() {
            play.put(&at(user, place, role));
        }
        play.sign_in(user, user, json!({ "name": "of who_may_do_what" }), scope);
        for path in [
            "users",
            "users/{eve}",
            "users/{admin}",
            "users/nope",
            "users/{eve}/projects",
            "users/{eve}/groups",
            "users/{project_reader}/projects",
            "users?domain_id=default",
            "projects",
            "projects/{p}",
            "projects/{admin_project}",
            "projects/nope",
            "projects/{p}/tags",
            "domains",
            "domains/{d}",
            "domains/default",
            "domains/nope",
            "groups",
            "groups/{g}",
            "groups/{elsewhere}",
            "groups/nope",
            "groups/{g}/users",
            "groups/{g}/users/{eve}",
            "groups/{elsewhere}/users",
            "roles",
            "roles/{dr}",
            "roles/{admin_role}",
            "roles/nope",
            "roles?domain_id={d}",
            "role_inferences",
            "roles/{member_role}/implies",
            "role_assignments",
            "role_assignments?scope.domain.id={d}",
            "role_assignments?scope.project.id={p}&include_subtree",
            "projects/{p}/users/{eve}/roles",
            "projects/{p}/users/{eve}/roles/{member_role}",
            "projects/{p}/users/{eve}/roles/{dr}",
            "projects/{admin_project}/users/{admin}/roles/{admin_role}",
            "domains/{d}/users/{eve}/roles",
            "system/users/{eve}/roles",
            "system/users/{admin}/roles/{admin_role}",
            "regions",
            "services",
            "endpoints",
            "endpoints/nope",
            "services/nope",
            "regions/nope",
        ] {
            let path = format!("/v3/{path}");
            if path.starts_with("/v3/users") || path.starts_with("/v3/role_assignments") {
                play.call(user, "GET", &path, None);
            } else {
                play.status(user, "GET", &path, None);
            }
        }
        for (method, path, body) in [
            ("POST", "users", json!({ "user": {} })),
            (
                "PATCH",
                "users/{eve}",
                json!({ "user": { "email": "e@x" } }),
            ),
            ("PATCH", "users/nope", json!({ "user": { "email": "e@x" } })),
            ("DELETE", "users/nope", json!(null)),
            ("POST", "projects", json!({ "project": {} })),
            ("PATCH", "projects/nope", json!({ "project": {} })),
            ("POST", "domains", json!({ "domain": {} })),
            ("PATCH", "domains/nope", json!({ "domain": {} })),
            ("PATCH", "domains/{d}", json!({ "domain": {} })),
            ("POST", "groups", json!({ "group": {} })),
            ("DELETE", "groups/nope", json!(null)),
            ("PUT", "groups/{g}/users/nope", json!(null)),
            ("POST", "roles", json!({ "role": {} })),
            ("PATCH", "roles/nope", json!({ "role": {} })),
            (
                "PUT",
                "projects/{p}/users/{eve}/roles/{member_role}",
                json!(null),
            ),
            (
                "PUT",
                "projects/{admin_project}/users/{eve}/roles/{member_role}",
                json!(null),
            ),
            (
                "DELETE",
                "projects/{p}/users/{eve}/roles/{member_role}",
                json!(null),
            ),
            (
                "PUT",
                "domains/{d}/groups/{g}/roles/{member_role}",
                json!(null),
            ),
            ("PUT", "system/users/{eve}/roles/nope", json!(null)),
            ("POST", "regions", json!({ "region": { "id": 5 } })),
            ("POST", "services", json!({ "service": {} })),
            ("POST", "endpoints", json!({ "endpoint": {} })),
            ("PUT", "roles/{admin_role}/implies/nope", json!(null)),
        ] {
            let body = (!body.is_null()).then_some(body);
            play.status(user, method, &format!("/v3/{path}"), body);
        }
    }
}

/// Signs somebody in on a project on which they are given a role for it.
fn admit(play: &mut Play, user: &str, project: &str) {
    play.post(
        "/v3/users",
        json!({ "user": { "name": user, "domain_id": "{d}", "password": PASSWORD } }),
    )
    .keep(user, "/user/id");
    play.put(&format!(
        "/v3/projects/{{{project}}}/users/{{{user}}}/roles/{{member_role}}"
    ));
    sign_in_again(play, user, project);
}

fn sign_in_again(play: &mut Play, user: &str, project: &str) {
    play.sign_in(
        user,
        user,
        json!({ "name": "of what_ends_tokens" }),
        Some(json!({ "project": { "id": format!("{{{project}}}") } })),
    );
}

fn what_ends_tokens(play: &mut Play) {
    play.post(
        "/v3/domains",
        json!({ "domain": { "name": "of what_ends_tokens" } }),
    )
    .keep("d", "/domain/id");
    for project in ["p1", "p2"] {
        play.post(
            "/v3/projects",
            json!({ "project": { "name": project, "domain_id": "{d}" } }),
        )
        .keep(project, "/project/id");
    }
    let still = |play: &mut Play, user: &str| {
        play.status(user, "GET", "/v3/regions", None);
    };

    admit(play, "disabled", "p1");
    still(play, "disabled");
    for enabled in [false, true] {
        let body = json!({ "user": { "enabled": enabled } });
        play.patch("/v3/users/{disabled}", body);
        still(play, "disabled");
    }

    admit(play, "renamed", "p1");
    play.patch(
        "/v3/users/{renamed}",
        json!({ "user": { "name": "other" } }),
    );
    still(play, "renamed");

    admit(play, "robbed", "p1");
    play.delete("/v3/projects/{p1}/users/{robbed}/roles/{member_role}");
    still(play, "robbed");
    play.put("/v3/projects/{p1}/users/{robbed}/roles/{member_role}");
    still(play, "robbed");

    admit(play, "deleted", "p1");
    play.delete("/v3/users/{deleted}");
    play.refused("deleted");

    play.post(
        "/v3/groups",
        json!({ "group": { "name": "g", "domain_id": "{d}" } }),
    )
    .keep("g", "/group/id");
    play.put("/v3/projects/{p2}/groups/{g}/roles/{member_role}");
    admit(play, "member", "p1");
    play.put("/v3/groups/{g}/users/{member}");
    sign_in_again(play, "member", "p2");
    still(play, "member");
    play.delete("/v3/groups/{g}/users/{member}");
    still(play, "member");

    admit(play, "on_a_project", "p2");
    play.patch(
        "/v3/projects/{p2}",
        json!({ "project": { "enabled": false } }),
    );
    play.refused("on_a_project");
    play.delete("/v3/projects/{p2}");
    play.refused("on_a_project");

    admit(play, "of_a_domain", "p1");
    play.patch("/v3/domains/{d}", json!({ "domain": { "enabled": false } }));
    play.refused("of_a_domain");
}
