//! An advisory as an `OpenVEX` 0.2.0 document.
//!
//! <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>. A build that was patched while it runs is `not_affected`, because
//! `inline_mitigations_already_exist`; the same build without the patch is `affected`, with what to do. The schema allows a
//! justification or an impact statement and not both, so how to tell the two apart stands in the status notes.

use serde::Serialize;
use suture_case::values::Line;

use crate::model::Advisory;
use crate::products::{self, Product, What, products};
use crate::stage::Stage;

/// An `OpenVEX` document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenVex {
    #[serde(rename = "@context")]
    context: &'static str,
    #[serde(rename = "@id")]
    id: String,
    author: String,
    role: &'static str,
    timestamp: String,
    last_updated: String,
    version: usize,
    tooling: String,
    statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "these are keys of a document")]
struct Statement {
    vulnerability: Vulnerability,
    products: Vec<Component>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_notes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_statement: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Vulnerability {
    name: String,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Component {
    #[serde(rename = "@id")]
    id: String,
    identifiers: Identifiers,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Identifiers {
    purl: String,
}

/// `advisory` as `OpenVEX`; nothing if it has no version yet.
pub fn openvex(advisory: &Advisory) -> Option<OpenVex> {
    let history: Vec<_> = advisory.history().collect();
    let (first, last) = (history.first()?, history.last()?);
    Some(OpenVex {
        context: "https://openvex.dev/ns/v0.2.0",
        id: advisory.publisher.namespace.below(&format!("vex/{}", advisory.id)),
        author: advisory.publisher.name.to_string(),
        role: advisory.publisher.category.name(),
        timestamp: first.at.to_string(),
        last_updated: last.at.to_string(),
        version: history.len(),
        tooling: format!("suture {}; advisory version {}", env!("CARGO_PKG_VERSION"), last.number),
        statements: statements(advisory),
    })
}

fn statements(advisory: &Advisory) -> Vec<Statement> {
    let products = products(advisory);
    let of = |wanted: fn(&What<'_>) -> bool| -> Vec<Component> {
        let mut components: Vec<Component> = Vec::new();
        for component in products.iter().filter(|product| wanted(&product.what)).map(component) {
            if !components.contains(&component) {
                components.push(component);
            }
        }
        components
    };
    let statement = |status, products| Statement {
        vulnerability: vulnerability(advisory),
        products,
        status,
        status_notes: None,
        justification: None,
        action_statement: None,
    };
    let mut statements = Vec::new();
    let affected = of(|what| matches!(what, What::Affected(_)));
    if !affected.is_empty() {
        statements
            .push(Statement { action_statement: Some(action(advisory)), ..statement("affected", affected) });
    }
    for product in &products {
        match &product.what {
            What::Build(patch) => statements.push(Statement {
                action_statement: Some(products::what_to_do(patch)),
                status_notes: Some(products::how_to_tell(patch)),
                ..statement("affected", vec![component(product)])
            }),
            What::Patched(patch) => statements.push(Statement {
                justification: Some("inline_mitigations_already_exist"),
                status_notes: Some(products::how_to_tell(patch)),
                ..statement("not_affected", vec![component(product)])
            }),
            _ => {}
        }
    }
    for (status, products) in [
        ("fixed", of(|what| matches!(what, What::Fixed(_)))),
        ("under_investigation", of(|what| matches!(what, What::Unknown))),
    ] {
        if !products.is_empty() {
            statements.push(statement(status, products));
        }
    }
    statements
}

fn component(product: &Product<'_>) -> Component {
    Component { id: product.purl.clone(), identifiers: Identifiers { purl: product.purl.clone() } }
}

/// The CVE id is the name by which readers know it, if there is one.
fn vulnerability(advisory: &Advisory) -> Vulnerability {
    let by_cve = advisory.ids.iter().find(|id| id.is_cve()).or(advisory.ids.first());
    let name = by_cve.map_or_else(|| advisory.id.to_string(), ToString::to_string);
    let aliases = advisory.ids.iter().map(ToString::to_string).filter(|id| *id != name).collect();
    Vulnerability { name, description: advisory.title.to_string(), aliases }
}

fn action(advisory: &Advisory) -> String {
    let mut sentences = Vec::new();
    if !advisory.hot_patch.is_empty() {
        sentences.push("Builds for which there is a hot patch have statements of their own.".to_owned());
    }
    let fixed: Vec<&str> = advisory.program.fixed.iter().map(Line::as_str).collect();
    if !fixed.is_empty() {
        sentences.push(format!(
            "Install one of these versions and start the program again: {}.",
            fixed.join("; ")
        ));
    }
    if let Some(workaround) = &advisory.workaround {
        sentences.push(workaround.to_string());
    }
    if sentences.is_empty() {
        let when = if advisory.stage == Stage::Published { "" } else { " yet" };
        sentences.push(format!("No fixed version is known{when}."));
    }
    sentences.join(" ")
}
