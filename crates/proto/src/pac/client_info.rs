//! PAC_CLIENT_INFO: for whom the PAC was made, and when that client signed in (MS-PAC 2.7).

use crate::error::ProtoError;
use crate::name::{NameType, Principal};
use crate::pac::little_endian::{LittleEndian, utf16};
use crate::pac::malformed;
use crate::pac::shown_name::ShownName;
use crate::time::KerberosTime;

/// From 1601 to 1970.
const EPOCH: u64 = 11_644_473_600;
const TICKS_A_SECOND: u64 = 10_000_000;

/// Who, since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientInfo<'a> {
    /// The ticket's authentication time.
    pub authtime: KerberosTime,
    /// UTF-16, little-endian.
    name: &'a [u8],
}

impl<'a> ClientInfo<'a> {
    /// Reads the buffer.
    ///
    /// # Errors
    /// [`ProtoError::Framing`]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ProtoError> {
        let mut reader = LittleEndian::new(bytes);
        let seconds = (reader.u64()? / TICKS_A_SECOND)
            .checked_sub(EPOCH)
            .and_then(|seconds| u32::try_from(seconds).ok())
            .ok_or_else(malformed)?;
        let length = reader.u16()?;
        if !length.is_multiple_of(2) {
            return Err(malformed());
        }
        Ok(Self {
            authtime: KerberosTime::from_unix(seconds.into()),
            name: reader.take(length.into())?,
        })
    }

    /// The buffer that says it. None for a name that is too long or a time that does not fit.
    pub fn encode(authtime: KerberosTime, name: &ShownName) -> Option<Vec<u8>> {
        let seconds = u32::try_from(authtime.unix()).ok()?;
        let ticks = u64::from(seconds)
            .checked_add(EPOCH)?
            .checked_mul(TICKS_A_SECOND)?;
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&ticks.to_le_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend(name.utf16_bytes());
        let length = u16::try_from(bytes.len().checked_sub(10)?).ok()?;
        bytes.get_mut(8..10)?.copy_from_slice(&length.to_le_bytes());
        Some(bytes)
    }

    /// Whether it is this client, signed in at this time.
    pub fn is_of(&self, authtime: KerberosTime, name: Option<&ShownName>) -> bool {
        self.authtime == authtime
            && name.is_some_and(|name| name.utf16_bytes().eq(self.name.iter().copied()))
    }

    /// The client, where the name has its realm with it, as in a referral of a service that acts
    /// for the client. Two `@` make an enterprise name.
    ///
    /// # Errors
    /// [`ProtoError::Framing`] where no realm can be told.
    pub fn client_with_realm(&self) -> Result<Principal, ProtoError> {
        let text = utf16(self.name)?;
        let parsed = match text.matches('@').count() {
            1 => Principal::parse(&text, None),
            2 => Principal::parse_enterprise(&text, None),
            _ => return Err(malformed()),
        };
        let mut client = parsed.map_err(|_| malformed())?;
        client.name.name_type = NameType::MS_PRINCIPAL;
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Realm;

    fn shown(text: &str) -> ShownName {
        let realm = Realm::from("R");
        ShownName::without_realm(&Principal::parse(text, Some(&realm)).unwrap().name).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let time = KerberosTime::from_unix(1_700_000_000);
        let bytes = ClientInfo::encode(time, &shown("HTTP/wéb")).unwrap();
        let info = ClientInfo::parse(&bytes).unwrap();
        assert!(info.is_of(time, Some(&shown("HTTP/wéb"))));
        assert!(!info.is_of(time, Some(&shown("HTTP/wé"))));
        assert!(!info.is_of(KerberosTime::ZERO, Some(&shown("HTTP/wéb"))));
        assert!(!info.is_of(time, None));
    }

    #[test]
    fn knows_a_client_of_another_realm_by_the_realm_in_its_name() {
        let time = KerberosTime::from_unix(1);
        let parsed = |text: &str| {
            let name = ShownName::with_realm(&Principal::parse(text, None).unwrap()).unwrap();
            let bytes = ClientInfo::encode(time, &name).unwrap();
            ClientInfo::parse(&bytes).unwrap().client_with_realm()
        };
        assert_eq!(
            parsed("alice/x@FAR").unwrap(),
            Principal::parse("alice/x@FAR", None).unwrap()
        );
        let enterprise = parsed("alice\\@mail@FAR").unwrap();
        assert_eq!(
            enterprise,
            Principal::parse("alice\\@mail@FAR", None).unwrap()
        );
        assert!(parsed("a\\@b\\@c@FAR").is_err());
    }

    #[test]
    fn refuses_names_that_are_longer_than_the_buffer_and_times_before_1970() {
        let good = ClientInfo::encode(KerberosTime::from_unix(1), &shown("alice")).unwrap();
        for cut in 0..good.len() {
            assert!(ClientInfo::parse(&good[..cut]).is_err(), "{cut}");
        }
        let mut odd = good.clone();
        odd[8] = 9;
        assert!(ClientInfo::parse(&odd).is_err());
        let mut early = good;
        early[..8].fill(0);
        assert!(ClientInfo::parse(&early).is_err());
    }
}
