//! KEV and EPSS in their published formats.

use suture_case::names::VulnerabilityId;
use suture_case::{epss, kev};

/// Entries as CISA publishes them, the last as it did before BOD 26-04.
pub(crate) const KEV: &str = r#"{
  "title": "CISA Catalog of Known Exploited Vulnerabilities",
  "catalogVersion": "2026.10.30",
  "dateReleased": "2026-10-30T17:02:45.3665Z",
  "count": 2,
  "vulnerabilities": [
    {
      "cveID": "CVE-2026-11111", "vendorProject": "Example", "product": "Store",
      "vulnerabilityName": "Example Store Heap \"Overflow\"", "dateAdded": "2026-10-26",
      "shortDescription": "An \u2019overflow\u2019.", "requiredAction": "Apply updates.", "dueDate": "2026-10-29",
      "knownRansomwareCampaignUse": "Known", "forensicTriage": "Yes", "notes": "", "cwes": ["CWE-122"]
    },
    {
      "cveID": "CVE-2022-24834", "vendorProject": "Redis", "product": "Redis",
      "vulnerabilityName": "Redis Heap Overflow", "dateAdded": "2023-08-01", "shortDescription": "x",
      "requiredAction": "y", "dueDate": "2023-08-22", "knownRansomwareCampaignUse": "Unknown", "notes": "z", "cwes": []
    }
  ]
}
"#;
pub(crate) const EPSS: &str = "#model_version:v2025.03.14,score_date:2026-10-30T12:55:00Z\ncve,epss,percentile\n\
CVE-1999-0001,0.01025,0.76451\nCVE-2022-24834,0.73123,0.98001\nCVE-2026-11111,9.4e-05,0.00123\n";

pub(crate) fn ids(ids: &[&str]) -> Vec<VulnerabilityId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn the_catalogue_says_since_when_and_what_is_known() {
    let found = kev::look_up(KEV, &ids(&["CVE-2022-24834", "CVE-2026-11111", "CVE-2026-99999"])).unwrap();
    assert_eq!(
        (found.catalog.as_str(), found.released.as_str()),
        ("2026.10.30", "2026-10-30T17:02:45.3665Z")
    );
    let rows: Vec<_> = found
        .listed
        .iter()
        .map(|l| {
            (l.cve.as_str(), l.added.to_string(), l.due.unwrap().to_string(), l.ransomware, l.forensic_triage)
        })
        .collect();
    let row =
        |cve, added: &str, due: &str, ransomware, triage| (cve, added.into(), due.into(), ransomware, triage);
    let expected = [
        row("CVE-2026-11111", "2026-10-26", "2026-10-29", true, Some(true)),
        row("CVE-2022-24834", "2023-08-01", "2023-08-22", false, None),
    ];
    assert_eq!(rows, expected);
    assert_eq!(found.asked.len(), 3);
    assert!(kev::look_up(KEV, &ids(&["GHSA-p8x2-9v9q-c838"])).unwrap().listed.is_empty());
}

#[test]
fn half_a_catalogue_is_none() {
    let wanted = ids(&["CVE-2022-24834"]);
    let rows = [
        (KEV.replace("\"count\": 2", "\"count\": 3"), "says that it has 3 entries, and has 2"),
        (KEV[..KEV.len() / 2].to_owned(), "EOF"),
        (KEV.replace("\"dateAdded\": \"2026-10-26\"", "\"dateAdded\": \"26.10.2026\""), "is no date"),
        (KEV.replace("\"dateAdded\": \"2026-10-26\",", ""), "missing field `dateAdded`"),
        (KEV.replace("CVE-2026-11111", "CVE-11111"), "entry 1 has no CVE id"),
        (KEV.replace("CVE-2026-11111", "CVE-2022-24834"), "CVE-2022-24834 is listed twice"),
        (KEV.replace("\"vulnerabilities\"", "\"entries\""), "missing field `vulnerabilities`"),
        (KEV.replace("\"catalogVersion\": \"2026.10.30\",", ""), "missing field `catalogVersion`"),
        (format!("{KEV}x"), "trailing characters"),
        ("[]".to_owned(), "a KEV catalogue"),
        (String::new(), "EOF"),
    ];
    for (text, expected) in rows {
        let error = kev::look_up(&text, &wanted).unwrap_err();
        assert!(error.what.contains(expected), "{error}");
    }
    let triage = KEV.replace("\"forensicTriage\": \"Yes\"", "\"forensicTriage\": \"Perhaps\"");
    assert!(
        kev::look_up(&triage, &ids(&["CVE-2026-11111"])).unwrap_err().what.contains("neither Yes nor No")
    );
}

#[test]
fn scores_come_with_their_model() {
    let found = epss::look_up(EPSS, &ids(&["CVE-2026-11111", "CVE-2022-24834"])).unwrap();
    assert_eq!((found.model.as_str(), found.date.as_str()), ("v2025.03.14", "2026-10-30T12:55:00Z"));
    let highest = found.highest().unwrap();
    assert_eq!((highest.cve.as_str(), highest.epss.to_string().as_str()), ("CVE-2022-24834", "0.73123"));
    assert_eq!(found.scores.len(), 2);
    assert!(epss::look_up(EPSS, &ids(&["CVE-2026-99999"])).unwrap().scores.is_empty());
}

#[test]
fn a_line_that_is_no_score_is_named() {
    let wanted = ids(&["CVE-2022-24834"]);
    let rows = [
        (EPSS.replace("#model_version:", "#model:"), 1, "the first line is not"),
        (EPSS.replace(",score_date", ";score_date"), 1, "the first line is not"),
        (EPSS.replace("cve,epss,percentile", "cve;epss;percentile"), 2, "the second line is not"),
        (EPSS.replace("0.01025", "1.01025"), 3, "no number from 0 to 1"),
        (EPSS.replace("0.01025", "NaN"), 3, "no number from 0 to 1"),
        (EPSS.replace("0.76451", "0.76451,x"), 3, "three columns"),
        (EPSS.replace("CVE-1999-0001", "0001"), 3, "no CVE id"),
        (EPSS.replace("CVE-1999-0001", "CVE-2022-24834"), 4, "has two scores"),
        (String::new(), 1, "the first line is not"),
    ];
    for (text, line, expected) in rows {
        let error = epss::look_up(&text, &wanted).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.what.contains(expected), "{error}");
    }
}
