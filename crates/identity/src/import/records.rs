use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::model::{
    CatalogService, Endpoint, Extra, Group, Id, Interface, Project, Region, Role, User,
};

/// An object of Keystone's, from which attributes are taken one by one; the rest is what it knows besides.
struct Attributes(Map<String, Value>);

impl Attributes {
    fn of(value: &Value) -> Option<Self> {
        let mut members = value.as_object()?.clone();
        members.remove("links");
        Some(Self(members))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn id(&mut self, name: &str) -> Option<Id> {
        self.text(name).map(Id::from)
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.0.remove(name).and_then(|value| value.as_bool())
    }

    fn options(&mut self) -> Extra {
        match self.0.remove("options") {
            Some(Value::Object(options)) => options,
            _ => Extra::new(),
        }
    }

    fn tags(&mut self) -> BTreeSet<String> {
        let tags = self.0.remove("tags");
        let tags = tags
            .as_ref()
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        tags.filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect()
    }

    fn rest(self) -> Extra {
        self.0
    }
}

pub(super) fn domain(value: &Value) -> Option<Project> {
    let mut from = Attributes::of(value)?;
    Some(Project {
        id: from.id("id")?,
        name: from.text("name")?,
        description: from.text("description"),
        domain_id: None,
        parent_id: None,
        is_domain: true,
        enabled: from.flag("enabled").unwrap_or(true),
        tags: from.tags(),
        options: from.options(),
        extra: from.rest(),
    })
}

pub(super) fn project(value: &Value) -> Option<Project> {
    let mut from = Attributes::of(value)?;
    if from.flag("is_domain") == Some(true) {
        return None;
    }
    let domain = from.id("domain_id")?;
    Some(Project {
        id: from.id("id")?,
        name: from.text("name")?,
        description: from.text("description"),
        parent_id: from.id("parent_id").or_else(|| Some(domain.clone())),
        domain_id: Some(domain),
        is_domain: false,
        enabled: from.flag("enabled").unwrap_or(true),
        tags: from.tags(),
        options: from.options(),
        extra: from.rest(),
    })
}

/// Passwords stay where they are: Kerberos proves people here.
pub(super) fn user(value: &Value) -> Option<User> {
    let mut from = Attributes::of(value)?;
    from.0.remove("password_expires_at");
    Some(User {
        id: from.id("id")?,
        name: from.text("name")?,
        domain_id: from.id("domain_id")?,
        enabled: from.flag("enabled").unwrap_or(true),
        principal: None,
        default_project_id: from.id("default_project_id"),
        options: from.options(),
        extra: from.rest(),
    })
}

pub(super) fn group(value: &Value) -> Option<Group> {
    let mut from = Attributes::of(value)?;
    Some(Group {
        id: from.id("id")?,
        name: from.text("name")?,
        domain_id: from.id("domain_id")?,
        description: from.text("description"),
        extra: from.rest(),
    })
}

pub(super) fn role(value: &Value) -> Option<Role> {
    let mut from = Attributes::of(value)?;
    Some(Role {
        id: from.id("id")?,
        name: from.text("name")?,
        domain_id: from.id("domain_id"),
        description: from.text("description"),
        options: from.options(),
        extra: from.rest(),
    })
}

pub(super) fn region(value: &Value) -> Option<Region> {
    let mut from = Attributes::of(value)?;
    Some(Region {
        id: from.id("id")?,
        description: from.text("description").unwrap_or_default(),
        parent_region_id: from.id("parent_region_id"),
        extra: from.rest(),
    })
}

pub(super) fn service(value: &Value) -> Option<CatalogService> {
    let mut from = Attributes::of(value)?;
    Some(CatalogService {
        id: from.id("id")?,
        kind: from.text("type")?,
        enabled: from.flag("enabled").unwrap_or(true),
        extra: from.rest(),
    })
}

pub(super) fn endpoint(value: &Value) -> Option<Endpoint> {
    let mut from = Attributes::of(value)?;
    let interface = match from.text("interface")?.as_str() {
        "admin" => Interface::Admin,
        "internal" => Interface::Internal,
        "public" => Interface::Public,
        _ => return None,
    };
    // An older name of `region_id`.
    let region = from.id("region");
    Some(Endpoint {
        id: from.id("id")?,
        interface,
        region_id: from.id("region_id").or(region),
        service_id: from.id("service_id")?,
        url: from.text("url")?,
        enabled: from.flag("enabled").unwrap_or(true),
        extra: from.rest(),
    })
}
