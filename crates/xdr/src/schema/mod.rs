mod print;

/// What was declared, each type after those it is made of; printed, an interface file (RFC 4506,
/// section 6) that `rpcgen` takes.
///
/// Types are named as in Rust, in small letters behind a prefix that keeps them apart from the
/// names of C; values of enumerations in capitals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    prefix: String,
    definitions: Vec<Definition>,
}

/// A named type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    /// Its name in the file.
    pub name: String,
    /// What it is for.
    pub doc: String,
    /// What it is made of.
    pub shape: Shape,
}

/// What a named type is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Fields, one behind the other.
    Struct(Vec<Field>),
    /// Named numbers.
    Enum(Vec<Value>),
    /// One of several, behind the number that says which.
    Union(Vec<Arm>),
    /// Another name for a type.
    Alias(TypeRef),
}

/// A field of a struct.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it says.
    pub doc: String,
    /// Its type.
    pub of: TypeRef,
}

/// A value of an enumeration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Value {
    /// Its name in the file.
    pub name: String,
    /// What it says.
    pub doc: String,
    /// Its number.
    pub number: i32,
}

/// An arm of a union.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arm {
    /// The discriminant; none for the default arm.
    pub case: Option<i32>,
    /// The name of what follows.
    pub name: String,
    /// What it says.
    pub doc: String,
    /// Its type; none when nothing follows.
    pub of: Option<TypeRef>,
}

/// A type where it is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TypeRef {
    /// `int`
    Int,
    /// `unsigned int`
    UnsignedInt,
    /// `hyper`
    Hyper,
    /// `unsigned hyper`
    UnsignedHyper,
    /// `bool`
    Bool,
    /// `opaque<>`
    Opaque,
    /// A type of that name.
    Named(String),
    /// One or none.
    Optional(Box<Self>),
    /// As many as the count says.
    Array(Box<Self>),
}

impl Schema {
    /// An empty one, whose names begin with this: `gssx` makes `gssx_name` and `GSSX_INITIATE`.
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            definitions: Vec::new(),
        }
    }

    /// What was declared so far, in the order of declaration.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// Declares a struct of `(name, doc, type)`. The derive macro calls this.
    pub fn structure(
        &mut self,
        title: &str,
        doc: &str,
        fields: Vec<(&str, &str, TypeRef)>,
    ) -> TypeRef {
        let fields = fields
            .into_iter()
            .map(|(name, doc, of)| Field {
                name: name.to_owned(),
                doc: plain(doc),
                of,
            })
            .collect();
        self.define(title, doc, Shape::Struct(fields))
    }

    /// Declares an enumeration of `(name, doc, number)`. The derive macro calls this.
    pub fn enumeration(
        &mut self,
        title: &str,
        doc: &str,
        values: Vec<(&str, &str, i32)>,
    ) -> TypeRef {
        let values = values
            .into_iter()
            .map(|(name, doc, number)| Value {
                name: self.constant(title, name),
                doc: plain(doc),
                number,
            })
            .collect();
        self.define(title, doc, Shape::Enum(values))
    }

    /// Declares a union of `(case, name, doc, type)`. The derive macro calls this.
    pub fn union(
        &mut self,
        title: &str,
        doc: &str,
        arms: Vec<(Option<i32>, &str, &str, Option<TypeRef>)>,
    ) -> TypeRef {
        let arms = arms
            .into_iter()
            .map(|(case, name, doc, of)| Arm {
                case,
                name: snake(name),
                doc: plain(doc),
                of,
            })
            .collect();
        self.define(title, doc, Shape::Union(arms))
    }

    /// A type as XDR lets it stand inside an array or an optional: what is not plain needs a name.
    pub fn nested(&mut self, inner: TypeRef) -> TypeRef {
        let name = match &inner {
            TypeRef::Opaque => "Octets".to_owned(),
            TypeRef::Array(of) => format!("{}_list", self.stem(of)),
            TypeRef::Optional(of) => format!("{}_option", self.stem(of)),
            _ => return inner,
        };
        self.define(&name, "", Shape::Alias(inner))
    }

    fn define(&mut self, title: &str, doc: &str, shape: Shape) -> TypeRef {
        let name = format!("{}_{}", self.prefix, snake(title));
        if !self.definitions.iter().any(|known| known.name == name) {
            self.definitions.push(Definition {
                name: name.clone(),
                doc: plain(doc),
                shape,
            });
        }
        TypeRef::Named(name)
    }

    /// What a type is called inside the name of another.
    fn stem(&self, of: &TypeRef) -> String {
        match of {
            TypeRef::Int => "int".to_owned(),
            TypeRef::UnsignedInt => "uint".to_owned(),
            TypeRef::Hyper => "hyper".to_owned(),
            TypeRef::UnsignedHyper => "uhyper".to_owned(),
            TypeRef::Bool => "bool".to_owned(),
            TypeRef::Opaque => "octets".to_owned(),
            TypeRef::Named(name) => {
                let stem = name.strip_prefix(&self.prefix).unwrap_or(name);
                stem.trim_start_matches('_').to_owned()
            }
            TypeRef::Array(of) => format!("{}_list", self.stem(of)),
            TypeRef::Optional(of) => format!("{}_option", self.stem(of)),
        }
    }

    fn constant(&self, title: &str, name: &str) -> String {
        format!("{}_{}_{}", self.prefix, snake(title), snake(name)).to_uppercase()
    }
}

/// `CredentialElement` as `credential_element`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len().saturating_add(4));
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// A doc comment without its markup.
fn plain(doc: &str) -> String {
    doc.replace("[`", "").replace("`]", "").replace('`', "")
}
