//! The scheme by which a browser reaches the console. The gate itself speaks http; a proxy in front
//! of it may speak https.

use http::{
    HeaderMap,
    header::{FORWARDED, ORIGIN},
};

/// Returns whether a request says that its browser uses https. Whoever says so without a reason only
/// gets a cookie that no browser sends back over http, or a link that leads nowhere.
pub(in crate::admin) fn is_https(headers: &HeaderMap) -> bool {
    let text = |name| {
        let value = headers.get(name)?;
        Some(value.to_str().ok()?.trim().to_ascii_lowercase())
    };
    let first = |list: &str| list.split(',').next().unwrap_or_default().trim().to_owned();
    text(ORIGIN.as_str()).is_some_and(|origin| origin.starts_with("https://"))
        || text("x-forwarded-proto").is_some_and(|list| first(&list) == "https")
        || text(FORWARDED.as_str()).is_some_and(|list| {
            let hop = first(&list);
            let mut pairs = hop.split(';').map(str::trim);
            pairs.any(|pair| ["proto=https", "proto=\"https\""].contains(&pair))
        })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_proxy_or_a_browser_says_https() {
        let says = |name: &'static str, value: &'static str| {
            let name = HeaderName::from_static(name);
            is_https(
                &[(name, HeaderValue::from_static(value))]
                    .into_iter()
                    .collect(),
            )
        };
        for (name, value) in [
            ("origin", "https://gate.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "HTTPS, http"),
            ("forwarded", "for=203.0.113.9;proto=https"),
            ("forwarded", "Proto=\"https\"; host=a, proto=http"),
        ] {
            assert!(says(name, value), "{name}: {value}");
        }
        for (name, value) in [
            ("origin", "http://gate.example"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-proto", "http, https"),
            ("forwarded", "proto=http, proto=https"),
            ("forwarded", "host=\"proto=https.example\""),
        ] {
            assert!(!says(name, value), "{name}: {value}");
        }
        assert!(!is_https(&HeaderMap::new()));
    }
}
