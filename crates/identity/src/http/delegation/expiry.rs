use jiff::Timestamp;
use serde_json::Value;

use crate::http::error::ApiError;

/// When something ends, as a client says it: with a `Z` or without.
///
/// # Errors
/// 400: it is no time, or has gone by.
pub(super) fn read(value: Option<&Value>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = value.and_then(Value::as_str) else {
        return Ok(None);
    };
    let is_zoned = text.ends_with('Z');
    let zoned = match is_zoned {
        true => text.to_owned(),
        false => format!("{text}Z"),
    };
    let time: Timestamp = zoned
        .parse()
        .map_err(|_| malformed("Timestamp not in expected format."))?;
    if time < now {
        return Err(malformed("The 'expires_at' must not be before now."));
    }
    // Keystone keeps whole seconds.
    Ok(Timestamp::from_second(time.as_second()).ok())
}

/// With microseconds and a `Z`, as in tokens.
pub(super) fn zoned(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| {
        Value::String(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
    })
}

/// With microseconds and without a `Z`, as application credentials have it.
pub(super) fn unzoned(time: Option<Timestamp>) -> Value {
    time.map_or(Value::Null, |time| {
        Value::String(time.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string())
    })
}

fn malformed(what: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{what} The server could not comply with the request since it is either malformed or otherwise incorrect. The \
         client is assumed to be in error."
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_read_with_and_without_a_zone_and_given_in_whole_seconds() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for text in ["2033-02-27T18:30:59.999999Z", "2033-02-27T18:30:59"] {
            let time = read(Some(&json!(text)), now).unwrap();
            assert_eq!(zoned(time), "2033-02-27T18:30:59.000000Z");
            assert_eq!(unzoned(time), "2033-02-27T18:30:59.000000");
        }
        assert_eq!(read(None, now).unwrap(), None);
        for text in ["soon", "2001-01-01T00:00:00Z", "2033-02-30T00:00:00Z"] {
            assert!(read(Some(&json!(text)), now).is_err(), "{text}");
        }
    }
}
