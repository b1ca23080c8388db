//! Advisories that tests make: one in full, and any.

use proptest::prelude::*;
use suture_advisory::links::Url;
use suture_advisory::model::{
    BuildId, Credit, CreditRole, HotPatch, Publisher, PublisherCategory, Reference, ReferenceKind,
};
use suture_advisory::{Advisory, Stage, Update, weakness};
use suture_case::Case;
use suture_case::model::Tlp;
use suture_case::values::{Digest, Line, List, Moment, Prose};

pub(crate) fn line(text: &str) -> Line {
    text.parse().unwrap()
}

pub(crate) fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

pub(crate) fn publisher() -> Publisher {
    Publisher {
        category: PublisherCategory::Vendor,
        name: line("Example Redis Team"),
        namespace: "https://security.example.org".parse().unwrap(),
        contact: Some(line("security@example.org")),
    }
}

pub(crate) fn case() -> Case {
    let opened = moment("2026-10-28T10:00:00Z");
    let mut case = Case::new(
        "redis-24834".parse().unwrap(),
        line("Heap overflow in cjson"),
        line("redis-server"),
        opened,
    );
    case.ids =
        List::new(vec!["CVE-2022-24834".parse().unwrap(), "GHSA-p8x2-9v9q-c838".parse().unwrap()]).unwrap();
    case.embargo_until = Some(moment("2026-11-02T16:00:00Z"));
    case.program.affected = List::new(vec![line(">=7.0.0, <7.0.12"), line("6.2.12")]).unwrap();
    case.severity.cvss_v3 = "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/MAV:L".parse().ok();
    case.severity.cvss_v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N".parse().ok();
    case.people.author = Some("bob:core".parse().unwrap());
    case.people.reviewer = Some("carol:security".parse().unwrap());
    case
}

pub(crate) fn hot_patch() -> HotPatch {
    HotPatch {
        version: Some(line("7.0.11")),
        build_id: "9f3c2a7be41d5560c8f0a1b2c3d4e5f60718293a".to_owned().try_into().unwrap(),
        patch: Digest::of(b"the delta"),
        bundle: Some(Digest::of(b"the bundle")),
    }
}

/// Everything said, no version yet.
pub(crate) fn full() -> Advisory {
    let mut advisory = Advisory::begin(&case(), publisher()).unwrap();
    advisory.cwe = Some("CWE-122".parse().unwrap());
    advisory.summary = "A script that encodes a table with more than a billion elements writes behind the end of a buffer.\n\n\
                        Scripts have to be allowed for the user."
        .parse()
        .ok();
    advisory.impact = "Whoever may run scripts can run code in the server.".parse().ok();
    advisory.workaround = "Take the right to run EVAL and EVALSHA from users who don't need it.".parse().ok();
    advisory.offer(hot_patch()).unwrap();
    for (role, name) in [(CreditRole::Reporter, "Dana Finder"), (CreditRole::Verifier, "Erin Tester")] {
        advisory.thank(Credit { role, name: line(name), organization: None }).unwrap();
    }
    let reference = Reference {
        summary: line("The fix"),
        url: "https://example.org/redis/commit/1".parse().unwrap(),
        kind: ReferenceKind::Fix,
    };
    advisory.reference = List::new(vec![reference]).unwrap();
    advisory.program.vendor = Some(line("Example"));
    advisory.program.repository = "https://example.org/redis.git".parse().ok();
    advisory.program.fixed_commits = List::new(vec!["a".repeat(40).try_into().unwrap()]).unwrap();
    advisory
}

pub(crate) fn update(to: Option<Stage>, at: &str) -> Update {
    let summary = line(if to.is_none() { "What is new" } else { "Another stage" });
    Update { to, summary, editorial: false, force: None, case_until: None, at: moment(at), by: line("alice") }
}

/// The full one in a stage.
pub(crate) fn in_stage(stage: Stage) -> Advisory {
    let draft = full().revised(&update(None, "2026-10-29T09:00:00Z")).unwrap();
    if stage == Stage::Draft {
        return draft;
    }
    let embargoed = draft.revised(&update(Some(Stage::Embargoed), "2026-10-30T09:00:00Z")).unwrap();
    if stage == Stage::Embargoed {
        return embargoed;
    }
    let published = embargoed.revised(&update(Some(stage), "2026-11-02T16:00:00Z")).unwrap();
    let fixed = Advisory {
        program: suture_advisory::model::Program {
            fixed: List::new(vec![line("7.0.12"), line("6.2.13")]).unwrap(),
            ..published.program.clone()
        },
        ..published
    };
    fixed
        .revised(&Update { summary: line("Fixed versions are out"), ..update(None, "2026-11-05T12:00:00Z") })
        .unwrap()
}

/// Lines with everything that has a meaning somewhere.
fn any_line() -> impl Strategy<Value = Line> {
    let hostile = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "a | b | c",
        "`code` ``more`` \\",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/x.png)",
        "1. **bold** _it_ ~~no~~ &amp; &#x41;",
        "# no heading",
        "- no item",
        "</style></title>",
        "${7*7} {{x}} %00 %s",
        "https://evil.example/?a=b&c=d",
        "---",
        "```",
    ]);
    prop_oneof![
        3 => hostile.prop_map(line),
        3 => "[a-zA-Z0-9][a-zA-Z0-9 ._:/-]{0,30}".prop_filter_map("a line", |text| text.parse().ok()),
        2 => "\\PC{1,40}".prop_filter_map("a line", |text| text.parse().ok()),
    ]
}

fn any_prose() -> impl Strategy<Value = Prose> {
    prop::collection::vec(any_line(), 1..5).prop_map(|lines| {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        lines.join("\n\n").parse().unwrap()
    })
}

fn any_versions() -> impl Strategy<Value = Vec<Line>> {
    let one = "[0-9]{1,2}\\.[0-9]{1,2}(\\.[0-9]{1,3})?(-[a-z]{1,3}[0-9])?";
    let range = (one, one, prop::sample::select(vec![">=", ">"]), prop::sample::select(vec!["<", "<="]))
        .prop_map(|(from, to, above, below)| format!("{above}{from}, {below}{to}"));
    let half = (one, prop::sample::select(vec!["<", "<=", ">=", ">", "="]))
        .prop_map(|(v, sign)| format!("{sign}{v}"));
    let plain = prop_oneof![3 => one.prop_map(|v| v), 2 => range, 2 => half].prop_map(|text| line(&text));
    prop::collection::vec(prop_oneof![5 => plain, 1 => any_line()], 0..4)
}

fn any_case() -> impl Strategy<Value = Case> {
    let ids = prop::collection::vec(
        prop_oneof!["CVE-20[0-9]{2}-[0-9]{4,7}", "GHSA(-[23456789cfghjmpqrvwx]{4}){3}"],
        0..3,
    );
    let v3 = "CVSS:3\\.1/AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[NLH]/I:[NLH]/A:[NLH](/E:[XUPFH])?(/MAV:[XNALP])?";
    let v4 = "CVSS:4\\.0/AV:[NALP]/AC:[LH]/AT:[NP]/PR:[NLH]/UI:[NPA]/VC:[HLN]/VI:[HLN]/VA:[HLN]/SC:[HLN]/SI:[HLN]/SA:[HLN]";
    let vectors = (prop::option::of(v3), prop::option::of(v4));
    ("[a-z0-9][a-z0-9_-]{0,20}", any_line(), any_line(), ids, any_versions(), vectors, any_line()).prop_map(
        |(id, title, program, ids, affected, (v3, v4), person)| {
            let mut case = Case::new(id.parse().unwrap(), title, program, moment("2026-01-01T00:00:00Z"));
            case.ids = unique(ids.iter().map(|id| id.parse().unwrap()).collect());
            case.program.affected = unique(affected);
            case.severity.cvss_v3 = v3.map(|vector| vector.parse().unwrap());
            case.severity.cvss_v4 = v4.map(|vector| vector.parse().unwrap());
            case.people.author =
                Some(suture_case::names::Person { name: person.clone(), team: Some(person) });
            case
        },
    )
}

fn unique<T: PartialEq, const MAX: usize>(items: Vec<T>) -> List<T, MAX> {
    let mut all: Vec<T> = Vec::new();
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    List::new(all).unwrap()
}

fn any_patch() -> impl Strategy<Value = HotPatch> {
    let build_id = "([0-9a-f]{2}){8,20}".prop_map(|id| BuildId::try_from(id).unwrap());
    (prop::option::of(any_line()), build_id, any::<u32>(), any::<bool>()).prop_map(
        |(version, build_id, seed, bundled)| HotPatch {
            version,
            build_id,
            patch: Digest::of(&seed.to_le_bytes()),
            bundle: bundled.then(|| Digest::of(b"bundle")),
        },
    )
}

type Texts = (Option<Prose>, Option<Prose>, Option<Prose>, Option<String>, Vec<Line>);

fn any_texts() -> impl Strategy<Value = Texts> {
    let cwes: Vec<String> =
        weakness::table().map(|(id, _)| id.to_owned()).chain(["CWE-99999".to_owned()]).collect();
    let prose = || prop::option::of(any_prose());
    (prose(), prose(), prose(), prop::option::of(prop::sample::select(cwes)), any_versions())
}

/// Any advisory with a version, in any stage.
pub(crate) fn any_advisory() -> impl Strategy<Value = Advisory> {
    let people = prop::collection::vec((prop::sample::select(CreditRole::ALL.to_vec()), any_line()), 0..4);
    let links =
        prop::collection::vec((any_line(), "https://[a-z]{1,8}\\.example/[a-z0-9/?=&()-]{0,20}"), 0..3);
    let patches = prop::collection::vec(any_patch(), 0..3);
    let place = (any::<bool>(), any::<bool>(), prop::option::of(any_line()));
    let stage = prop::sample::select(vec![Stage::Draft, Stage::Embargoed, Stage::Published]);
    (any_case(), any_texts(), people, links, patches, place, stage, 0..4_usize).prop_map(
        |(case, texts, people, links, patches, place, stage, rounds)| {
            let mut advisory = Advisory::begin(&case, publisher()).unwrap();
            say(&mut advisory, texts, place);
            for patch in patches {
                advisory.offer(patch).unwrap();
            }
            for (role, name) in people {
                advisory.thank(Credit { role, name, organization: None }).unwrap();
            }
            let links = links.into_iter().filter_map(|(summary, url)| {
                Some(Reference { summary, url: url.parse::<Url>().ok()?, kind: ReferenceKind::Web })
            });
            advisory.reference = List::first_of(links);
            grow(&advisory, stage, rounds)
        },
    )
}

fn say(advisory: &mut Advisory, texts: Texts, place: (bool, bool, Option<Line>)) {
    let (summary, impact, workaround, cwe, fixed) = texts;
    advisory.summary = summary;
    advisory.impact = impact;
    advisory.workaround = workaround;
    advisory.cwe = cwe.map(|cwe| cwe.parse().unwrap());
    let affected = advisory.program.affected.to_vec();
    advisory.program.fixed = unique(fixed.into_iter().filter(|line| !affected.contains(line)).collect());
    let (has_package, has_repository, vendor) = place;
    advisory.program.vendor = vendor;
    if has_package {
        advisory.program.package = Some(suture_advisory::model::Package {
            ecosystem: "Debian:12".parse().unwrap(),
            name: advisory.program.name.clone(),
        });
        advisory.program.purl = "pkg:deb/debian/thing".parse().ok();
    }
    if has_repository {
        advisory.program.repository = "https://example.org/x.git".parse().ok();
        advisory.program.fixed_commits = unique(vec!["b".repeat(64).try_into().unwrap()]);
    }
}

/// Through the stages, with some edits in each.
fn grow(advisory: &Advisory, stage: Stage, rounds: usize) -> Advisory {
    let mut advisory = advisory.revised(&update(None, "2026-02-01T00:00:00Z")).unwrap();
    advisory.disclose_at = Some(moment("2026-02-02T00:00:00Z"));
    for to in [Stage::Embargoed, Stage::Published].into_iter().filter(|to| *to <= stage) {
        if to == Stage::Published && advisory.summary.is_none() {
            advisory.summary = "Something.".parse().ok();
        }
        if to == Stage::Published && advisory.program.affected.is_empty() && advisory.hot_patch.is_empty() {
            advisory.offer(hot_patch()).unwrap();
        }
        advisory = advisory.revised(&update(Some(to), "2026-02-02T00:00:00Z")).unwrap();
    }
    for round in 0..rounds {
        if round % 2 == 0 {
            advisory.workaround = format!("Workaround {round}.").parse().ok();
        } else {
            let name = line(&format!("1000.{round}"));
            advisory.name_versions(&[name], &[]).unwrap();
        }
        let editorial = round == 0;
        advisory = advisory.revised(&Update { editorial, ..update(None, "2026-02-03T00:00:00Z") }).unwrap();
    }
    assert_ne!(advisory.tlp, Tlp::Green);
    advisory
}
