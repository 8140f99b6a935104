//! The books: the access log, and the socket over which the running gateway is asked and ordered.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// `access_log = "FILE"`, or `access_log = { file = "FILE", format = "json" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "AccessLogTyped")]
pub(crate) struct AccessLogSettings {
    /// The file, which grows by a line for each request.
    pub(crate) file: PathBuf,
    /// How its lines are written.
    pub(crate) format: AccessLogFormat,
}

/// How a line of the access log is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccessLogFormat {
    /// As Apache's and nginx' "combined", which every program for statistics reads.
    #[default]
    Combined,
    /// One JSON object a line, with all that is known.
    Json,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AccessLogTyped {
    File(PathBuf),
    Whole(AccessLogTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessLogTable {
    file: PathBuf,
    #[serde(default)]
    format: AccessLogFormat,
}

impl From<AccessLogTyped> for AccessLogSettings {
    fn from(typed: AccessLogTyped) -> Self {
        match typed {
            AccessLogTyped::File(file) => Self {
                file,
                format: AccessLogFormat::default(),
            },
            AccessLogTyped::Whole(AccessLogTable { file, format }) => Self { file, format },
        }
    }
}

impl AccessLogSettings {
    /// Takes a relative path from the settings' folder.
    pub(super) fn place_in(&mut self, folder: &Path) {
        self.file = folder.join(&self.file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<AccessLogSettings, toml::de::Error> {
        #[derive(Deserialize)]
        struct Root {
            access_log: AccessLogSettings,
        }
        toml::from_str(text).map(|root: Root| root.access_log)
    }

    #[test]
    fn a_file_alone_is_enough_and_the_format_may_be_named() {
        let short = parsed("access_log = \"a.log\"").unwrap();
        assert_eq!(short.format, AccessLogFormat::Combined);
        let long = parsed("access_log = { file = \"a.log\", format = \"json\" }").unwrap();
        assert_eq!(long.format, AccessLogFormat::Json);
        assert_eq!(short.file, long.file);
        assert!(parsed("access_log = { file = \"a.log\", fromat = \"json\" }").is_err());
    }
}
