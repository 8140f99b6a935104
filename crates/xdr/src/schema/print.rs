//! The interface file: what `rpcgen` takes, with a comment for whatever has one.

use std::fmt::{self, Display, Formatter};

use super::{Arm, Definition, Field, Schema, Shape, TypeRef, Value};

const WIDTH: usize = 80;
const INDENT: &str = "    ";

impl Display for Schema {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (number, definition) in self.definitions.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{definition}")?;
        }
        Ok(())
    }
}

impl Display for Definition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        comment(f, "", &self.doc)?;
        let name = &self.name;
        match &self.shape {
            Shape::Struct(fields) => {
                writeln!(f, "struct {name} {{")?;
                fields.iter().try_for_each(|field| write!(f, "{field}"))?;
            }
            Shape::Enum(values) => {
                writeln!(f, "enum {name} {{")?;
                write_values(f, values)?;
            }
            Shape::Union(arms) => {
                writeln!(f, "union {name} switch (int kind) {{")?;
                arms.iter().try_for_each(|arm| write!(f, "{arm}"))?;
            }
            Shape::Alias(of) => return writeln!(f, "typedef {};", declaration(of, name)),
        }
        f.write_str("};\n")
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        comment(f, INDENT, &self.doc)?;
        writeln!(f, "{INDENT}{};", declaration(&self.of, &self.name))
    }
}

impl Display for Arm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.case {
            Some(number) => writeln!(f, "case {number}:")?,
            None => f.write_str("default:\n")?,
        }
        comment(f, INDENT, &self.doc)?;
        match &self.of {
            Some(of) => writeln!(f, "{INDENT}{};", declaration(of, &self.name)),
            None => writeln!(f, "{INDENT}void;"),
        }
    }
}

/// The last value has no comma behind it: RFC 4506 knows none there.
fn write_values(f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
    for (place, value) in values.iter().enumerate() {
        let comma = if place.saturating_add(1) < values.len() {
            ","
        } else {
            ""
        };
        comment(f, INDENT, &value.doc)?;
        writeln!(f, "{INDENT}{} = {}{comma}", value.name, value.number)?;
    }
    Ok(())
}

fn declaration(of: &TypeRef, name: &str) -> String {
    match of {
        TypeRef::Opaque => format!("opaque {name}<>"),
        TypeRef::Optional(inner) => format!("{inner} *{name}"),
        TypeRef::Array(inner) => format!("{inner} {name}<>"),
        plain => format!("{plain} {name}"),
    }
}

/// The type's name as it stands before what it is the type of.
impl Display for TypeRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "int",
            Self::UnsignedInt => "unsigned int",
            Self::Hyper => "hyper",
            Self::UnsignedHyper => "unsigned hyper",
            Self::Bool => "bool",
            Self::Opaque => "opaque",
            Self::Named(name) => name,
            Self::Optional(inner) | Self::Array(inner) => return inner.fmt(f),
        })
    }
}

/// A comment, its words flowing into lines.
fn comment(f: &mut Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else {
        return Ok(());
    };
    let mut line = format!("{indent}/* {first}");
    for word in words {
        // Three more: the end of the comment.
        let wide = line.chars().count().saturating_add(word.chars().count());
        if wide.saturating_add(4) > WIDTH {
            writeln!(f, "{line}")?;
            line = format!("{indent}   {word}");
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    writeln!(f, "{line} */")
}
