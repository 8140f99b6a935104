//! The interface file, as others use it: rpcgen's C reads and writes what we do, and the book shows
//! what the declarations say.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kerbstone_testkit::lab::{require, require_file};
use kerbstone_xdr::{Schema, Shape, TypeRef};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, TestRunner};

use super::generated::{Dice, Half, generate};
use crate::wire::program::{Signature, declare};
use crate::wire::{IndicateMechsArgs, Procedure, interface, options, write_call};

/// Set it to write the book's generated parts anew instead of comparing them.
const REGENERATE: &str = "KERBSTONE_REGENERATE";

#[test]
fn the_book_has_the_interface_file_as_declared() {
    assert_in_book("gssproxy.x", |_| interface());
}

#[test]
fn the_book_has_the_procedures_and_the_first_call_as_declared() {
    assert_in_book("proxy-protocol.md", |page| {
        let page = with_part(page, "procedures", &procedures());
        with_part(&page, "first call", &first_call())
    });
}

#[test]
fn the_book_explains_every_option() {
    let page = fs::read_to_string(book("proxy-protocol.md")).unwrap();
    for name in options::ALL {
        let name = std::str::from_utf8(name).unwrap().trim_end_matches('\0');
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

fn assert_in_book(file: &str, generated: impl FnOnce(&str) -> String) {
    let path = book(file);
    let there = fs::read_to_string(&path).unwrap_or_default();
    let wanted = generated(&there);
    if std::env::var_os(REGENERATE).is_some() {
        fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(
        there == wanted,
        "book/src/{file} is not what the declarations say; {REGENERATE}=1 cargo test -p \
         kerbstone-proxy book writes it anew"
    );
}

fn book(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/src");
    folder.join(file)
}

/// The page with this in place of what stands between its part's marks.
fn with_part(page: &str, part: &str, text: &str) -> String {
    let begin = format!("<!-- {part}: generated -->\n");
    let end = format!("<!-- end of {part} -->\n");
    let (before, rest) = page.split_once(&begin).expect("where it begins");
    let (_, after) = rest.split_once(&end).expect("where it ends");
    format!("{before}{begin}{text}{end}{after}")
}

/// The shortest call, word by word.
fn first_call() -> String {
    const MEANINGS: [&str; 14] = [
        "the record: its last fragment, 52 bytes",
        "number of the call, which the reply repeats",
        "a call",
        "RPC version",
        "program",
        "version",
        "procedure",
        "credential: AUTH_NONE",
        "... of no bytes",
        "verifier: AUTH_NONE",
        "... of no bytes",
        "call_context.locale: no bytes",
        "call_context.server_context: no bytes",
        "call_context.options: none",
    ];
    let record = write_call(1, &IndicateMechsArgs::default().into()).unwrap();
    let (words, []) = record.as_chunks::<4>() else {
        panic!("half a word");
    };
    assert_eq!(words.len(), MEANINGS.len());
    let mut text = "```text\n".to_owned();
    for (word, meaning) in words.iter().zip(MEANINGS) {
        let [a, b, c, d] = word;
        let _ = writeln!(text, "{a:02x} {b:02x} {c:02x} {d:02x}   {meaning}");
    }
    text.push_str("```\n");
    text
}

/// The procedures as a table, with the first sentence said of each.
fn procedures() -> String {
    let mut schema = Schema::new("gssx");
    let signatures = declare(&mut schema);
    let mut text = "| | procedure | arguments | result |\n|---|---|---|---|\n".to_owned();
    for Signature {
        procedure,
        args,
        result,
    } in signatures
    {
        let _ = writeln!(
            text,
            "| {} | `{}`<br>{} | {} | {} |",
            procedure.number(),
            procedure.name(),
            doc(&schema, &args),
            fields(&schema, &args, "call_context"),
            fields(&schema, &result, "status"),
        );
    }
    text
}

fn doc(schema: &Schema, of: &TypeRef) -> String {
    let definitions = schema.definitions().iter();
    definitions
        .filter(|definition| definition.name == of.to_string())
        .map(|definition| definition.doc.replace('\n', " "))
        .collect()
}

/// The fields after the one that all have: `?` may be absent, `[]` are several.
fn fields(schema: &Schema, of: &TypeRef, first: &str) -> String {
    let named = |definition: &&kerbstone_xdr::Definition| definition.name == of.to_string();
    let Some(Shape::Struct(fields)) = schema
        .definitions()
        .iter()
        .find(named)
        .map(|definition| &definition.shape)
    else {
        panic!("{of} is no struct");
    };
    assert_eq!(fields[0].name, first);
    let shown = fields[1..].iter().map(|field| match field.of {
        TypeRef::Optional(_) => format!("`{}?`", field.name),
        TypeRef::Array(_) => format!("`{}[]`", field.name),
        _ => format!("`{}`", field.name),
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        return "-".to_owned();
    }
    shown.join(" ")
}

/// How many values of each type are sent through C.
const ROUNDS: usize = 40;

/// The program around rpcgen's code: it reads what we write, writes what it read, and says so.
const ECHO: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gssproxy.h"

static const struct { size_t size; xdrproc_t of; } types[] = {
TYPES
};

static char in[1 << 20], out[1 << 20], value[1 << 16];

int main(void)
{
    unsigned int head[2];
    while (fread(head, sizeof(head), 1, stdin) == 1) {
        XDR reader, writer;
        unsigned int length = 0;
        if (fread(in, 1, head[1], stdin) != head[1])
            return 1;
        memset(value, 0, types[head[0]].size);
        xdrmem_create(&reader, in, head[1], XDR_DECODE);
        xdrmem_create(&writer, out, sizeof(out), XDR_ENCODE);
        if (types[head[0]].of(&reader, value) && types[head[0]].of(&writer, value))
            length = xdr_getpos(&writer);
        xdr_free(types[head[0]].of, value);
        fwrite(&length, sizeof(length), 1, stdout);
        fwrite(out, 1, length, stdout);
    }
    return 0;
}
"#;

#[test]
fn code_that_rpcgen_makes_of_the_interface_file_reads_and_writes_as_we_do() {
    let header = Path::new("/usr/include/tirpc/rpc/rpc.h");
    if !(require("rpcgen", "rpcsvc-proto")
        && require("cc", "gcc")
        && require_file(header, "libtirpc-dev"))
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let echo = build(folder.path());
    let sent = values();
    let mut input = Vec::new();
    for (number, value) in &sent {
        input.extend((*number as u32).to_ne_bytes());
        input.extend((value.len() as u32).to_ne_bytes());
        input.extend(value);
    }
    let mut child = Command::new(echo)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());

    let mut left = output.stdout.as_slice();
    for (number, value) in sent {
        let (length, rest) = left.split_first_chunk().unwrap();
        let (echoed, rest) = rest.split_at(u32::from_ne_bytes(*length) as usize);
        assert_eq!(echoed, value, "type {number} of the table");
        left = rest;
    }
    assert!(left.is_empty());
}

/// Every type of a procedure: its place in the table of the C program, and values of it.
fn values() -> Vec<(usize, Vec<u8>)> {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(Config::default().rng_algorithm),
    );
    let choices = proptest::collection::vec(proptest::num::u8::ANY, 0..400);
    let halves = Procedure::ALL
        .iter()
        .flat_map(|&procedure| [(procedure, Half::Args), (procedure, Half::Result)]);
    let mut values = Vec::new();
    for (number, (procedure, half)) in halves.enumerate() {
        for _ in 0..ROUNDS {
            let choices = choices.new_tree(&mut runner).unwrap().current();
            let value = generate(procedure, half, &mut Dice::new(&choices));
            values.push((number, value));
        }
    }
    values
}

fn build(folder: &Path) -> PathBuf {
    let file = |name: &str| folder.join(name);
    fs::write(file("gssproxy.x"), interface()).unwrap();
    let types: String = declare(&mut Schema::new("gssx"))
        .iter()
        .flat_map(|signature| [&signature.args, &signature.result])
        .map(|of| format!("    {{ sizeof({of}), (xdrproc_t)xdr_{of} }},\n"))
        .collect();
    fs::write(file("echo.c"), ECHO.replace("TYPES", &types)).unwrap();
    run(
        folder,
        "rpcgen",
        &["-C", "-h", "-o", "gssproxy.h", "gssproxy.x"],
    );
    run(
        folder,
        "rpcgen",
        &["-C", "-c", "-o", "gssproxy_xdr.c", "gssproxy.x"],
    );
    run(
        folder,
        "cc",
        &[
            "-w",
            "-I/usr/include/tirpc",
            "-o",
            "echo",
            "echo.c",
            "gssproxy_xdr.c",
            "-ltirpc",
        ],
    );
    file("echo")
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {words}");
}
