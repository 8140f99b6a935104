//! The protocol for implementers in other languages: an interface file, and its procedures as a
//! table.

use std::fmt::Write as _;

use kerbstone_xdr::Schema;

use super::program::{Signature, declare};
use super::{PROGRAM, VERSION};

const PREFIX: &str = "gssx";

const PREFACE: &str = "\
/*
 * The gssproxy protocol, as an interface file for rpcgen (RFC 4506, RFC 5531).
 *
 * Printed from the declarations that Kerbstone's own daemon and client are made
 * of. Calls and replies go over a unix stream socket, each as one record in one
 * fragment of at most 1048576 bytes, with AUTH_NONE. Nothing is served under
 * procedure 0.
 *
 * An object identifier is its DER without tag and length; an empty one is
 * absent. The names of options, and values that are words, end with a NUL that
 * counts.
 */

";

/// The interface file of the program.
pub fn interface() -> String {
    let mut schema = Schema::new(PREFIX);
    let procedures = declare(&mut schema);
    let mut text = format!("{PREFACE}{schema}\n");
    text.push_str("program GSSPROXY {\n    version GSSPROXY_V1 {\n");
    for Signature {
        procedure,
        args,
        result,
    } in procedures
    {
        let (name, number) = (procedure.name(), procedure.number());
        let _ = writeln!(text, "        {result}");
        let _ = writeln!(text, "            GSSX_{name}({args}) = {number};");
    }
    let _ = writeln!(text, "    }} = {VERSION};\n}} = {PROGRAM};");
    text
}
