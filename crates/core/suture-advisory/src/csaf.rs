//! An advisory as CSAF 2.0, profile `csaf_security_advisory`.
//!
//! <https://docs.oasis-open.org/csaf/csaf/v2.0/os/csaf-v2.0-os.html>. In its words, a hot patch is a product of its own that is
//! *installed on* a build; the build is `known_affected`, the two together are `fixed`, and the remediation says that
//! `restart_required` is `none`. CSAF 2.0 knows no TLP 2.0 and no CVSS v4.0: TLP:CLEAR is `WHITE` there, TLP:AMBER+STRICT is
//! `AMBER` with the label in words, and the v4.0 vector stands in a note.

mod document;

use suture_case::model::Tlp as Label;
use suture_case::values::Line;

pub use self::document::Csaf;
use self::document::{
    Acknowledgment, Branch, CvssV3, Cwe, Distribution, Document, Engine, FileHash, FullProductName,
    Generator, Hashes, Helper, Id, Note, ProductStatus, ProductTree, Publisher, Reference, Relationship,
    Remediation, RestartRequired, Revision, Score, Tlp, Tracking, Vulnerability,
};
use crate::model::{Advisory, HotPatch};
use crate::products::{self, Product, What, products};
use crate::scores;
use crate::stage::Stage;
use crate::versions::Versions;

/// `advisory` as CSAF; nothing if it has no version yet.
pub fn csaf(advisory: &Advisory) -> Option<Csaf> {
    let products = products(advisory);
    Some(Csaf {
        document: document(advisory)?,
        product_tree: product_tree(advisory, &products),
        vulnerabilities: vec![vulnerability(advisory, &products)],
    })
}

/// The name of the file, by 5.1.
pub fn file_name(advisory: &Advisory) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-');
    let name = advisory.id.as_str().chars().map(|c| if is_plain(c) { c } else { '_' });
    name.chain(".json".chars()).collect()
}

/// How far readers can rely on it (3.2.1.12.8): what is published without a fixed version will change.
pub fn status(advisory: &Advisory) -> &'static str {
    match advisory.stage {
        Stage::Draft | Stage::Embargoed => "draft",
        Stage::Published if advisory.program.fixed.is_empty() => "interim",
        Stage::Published => "final",
    }
}

fn document(advisory: &Advisory) -> Option<Document> {
    let acknowledgments = advisory.credit.iter().map(|credit| Acknowledgment {
        names: vec![credit.name.to_string()],
        organization: credit.organization.as_ref().map(ToString::to_string),
        summary: format!("This person {}.", credit.role.deed()),
    });
    let references = advisory.reference.iter().map(|reference| Reference {
        category: "external",
        summary: reference.summary.to_string(),
        url: reference.url.to_string(),
    });
    Some(Document {
        acknowledgments: acknowledgments.collect(),
        category: "csaf_security_advisory",
        csaf_version: "2.0",
        distribution: distribution(advisory),
        lang: "en",
        notes: document_notes(advisory),
        publisher: Publisher {
            category: advisory.publisher.category.name(),
            contact_details: advisory.publisher.contact.as_ref().map(ToString::to_string),
            name: advisory.publisher.name.to_string(),
            namespace: advisory.publisher.namespace.to_string(),
        },
        references: references.collect(),
        title: advisory.title.to_string(),
        tracking: tracking(advisory)?,
    })
}

fn distribution(advisory: &Advisory) -> Distribution {
    let label = match advisory.tlp {
        Label::Clear => "WHITE",
        Label::Green => "GREEN",
        Label::Amber | Label::AmberStrict => "AMBER",
        Label::Red => "RED",
    };
    let until = match (advisory.stage, advisory.disclose_at) {
        (Stage::Published, _) | (_, None) => String::new(),
        (_, Some(until)) => format!(" Not to be made public before {until}."),
    };
    let text = format!(
        "TLP:{}, as Traffic Light Protocol 2.0 defines it.{until}",
        advisory.tlp.name().to_uppercase()
    );
    Distribution { text, tlp: Tlp { label, url: "https://www.first.org/tlp/" } }
}

fn document_notes(advisory: &Advisory) -> Vec<Note> {
    let note = |category, title: &str, text: String| Note { category, title: title.to_owned(), text };
    let summary = advisory.summary.as_ref().map_or_else(|| advisory.title.to_string(), ToString::to_string);
    let mut notes = vec![note("summary", "Summary", summary)];
    notes.extend(advisory.hot_patch.iter().map(|patch| {
        let title = format!("How to tell whether a process of {} is protected", products::build_name(patch));
        note("details", &title, products::how_to_tell(patch))
    }));
    notes
}

fn tracking(advisory: &Advisory) -> Option<Tracking> {
    let history = advisory.history().map(|revision| Revision {
        date: revision.at.to_string(),
        number: revision.number.to_string(),
        summary: revision.summary.to_string(),
    });
    let revision_history: Vec<Revision> = history.collect();
    let (first, last) = (revision_history.first()?.clone(), revision_history.last()?.clone());
    Some(Tracking {
        current_release_date: last.date.clone(),
        generator: Generator {
            date: last.date,
            engine: Engine { name: "suture", version: env!("CARGO_PKG_VERSION") },
        },
        id: advisory.id.to_string(),
        initial_release_date: first.date,
        revision_history,
        status: status(advisory),
        version: last.number,
    })
}

fn product_tree(advisory: &Advisory, products: &[Product<'_>]) -> ProductTree {
    let program = &advisory.program;
    let leaves: Vec<Branch> = products.iter().filter_map(leaf).collect();
    let unknown = products.iter().find(|product| product.what == What::Unknown);
    let named = Branch {
        category: "product_name",
        name: program.name.to_string(),
        product: unknown.map(full_name),
        branches: leaves,
    };
    let mut branches = vec![match &program.vendor {
        Some(vendor) => {
            Branch { category: "vendor", name: vendor.to_string(), product: None, branches: vec![named] }
        }
        None => named,
    }];
    if !advisory.hot_patch.is_empty() {
        branches.push(Branch {
            category: "product_name",
            name: "Hot patch for running processes".to_owned(),
            product: None,
            branches: advisory.hot_patch.iter().map(patch_leaf).collect(),
        });
    }
    ProductTree { branches, relationships: products.iter().filter_map(relationship).collect() }
}

fn leaf(product: &Product<'_>) -> Option<Branch> {
    let (category, name) = match &product.what {
        What::Affected(versions) | What::Fixed(versions) => match (versions, versions.vers()) {
            (Versions::One(version), _) => ("product_version", (*version).to_owned()),
            (Versions::Words(words), _) => ("product_version_range", (*words).to_owned()),
            (_, vers) => ("product_version_range", vers.unwrap_or_default()),
        },
        What::Build(patch) => ("product_version_range", products::build_name(patch)),
        What::Patched(_) | What::Unknown => return None,
    };
    // A build is no range, but the version in its name is whatever people call it.
    let category = match &product.what {
        What::Build(patch) if patch.version.as_ref().is_none_or(|version| is_one(version.as_str())) => {
            "product_version"
        }
        _ => category,
    };
    Some(Branch { category, name, product: Some(full_name(product)), branches: Vec::new() })
}

fn is_one(version: &str) -> bool {
    matches!(Versions::of(version), Versions::One(_))
}

fn full_name(product: &Product<'_>) -> FullProductName {
    FullProductName {
        name: product.name.clone(),
        product_id: product.id.clone(),
        product_identification_helper: Some(Helper { hashes: Vec::new(), purl: Some(product.purl.clone()) }),
    }
}

fn patch_id(patch: &HotPatch) -> String {
    format!("PATCH {}", patch.patch)
}

fn patch_leaf(patch: &HotPatch) -> Branch {
    let hash = FileHash { algorithm: "sha256", value: patch.patch.to_string() };
    let filename = format!("{}.delta", patch.patch);
    let helper = Helper { hashes: vec![Hashes { file_hashes: vec![hash], filename }], purl: None };
    let product = FullProductName {
        name: format!("Hot patch {}", patch.patch),
        product_id: patch_id(patch),
        product_identification_helper: Some(helper),
    };
    Branch {
        category: "product_version",
        name: patch.patch.to_string(),
        product: Some(product),
        branches: Vec::new(),
    }
}

fn relationship(product: &Product<'_>) -> Option<Relationship> {
    let What::Patched(patch) = &product.what else { return None };
    Some(Relationship {
        category: "installed_on",
        full_product_name: full_name(product),
        product_reference: patch_id(patch),
        relates_to_product_reference: format!("BUILD {}", patch.build_id.as_str()),
    })
}

fn vulnerability(advisory: &Advisory, products: &[Product<'_>]) -> Vulnerability {
    let status = product_status(products);
    let cve = advisory.ids.iter().find(|id| id.is_cve());
    let named = advisory.cwe.as_ref().and_then(|cwe| Some((cwe.to_string(), cwe.name()?)));
    let others = advisory.ids.iter().filter(|id| Some(*id) != cve);
    let system = |id: &str| if id.starts_with("GHSA") { "GitHub Advisory Database" } else { "CVE" };
    let mut ids: Vec<Id> =
        others.map(|id| Id { system_name: system(id.as_str()).to_owned(), text: id.to_string() }).collect();
    ids.push(Id {
        system_name: format!("Advisories of {}", advisory.publisher.name),
        text: advisory.id.to_string(),
    });
    Vulnerability {
        cve: cve.map(ToString::to_string),
        cwe: named.map(|(id, name)| Cwe { id, name }),
        ids,
        notes: vulnerability_notes(advisory),
        remediations: remediations(advisory, products, &status.known_affected),
        scores: score(advisory, &status.known_affected).into_iter().collect(),
        product_status: status,
        title: advisory.title.to_string(),
    }
}

fn vulnerability_notes(advisory: &Advisory) -> Vec<Note> {
    let note = |category, title: &str, text: String| Note { category, title: title.to_owned(), text };
    let summary = advisory.summary.as_ref().map_or_else(|| advisory.title.to_string(), ToString::to_string);
    let mut notes = vec![note("description", "Description", summary)];
    if let Some(impact) = &advisory.impact {
        notes.push(note("details", "Impact", impact.to_string()));
    }
    if let Some(v4) = scores::v4(&advisory.severity) {
        let text = format!("{} ({}), {}", v4.score(), v4.rating.name(), v4.vector);
        notes.push(note("details", "CVSS v4.0", text));
    }
    if let Some(cwe) = advisory.cwe.as_ref().filter(|cwe| cwe.name().is_none()) {
        notes.push(note("details", "Weakness", cwe.to_string()));
    }
    notes
}

fn product_status(products: &[Product<'_>]) -> ProductStatus {
    let mut status = ProductStatus::default();
    for product in products {
        let list = match product.what {
            What::Affected(_) | What::Build(_) => &mut status.known_affected,
            What::Fixed(_) | What::Patched(_) => &mut status.fixed,
            What::Unknown => &mut status.under_investigation,
        };
        list.push(product.id.clone());
    }
    status
}

fn remediations(advisory: &Advisory, products: &[Product<'_>], affected: &[String]) -> Vec<Remediation> {
    if affected.is_empty() {
        return Vec::new();
    }
    let mut remedies: Vec<Remediation> = advisory.hot_patch.iter().map(hot_patch).collect();
    if !advisory.program.fixed.is_empty() {
        remedies.push(Remediation {
            category: "vendor_fix",
            details: format!("Install one of these versions: {}.", words(&advisory.program.fixed)),
            product_ids: affected.to_vec(),
            restart_required: Some(RestartRequired {
                category: "vulnerable_component",
                details: "The program runs its old code until it is started again.",
            }),
        });
    }
    if let Some(workaround) = &advisory.workaround {
        remedies.push(Remediation {
            category: "workaround",
            details: workaround.to_string(),
            product_ids: affected.to_vec(),
            restart_required: None,
        });
    }
    let is_patchable = |product: &&Product<'_>| matches!(product.what, What::Build(_));
    let patchable: Vec<&str> =
        products.iter().filter(is_patchable).map(|product| product.id.as_str()).collect();
    let without: Vec<String> =
        affected.iter().filter(|id| !patchable.contains(&id.as_str())).cloned().collect();
    if advisory.program.fixed.is_empty() && advisory.workaround.is_none() && !without.is_empty() {
        let patched = if patchable.is_empty() { "" } else { " for them" };
        remedies.push(Remediation {
            category: "none_available",
            details: format!("There is no fix{patched} yet."),
            product_ids: without,
            restart_required: None,
        });
    }
    remedies
}

fn hot_patch(patch: &HotPatch) -> Remediation {
    Remediation {
        category: "vendor_fix",
        details: format!("{} {}", products::what_to_do(patch), products::how_to_tell(patch)),
        product_ids: vec![format!("BUILD {}", patch.build_id.as_str())],
        restart_required: Some(RestartRequired {
            category: "none",
            details: "The patch is applied to the running process.",
        }),
    }
}

fn words(lines: &[Line]) -> String {
    lines.iter().map(Line::as_str).collect::<Vec<_>>().join("; ")
}

fn score(advisory: &Advisory, affected: &[String]) -> Option<Score> {
    let scored = scores::v3(&advisory.severity).filter(|_| !affected.is_empty())?;
    Some(Score {
        cvss_v3: CvssV3 {
            version: "3.1",
            base_score: f64::from(scored.score_tenths) / 10.0,
            base_severity: scored.rating.name().to_uppercase(),
            vector_string: scored.vector,
        },
        products: affected.to_vec(),
    })
}
