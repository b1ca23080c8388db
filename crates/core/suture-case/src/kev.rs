//! CISA's catalogue of known exploited vulnerabilities, from its published JSON file.
//!
//! <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>; of each entry the fields `cveID`, `dateAdded`, `dueDate`,
//! `knownRansomwareCampaignUse` and `forensicTriage` (since BOD 26-04) are used, all others are passed over. Entries are
//! checked and dropped one by one while they are read, so that a long catalogue takes no more memory than its text.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::error::CaseError;
use crate::names::{VulnerabilityId, is_cve};
use crate::values::{Day, Line, List};

/// Longest catalogue that is read, in bytes: the one of 2026 has less than two million.
pub const CATALOG_BYTES_MAX: usize = 64 << 20;
/// Most entries of it.
pub const ENTRIES_MAX: usize = 200_000;
const HELP: &str = "give the file known_exploited_vulnerabilities.json as CISA publishes it";

/// What a catalogue said about the CVEs of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// Version of the catalogue.
    pub catalog: Line,
    /// When it was released, in its own words.
    pub released: Line,
    /// The CVEs that were looked up.
    #[serde(default)]
    pub asked: List<VulnerabilityId, { crate::model::IDS_MAX }>,
    /// Those of them that it lists.
    #[serde(default)]
    pub listed: List<Listed, { crate::model::IDS_MAX }>,
}

/// A CVE that the catalogue lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// The CVE.
    pub cve: VulnerabilityId,
    /// Since when.
    pub added: Day,
    /// The date by which CISA wants it fixed, for the worst case of exposure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
    /// Whether ransomware campaigns are known to use it.
    pub ransomware: bool,
    /// Whether CISA asks for forensic triage; nothing in catalogues before BOD 26-04.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forensic_triage: Option<bool>,
}

/// Looks `cves` up in the text of a catalogue.
///
/// # Errors
/// If it is too long, is no such catalogue, or an entry is unsound, whether it is asked for or not: half a catalogue
/// must not pass for one that lists nothing.
pub fn look_up(text: &str, cves: &[VulnerabilityId]) -> Result<Lookup, CaseError> {
    if text.len() > CATALOG_BYTES_MAX {
        let what = format!("{} bytes where at most {CATALOG_BYTES_MAX} may be", text.len());
        return Err(CaseError::in_line(1, what, HELP));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let catalog = reader.deserialize_map(CatalogVisitor { cves });
    let catalog = catalog.and_then(|catalog| reader.end().map(|()| catalog));
    catalog.map_err(|error| CaseError::of_json(&error, HELP))
}

/// One entry, as it is published.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(rename = "cveID", borrow)]
    cve_id: std::borrow::Cow<'a, str>,
    date_added: Day,
    due_date: Option<Day>,
    known_ransomware_campaign_use: Option<std::borrow::Cow<'a, str>>,
    forensic_triage: Option<std::borrow::Cow<'a, str>>,
}

struct CatalogVisitor<'c> {
    cves: &'c [VulnerabilityId],
}

impl<'de> Visitor<'de> for CatalogVisitor<'_> {
    type Value = Lookup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a KEV catalogue: an object with catalogVersion, dateReleased, count and vulnerabilities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lookup, A::Error> {
        let (mut catalog, mut released, mut count, mut found) = (None, None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "catalogVersion" => catalog = Some(map.next_value::<Line>()?),
                "dateReleased" => released = Some(map.next_value::<Line>()?),
                "count" => count = Some(map.next_value::<u64>()?),
                "vulnerabilities" if found.is_some() => {
                    return Err(de::Error::duplicate_field("vulnerabilities"));
                }
                "vulnerabilities" => found = Some(map.next_value_seed(Entries { cves: self.cves })?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = |field| move || de::Error::missing_field(field);
        let (entries, listed) = found.ok_or_else(missing("vulnerabilities"))?;
        if count.is_some_and(|count| count != entries as u64) {
            let count = count.unwrap_or_default();
            return Err(de::Error::custom(format!(
                "the catalogue says that it has {count} entries, and has {entries}: it is not whole"
            )));
        }
        Ok(Lookup {
            catalog: catalog.ok_or_else(missing("catalogVersion"))?,
            released: released.ok_or_else(missing("dateReleased"))?,
            asked: List::new(self.cves.to_vec()).map_err(de::Error::custom)?,
            listed: List::new(listed).map_err(de::Error::custom)?,
        })
    }
}

/// Reads the entries, and keeps those that are asked for.
struct Entries<'c> {
    cves: &'c [VulnerabilityId],
}

impl<'de> de::DeserializeSeed<'de> for Entries<'_> {
    type Value = (usize, Vec<Listed>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = (usize, Vec<Listed>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        let mut listed: Vec<Listed> = Vec::new();
        while let Some(entry) = entries.next_element::<Entry<'de>>()? {
            count += 1;
            if count > ENTRIES_MAX {
                return Err(de::Error::custom(format!("more than {ENTRIES_MAX} entries")));
            }
            if !is_cve(&entry.cve_id) {
                return Err(de::Error::custom(format!("entry {count} has no CVE id")));
            }
            if let Some(cve) = self.cves.iter().find(|cve| cve.as_str() == entry.cve_id) {
                if listed.iter().any(|other| other.cve == *cve) {
                    return Err(de::Error::custom(format!("{cve} is listed twice")));
                }
                listed.push(kept(cve, &entry)?);
            }
        }
        Ok((count, listed))
    }
}

fn kept<E: de::Error>(cve: &VulnerabilityId, entry: &Entry<'_>) -> Result<Listed, E> {
    let triage = match entry.forensic_triage.as_deref() {
        None => None,
        Some("Yes") => Some(true),
        Some("No") => Some(false),
        Some(_) => return Err(E::custom(format!("forensicTriage of {cve} is neither Yes nor No"))),
    };
    Ok(Listed {
        cve: cve.clone(),
        added: entry.date_added,
        due: entry.due_date,
        ransomware: entry.known_ransomware_campaign_use.as_deref() == Some("Known"),
        forensic_triage: triage,
    })
}
