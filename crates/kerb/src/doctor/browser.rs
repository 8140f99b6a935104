//! Whether browsers of this host were told to show tickets to a web server, and what to tell them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::finding::{Area, Cause, Finding};

/// A browser of the Chromium family: its name, its programs, and the folder of its policies.
const CHROMIUMS: [(&str, &[&str], &str); 3] = [
    (
        "Chromium",
        &[
            "usr/bin/chromium",
            "usr/bin/chromium-browser",
            "snap/bin/chromium",
        ],
        "etc/chromium",
    ),
    (
        "Chrome",
        &["usr/bin/google-chrome", "usr/bin/google-chrome-stable"],
        "etc/opt/chrome",
    ),
    (
        "Edge",
        &["usr/bin/microsoft-edge", "usr/bin/microsoft-edge-stable"],
        "etc/opt/edge",
    ),
];
const FIREFOXES: [&str; 3] = ["usr/bin/firefox", "usr/bin/firefox-esr", "snap/bin/firefox"];
const FIREFOX_POLICIES: [&str; 5] = [
    "etc/firefox/policies/policies.json",
    "etc/firefox-esr/policies/policies.json",
    "usr/lib/firefox/distribution/policies.json",
    "usr/lib/firefox-esr/distribution/policies.json",
    "usr/share/firefox-esr/distribution/policies.json",
];
/// Folders of preferences that hold for all users.
const FIREFOX_DEFAULTS: [&str; 4] = [
    "etc/firefox",
    "etc/firefox-esr",
    "usr/lib/firefox/defaults/pref",
    "usr/lib/firefox-esr/defaults/pref",
];
const TRUSTED: &str = "network.negotiate-auth.trusted-uris";

/// Looks at what the browsers under `root` were told about `host`; `home` has a user's own Firefox profiles.
pub(super) fn check(root: &Path, home: Option<&Path>, host: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHROMIUMS
        .iter()
        .filter_map(|(name, programs, folder)| chromium(root, name, programs, folder, host))
        .flatten()
        .collect();
    findings.extend(firefox(root, home, host));
    if findings.is_empty() {
        findings.push(
            Finding::note(Area::Browser, host, "no browser here whose policy could be looked at").with_help(format!(
                "where people browse: Chromium's policy AuthServerAllowlist = \"{host}\", Firefox's {TRUSTED} = https://{host}"
            )),
        );
    }
    findings
}

fn chromium(
    root: &Path,
    name: &str,
    programs: &[&str],
    folder: &str,
    host: &str,
) -> Option<Vec<Finding>> {
    let policies = root.join(folder).join("policies");
    let managed = policies.join("managed");
    let installed = programs.iter().any(|program| root.join(program).exists());
    if !installed && !policies.is_dir() {
        return None;
    }
    let mut read = Vec::new();
    let mut findings = Vec::new();
    for path in [managed.clone(), policies.join("recommended")]
        .iter()
        .flat_map(|f| files(f, "json"))
    {
        match json(&path) {
            Some(policy) => read.push((path, policy)),
            None => findings.push(Finding::warning(
                Area::Browser,
                path.display(),
                Cause::BrowserPolicy,
                format!("is no JSON, so {name} passes it over"),
                "correct it: see chrome://policy",
            )),
        }
    }
    let value = |key: &str| {
        read.iter()
            .find_map(|(path, policy)| Some((path, policy.get(key)?.as_str()?.to_owned())))
    };
    for old in ["AuthServerWhitelist", "AuthNegotiateDelegateWhitelist"] {
        if let Some((path, _)) = value(old) {
            let new = old.replace("Whitelist", "Allowlist");
            findings.push(Finding::warning(
                Area::Browser,
                path.display(),
                Cause::BrowserPolicy,
                format!("{old} does nothing in {name} since version 101"),
                format!("call it {new}"),
            ));
        }
    }
    let place = managed.join("kerberos.json");
    let line = format!("{{\"AuthServerAllowlist\": \"{host}\"}}");
    findings.push(match value("AuthServerAllowlist") {
        Some((path, list)) if allows(&list, host) => Finding::ok(
            Area::Browser,
            path.display(),
            format!("{name} shows tickets to {host} (AuthServerAllowlist = {list})"),
        ),
        Some((path, list)) => Finding::warning(
            Area::Browser,
            path.display(),
            Cause::BrowserPolicy,
            format!("{name} shows no ticket to {host}: AuthServerAllowlist = {list} does not have it"),
            format!("add it: \"AuthServerAllowlist\": \"{list},{host}\" (a whole domain is *.example.org)"),
        ),
        None => Finding::warning(
            Area::Browser,
            managed.display(),
            Cause::BrowserPolicy,
            format!("{name} shows no ticket to {host}: no policy AuthServerAllowlist"),
            format!("write {line} to {}", place.display()),
        ),
    });
    if let Some((path, list)) = value("AuthNegotiateDelegateAllowlist") {
        let whether = if allows(&list, host) {
            "gives"
        } else {
            "does not give"
        };
        findings.push(Finding::note(
            Area::Browser,
            path.display(),
            format!("{name} {whether} {host} a ticket to act for the user (AuthNegotiateDelegateAllowlist = {list})"),
        ));
    }
    Some(findings)
}

/// Chromium's list: names of hosts with `*`, separated by commas.
fn allows(list: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split(',')
        .map(|pattern| pattern.trim().to_ascii_lowercase())
        .any(|pattern| matches_stars(&pattern, &host))
}

fn matches_stars(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.filter_map(|at| text.get(at..))
                .any(|tail| matches_stars(rest, tail))
        }),
    }
}

fn firefox(root: &Path, home: Option<&Path>, host: &str) -> Option<Finding> {
    let installed = FIREFOXES.iter().any(|program| root.join(program).exists());
    let policies: Vec<PathBuf> = FIREFOX_POLICIES
        .iter()
        .map(|path| root.join(path))
        .filter(|path| path.is_file())
        .collect();
    let profiles = home.map(|home| home.join(".mozilla/firefox"));
    let profiles = profiles.filter(|folder| folder.is_dir());
    if !installed && policies.is_empty() && profiles.is_none() {
        return None;
    }
    let mut lists: Vec<(PathBuf, String)> = Vec::new();
    for path in policies {
        let policy = json(&path).unwrap_or_default();
        let list = trusted_by_policy(&policy);
        lists.extend(list.map(|list| (path, list)));
    }
    let of_user = profiles.iter().flat_map(|folder| folders(folder));
    let shared = FIREFOX_DEFAULTS.iter().map(|path| root.join(path));
    for path in shared
        .chain(of_user)
        .flat_map(|folder| files(&folder, "js"))
    {
        let text = fs::read_to_string(&path).unwrap_or_default();
        lists.extend(trusted_by_preference(&text).map(|list| (path, list)));
    }
    if let Some((path, list)) = lists.iter().find(|(_, list)| trusts(list, host)) {
        let says = format!("Firefox shows tickets to {host} ({TRUSTED} = {list})");
        return Some(Finding::ok(Area::Browser, path.display(), says));
    }
    let policy =
        format!("{{\"policies\": {{\"Authentication\": {{\"SPNEGO\": [\"https://{host}\"]}}}}}}");
    Some(Finding::warning(
        Area::Browser,
        "Firefox",
        Cause::BrowserPolicy,
        format!("Firefox shows no ticket to {host}: {TRUSTED} does not have it"),
        format!(
            "add https://{host} to {TRUSTED} in about:config, or write {policy} to /etc/firefox/policies/policies.json"
        ),
    ))
}

fn trusted_by_policy(policy: &Value) -> Option<String> {
    let policies = policy.get("policies")?;
    let spnego = policies
        .pointer("/Authentication/SPNEGO")
        .and_then(Value::as_array);
    if let Some(hosts) = spnego {
        let hosts: Vec<&str> = hosts.iter().filter_map(Value::as_str).collect();
        return Some(hosts.join(","));
    }
    let preference = policies.get("Preferences")?.get(TRUSTED)?;
    let value = preference.get("Value").unwrap_or(preference);
    value.as_str().map(str::to_owned)
}

/// `user_pref("network.negotiate-auth.trusted-uris", "https://a,b");`, and `pref`, `lockPref` likewise.
fn trusted_by_preference(text: &str) -> Option<String> {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let line = text
        .lines()
        .rfind(|line| line.contains(TRUSTED) && !is_comment(line))?;
    let (_, rest) = line.split_once(TRUSTED)?;
    let (_, value) = rest.split_once(',')?;
    value.split('"').nth(1).map(str::to_owned)
}

/// Firefox's list: names of hosts or domains, with or without a scheme, separated by commas.
fn trusts(list: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split([',', ' '])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let (scheme, name) = entry.split_once("://").unwrap_or(("", entry));
            let name = name
                .trim_end_matches('/')
                .split(':')
                .next()
                .unwrap_or_default();
            let domain = name.trim_start_matches('.').to_ascii_lowercase();
            if domain.is_empty() {
                // `https://` alone is every host.
                return !scheme.is_empty();
            }
            let parent = host.strip_suffix(&domain);
            parent.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = entries(folder)
        .into_iter()
        .filter(|path| path.is_file() && path.extension().is_some_and(|end| end == extension))
        .collect();
    files.sort();
    files
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = entries(folder).into_iter();
    entries.filter(|path| path.is_dir()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::super::finding::Verdict;
    use super::*;

    const HOST: &str = "www.example.org";

    fn with(files: &[(&str, &str)]) -> Vec<Finding> {
        let root = TempDir::new().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        check(root.path(), Some(&root.path().join("home")), HOST)
    }

    #[test]
    fn chromiums_policy_is_read_and_the_missing_host_named() {
        let policy = "etc/chromium/policies/managed/sso.json";
        let allowed = with(&[(policy, r#"{"AuthServerAllowlist": "intra,*.example.org"}"#)]);
        assert_eq!(allowed[0].verdict, Verdict::Ok, "{allowed:?}");
        let other = with(&[(policy, r#"{"AuthServerAllowlist": "example.org"}"#)]);
        assert_eq!(other[0].verdict, Verdict::Warning, "{other:?}");
        assert!(
            other[0]
                .help
                .as_ref()
                .unwrap()
                .contains("example.org,www.example.org")
        );
        let none = with(&[("usr/bin/chromium", "")]);
        let help = none[0].help.as_ref().unwrap();
        assert!(
            help.contains(r#"{"AuthServerAllowlist": "www.example.org"}"#),
            "{help}"
        );
        let old = with(&[(policy, r#"{"AuthServerWhitelist": "*.example.org"}"#)]);
        assert!(
            old.iter().any(|f| f.says.contains("does nothing")),
            "{old:?}"
        );
    }

    #[test]
    fn firefox_is_asked_by_policy_and_by_preference() {
        let policy = "usr/lib/firefox-esr/distribution/policies.json";
        let spnego = r#"{"policies": {"Authentication": {"SPNEGO": ["https://example.org"]}}}"#;
        assert_eq!(with(&[(policy, spnego)])[0].verdict, Verdict::Ok);
        let profile = "home/.mozilla/firefox/x.default/prefs.js";
        let preference = |value: &str| format!("user_pref(\"{TRUSTED}\", \"{value}\");\n");
        for (value, verdict) in [
            ("www.example.org", Verdict::Ok),
            ("a.org, .example.org", Verdict::Ok),
            ("ample.org", Verdict::Warning),
        ] {
            let seen = with(&[(profile, &preference(value))]);
            assert_eq!(seen[0].verdict, verdict, "{value}: {seen:?}");
        }
    }

    #[test]
    fn a_host_without_browsers_gets_both_lines_to_add_elsewhere() {
        let seen = with(&[]);
        assert_eq!(seen[0].verdict, Verdict::Note);
        let help = seen[0].help.as_ref().unwrap();
        assert!(help.contains("AuthServerAllowlist") && help.contains(TRUSTED));
    }
}
