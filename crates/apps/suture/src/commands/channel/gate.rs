//! What has to be agreed to before something becomes public: the policy permits each bundle that is new, and nothing that is
//! new gives away what is under embargo.
//!
//! A channel holds what is under embargo in the clear, beside what it shows; that is where the secrets come from, so that
//! nobody has to remember to name them.

use jiff::Timestamp;
use suture_advisory::leak::{Finding, Findings, Secrets, Watch};
use suture_case::names::CaseId;
use suture_channel::{Bundle, ChannelError, News, PublicKey, RoleSigner, name};
use suture_clearance::{Authority, Clearance, Patch, Use, clear};
use suture_policy::{CaseFacts, Moment};
use suture_trust::{KeyId, Lines, read_lines};

use super::failure;
use crate::args::channel::GateArgs;
use crate::commands::{case, secrets};
use crate::console::Console;
use crate::failure::Failure;
use crate::{permission, statement_file, trust_dir};

/// So many findings are named in a refusal.
const FINDINGS_SHOWN_MAX: usize = 5;

/// The one who asks.
pub(super) struct Gate<'a> {
    args: &'a GateArgs,
    /// The rules; without them only leaks are looked for.
    authority: Option<Authority>,
    /// Everybody in the trust root whose key is at hand.
    publishers: Vec<String>,
    now: Timestamp,
    console: &'a Console,
}

impl<'a> Gate<'a> {
    /// Reads the rules, and finds out who publishes: those whose keys are given.
    pub(super) fn open(
        args: &'a GateArgs,
        signers: &[&dyn RoleSigner],
        console: &'a Console,
    ) -> Result<Self, Failure> {
        let authority =
            trust_dir::find(args.trust.as_deref()).map(|found| trust_dir::read(&found)).transpose()?;
        let now = Timestamp::now();
        let who = |signer: &&dyn RoleSigner| owner(authority.as_ref()?, &signer.public(), now);
        let mut publishers: Vec<String> = signers.iter().filter_map(who).collect();
        publishers.sort();
        publishers.dedup();
        Ok(Self { args, authority, publishers, now, console })
    }

    /// Whether this may become public.
    pub(super) fn check(&self, news: &News<'_>) -> Result<(), Failure> {
        self.refuse_leaks(news)?;
        let Some(authority) = &self.authority else {
            self.console
                .note("nothing was verified: this machine has no trust root (--trust, SUTURE_TRUST_DIR)");
            return Ok(());
        };
        let unread = |error: ChannelError| failure("nothing was published", &error);
        for bundle in news.bundles().map_err(unread)? {
            self.ask(authority, &bundle.map_err(unread)?)?;
        }
        Ok(())
    }

    /// Looks for every secret in everything that is new.
    fn refuse_leaks(&self, news: &News<'_>) -> Result<(), Failure> {
        let unread = |error: ChannelError| failure("nothing was published", &error);
        let mut secrets = self.secrets()?;
        for bundle in news.secrets(self.now).map_err(unread)? {
            self.secrets_of(&bundle.map_err(unread)?, &mut secrets)?;
        }
        let watch = Watch::new(&secrets).map_err(|why| {
            Failure::usage("nothing was published").why(&why).help("let some of the embargoes end first")
        })?;
        let mut found = Findings::default();
        for target in news.names {
            let is_sealed = matches!(name::Kind::parse(target), Ok(name::Kind::Sealed(_)));
            let content = if is_sealed { Vec::new() } else { news.content(target).map_err(unread)? };
            watch.look(target, &content, &mut found);
        }
        if found.count == 0 { Ok(()) } else { Err(leaking(&found)) }
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

    /// What a bundle under embargo says, and its case if that is at hand.
    fn secrets_of(&self, bundle: &Bundle, secrets: &mut Secrets) -> Result<(), Failure> {
        let patch = read(bundle)?;
        secrets.more.push(bundle.name.clone());
        secrets.titles.extend(patch.title.clone());
        for (delta, _) in &patch.deltas {
            secrets::of_delta(delta, secrets);
        }
        match self.case_of(&patch) {
            Some(id) => secrets::of_case(id.as_str().as_ref(), &self.args.cases, secrets),
            None => Ok(()),
        }
    }

    /// Asks the rules about one bundle, as each of those who could be publishing it.
    fn ask(&self, authority: &Authority, bundle: &Bundle) -> Result<(), Failure> {
        let patch = read(bundle)?;
        let lines = lines(bundle)?;
        let case = self.facts(&patch, bundle)?;
        let mut refused = None;
        for by in &self.publishers {
            // What would be public was looked through before.
            let wanted = Use::Publish { by: by.clone(), encrypted: bundle.embargo_until.is_some(), leaks: 0 };
            let asked = clear(authority, &patch, &lines, &wanted, case.as_ref(), self.now);
            let clearance = asked.map_err(|error| {
                permission::unanswered(&error, &statement_file::beside(bundle.name.as_ref()))
            })?;
            if clearance.decision.allowed {
                return Ok(());
            }
            refused.get_or_insert((by, clearance));
        }
        Err(not_permitted(bundle, refused.as_ref().map(|(by, clearance)| (by.as_str(), clearance))))
    }

    /// What the rules are told of the case of a bundle, with the embargo of the bundle if that is longer.
    fn facts(&self, patch: &Patch, bundle: &Bundle) -> Result<Option<CaseFacts>, Failure> {
        let Some(id) = self.case_of(patch) else {
            if let Some(named) = &patch.case {
                let words = format!(
                    "the case `{}` is not in `{}`: rules that ask about it are silent",
                    named.escape_debug(),
                    self.args.cases.display()
                );
                self.console.note(&words);
            }
            return Ok(None);
        };
        let mut facts = case::for_rules(&self.args.cases, &id)?;
        let until = bundle.embargo_until.map(|until| Moment::nearest(until.as_second()));
        facts.embargo = facts.embargo.max(until);
        Ok(Some(facts))
    }

    /// The case that a bundle names, if its record is at hand.
    fn case_of(&self, patch: &Patch) -> Option<CaseId> {
        let id: CaseId = patch.case.as_deref()?.parse().ok()?;
        self.args.cases.join(id.as_str()).exists().then_some(id)
    }
}

fn read(bundle: &Bundle) -> Result<Patch, Failure> {
    Patch::read(&bundle.content).map_err(|error| permission::unusable(bundle.name.as_ref(), &error))
}

/// Whose key it is, if that can sign now.
fn owner(authority: &Authority, key: &PublicKey, now: Timestamp) -> Option<String> {
    let (principal, key) = authority.root.key(&KeyId::from(key.fingerprint()))?;
    key.holds(now).then(|| principal.name.clone())
}

fn lines(bundle: &Bundle) -> Result<Lines, Failure> {
    let Some(statements) = &bundle.statements else { return Ok(Lines::default()) };
    read_lines(statements).map_err(|error| {
        Failure::refused(format!("the statements about `{}` can't be used", bundle.name)).why(&error)
    })
}

fn not_permitted(bundle: &Bundle, refused: Option<(&str, &Clearance)>) -> Failure {
    let failure = Failure::refused(format!("the policy does not let `{}` be published", bundle.name));
    match refused {
        Some((by, clearance)) => failure
            .why(&format!("published by {by}\n{}", permission::missing(clearance).join("\n")))
            .help("`suture policy check BUNDLE` shows who could give what is missing; nothing was published"),
        None => failure
            .why("none of the keys given belongs to anybody in the trust root, so that nobody publishes it")
            .help("give the key of somebody who may publish with --key as well; nothing was published"),
    }
}

fn leaking(found: &Findings) -> Failure {
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
    Failure::refused("what would be published gives away what is under embargo")
        .with_code("leaks")
        .why(&lines.join("\n"))
        .help(
            "take it out and add it again, wait for the end of the embargo, or say with --known what everybody knows; nothing was published",
        )
}
