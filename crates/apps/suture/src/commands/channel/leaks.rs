//! Nothing that becomes public gives away what is under embargo.
//!
//! A channel keeps what is under embargo in the clear, beside what it shows, until the embargo is over; that is where the secrets come
//! from, so that nobody has to remember to name them, whether the bundle is still in the channel or not.

use suture_advisory::leak::{Closed, Finding, Findings, Secrets, Watch};
use suture_channel::name::{Kind, STATEMENTS};
use suture_channel::{Bundle, ChannelError, News};
use suture_clearance::Patch;

use super::failure;
use super::gate::{self, Gate};
use crate::commands::leak_check::place_of;
use crate::commands::secrets;
use crate::failure::Failure;

/// So many findings are named in a refusal.
const FINDINGS_SHOWN_MAX: usize = 5;

impl Gate<'_> {
    /// Looks for every secret in everything that is new.
    pub(super) fn refuse_leaks(&self, news: &News<'_>) -> Result<(), Failure> {
        let unread = |error: ChannelError| failure("nothing was published", &error);
        let mut secrets = self.secrets()?;
        for bundle in news.embargoes().map_err(unread)? {
            let bundle = bundle.map_err(unread)?;
            let patch = gate::read(&bundle)?;
            if self.secret_until(&patch, &bundle)?.is_some_and(|until| until > self.moment()) {
                self.secrets_of(&patch, &bundle, &mut secrets)?;
            } else {
                news.is_over(&bundle);
            }
        }
        let watch = Watch::new(&secrets).map_err(|why| {
            Failure::usage("nothing was published").why(&why).help("let some of the embargoes end first")
        })?;
        let mut found = Findings::default();
        for target in news.names {
            let is_sealed = matches!(Kind::parse(target), Ok(Kind::Sealed(_)));
            let content = if is_sealed { Vec::new() } else { news.content(target).map_err(unread)? };
            watch.look(target, &content, &mut found);
        }
        match found.closed.first() {
            _ if found.count > 0 => Err(leaking(&found, news)),
            Some(closed) if !watch.is_empty() => Err(not_seen(closed)),
            _ => Ok(()),
        }
    }

    /// What was named on the command line.
    fn secrets(&self) -> Result<Secrets, Failure> {
        let known = self.args.known.iter().map(ToString::to_string).collect();
        let mut secrets = Secrets { known, ..Secrets::default() };
        for id in &self.args.secrets {
            secrets::of_case(id.as_str().as_ref(), &self.args.cases, &mut secrets)?;
        }
        Ok(secrets)
    }

    /// What a bundle under embargo says, and its case.
    fn secrets_of(&self, patch: &Patch, bundle: &Bundle, secrets: &mut Secrets) -> Result<(), Failure> {
        secrets.more.push(bundle.name.clone());
        secrets.titles.extend(patch.title.clone());
        for (delta, _) in &patch.deltas {
            secrets::of_delta(delta, secrets);
        }
        match self.case_of(patch, bundle)? {
            Some(id) => secrets::of_case(id.as_str().as_ref(), &self.args.cases, secrets),
            None => Ok(()),
        }
    }
}

/// While something is under embargo, nothing is published that nobody can look into.
fn not_seen(closed: &Closed) -> Failure {
    Failure::refused("what would be published can't be looked through for what is under embargo")
        .with_code("closed")
        .why(&format!("{}: {}", place_of(closed), closed.kind))
        .help("take it out and add it again unpacked or as text, or wait for the end of the embargo; nothing was published")
}

fn leaking(found: &Findings, news: &News<'_>) -> Failure {
    let place = |finding: &Finding| match finding.line {
        0 => format!("{} (its name)", finding.file),
        line => format!("{}:{line}", finding.file),
    };
    let shown = found.findings.iter().take(FINDINGS_SHOWN_MAX);
    let mut lines: Vec<String> = shown
        .map(|finding| format!("{}: `{}` {}", place(finding), finding.term, finding.why.words()))
        .collect();
    if found.count > lines.len() {
        lines.push(format!("and {} more", found.count - lines.len()));
    }
    lines.extend(held_back(found, news).map(|bundle| {
        format!("`{bundle}` is public, and until this is settled nodes are not told what was said about it, such as a refusal")
    }));
    Failure::refused("what would be published gives away what is under embargo")
        .with_code("leaks")
        .why(&lines.join("\n"))
        .help(
            "take it out and add it again, wait for the end of the embargo (`suture channel show` lists all), or say with --known what everybody knows; nothing was published",
        )
}

/// A public bundle about which something new was said that waits for this.
fn held_back<'a>(found: &'a Findings, news: &News<'_>) -> Option<&'a str> {
    let targets = found.findings.iter().filter_map(|finding| finding.file.strip_suffix(STATEMENTS));
    targets
        .filter(|target| !news.names.iter().any(|name| name == target))
        .find_map(|target| target.strip_prefix("bundle."))
}
