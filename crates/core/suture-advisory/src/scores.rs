//! What is said in public about severity: base metrics, and the scores that follow from them alone.
//!
//! Environmental and temporal metrics describe somebody's own systems and the day of the judgement. They stay in the case.

use suture_case::model::Vectors;
use suture_case::severity::{Scored, VectorV3, VectorV4};

/// The base metrics of v3.1, in the order of its section 6.
const BASE_V3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
/// The base metrics of v4.0, in the order of its section 7, which readers insist on.
const BASE_V4: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

/// The vectors with nothing but base metrics.
pub fn base(vectors: &Vectors) -> Vectors {
    Vectors {
        cvss_v3: vectors.cvss_v3.as_ref().and_then(base_v3),
        cvss_v4: vectors.cvss_v4.as_ref().and_then(base_v4),
    }
}

/// The score of the v3.1 base metrics.
pub fn v3(vectors: &Vectors) -> Option<Scored> {
    vectors.cvss_v3.as_ref().and_then(base_v3).map(|vector| vector.scored())
}

/// The score of the v4.0 base metrics.
pub fn v4(vectors: &Vectors) -> Option<Scored> {
    vectors.cvss_v4.as_ref().and_then(base_v4).map(|vector| vector.scored())
}

fn base_v3(vector: &VectorV3) -> Option<VectorV3> {
    only("CVSS:3.1", &BASE_V3, &vector.to_string()).parse().ok()
}

fn base_v4(vector: &VectorV4) -> Option<VectorV4> {
    only("CVSS:4.0", &BASE_V4, &vector.to_string()).parse().ok()
}

fn only(version: &str, metrics: &[&str], vector: &str) -> String {
    let stated = |metric: &str| {
        vector.split('/').find(|part| part.split_once(':').is_some_and(|(name, _)| name == metric))
    };
    metrics
        .iter()
        .filter_map(|metric| stated(metric))
        .fold(version.to_owned(), |text, part| text + "/" + part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_systems_are_nobodys_business() {
        let vectors = Vectors {
            cvss_v3: "CVSS:3.1/S:U/AV:N/AC:L/PR:L/UI:N/C:H/I:H/A:H/E:F/MAV:L".parse().ok(),
            cvss_v4: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U/MAV:P".parse().ok(),
        };
        assert!(vectors.cvss_v3.is_some() && vectors.cvss_v4.is_some());
        let (v3, v4) = (v3(&vectors).unwrap(), v4(&vectors).unwrap());
        assert_eq!(
            (v3.vector.as_str(), v3.score_tenths),
            ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 88)
        );
        assert_eq!(v4.vector, "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N");
        assert_eq!(v4.score_tenths, 93);
    }
}
