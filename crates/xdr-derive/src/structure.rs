//! Structs: their fields, one behind the other.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{DeriveInput, FieldsNamed, Ident, Type};

use crate::attributes::doc;

pub(crate) fn body(input: &DeriveInput, fields: &FieldsNamed) -> syn::Result<Tokens> {
    let names: Vec<&Ident> = fields
        .named
        .iter()
        .filter_map(|f| f.ident.as_ref())
        .collect();
    let types: Vec<&Type> = fields.named.iter().map(|field| &field.ty).collect();
    let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
    let docs = fields.named.iter().map(|field| doc(&field.attrs));
    let (title, about) = (input.ident.to_string(), doc(&input.attrs));
    Ok(quote! {
        const MIN_BYTES: usize =
            0usize #( .saturating_add(<#types as ::kerbstone_xdr::Xdr>::MIN_BYTES) )*;

        fn encode(&self, out: &mut ::kerbstone_xdr::Writer) {
            #( ::kerbstone_xdr::Xdr::encode(&self.#names, out); )*
        }

        fn decode(
            input: &mut ::kerbstone_xdr::Reader<'_>,
        ) -> ::core::result::Result<Self, ::kerbstone_xdr::XdrError> {
            ::core::result::Result::Ok(Self {
                #( #names: ::kerbstone_xdr::Xdr::decode(input)?, )*
            })
        }

        fn declare(schema: &mut ::kerbstone_xdr::Schema) -> ::kerbstone_xdr::TypeRef {
            let fields = ::std::vec![
                #( (#texts, #docs, <#types as ::kerbstone_xdr::Xdr>::declare(schema)), )*
            ];
            schema.structure(#title, #about, fields)
        }
    })
}
