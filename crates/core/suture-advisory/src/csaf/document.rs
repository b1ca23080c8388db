//! The parts of a CSAF 2.0 document that an advisory uses, by their own names (section 3.2).

use serde::Serialize;

/// 3.2: the whole document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Csaf {
    pub(super) document: Document,
    pub(super) product_tree: ProductTree,
    pub(super) vulnerabilities: Vec<Vulnerability>,
}

/// 3.2.1
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Document {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) acknowledgments: Vec<Acknowledgment>,
    pub(super) category: &'static str,
    pub(super) csaf_version: &'static str,
    pub(super) distribution: Distribution,
    pub(super) lang: &'static str,
    pub(super) notes: Vec<Note>,
    pub(super) publisher: Publisher,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) references: Vec<Reference>,
    pub(super) title: String,
    pub(super) tracking: Tracking,
}

/// 3.1.1
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Acknowledgment {
    pub(super) names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<String>,
    pub(super) summary: String,
}

/// 3.2.1.5
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Distribution {
    pub(super) text: String,
    pub(super) tlp: Tlp,
}

/// 3.2.1.5.2
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tlp {
    pub(super) label: &'static str,
    pub(super) url: &'static str,
}

/// 3.1.5
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Note {
    pub(super) category: &'static str,
    pub(super) title: String,
    pub(super) text: String,
}

/// 3.2.1.8
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Publisher {
    pub(super) category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) contact_details: Option<String>,
    pub(super) name: String,
    pub(super) namespace: String,
}

/// 3.1.10
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Reference {
    pub(super) category: &'static str,
    pub(super) summary: String,
    pub(super) url: String,
}

/// 3.2.1.12
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tracking {
    pub(super) current_release_date: String,
    pub(super) generator: Generator,
    pub(super) id: String,
    pub(super) initial_release_date: String,
    pub(super) revision_history: Vec<Revision>,
    pub(super) status: &'static str,
    pub(super) version: String,
}

/// 3.2.1.12.3
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Generator {
    pub(super) date: String,
    pub(super) engine: Engine,
}

/// 3.2.1.12.3.2
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// 3.2.1.12.6
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Revision {
    pub(super) date: String,
    pub(super) number: String,
    pub(super) summary: String,
}

/// 3.2.2
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ProductTree {
    pub(super) branches: Vec<Branch>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) relationships: Vec<Relationship>,
}

/// 3.1.2
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Branch {
    pub(super) category: &'static str,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<FullProductName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) branches: Vec<Branch>,
}

/// 3.1.3
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FullProductName {
    pub(super) name: String,
    pub(super) product_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) product_identification_helper: Option<Helper>,
}

/// 3.1.3.3
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Helper {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hashes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<String>,
}

/// 3.1.3.3.2
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Hashes {
    pub(super) file_hashes: Vec<FileHash>,
    pub(super) filename: String,
}

/// 3.1.3.3.2.1
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FileHash {
    pub(super) algorithm: &'static str,
    pub(super) value: String,
}

/// 3.2.2.4
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Relationship {
    pub(super) category: &'static str,
    pub(super) full_product_name: FullProductName,
    pub(super) product_reference: String,
    pub(super) relates_to_product_reference: String,
}

/// 3.2.3
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Vulnerability {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cve: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cwe: Option<Cwe>,
    pub(super) ids: Vec<Id>,
    pub(super) notes: Vec<Note>,
    pub(super) product_status: ProductStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remediations: Vec<Remediation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) scores: Vec<Score>,
    pub(super) title: String,
}

/// 3.2.3.3
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cwe {
    pub(super) id: String,
    pub(super) name: &'static str,
}

/// 3.2.3.6
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Id {
    pub(super) system_name: String,
    pub(super) text: String,
}

/// 3.2.3.9
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct ProductStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) fixed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) known_affected: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) under_investigation: Vec<String>,
}

/// 3.2.3.12
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Remediation {
    pub(super) category: &'static str,
    pub(super) details: String,
    pub(super) product_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_required: Option<RestartRequired>,
}

/// 3.2.3.12.7
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RestartRequired {
    pub(super) category: &'static str,
    pub(super) details: &'static str,
}

/// 3.2.3.13
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Score {
    pub(super) cvss_v3: CvssV3,
    pub(super) products: Vec<String>,
}

/// <https://www.first.org/cvss/cvss-v3.1.json>
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CvssV3 {
    pub(super) version: &'static str,
    #[serde(rename = "vectorString")]
    pub(super) vector_string: String,
    #[serde(rename = "baseScore")]
    pub(super) base_score: f64,
    #[serde(rename = "baseSeverity")]
    pub(super) base_severity: String,
}
