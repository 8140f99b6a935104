/// Methods that name how a token came about but by which nobody authenticates; Keystone gives them bits of their own.
const DERIVED: [(u64, &str); 2] = [(1 << 32, "ec2credential"), (1 << 33, "oauth2_credential")];

/// How the names of methods become the number that stands in a token: the first method of Keystone's `[auth] methods`
/// is 1, the second 2, the third 4. All who share keys must have the same list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodCodes {
    codes: Vec<(u64, Box<str>)>,
}

impl MethodCodes {
    /// Codes for the methods of the settings, in their order. Beyond the thirty-second there is no place.
    pub fn new<S: AsRef<str>>(methods: &[S]) -> Self {
        let configured = methods
            .iter()
            .take(32)
            .enumerate()
            .map(|(place, name)| (1 << place, name.as_ref().into()));
        let derived = DERIVED.iter().map(|(code, name)| (*code, Box::from(*name)));
        Self {
            codes: configured.chain(derived).collect(),
        }
    }

    /// The number for these methods; those that are not configured have none.
    #[must_use]
    pub fn encode(&self, methods: &[String]) -> u64 {
        self.codes
            .iter()
            .filter(|(_, name)| methods.iter().any(|method| **method == **name))
            .fold(0, |sum, (code, _)| sum | code)
    }

    /// The methods of a number, from the highest code down as Keystone has them. Below a code that is unknown here
    /// nothing is known, as there.
    #[must_use]
    pub fn decode(&self, mut number: u64) -> Vec<String> {
        let mut methods = Vec::new();
        for (code, name) in self.codes.iter().rev() {
            if number >= *code && number < code.saturating_mul(2) {
                methods.push(name.to_string());
                number ^= code;
            }
        }
        methods
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_become_bits_in_the_order_of_the_settings() {
        let codes = MethodCodes::new(&["password", "token", "kerberos"]);
        let methods = ["token".to_owned(), "password".to_owned()];
        assert_eq!(codes.encode(&methods), 3);
        assert_eq!(codes.decode(3), ["token", "password"]);
        assert_eq!(codes.decode(1 << 32), ["ec2credential"]);
    }

    #[test]
    fn an_unknown_bit_hides_the_methods_below_it() {
        let codes = MethodCodes::new(&["password", "token"]);
        assert!(codes.decode(0b101).is_empty());
        assert_eq!(codes.encode(&["oauth1".to_owned()]), 0);
    }
}
