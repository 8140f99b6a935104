//! The derive macro of `kerbstone-xdr`: a wire type is declared once, as a Rust type.

mod attributes;
mod enumeration;
mod structure;
mod union;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, parse_macro_input};

/// Implements `kerbstone_xdr::Xdr`; see there for what it takes.
#[proc_macro_derive(Xdr, attributes(xdr))]
pub fn xdr(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn derive(input: &DeriveInput) -> syn::Result<Tokens> {
    if !input.generics.params.is_empty() {
        let why = "a type of the wire has no parameters";
        return Err(Error::new_spanned(&input.generics, why));
    }
    let body = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => structure::body(input, fields)?,
            _ => return Err(Error::new_spanned(input, "fields need names")),
        },
        Data::Enum(data) if attributes::is_union(&input.attrs)? => union::body(input, data)?,
        Data::Enum(data) => enumeration::body(input, data)?,
        Data::Union(_) => return Err(Error::new_spanned(input, "an enum is XDR's union")),
    };
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        impl ::kerbstone_xdr::Xdr for #name {
            #body
        }
    })
}
