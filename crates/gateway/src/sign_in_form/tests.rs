use proptest::prelude::*;

use super::*;
use crate::session::SessionLives;
use crate::session::cookie::CookieStyle;

const HERE: Scope<'_> = Scope {
    host: "www.example.test:8443",
    ways: &[Way::Session, Way::Form],
};

fn at(seconds: i64) -> KerberosTime {
    KerberosTime::from_unix(1_800_000_000 + seconds)
}

fn sessions() -> Sessions {
    Sessions::in_memory(CookieStyle::default(), SessionLives::default(), at(0))
}

/// The token in a form, and the headers with which a browser would send it.
fn shown(sessions: &Sessions, return_to: &str) -> (String, HeaderMap) {
    let form = Form {
        return_to,
        name: "",
        trouble: None,
    };
    let response = show(
        sessions,
        &HERE,
        &HeaderMap::new(),
        StatusCode::UNAUTHORIZED,
        &form,
        at(0),
    );
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = HeaderValue::from_str(cookie.split(';').next().unwrap()).unwrap();
    let headers = [
        (header::COOKIE, cookie),
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        ),
        (
            header::ORIGIN,
            HeaderValue::from_static("https://www.example.test:8443"),
        ),
    ];
    let page = text(response);
    let token = page.split("name=\"token\" value=\"").nth(1).unwrap();
    (
        token.split('"').next().unwrap().to_owned(),
        HeaderMap::from_iter(headers),
    )
}

fn text(mut response: Response<Body>) -> String {
    use http_body::Body as _;
    let body = std::pin::Pin::new(response.body_mut());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match body.poll_frame(&mut context) {
        std::task::Poll::Ready(Some(Ok(frame))) => {
            String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

fn body(token: &str) -> String {
    format!("token={token}&name=al%C3%AFce+&password=a%26b%3D+c")
}

#[test]
fn what_is_typed_arrives_with_the_way_back() {
    let sessions = sessions();
    let (token, headers) = shown(&sessions, "/app?q=1&r=%20");
    let typed = read(&sessions, &HERE, &headers, body(&token).as_bytes(), at(1)).unwrap();
    assert_eq!(typed.name, "alïce");
    assert_eq!(typed.password.as_str(), "a&b= c");
    assert_eq!(typed.return_to, "/app?q=1&r=%20");
    assert!(!format!("{typed:?}").contains("a&b="));
}

#[test]
fn another_sites_page_cannot_send_the_form() {
    let sessions = sessions();
    let (token, headers) = shown(&sessions, "/app");
    let body = body(&token);
    let outcome = |name: &'static str, value: &'static str| {
        let mut headers = headers.clone();
        headers.insert(name, HeaderValue::from_static(value));
        read(&sessions, &HERE, &headers, body.as_bytes(), at(1)).map(|_| ())
    };
    for (name, value) in [
        ("origin", "https://evil.test"),
        ("origin", "https://example.test:8443"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(
            outcome(name, value),
            Err(FormFault::Foreign),
            "{name}: {value}"
        );
    }
    assert_eq!(outcome("sec-fetch-site", "same-origin"), Ok(()));
    assert_eq!(
        outcome("cookie", "a=b"),
        Err(FormFault::Stale("/app".to_owned()))
    );
    let (_, other_browser) = shown(&sessions, "/app");
    let planted = read(&sessions, &HERE, &other_browser, body.as_bytes(), at(1));
    assert_eq!(planted, Err(FormFault::Stale("/app".to_owned())));
}

#[test]
fn a_form_is_good_for_an_hour_at_its_host() {
    let sessions = sessions();
    let (token, headers) = shown(&sessions, "/app");
    let body = body(&token);
    let late = read(&sessions, &HERE, &headers, body.as_bytes(), at(3600));
    assert_eq!(late, Err(FormFault::Stale("/app".to_owned())));
    let mut headers = headers;
    headers.insert(
        header::ORIGIN,
        HeaderValue::from_static("https://other.example.test"),
    );
    let elsewhere = Scope {
        host: "other.example.test",
        ..HERE
    };
    let read = read(&sessions, &elsewhere, &headers, body.as_bytes(), at(1));
    assert_eq!(read, Err(FormFault::Stale("/".to_owned())));
}

#[test]
fn two_windows_of_one_browser_share_the_cookie() {
    let sessions = sessions();
    let (first, headers) = shown(&sessions, "/one");
    let form = Form {
        return_to: "/two",
        name: "alice",
        trouble: Some("No."),
    };
    let page = text(show(
        &sessions,
        &HERE,
        &headers,
        StatusCode::UNAUTHORIZED,
        &form,
        at(1),
    ));
    assert!(page.contains("role=\"alert\">No.</p>"), "{page}");
    assert!(page.contains("value=\"alice\""), "{page}");
    let second = page
        .split("name=\"token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    for (token, path) in [(first.as_str(), "/one"), (second, "/two")] {
        let typed = read(&sessions, &HERE, &headers, body(token).as_bytes(), at(2)).unwrap();
        assert_eq!(typed.return_to, path);
    }
}

#[test]
fn what_was_typed_is_text_in_the_page() {
    let sessions = sessions();
    let form = Form {
        return_to: "/\"><script>",
        name: "\"><script>alert(1)</script>",
        trouble: None,
    };
    let page = text(show(
        &sessions,
        &HERE,
        &HeaderMap::new(),
        StatusCode::OK,
        &form,
        at(0),
    ));
    assert!(!page.contains("<script>alert"), "{page}");
}

#[test]
fn no_form_leads_to_another_site() {
    let sessions = sessions();
    for path in [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "/a\r\nset-cookie: x",
        "",
        "evil",
        "/\\/evil.test",
    ] {
        let (token, headers) = shown(&sessions, path);
        let typed = read(&sessions, &HERE, &headers, body(&token).as_bytes(), at(1)).unwrap();
        assert_eq!(typed.return_to, "/", "{path}");
        let cookie = HeaderValue::from_static("a=b");
        assert_eq!(
            back(&sessions, path, cookie).headers()[header::LOCATION],
            "/"
        );
    }
}

#[test]
fn the_way_back_takes_the_session_along_and_forgets_the_form() {
    let sessions = sessions();
    let response = back(&sessions, "/app?x=1", HeaderValue::from_static("a=b"));
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/app?x=1");
    let cookies: Vec<_> = response
        .headers()
        .get_all(header::SET_COOKIE)
        .iter()
        .collect();
    assert_eq!(cookies.len(), 2);
    assert!(
        cookies[1]
            .to_str()
            .unwrap()
            .starts_with("__Host-kerbstone-form=; ")
    );
}

#[test]
fn what_is_no_form_of_ours_is_malformed() {
    let sessions = sessions();
    let (token, headers) = shown(&sessions, "/app");
    let twice = format!("{}&password=other", body(&token));
    for text in [
        "",
        "name=a&password=b",
        "token=&name=a",
        &twice,
        "token=%zz&name=a&password=b",
        &"a".repeat(MOST_BODY + 1),
    ] {
        let read = read(&sessions, &HERE, &headers, text.as_bytes(), at(1));
        assert_eq!(read, Err(FormFault::Malformed), "{text}");
    }
    let mut json = headers;
    json.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let read = read(&sessions, &HERE, &json, body(&token).as_bytes(), at(1));
    assert_eq!(read, Err(FormFault::Malformed));
}

proptest! {
    #[test]
    fn the_way_back_is_always_a_path_of_this_host(path in "[ -~]{0,40}") {
        if let Some(path) = local_path(&path) {
            let base = "https://www.example.test/";
            prop_assert!(path.starts_with('/') && !path.starts_with("//"), "{}", base);
            prop_assert!(!path.contains('\\'));
        }
    }

    #[test]
    fn any_octets_may_be_sent(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let sessions = sessions();
        let (_, headers) = shown(&sessions, "/app");
        prop_assert!(read(&sessions, &HERE, &headers, &octets, at(1)).is_err());
    }
}
