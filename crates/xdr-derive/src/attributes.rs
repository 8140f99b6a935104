//! What stands around the items: `#[xdr(..)]` and doc comments.

use syn::{Attribute, Error, Expr, ExprLit, Lit, LitInt, Meta};

/// Which arm of a union a variant is.
pub(crate) enum Place {
    Case(LitInt),
    Default,
}

/// Whether `#[xdr(union)]` stands there.
pub(crate) fn is_union(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut found = false;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("xdr")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("union") {
                return Err(meta.error("`union` is all that a type takes"));
            }
            found = true;
            Ok(())
        })?;
    }
    Ok(found)
}

/// `#[xdr(case = 1)]` or `#[xdr(default)]`.
pub(crate) fn place(variant: &syn::Variant) -> syn::Result<Place> {
    let mut place = None;
    for attribute in variant.attrs.iter().filter(|a| a.path().is_ident("xdr")) {
        attribute.parse_nested_meta(|meta| {
            place = Some(if meta.path.is_ident("default") {
                Place::Default
            } else if meta.path.is_ident("case") {
                Place::Case(meta.value()?.parse()?)
            } else {
                return Err(meta.error("`case = number` or `default`"));
            });
            Ok(())
        })?;
    }
    place.ok_or_else(|| Error::new_spanned(variant, "which case is this: `#[xdr(case = ..)]`?"))
}

/// The doc comment, its lines joined as they stand.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(doc_line).collect();
    lines.join("\n")
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    if !pair.path.is_ident("doc") {
        return None;
    }
    match &pair.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value().trim().to_owned()),
        _ => None,
    }
}
