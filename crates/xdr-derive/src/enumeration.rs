//! Enumerations: variants that are numbers.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{DataEnum, DeriveInput, Error, Expr, Fields, Ident, Variant};

use crate::attributes::doc;

pub(crate) fn body(input: &DeriveInput, data: &DataEnum) -> syn::Result<Tokens> {
    let variants: Vec<&Ident> = data.variants.iter().map(|variant| &variant.ident).collect();
    let numbers = data
        .variants
        .iter()
        .map(number)
        .collect::<syn::Result<Vec<&Expr>>>()?;
    let texts: Vec<String> = variants.iter().map(ToString::to_string).collect();
    let docs = data.variants.iter().map(|variant| doc(&variant.attrs));
    let (title, about) = (input.ident.to_string(), doc(&input.attrs));
    Ok(quote! {
        const MIN_BYTES: usize = 4;

        fn encode(&self, out: &mut ::kerbstone_xdr::Writer) {
            out.i32(match self {
                #( Self::#variants => #numbers, )*
            });
        }

        fn decode(
            input: &mut ::kerbstone_xdr::Reader<'_>,
        ) -> ::core::result::Result<Self, ::kerbstone_xdr::XdrError> {
            let at = input.position();
            match input.i32()? {
                #( #numbers => ::core::result::Result::Ok(Self::#variants), )*
                value => ::core::result::Result::Err(::kerbstone_xdr::XdrError::Undeclared {
                    at,
                    value,
                    name: #title,
                }),
            }
        }

        fn declare(schema: &mut ::kerbstone_xdr::Schema) -> ::kerbstone_xdr::TypeRef {
            schema.enumeration(#title, #about, ::std::vec![ #( (#texts, #docs, #numbers), )* ])
        }
    })
}

fn number(variant: &Variant) -> syn::Result<&Expr> {
    match (&variant.fields, &variant.discriminant) {
        (Fields::Unit, Some((_, number))) => Ok(number),
        _ => {
            let why = "a value of an enumeration is `Name = number`; a union has `#[xdr(union)]`";
            Err(Error::new_spanned(variant, why))
        }
    }
}
