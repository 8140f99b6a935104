//! INDICATE_MECHS, GET_CALL_CONTEXT and IMPORT_AND_CANON_NAME.

use kerbstone_gss::{MajorStatus, Oid};
use kerbstone_proto::localname::local_name;

use super::clerk::Clerk;
use super::failure::{Failure, Outcome};
use super::mechanisms::{
    ATTRIBUTES, Attribute, MECHANISMS, Mechanism, attribute_oid, known_attributes,
};
use super::minor::Minor;
use super::names::{self, Forms};
use crate::wire::{
    GetCallContextResult, ImportAndCanonNameArgs, ImportAndCanonNameResult, IndicateMechsResult,
    MechAttribute, MechInfo, Name, RpcOption, Status, options,
};

impl Clerk<'_> {
    /// Says which mechanisms there are, and everything of them.
    pub(super) fn indicate_mechs() -> IndicateMechsResult {
        IndicateMechsResult {
            mechs: MECHANISMS.iter().map(MechInfo::from).collect(),
            attributes: ATTRIBUTES.iter().map(MechAttribute::from).collect(),
            ..IndicateMechsResult::default()
        }
    }

    /// Clients need not send anything back.
    pub(super) fn get_call_context() -> GetCallContextResult {
        GetCallContextResult::default()
    }

    /// Reads a name, and makes it one of the mechanism if the call names one.
    pub(super) fn import_and_canon_name(
        &mut self,
        args: &ImportAndCanonNameArgs,
    ) -> Outcome<ImportAndCanonNameResult> {
        let input = &args.input;
        self.target = Some(names::shown(input));
        let mech = Oid::from_contents(&args.mech);
        if !args.mech.is_empty() && !mech.is_krb5() {
            return Err(Failure::of_major(MajorStatus::BAD_MECH).into());
        }
        let name = self.read_name(input)?;
        let wants_local = options::find(&args.options, options::LOCALNAME).is_some();
        let is_exported = input.display.is_empty();
        if args.mech.is_empty() && !wants_local && !is_exported {
            return Ok(ImportAndCanonNameResult {
                status: Status::default(),
                output: Some(Name {
                    display: input.display.clone(),
                    name_type: names::type_of(input).contents().into(),
                    ..Name::default()
                }),
                options: Vec::new(),
            });
        }
        let principal = names::canonical(&name, self.conf(), self.patience)?;
        if wants_local {
            let user = local_name(self.conf(), &principal).map_err(|error| {
                Failure::new(MajorStatus::UNAVAILABLE, Minor::ENOENT).because(error.to_string())
            })?;
            self.initiator = Some(user.clone());
            return Ok(ImportAndCanonNameResult {
                options: vec![RpcOption::new(options::LOCALNAME, user.as_bytes())],
                ..ImportAndCanonNameResult::default()
            });
        }
        Ok(ImportAndCanonNameResult {
            output: Some(names::write(&principal, Forms::All(None))),
            ..ImportAndCanonNameResult::default()
        })
    }
}

impl From<&Mechanism> for MechInfo {
    fn from(mechanism: &Mechanism) -> Self {
        let name_types = mechanism.name_types.iter();
        let attributes = mechanism.attributes.iter();
        Self {
            mech: mechanism.oid.contents().into(),
            name_types: name_types.map(|oid| (*oid).into()).collect(),
            attributes: attributes
                .map(|number| (&attribute_oid(*number)).into())
                .collect(),
            known_attributes: known_attributes().map(Into::into).collect(),
            sasl_mech: mechanism.sasl_name.into(),
            sasl_name: mechanism.name.into(),
            sasl_description: mechanism.description.into(),
            ..Self::default()
        }
    }
}

impl From<&Attribute> for MechAttribute {
    fn from(attribute: &Attribute) -> Self {
        Self {
            attribute: attribute.oid.into(),
            name: attribute.name.into(),
            short_description: attribute.short.into(),
            long_description: attribute.long.into(),
            ..Self::default()
        }
    }
}
