//! Unions: one of several, behind the number that says which.

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{DataEnum, DeriveInput, Error, Fields, Type, Variant};

use crate::attributes::{Place, doc, place};

/// What a variant adds to each method.
struct Arm {
    encode: Tokens,
    decode: Tokens,
    declare: Tokens,
    is_default: bool,
}

pub(crate) fn body(input: &DeriveInput, data: &DataEnum) -> syn::Result<Tokens> {
    let mut arms = data
        .variants
        .iter()
        .map(arm)
        .collect::<syn::Result<Vec<Arm>>>()?;
    // A match takes the first arm that fits: the one that takes every number comes last.
    arms.sort_by_key(|arm| arm.is_default);
    if arms.iter().filter(|arm| arm.is_default).count() > 1 {
        return Err(Error::new_spanned(input, "one arm at most is the default"));
    }
    let (title, about) = (input.ident.to_string(), doc(&input.attrs));
    let undeclared = (!arms.iter().any(|arm| arm.is_default)).then(|| {
        quote! {
            value => ::core::result::Result::Err(::kerbstone_xdr::XdrError::Undeclared {
                at,
                value,
                name: #title,
            }),
        }
    });
    let encode = arms.iter().map(|arm| &arm.encode);
    let decode = arms.iter().map(|arm| &arm.decode);
    let declare = arms.iter().map(|arm| &arm.declare);
    Ok(quote! {
        const MIN_BYTES: usize = 4;

        fn encode(&self, out: &mut ::kerbstone_xdr::Writer) {
            match self {
                #( #encode )*
            }
        }

        fn decode(
            input: &mut ::kerbstone_xdr::Reader<'_>,
        ) -> ::core::result::Result<Self, ::kerbstone_xdr::XdrError> {
            #[allow(unused_variables)]
            let at = input.position();
            match input.i32()? {
                #( #decode )*
                #undeclared
            }
        }

        fn declare(schema: &mut ::kerbstone_xdr::Schema) -> ::kerbstone_xdr::TypeRef {
            let arms = ::std::vec![ #( #declare )* ];
            schema.union(#title, #about, arms)
        }
    })
}

fn arm(variant: &Variant) -> syn::Result<Arm> {
    let types = fields(variant)?;
    match (place(variant)?, types.as_slice()) {
        (Place::Case(number), []) => Ok(void(variant, &quote!(#number))),
        (Place::Case(number), [of]) => Ok(single(variant, &quote!(#number), of)),
        (Place::Default, [_, of]) => Ok(default(variant, of)),
        _ => {
            let why = "a case has one field or none, the default `(i32, T)`";
            Err(Error::new_spanned(variant, why))
        }
    }
}

fn fields(variant: &Variant) -> syn::Result<Vec<&Type>> {
    match &variant.fields {
        Fields::Unit => Ok(Vec::new()),
        Fields::Unnamed(fields) => Ok(fields.unnamed.iter().map(|field| &field.ty).collect()),
        Fields::Named(fields) => Err(Error::new_spanned(fields, "fields of an arm have no names")),
    }
}

fn void(variant: &Variant, number: &Tokens) -> Arm {
    let (name, text, about) = named(variant);
    Arm {
        encode: quote! { Self::#name => out.i32(#number), },
        decode: quote! { #number => ::core::result::Result::Ok(Self::#name), },
        declare: quote! { (::core::option::Option::Some(#number), #text, #about, ::core::option::Option::None), },
        is_default: false,
    }
}

fn single(variant: &Variant, number: &Tokens, of: &Type) -> Arm {
    let (name, text, about) = named(variant);
    Arm {
        encode: quote! {
            Self::#name(value) => {
                out.i32(#number);
                ::kerbstone_xdr::Xdr::encode(value, out);
            }
        },
        decode: quote! {
            #number => ::core::result::Result::Ok(Self::#name(::kerbstone_xdr::Xdr::decode(input)?)),
        },
        declare: quote! {
            (
                ::core::option::Option::Some(#number),
                #text,
                #about,
                ::core::option::Option::Some(<#of as ::kerbstone_xdr::Xdr>::declare(schema)),
            ),
        },
        is_default: false,
    }
}

fn default(variant: &Variant, of: &Type) -> Arm {
    let (name, text, about) = named(variant);
    Arm {
        encode: quote! {
            Self::#name(kind, value) => {
                out.i32(*kind);
                ::kerbstone_xdr::Xdr::encode(value, out);
            }
        },
        decode: quote! {
            kind => ::core::result::Result::Ok(
                Self::#name(kind, ::kerbstone_xdr::Xdr::decode(input)?),
            ),
        },
        declare: quote! {
            (
                ::core::option::Option::None,
                #text,
                #about,
                ::core::option::Option::Some(<#of as ::kerbstone_xdr::Xdr>::declare(schema)),
            ),
        },
        is_default: true,
    }
}

fn named(variant: &Variant) -> (&syn::Ident, String, String) {
    (
        &variant.ident,
        variant.ident.to_string(),
        doc(&variant.attrs),
    )
}
