//! `[appdefaults]`: settings of single programs.

use super::Krb5Conf;
use super::scalar::boolean;

impl Krb5Conf {
    /// The option of `application` for a client of `realm`: from the most particular subsection to
    /// the least, `app { REALM { } }`, `app { }`, `REALM { }`, `[appdefaults]` itself.
    #[must_use]
    pub fn app_string(&self, application: &str, realm: Option<&str>, option: &str) -> Option<&str> {
        let profile = self.profile();
        let top = "appdefaults";
        realm
            .and_then(|realm| profile.string(&[top, application, realm, option]))
            .or_else(|| profile.string(&[top, application, option]))
            .or_else(|| realm.and_then(|realm| profile.string(&[top, realm, option])))
            .or_else(|| profile.string(&[top, option]))
    }

    /// The option as a truth value; false when it is a word for neither.
    #[must_use]
    pub fn app_boolean(
        &self,
        application: &str,
        realm: Option<&str>,
        option: &str,
        default: bool,
    ) -> bool {
        self.app_string(application, realm, option)
            .map_or(default, |text| boolean(text).unwrap_or(false))
    }
}
