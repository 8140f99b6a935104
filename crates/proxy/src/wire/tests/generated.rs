//! Bytes made of the declarations alone: what the interface file says is what decoders take.

use std::iter;

use kerbstone_xdr::{Schema, Shape, TypeRef, Writer};

use crate::wire::Procedure;
use crate::wire::program::declare;

/// Where choices come from; when it is empty, all of them are the smallest.
pub(super) struct Dice<'a> {
    left: iter::Copied<std::slice::Iter<'a, u8>>,
}

impl<'a> Dice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            left: bytes.iter().copied(),
        }
    }

    fn below(&mut self, end: u8) -> u8 {
        self.left.next().unwrap_or(0) % end
    }

    fn bytes(&mut self, count: u8) -> Vec<u8> {
        (0..count).map(|_| self.below(u8::MAX)).collect()
    }

    fn number(&mut self) -> u64 {
        let length = self.below(9);
        let bytes = self.bytes(length);
        bytes
            .iter()
            .fold(0, |number, &byte| (number << 8) | u64::from(byte))
    }
}

/// Which half of a procedure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Half {
    Args,
    Result,
}

/// The arguments or the result of a procedure, as its declaration allows.
pub(super) fn generate(procedure: Procedure, half: Half, dice: &mut Dice<'_>) -> Vec<u8> {
    let mut schema = Schema::new("gssx");
    let signatures = declare(&mut schema);
    let signature = signatures
        .iter()
        .find(|signature| signature.procedure == procedure)
        .unwrap();
    let of = match half {
        Half::Args => &signature.args,
        Half::Result => &signature.result,
    };
    let mut out = Writer::new(1 << 20);
    write(&schema, of, dice, &mut out);
    out.finish().unwrap().into_vec()
}

fn write(schema: &Schema, of: &TypeRef, dice: &mut Dice<'_>, out: &mut Writer) {
    match of {
        TypeRef::Int | TypeRef::UnsignedInt => out.u32(dice.number() as u32),
        TypeRef::Hyper | TypeRef::UnsignedHyper => out.u64(dice.number()),
        TypeRef::Bool => out.bool(dice.below(2) == 1),
        TypeRef::Opaque => {
            let length = dice.below(24);
            out.opaque(&dice.bytes(length));
        }
        TypeRef::Optional(inner) => {
            let present = dice.below(2) == 1;
            out.bool(present);
            if present {
                write(schema, inner, dice, out);
            }
        }
        TypeRef::Array(inner) => {
            let count = dice.below(4);
            out.count(count.into());
            for _ in 0..count {
                write(schema, inner, dice, out);
            }
        }
        TypeRef::Named(name) => write_named(schema, name, dice, out),
    }
}

fn write_named(schema: &Schema, name: &str, dice: &mut Dice<'_>, out: &mut Writer) {
    let definition = schema
        .definitions()
        .iter()
        .find(|definition| definition.name == name)
        .unwrap();
    match &definition.shape {
        Shape::Struct(fields) => {
            for field in fields {
                write(schema, &field.of, dice, out);
            }
        }
        Shape::Enum(values) => {
            let choice = dice.below(values.len() as u8);
            out.i32(values[usize::from(choice)].number);
        }
        Shape::Union(arms) => {
            let choice = dice.below(arms.len() as u8);
            let arm = &arms[usize::from(choice)];
            out.i32(arm.case.unwrap_or(77));
            if let Some(of) = &arm.of {
                write(schema, of, dice, out);
            }
        }
        Shape::Alias(of) => write(schema, of, dice, out),
    }
}
