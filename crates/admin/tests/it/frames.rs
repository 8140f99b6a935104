use kerbstone_admin::frame::{
    Answer, FrameError, LONGEST, Request, decode_answer, decode_request, encode_answer,
    encode_request, length,
};
use kerbstone_admin::{Operation, Refusal, Reply};

use crate::site::{Site, principal, realm};

fn request(body: &str) -> Result<Request, FrameError> {
    decode_request(format!(r#"{{"version":1,"body":{body}}}"#).as_bytes())
}

fn is_malformed(result: &Result<Request, FrameError>) -> bool {
    matches!(result, Err(FrameError::Malformed(_)))
}

#[test]
fn requests_and_answers_pass_unchanged() {
    let operation = Operation::ChangePassword {
        principal: principal(r"jürgen\@home/x"),
        password: b"\x00\xff\"".as_slice().into(),
        keep_old: true,
        keysalts: Some(vec!["aes256-cts:special".parse().unwrap()]),
    };
    let request = Request::Execute(Box::new(operation));
    let frame = encode_request(&request).unwrap();
    assert_eq!(
        length(*frame.first_chunk().unwrap()).unwrap(),
        frame.len() - 4
    );
    assert_eq!(decode_request(&frame[4..]).unwrap(), request);
    let site = Site::new("");
    site.add("alice", "correct horse");
    let answers = [
        Answer::Reply(Reply::Principal(Box::new(site.show("alice")))),
        Answer::Part(Reply::Principals(vec![principal("alice")])),
        Answer::Reply(site.root(Operation::GetRealm { realm: realm() }).unwrap()),
        Answer::Chunk(b"line\n".as_slice().into()),
        Answer::Refused(Refusal {
            code: 1,
            message: "no".to_owned(),
            help: String::new(),
        }),
    ];
    for answer in answers {
        let frame = encode_answer(&answer).unwrap();
        assert_eq!(decode_answer(&frame[4..]).unwrap(), answer);
    }
}

#[test]
fn every_truncation_is_refused() {
    let request = Request::Execute(Box::new(Operation::ListPrincipals {
        realm: realm(),
        pattern: Some("*".to_owned()),
    }));
    let frame = encode_request(&request).unwrap();
    let json = &frame[4..];
    for end in 0..json.len() {
        assert!(decode_request(&json[..end]).is_err(), "{end}");
    }
    let mut trailing = json.to_vec();
    trailing.push(b'}');
    assert!(decode_request(&trailing).is_err());
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
    assert_eq!(length([0, 16, 0, 0]).unwrap(), LONGEST);
    assert_eq!(length([0, 16, 0, 1]), Err(FrameError::TooLong(0x10_0001)));
    assert_eq!(length([255; 4]), Err(FrameError::TooLong(u32::MAX.into())));
    assert_eq!(length([0; 4]).unwrap(), 0);
}

#[test]
fn what_would_be_too_long_is_not_sent() {
    let operation = Operation::SetString {
        principal: principal("alice"),
        key: "key".to_owned(),
        value: Some("x".repeat(LONGEST)),
    };
    let request = Request::Execute(Box::new(operation));
    assert!(matches!(
        encode_request(&request),
        Err(FrameError::TooLong(_))
    ));
}

#[test]
fn another_version_is_named() {
    for (json, version) in [
        (r#"{"version":2,"body":"dump"}"#, 2),
        (r#"{"version":0}"#, 0),
        (r#"{"shape":[1,2,3],"version":99}"#, 99),
    ] {
        assert_eq!(
            decode_request(json.as_bytes()),
            Err(FrameError::Version(version))
        );
    }
}

#[test]
fn unknown_and_wrong_fields_are_refused() {
    assert_eq!(request(r#""dump""#), Ok(Request::Dump));
    let deep = "[".repeat(200_000);
    let bodies = [
        "null",
        "{}",
        r#""reboot""#,
        r#"{"dump":1}"#,
        r#"{"execute":{}}"#,
        r#"{"execute":"list_everything"}"#,
        r#"{"execute":{"get_principal":{"principal":"alice@R","also":1}}}"#,
        r#"{"execute":{"get_principal":{}}}"#,
        r#"{"execute":{"get_principal":{"principal":"alice"}}}"#,
        r#"{"execute":{"get_principal":{"principal":"alice@R@S"}}}"#,
        r#"{"execute":{"get_principal":{"principal":{"base64":"!"}}}}"#,
        r#"{"execute":{"purge_keys":{"principal":"a@R","keep_from":-1}}}"#,
        r#"{"execute":{"purge_keys":{"principal":"a@R","keep_from":4294967296}}}"#,
        r#"{"execute":{"purge_keys":{"principal":"a@R","keep_from":1.5}}}"#,
        r#"{"execute":{"get_principal":{"principal":"a@R"},"delete_principal":{"principal":"a@R"}}}"#,
        r#"{"execute":{"randomize_keys":{"principal":"a@R","keep_old":false,"keysalts":["rot13"],"export":false}}}"#,
        deep.as_str(),
    ];
    for body in bodies {
        let result = request(body);
        assert!(
            is_malformed(&result),
            "{}: {result:?}",
            body.get(..60).unwrap_or(body)
        );
    }
}

#[test]
fn garbage_is_refused() {
    let mut seed = 1_u32;
    for length in 0..600 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed.to_be_bytes()[0]
            })
            .collect();
        assert!(decode_request(&bytes).is_err());
    }
    for text in [
        "",
        "{",
        "[]",
        "1",
        "\"version\"",
        "{\"version\":\"1\"}",
        "\u{feff}{}",
    ] {
        assert!(decode_request(text.as_bytes()).is_err(), "{text}");
    }
}
