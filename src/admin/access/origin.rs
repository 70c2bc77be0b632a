//! The page that a request comes from. A page of another origin must neither read, post, nor open a
//! stream, even if its browser holds a session: cookies are sent whatever the port.

use http::{HeaderMap, HeaderValue, Method, header::ORIGIN};

use super::host::authority;

/// Returns whether a request may come from a page of another origin.
///
/// Browsers send `Sec-Fetch-Site` with each request, also with a GET that carries no `Origin`, but
/// only to HTTPS and to loopback. Without it, `Origin` decides. Programs send neither, which is no
/// fault unless the request acts in a browser's session. A top-level navigation only shows the
/// response to the operator.
pub(in crate::admin) fn is_foreign(method: &Method, headers: &HeaderMap, is_session: bool) -> bool {
    if is_navigation(method, headers) {
        return false;
    }
    match single(headers, "sec-fetch-site") {
        Found::One(site) => site != "same-origin" && site != "none",
        Found::Several => true,
        Found::None => match single(headers, ORIGIN.as_str()) {
            Found::One(origin) => !is_own(origin, headers),
            Found::Several => true,
            Found::None => is_session && !is_safe(method),
        },
    }
}

/// Returns whether a method changes nothing.
pub(super) fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let is =
        |name, expected| matches!(single(headers, name), Found::One(value) if value == expected);
    is_safe(method) && is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

/// Returns whether an origin has exactly the host and the port of the request.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let Some((scheme, host)) = origin.split_once("://") else {
        return false;
    };
    ["http", "https"].contains(&scheme)
        && authority(headers).is_some_and(|own| own.as_str().eq_ignore_ascii_case(host))
}

enum Found<'h> {
    None,
    One(&'h HeaderValue),
    Several,
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Found<'h> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Found::None,
        (Some(value), None) => Found::One(value),
        (Some(_), Some(_)) => Found::Several,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn is_foreign(method: &Method, lines: &[(&str, &str)], is_session: bool) -> bool {
        let lines = lines.iter().chain(&[("host", "127.0.0.1:9180")]);
        let lines = lines.map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        });
        super::is_foreign(method, &lines.collect(), is_session)
    }

    #[test]
    fn the_browser_knows_best_where_a_request_comes_from() {
        for (site, foreign) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let lines = [("sec-fetch-site", site)];
                assert_eq!(is_foreign(&method, &lines, true), foreign, "{site}");
            }
        }
        // A proxy may have changed the Host.
        let own = [
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://gate.example"),
        ];
        assert!(!is_foreign(&Method::POST, &own, true));
        let twice = [("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")];
        assert!(is_foreign(&Method::GET, &twice, false));
    }

    #[test]
    fn an_origin_is_our_own_only_with_the_exact_port() {
        for (origin, foreign) in [
            ("http://127.0.0.1:9180", false),
            ("https://127.0.0.1:9180", false),
            ("http://127.0.0.1:8000", true),
            ("http://127.0.0.1", true),
            ("http://localhost:9180", true),
            ("http://127.0.0.1:9180.evil.example", true),
            ("file://127.0.0.1:9180", true),
            ("null", true),
            ("", true),
        ] {
            for is_session in [true, false] {
                let lines = [("origin", origin)];
                assert_eq!(
                    is_foreign(&Method::GET, &lines, is_session),
                    foreign,
                    "{origin}"
                );
            }
        }
        let twice = [("origin", "http://127.0.0.1:9180"), ("origin", "null")];
        assert!(is_foreign(&Method::POST, &twice, false));
    }

    #[test]
    fn only_a_program_may_act_without_either() {
        assert!(!is_foreign(&Method::POST, &[], false));
        assert!(!is_foreign(&Method::GET, &[], true));
        assert!(is_foreign(&Method::POST, &[], true));
        assert!(is_foreign(&Method::DELETE, &[], true));
    }

    #[test]
    fn a_link_on_another_site_may_be_opened_but_not_framed_or_posted() {
        let navigation = |dest| {
            [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", dest),
            ]
        };
        assert!(!is_foreign(&Method::GET, &navigation("document"), true));
        assert!(is_foreign(&Method::GET, &navigation("iframe"), true));
        assert!(is_foreign(&Method::POST, &navigation("document"), true));
    }
}
