//! Who may do what: rules in the format of MIT's `kadm5.acl`.
//!
//! A line is `principal permissions [target [restrictions]]`. The first line whose principal and target match
//! decides; a later line never adds to it (kadm5.acl(5)).

use std::fmt;

use kerbstone_proto::name::{KerberosString, Principal, Realm};

/// One thing that a rule permits, with its letter in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// `a`: create principals and policies.
    Add,
    /// `c`: set passwords and random keys.
    ChangePassword,
    /// `d`: delete principals and policies.
    Delete,
    /// `e`: read keys, as keytabs without new keys need.
    Extract,
    /// `i`: read principals and policies.
    Inquire,
    /// `l`: list names.
    List,
    /// `m`: modify principals and policies.
    Modify,
    /// `p`: take a dump of the store.
    Propagate,
    /// `s`: set explicit keys.
    SetKey,
}

impl Privilege {
    const ALL: [Self; 9] = [
        Self::Add,
        Self::ChangePassword,
        Self::Delete,
        Self::Extract,
        Self::Inquire,
        Self::List,
        Self::Modify,
        Self::Propagate,
        Self::SetKey,
    ];

    /// Its letter in the file.
    pub const fn letter(self) -> char {
        match self {
            Self::Add => 'a',
            Self::ChangePassword => 'c',
            Self::Delete => 'd',
            Self::Extract => 'e',
            Self::Inquire => 'i',
            Self::List => 'l',
            Self::Modify => 'm',
            Self::Propagate => 'p',
            Self::SetKey => 's',
        }
    }

    /// What it permits, in a few words.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::ChangePassword => "change passwords",
            Self::Delete => "delete",
            Self::Extract => "extract keys",
            Self::Inquire => "inquire",
            Self::List => "list",
            Self::Modify => "modify",
            Self::Propagate => "dump",
            Self::SetKey => "set keys",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A set of privileges.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Privileges(u16);

impl Privileges {
    /// Every privilege, the reading of keys included.
    pub const ALL: Self = Self((1 << Privilege::ALL.len()) - 1);

    /// Whether it has `privilege`.
    pub const fn contains(self, privilege: Privilege) -> bool {
        self.0 & privilege.bit() != 0
    }

    fn parse(letters: &str) -> Result<Self, String> {
        let mut granted = 0;
        for letter in letters.chars() {
            if matches!(letter, 'x' | '*') {
                // MIT's "all" leaves out the reading of keys, which must be named.
                granted |= Self::ALL.0 & !Privilege::Extract.bit();
                continue;
            }
            let lower = letter.to_ascii_lowercase();
            let named = Privilege::ALL
                .into_iter()
                .find(|known| known.letter() == lower);
            let privilege = named.ok_or_else(|| format!("`{letter}` is no permission"))?;
            if letter.is_ascii_uppercase() {
                granted &= !privilege.bit();
            } else {
                granted |= privilege.bit();
            }
        }
        Ok(Self(granted))
    }
}

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Privilege::ALL
            .into_iter()
            .filter(|known| self.contains(*known));
        held.map(Privilege::letter)
            .try_for_each(|letter| write!(f, "{letter}"))
    }
}

impl fmt::Debug for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Privileges({self})")
    }
}

/// Why a file of rules was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct AclError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// The rules, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Acl {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    who: Pattern,
    privileges: Privileges,
    target: Option<Pattern>,
}

/// A principal of which each component, and the realm, may be `*` or (in targets) `*N`.
#[derive(Clone, Debug)]
struct Pattern {
    components: Vec<Part>,
    realm: Part,
}

#[derive(Clone, Debug)]
enum Part {
    Anything,
    /// The component of the caller that the Nth wildcard of `who` matched, counted from 1.
    Matched(usize),
    Text(KerberosString),
}

impl Acl {
    /// Reads rules; names without a realm are of `default_realm`, or refused when there is none.
    ///
    /// # Errors
    /// [`AclError`] with the first line that cannot be understood. Restrictions, the optional fourth field, are
    /// refused rather than ignored: a rule must never permit more than its author meant.
    pub fn parse(text: &str, default_realm: Option<&Realm>) -> Result<Self, AclError> {
        let mut rules = Vec::new();
        for (number, line) in joined_lines(text) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let rule = Rule::parse(line, default_realm);
            rules.push(rule.map_err(|reason| AclError {
                line: number,
                reason,
            })?);
        }
        Ok(Self { rules })
    }

    /// What `who` may do to `target`; without a target, what the first rule for `who` says.
    pub fn privileges(&self, who: &Principal, target: Option<&Principal>) -> Privileges {
        let rule = self.rules.iter().find(|rule| rule.matches(who, target));
        rule.map(|rule| rule.privileges).unwrap_or_default()
    }

    /// The same, where a rule counts only when it names its target: for principals of another realm of the store.
    pub fn privileges_by_target(&self, who: &Principal, target: &Principal) -> Privileges {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.matches(who, Some(target)));
        rule.filter(|rule| rule.target.is_some())
            .map(|rule| rule.privileges)
            .unwrap_or_default()
    }
}

impl Rule {
    fn parse(line: &str, default_realm: Option<&Realm>) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let (Some(who), Some(letters)) = (words.next(), words.next()) else {
            return Err("a principal and its permissions are needed".to_owned());
        };
        let target = words.next().filter(|target| *target != "*");
        if words.next().is_some() {
            return Err("restrictions are not supported; remove them or the rule".to_owned());
        }
        Ok(Self {
            who: Pattern::parse(who, default_realm, false)?,
            privileges: Privileges::parse(letters)?,
            target: target
                .map(|text| Pattern::parse(text, default_realm, true))
                .transpose()?,
        })
    }

    fn matches(&self, who: &Principal, target: Option<&Principal>) -> bool {
        let Some(matched) = self.who.matches(who, &[]) else {
            return false;
        };
        match (&self.target, target) {
            (None, _) => true,
            (Some(pattern), Some(target)) => pattern.matches(target, &matched).is_some(),
            (Some(_), None) => false,
        }
    }
}

impl Pattern {
    fn parse(text: &str, default_realm: Option<&Realm>, is_target: bool) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self {
                components: Vec::new(),
                realm: Part::Anything,
            });
        }
        let principal = Principal::parse(text, default_realm).map_err(|error| error.to_string())?;
        let part = |text: &KerberosString| Part::new(text, is_target);
        Ok(Self {
            components: principal.name.components.iter().map(part).collect(),
            realm: part(principal.realm.as_kerberos_string()),
        })
    }

    /// The components that wildcards matched, or none when the principal is another. A pattern without components
    /// is the lone `*`, which is everybody.
    fn matches<'a>(
        &self,
        principal: &'a Principal,
        matched: &[&'a KerberosString],
    ) -> Option<Vec<&'a KerberosString>> {
        if self.components.is_empty() {
            return Some(Vec::new());
        }
        if self.components.len() != principal.name.components.len()
            || !self
                .realm
                .matches(principal.realm.as_kerberos_string(), matched)
        {
            return None;
        }
        let mut wildcards = Vec::new();
        for (part, component) in self.components.iter().zip(&principal.name.components) {
            if !part.matches(component, matched) {
                return None;
            }
            if matches!(part, Part::Anything) {
                wildcards.push(component);
            }
        }
        Some(wildcards)
    }
}

impl Part {
    fn new(text: &KerberosString, is_target: bool) -> Self {
        let Some(number) = text.to_str().and_then(|text| text.strip_prefix('*')) else {
            return Self::Text(text.clone());
        };
        match number.parse() {
            _ if number.is_empty() => Self::Anything,
            Ok(number) if is_target && number > 0 => Self::Matched(number),
            _ => Self::Text(text.clone()),
        }
    }

    fn matches(&self, component: &KerberosString, matched: &[&KerberosString]) -> bool {
        match self {
            Self::Anything => true,
            Self::Text(text) => text == component,
            Self::Matched(number) => matched
                .get(number - 1)
                .is_some_and(|seen| *seen == component),
        }
    }
}

/// Lines with their numbers, those that end in a backslash joined with the next.
fn joined_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let continues = line.strip_suffix('\\');
        let part = continues.unwrap_or(line);
        match lines.last_mut() {
            Some((_, joined)) if open => joined.push_str(part),
            _ => lines.push((index + 1, part.to_owned())),
        }
        open = continues.is_some();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm() -> Realm {
        Realm::new("EXAMPLE.TEST")
    }

    fn principal(text: &str) -> Principal {
        Principal::parse(text, Some(&realm())).unwrap()
    }

    fn privileges(rules: &str, who: &str, target: &str) -> String {
        let acl = Acl::parse(rules, Some(&realm())).unwrap();
        acl.privileges(&principal(who), Some(&principal(target)))
            .to_string()
    }

    #[test]
    fn the_star_grants_all_but_the_reading_of_keys() {
        assert_eq!(privileges("*/admin *", "root/admin", "bob"), "acdilmps");
        assert_eq!(privileges("*/admin xe", "root/admin", "bob"), "acdeilmps");
    }

    #[test]
    fn an_upper_case_letter_takes_away() {
        assert_eq!(privileges("*/admin *D", "root/admin", "bob"), "acilmps");
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let rules = "joe/admin i\n*/admin *\n";
        assert_eq!(privileges(rules, "joe/admin", "bob"), "i");
        assert_eq!(privileges(rules, "ann/admin", "bob"), "acdilmps");
        assert_eq!(privileges(rules, "joe", "bob"), "");
    }

    #[test]
    fn a_target_refers_to_what_the_wildcard_matched() {
        let rules = "*/root ci *1@EXAMPLE.TEST";
        assert_eq!(privileges(rules, "joe/root", "joe"), "ci");
        assert_eq!(privileges(rules, "joe/root", "ann"), "");
    }

    #[test]
    fn a_wildcard_stands_for_one_component_and_keeps_the_realm() {
        assert_eq!(privileges("* i", "joe", "bob"), "i");
        assert_eq!(privileges("*@EXAMPLE.TEST i", "joe/admin", "bob"), "");
        assert_eq!(privileges("*/admin i", "joe/admin@OTHER.TEST", "bob"), "");
        assert_eq!(privileges("*/*@* i", "joe/admin@OTHER.TEST", "bob"), "i");
    }

    #[test]
    fn a_rule_with_a_target_says_nothing_about_requests_without_one() {
        let acl = Acl::parse("joe l bob", Some(&realm())).unwrap();
        assert_eq!(
            acl.privileges(&principal("joe"), None),
            Privileges::default()
        );
    }

    #[test]
    fn comments_blank_lines_and_continued_lines_are_read() {
        let rules = "# people\n\njoe \\\n  i\n";
        assert_eq!(privileges(rules, "joe", "bob"), "i");
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_line() {
        let error = |text| Acl::parse(text, Some(&realm())).unwrap_err().to_string();
        assert_eq!(error("joe i\nann q"), "line 2: `q` is no permission");
        assert!(error("joe").contains("permissions are needed"));
        assert!(error("joe a * -maxlife 1h").contains("restrictions"));
        let nowhere = Acl::parse("joe i", None).unwrap_err().to_string();
        assert!(nowhere.contains("no realm"), "{nowhere}");
    }
}
