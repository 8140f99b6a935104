use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Extra, Id, Indexes, Kind, Model, Record, Table};

/// A part of the deployment that has endpoints of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// Its id, which is its name.
    pub id: Id,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// The region that it is a part of.
    #[serde(default)]
    pub parent_region_id: Option<Id>,
    /// Attributes that neither Keystone nor we know.
    #[serde(default)]
    pub extra: Extra,
}

/// A service of the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogService {
    /// Its id.
    pub id: Id,
    /// `identity`, `compute` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is in the catalog of tokens.
    pub enabled: bool,
    /// `name`, `description` and attributes that nobody knows.
    #[serde(default)]
    pub extra: Extra,
}

impl CatalogService {
    /// Its name; empty when it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.extra.get("name");
        name.and_then(serde_json::Value::as_str).unwrap_or_default()
    }
}

/// For whom an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// For administrators.
    Admin,
    /// For other services.
    Internal,
    /// For everybody.
    Public,
}

impl Interface {
    /// As it is written in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }
}

/// Where a service is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: Id,
    /// For whom it is.
    pub interface: Interface,
    /// The region that it is in.
    #[serde(default)]
    pub region_id: Option<Id>,
    /// The service that it is of.
    pub service_id: Id,
    /// Its URL, in which `$(project_id)s` and the like may stand.
    pub url: String,
    /// Whether it is in the catalog of tokens.
    pub enabled: bool,
    /// `name`, `description` and attributes that nobody knows.
    #[serde(default)]
    pub extra: Extra,
}

impl Record for Region {
    const KIND: Kind = Kind::Region;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.regions
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.regions
    }
}

impl Record for CatalogService {
    const KIND: Kind = Kind::Service;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.services
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.services
    }
}

impl Record for Endpoint {
    const KIND: Kind = Kind::Endpoint;

    fn key(&self) -> Id {
        self.id.clone()
    }

    fn table(model: &Model) -> &Table<Id, Arc<Self>> {
        &model.endpoints
    }

    fn table_mut(model: &mut Model) -> &mut Table<Id, Arc<Self>> {
        &mut model.endpoints
    }

    fn enter(&self, indexes: &mut Indexes) {
        indexes.endpoints_of_service.add(&self.service_id, &self.id);
    }

    fn leave(&self, indexes: &mut Indexes) {
        indexes
            .endpoints_of_service
            .remove(&self.service_id, &self.id);
    }
}
