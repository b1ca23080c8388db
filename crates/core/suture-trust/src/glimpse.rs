//! What can be seen of a statement that can't be read: whether it may be a refusal.
//!
//! Readers differ in which of two equal keys they believe, in how much they read and in what they know; a refusal must not
//! pass for nothing because this one can't read it. So both of two equal keys are looked at here, and what is not told counts as
//! the worst that it may be. Nothing is accepted on what is seen here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::digest::Digest;

/// What every type of a refusal has in it, in whatever version and spelling.
const REFUSAL: &str = "refus";

/// What is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glimpse {
    /// Whether it says that it is a refusal; nothing if it does not say what it is.
    says_refusal: Option<bool>,
    /// Whether it says of everything that it is about what that is, and none of it is the bundle.
    is_about_others: bool,
}

impl Glimpse {
    /// Whether nothing in it rules out that it is a refusal of the bundle.
    pub(crate) fn may_refuse(self) -> bool {
        self.says_refusal != Some(false) && !self.is_about_others
    }

    /// Whether it says that it is one.
    pub(crate) fn reads_as_refusal(self) -> bool {
        self.says_refusal == Some(true) && !self.is_about_others
    }
}

/// Looks at the payload of an envelope, in view of a bundle.
pub(crate) fn look(payload: &[u8], bundle: Digest) -> Glimpse {
    let Ok(seen) = serde_json::from_slice::<Seen>(payload) else {
        return Glimpse { says_refusal: None, is_about_others: false };
    };
    let types = seen.all("predicateType");
    let texts: Vec<String> = types.iter().filter_map(|seen| seen.text()).map(str::to_lowercase).collect();
    let says_refusal = if texts.iter().any(|text| text.contains(REFUSAL)) {
        Some(true)
    } else if texts.is_empty() || texts.len() < types.len() {
        None
    } else {
        Some(false)
    };
    let is_about_others = match seen.all("subject")[..] {
        [Seen::List(subjects)] if !subjects.is_empty() => {
            subjects.iter().all(|subject| is_another(subject, bundle))
        }
        _ => false,
    };
    Glimpse { says_refusal, is_about_others }
}

/// Whether a subject has one digest, and that of something else.
fn is_another(subject: &Seen, bundle: Digest) -> bool {
    let [digests] = subject.all("digest")[..] else { return false };
    let [Seen::Text(digest)] = digests.all("sha256")[..] else { return false };
    digest.parse::<Digest>().is_ok_and(|digest| digest != bundle)
}

/// JSON with all of its keys, those that stand twice too.
enum Seen {
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    Other,
}

impl Seen {
    fn all(&self, key: &str) -> Vec<&Self> {
        let Self::Object(entries) = self else { return Vec::new() };
        entries.iter().filter(|(name, _)| name == key).map(|(_, value)| value).collect()
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        Ok(Seen::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Seen, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Seen::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Seen, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            list.push(entry);
        }
        Ok(Seen::Object(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(json: &str) -> (bool, bool) {
        let bundle = Digest::of(b"the bundle");
        let other = Digest::of(b"another");
        let json = json.replace("BUNDLE", &bundle.to_string()).replace("OTHER", &other.to_string());
        let glimpse = look(json.as_bytes(), bundle);
        (glimpse.may_refuse(), glimpse.reads_as_refusal())
    }

    /// What may be one, and what says that it is one.
    #[test]
    fn what_does_not_say_that_it_is_none_may_be_a_refusal() {
        let rows = [
            ("no JSON", (true, false)),
            ("{}", (true, false)),
            (r#"{"predicateType":7}"#, (true, false)),
            (r#"{"predicateType":"urn:suture:statement:reviewed:v1"}"#, (false, false)),
            (r#"{"predicateType":"urn:suture:statement:Refused"}"#, (true, true)),
            (r#"{"predicateType":"a","predicateType":"urn:suture:statement:refused:v1"}"#, (true, true)),
            (r#"{"predicateType":"a","predicateType":null}"#, (true, false)),
            (r#"{"predicateType":"refused","subject":[{"digest":{"sha256":"BUNDLE"}}]}"#, (true, true)),
            (r#"{"predicateType":"refused","subject":[{"digest":{"sha256":"OTHER"}}]}"#, (false, false)),
            (r#"{"predicateType":"refused","subject":[]}"#, (true, true)),
            (r#"{"predicateType":"refused","subject":[{"digest":{"sha256":"OTHER"}},{}]}"#, (true, true)),
            (
                r#"{"predicateType":"refused","subject":[{"digest":{"sha256":"OTHER","sha256":"BUNDLE"}}]}"#,
                (true, true),
            ),
            (
                r#"{"predicateType":"refused","subject":[{"digest":{"sha256":"OTHER"}}],"subject":[]}"#,
                (true, true),
            ),
        ];
        for (json, expected) in rows {
            assert_eq!(seen(json), expected, "{json}");
        }
        assert_eq!(seen(&"[".repeat(100_000)), (true, false));
    }
}
