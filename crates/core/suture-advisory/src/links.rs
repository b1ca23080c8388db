//! Web addresses and package URLs, as narrow as every reader takes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest address, in bytes.
pub const URL_BYTES_MAX: usize = 2048;
/// Longest package URL, in bytes.
pub const PURL_BYTES_MAX: usize = 512;
/// Types of package URLs of programs that are linked files or contain them.
const PURL_TYPES: [&str; 11] =
    ["generic", "deb", "rpm", "apk", "alpm", "cargo", "docker", "github", "gitlab", "golang", "oci"];

/// An `https` or `http` address in ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url(String);

impl Url {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// An address below this one.
    pub(crate) fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.0.trim_end_matches('/'))
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(60).collect();
            format!("{shown:?} is no web address; write it as https://example.org/path")
        };
        let rest =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(wrong)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) = host.split_once(':').unwrap_or((host, "0"));
        let is_host = !host.is_empty()
            && host.split('.').all(|label| {
                let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
                !label.is_empty()
                    && label.bytes().all(is_inner)
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            });
        let is_port = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
        let tail = rest.get(rest.find(['/', '?', '#']).unwrap_or(rest.len())..).unwrap_or_default();
        let is_tail = is_uri_text(tail) && tail.matches('#').count() <= 1;
        if text.len() <= URL_BYTES_MAX && is_host && is_port && is_tail {
            return Ok(Self(text.to_owned()));
        }
        Err(wrong())
    }
}

/// RFC 3986, section 2: unreserved, reserved (without brackets, which only hosts have) and percent-encoded.
fn is_uri_text(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => [bytes.next(), bytes.next()].iter().all(|b| b.is_some_and(|b| b.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// A package URL without version, qualifiers and subpath: `pkg:TYPE/NAMESPACE…/NAME`.
///
/// <https://github.com/package-url/purl-spec>; only types and characters that need no encoding and no rule of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purl(String);

impl Purl {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one of a program of which no better is known.
    pub(crate) fn generic(name: &str) -> Self {
        Self(format!("pkg:generic/{}", encoded(name)))
    }

    /// The package URL of a version.
    pub(crate) fn at(&self, version: &str) -> String {
        format!("{}@{}", self.0, encoded(version))
    }

    /// The package URL with one more qualifier.
    pub(crate) fn qualified(purl: &str, key: &str, value: &str) -> String {
        let join = if purl.contains('?') { '&' } else { '?' };
        format!("{purl}{join}{key}={}", encoded(value))
    }
}

impl FromStr for Purl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let shown: String = text.chars().take(60).collect();
            format!(
                "{shown:?} is no package URL without a version, such as pkg:deb/debian/redis; the types are {}",
                PURL_TYPES.join(", ")
            )
        };
        let (kind, path) =
            text.strip_prefix("pkg:").and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
        let is_plain = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        };
        let fits =
            text.len() <= PURL_BYTES_MAX && PURL_TYPES.contains(&kind) && path.split('/').all(is_plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }
}

/// RFC 3986, section 2.1: everything but the unreserved characters percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

macro_rules! text_of {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text_of!(Url, Purl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_the_web_and_break_out_of_nothing() {
        for good in ["https://example.org", "http://a.b-c.d:8080/x?y=%20z#f", "https://localhost/a(b)"] {
            assert!(good.parse::<Url>().is_ok(), "{good}");
        }
        let bad = [
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://a b",
            "https://a/\"><script>",
            "https://a/%4",
            "https://a/#x#y",
            "https://ä/",
            "https://-a/",
            "https://a:port/",
            "//a",
        ];
        for bad in bad {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn package_urls_have_no_version() {
        for good in ["pkg:deb/debian/redis", "pkg:generic/redis-server", "pkg:github/redis/redis"] {
            assert!(good.parse::<Purl>().is_ok(), "{good}");
        }
        for bad in [
            "pkg:deb/debian/redis@7",
            "pkg:x/y",
            "pkg:deb",
            "pkg:deb/",
            "pkg:deb/a//b",
            "pkg:deb/../a",
            "deb/a",
        ] {
            assert!(bad.parse::<Purl>().is_err(), "{bad}");
        }
        let purl = Purl::generic("a b@c");
        assert_eq!(Purl::qualified(&purl.at("1:2+3"), "k", "v&w"), "pkg:generic/a%20b%40c@1%3A2%2B3?k=v%26w");
    }
}
