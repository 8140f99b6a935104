//! The same calls at both, and what their answers differ in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::side::{Asked, Ours, Reply, Side, Theirs};

/// Both sides, the tokens of those who have signed in, and the ids that each side gave to what both made.
pub(crate) struct Play {
    sides: [Box<dyn Side>; 2],
    /// By name, what each side calls it.
    names: BTreeMap<String, [String; 2]>,
    tokens: BTreeMap<String, [String; 2]>,
    differences: Vec<String>,
    calls: usize,
    replies: [Reply; 2],
    left_out: String,
    /// Calls at which Keystone failed.
    faults: Vec<String>,
}

impl Play {
    /// `None` when Keystone is not installed.
    pub(crate) fn begin() -> Option<Self> {
        let theirs = Theirs::start()?;
        let none = Reply {
            status: 0,
            headers: BTreeMap::new(),
            body: String::new(),
            note: None,
        };
        Some(Self {
            sides: [Box::new(Ours::start()), Box::new(theirs)],
            names: BTreeMap::new(),
            tokens: BTreeMap::new(),
            differences: Vec::new(),
            calls: 0,
            replies: [none.clone(), none],
            left_out: String::new(),
            faults: Vec::new(),
        })
    }

    /// Signs somebody in; what they do later is done with that token.
    pub(crate) fn sign_in(&mut self, who: &str, name: &str, domain: Value, scope: Option<Value>) {
        let mut tokens = [String::new(), String::new()];
        for (index, token) in tokens.iter_mut().enumerate() {
            let scope = scope.clone().map(|scope| self.named(index, scope));
            let domain = self.named(index, domain.clone());
            let reply = self.sides[index].sign_in(name, &domain, scope.as_ref());
            assert_eq!(
                reply.status, 201,
                "{who} does not get a token: {}",
                reply.body
            );
            *token = reply.headers["x-subject-token"].clone();
        }
        self.tokens.insert(who.to_owned(), tokens);
    }

    /// Makes a call at both, as somebody who has signed in or as nobody (an empty name), and compares the answers.
    /// `{name}` in path and body stands for what each side gave that name ([`Self::keep`]).
    pub(crate) fn call(
        &mut self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> &mut Self {
        self.ask(who, method, path, body);
        let case = format!("{who} {method} {path}");
        if self.is_at_fault(&case) {
            return self;
        }
        let [ours, theirs] = [0, 1].map(|index| self.comparable(index));
        if ours != theirs {
            let shown = |text: &[String]| text.join("\n    ");
            let difference = format!(
                "{case}\n  ours\n    {}\n  theirs\n    {}",
                shown(&ours),
                shown(&theirs)
            );
            self.differences.push(difference);
        }
        self
    }

    /// The same, but only the status is compared.
    pub(crate) fn status(
        &mut self,
        who: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> &mut Self {
        self.ask(who, method, path, body);
        if self.is_at_fault(&format!("{who} {method} {path}")) {
            return self;
        }
        let [ours, theirs] = [&self.replies[0], &self.replies[1]];
        if ours.status != theirs.status {
            let difference = format!(
                "{who} {method} {path}\n  ours {} {}\n  theirs {} {}",
                ours.status, ours.body, theirs.status, theirs.body
            );
            self.differences.push(difference);
        }
        self
    }

    /// Somebody's token is worth nothing any more, whatever each says about it.
    pub(crate) fn refused(&mut self, who: &str) {
        self.ask(who, "GET", "/v3/regions", None);
        for reply in &self.replies {
            if !(400..500).contains(&reply.status) {
                let (status, body) = (reply.status, &reply.body);
                let difference = format!("{who} is not refused: {status} {body}");
                self.differences.push(difference);
            }
        }
    }

    /// Leaves one place of bodies out of the comparison from now on.
    pub(crate) fn leave_out(&mut self, place: &str) {
        place.clone_into(&mut self.left_out);
    }

    /// Calls what stands at a place of the last answers by a name from now on.
    pub(crate) fn keep(&mut self, name: &str, place: &str) -> &mut Self {
        let ids = [0, 1].map(|index| {
            let body = self.replies[index].json();
            let found = body.pointer(place).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        });
        self.names.insert(name.to_owned(), ids);
        self
    }

    /// The id of the member of a list that has this name.
    pub(crate) fn keep_named(&mut self, name: &str, list: &str, wanted: &str) -> &mut Self {
        let ids = [0, 1].map(|index| {
            let body = self.replies[index].json();
            let members = body[list].as_array().cloned().unwrap_or_default();
            let found = members.iter().find(|member| member["name"] == wanted);
            found
                .and_then(|member| member["id"].as_str())
                .unwrap_or_default()
                .to_owned()
        });
        self.names.insert(name.to_owned(), ids);
        self
    }

    /// Fails when anything differed, or Keystone failed more often than it is known to.
    pub(crate) fn end(self) {
        assert!(
            self.faults.len() < 10,
            "Keystone failed: {:#?}",
            self.faults
        );
        let calls = self.calls;
        let differences = self.differences.len();
        assert!(
            self.differences.is_empty(),
            "{differences} of {calls} calls are answered differently:\n{}",
            self.differences.join("\n")
        );
    }

    /// Whether Keystone failed at a call that we have an answer for: there is nothing to compare then.
    fn is_at_fault(&mut self, case: &str) -> bool {
        let [ours, theirs] = &self.replies;
        let is_at_fault = theirs.status == 500 && ours.status < 500;
        if is_at_fault {
            self.faults.push(case.to_owned());
        }
        is_at_fault
    }

    fn ask(&mut self, who: &str, method: &str, path: &str, body: Option<Value>) {
        self.calls += 1;
        for index in [0, 1] {
            let mut headers = Vec::new();
            if let Some(tokens) = self.tokens.get(who) {
                headers.push(("x-auth-token".to_owned(), tokens[index].clone()));
            }
            let body = body.clone().map(|body| match body {
                Value::String(raw) => raw,
                body => self.sides[index].fit(self.named(index, body)).to_string(),
            });
            if body.is_some() {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            let asked = Asked {
                method: method.to_owned(),
                path: self.name_text(index, path),
                headers,
                body,
            };
            self.replies[index] = self.sides[index].send(&asked);
        }
    }

    fn name_text(&self, index: usize, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, ids) in &self.names {
            text = text.replace(&format!("{{{name}}}"), &ids[index]);
        }
        text
    }

    fn named(&self, index: usize, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.name_text(index, &text)),
            Value::Array(values) => values
                .into_iter()
                .map(|value| self.named(index, value))
                .collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| (self.name_text(index, &name), self.named(index, value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other,
        }
    }

    /// Status, telling headers and body, with ids that have names in both as those names, and lists in one order.
    fn comparable(&self, index: usize) -> Vec<String> {
        let reply = &self.replies[index];
        let mut lines = vec![reply.status.to_string()];
        for name in ["location", "www-authenticate", "vary", "content-type"] {
            let value = reply
                .headers
                .get(name)
                .map(String::as_str)
                .unwrap_or_default();
            // Keystone names a type for bodies that are empty, now and then.
            let value = if reply.body.is_empty() && name == "content-type" {
                ""
            } else {
                value
            };
            lines.push(format!("{name}: {}", self.anonymous(index, value)));
        }
        lines.push(match reply.json() {
            Value::Null => self.anonymous(index, &reply.body),
            mut body => {
                if let Some(place) = body
                    .pointer_mut(&self.left_out)
                    .filter(|_| !self.left_out.is_empty())
                {
                    *place = Value::Null;
                }
                self.in_order(index, body).to_string()
            }
        });
        lines
    }

    fn in_order(&self, index: usize, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.anonymous(index, &text)),
            Value::Array(values) => {
                let mut values: Vec<Value> = values
                    .into_iter()
                    .map(|value| self.in_order(index, value))
                    .collect();
                values.sort_by_cached_key(Value::to_string);
                values.into()
            }
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| (self.anonymous(index, &name), self.in_order(index, value)))
                .collect::<Map<_, _>>()
                .into(),
            other => other,
        }
    }

    fn anonymous(&self, index: usize, text: &str) -> String {
        // What follows is the text of Keystone's schema.
        let text = text
            .split("\n\nFailed validating")
            .next()
            .unwrap_or_default();
        let mut text = text.replace(&self.sides[index].base(), "BASE");
        for (name, ids) in &self.names {
            if ids[index].len() > 8 {
                text = text.replace(&ids[index], &format!("{{{name}}}"));
            }
        }
        without_ids(&text)
    }
}

/// The text with `ID` for every other run of 32 hex digits.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() || ('a'..='f').contains(&letter) {
            run.push(letter);
            continue;
        }
        out.push_str(if run.len() == 32 { "ID" } else { &run });
        run.clear();
        if letter != '\0' {
            out.push(letter);
        }
    }
    out
}
