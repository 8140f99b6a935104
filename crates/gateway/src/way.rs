//! The ways in: by what people may show who they are at an entry point.

/// One way in. An entry point has an ordered list of them.
///
/// The first way for which a request carries a proof decides. A proof that is bad is refused; it never falls
/// through to a weaker way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// A ticket, with `Authorization: Negotiate`.
    Negotiate,
    /// A client certificate, shown in the TLS handshake.
    Certificate,
    /// A password, with `Authorization: Basic`, that the KDC is asked about.
    Basic,
    /// A password in a form of ours.
    Form,
    /// An `X-Auth-Token` or a bearer's token, which passes on to the back end and is judged there.
    Token,
    /// The cookie of a session that began with another way.
    Session,
    /// No proof: everybody comes in, nobody is known.
    Nobody,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Negotiate,
        Self::Certificate,
        Self::Basic,
        Self::Form,
        Self::Token,
        Self::Session,
        Self::Nobody,
    ];

    /// As the settings call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "negotiate",
            Self::Certificate => "certificate",
            Self::Basic => "basic",
            Self::Form => "form",
            Self::Token => "token",
            Self::Session => "session",
            Self::Nobody => "none",
        }
    }

    /// The way of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// Whether whoever comes in by it is known by name.
    pub const fn names_people(self) -> bool {
        !matches!(self, Self::Token | Self::Nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_found_by_its_name() {
        for way in Way::ALL {
            assert_eq!(Way::of(way.name()), Some(way));
        }
        assert_eq!(Way::of("Negotiate"), None);
    }
}
