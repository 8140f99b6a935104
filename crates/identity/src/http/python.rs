use std::fmt::Write;

use serde_json::Value;

/// A value as Python writes it, which is how Keystone quotes what it refuses.
pub(crate) fn repr(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

/// Text in Python's quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    write_text(&mut quoted, text);
    quoted
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => {
            let _written = write!(out, "{number}");
        }
        Value::String(text) => write_text(out, text),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(out, value);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_text(out, name);
                out.push_str(": ");
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter == quote => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_written_as_python_does() {
        let value = json!({"a": [1, "it's", null, true], "b": "x\n\"'"});
        assert_eq!(
            repr(&value),
            r#"{'a': [1, "it's", None, True], 'b': 'x\n"\''}"#
        );
    }
}
