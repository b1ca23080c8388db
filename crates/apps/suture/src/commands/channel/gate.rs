//! What has to be agreed to before something becomes public: the policy permits each bundle that is new, none of them is
//! under embargo and in the clear, and nothing that is new gives away what is under embargo.
//!
//! The last two hold without a trust root too, and whatever its rules say. What is under embargo is in the record of a
//! case: where a bundle names one that is not at hand nobody knows, and nothing is published unless that is said.
//!
//! An embargo that was declared for a bundle holds as well, whatever has become of the bundle in the channel since; where both are
//! known the later time counts. `leaks` looks through what is new.

use std::path::Path;

use jiff::Timestamp;
use suture_case::names::CaseId;
use suture_channel::{Bundle, ChannelError, News, PublicKey, RoleSigner, name};
use suture_clearance::{Authority, Clearance, Patch, Use, clear};
use suture_policy::{CaseFacts, Moment, State};
use suture_trust::{KeyId, Lines, Received, TrustRoot, read_lines_for, verify};

use super::failure;
use crate::args::channel::GateArgs;
use crate::commands::case;
use crate::commands::case::store::CASE;
use crate::console::Console;
use crate::failure::Failure;
use crate::{permission, statement_file, trust_dir};

/// So many people are named who could give what is missing.
const PEOPLE_SHOWN_MAX: usize = 8;

/// The one who asks.
pub(super) struct Gate<'a> {
    pub(super) args: &'a GateArgs,
    /// The rules; without them only embargoes hold.
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

    /// Whom this machine believes.
    pub(super) fn root(&self) -> Option<TrustRoot> {
        self.authority.as_ref().map(|authority| authority.root.clone())
    }

    /// Whether this may become public.
    pub(super) fn check(&self, news: &News<'_>) -> Result<(), Failure> {
        self.refuse_unknown(news)?;
        if self.authority.is_none() {
            self.console
                .note("nothing was verified: this machine has no trust root (--trust, SUTURE_TRUST_DIR)");
        }
        let unread = |error: ChannelError| failure("nothing was published", &error);
        for bundle in news.bundles().map_err(unread)? {
            self.agree(news, &bundle.map_err(unread)?)?;
        }
        self.refuse_leaks(news)
    }

    /// As long as nobody can say what is under embargo nobody can say what gives it away. Nodes have to be told of refusals all
    /// the same, and what is taken out tells nothing.
    fn refuse_unknown(&self, news: &News<'_>) -> Result<(), Failure> {
        let unread = |error: ChannelError| failure("nothing was published", &error);
        let Some(unknown) = news.unknown().map_err(unread)? else { return Ok(()) };
        let is_statements =
            |target: &String| target.starts_with("bundle.") && target.ends_with(name::STATEMENTS);
        if !news.names.iter().all(is_statements) {
            return Err(unread(unknown.error()));
        }
        for bundle in news.bundles().map_err(unread)? {
            let bundle = bundle.map_err(unread)?;
            if !bundle.is_public || !self.is_refused(news, &read(&bundle)?, &bundle)? {
                return Err(unread(unknown.error()));
            }
        }
        Ok(())
    }

    /// Whether a bundle may become public, or what has been said about one that is.
    fn agree(&self, news: &News<'_>, bundle: &Bundle) -> Result<(), Failure> {
        let patch = read(bundle)?;
        let lines = match &self.authority {
            Some(authority) => lines(bundle, &authority.root)?,
            None => Lines::default(),
        };
        if bundle.is_public {
            match &self.authority {
                // All that is new was said by somebody, and nobody here is asked who may.
                None => return Ok(()),
                Some(_) if self.is_refused(news, &patch, bundle)? => {
                    // To ask would keep from the nodes that they must not run it.
                    self.console.note(&format!(
                        "`{}` is public and refused: nodes are told so, and the policy is not asked",
                        bundle.name
                    ));
                    return Ok(());
                }
                Some(_) => {}
            }
        }
        permission::require_complete(&patch, bundle.name.as_ref())?;
        let case = self.facts(&patch, bundle)?;
        if let Some(authority) = &self.authority {
            self.ask(authority, bundle, &patch, &lines, case.as_ref())?;
        }
        if bundle.is_public { Ok(()) } else { self.refuse_early(bundle, case.as_ref()) }
    }

    /// Whether somebody who may has refused it, and has not taken that back: by whom this machine believes, or the nodes do. A
    /// refusal of theirs that only others can read stops nodes as well.
    fn is_refused(&self, news: &News<'_>, patch: &Patch, bundle: &Bundle) -> Result<bool, Failure> {
        let public = news.public_root().map_err(|error| failure("nothing was published", &error))?;
        for root in self.root().into_iter().chain(public) {
            let lines = lines(bundle, &root)?;
            let received: Vec<Received<'_>> = lines
                .envelopes
                .iter()
                .map(|(_, envelope)| Received { envelope, known_since: None })
                .collect();
            let verified = verify(&root, patch.digest, &received, self.now);
            let mut unread = verified.doubtful().filter(|rejected| rejected.principal.is_some());
            if verified.refusals().next().is_some() || unread.next().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the rules about one bundle, as each of those who could be publishing it.
    fn ask(
        &self,
        authority: &Authority,
        bundle: &Bundle,
        patch: &Patch,
        lines: &Lines,
        case: Option<&CaseFacts>,
    ) -> Result<(), Failure> {
        let mut refused = None;
        for by in &self.publishers {
            // What would be public is looked through by itself, whatever the rules say.
            let wanted = Use::Publish { by: by.clone(), encrypted: bundle.embargo_until.is_some(), leaks: 0 };
            let asked = clear(authority, patch, lines, &wanted, case, self.now);
            let clearance = asked.map_err(|error| {
                let name = bundle.name.as_ref();
                permission::unanswered(&error, name, &statement_file::beside(name))
            })?;
            if clearance.decision.allowed {
                return Ok(());
            }
            refused.get_or_insert((by, clearance));
        }
        Err(not_permitted(bundle, refused.as_ref().map(|(by, clearance)| (by.as_str(), clearance))))
    }

    /// An embargo of the case holds for a bundle that somebody has added in the clear, and so does one of the bundle.
    fn refuse_early(&self, bundle: &Bundle, case: Option<&CaseFacts>) -> Result<(), Failure> {
        let of_case = case.and_then(|case| case.embargo);
        let until = of_case.max(declared(bundle)).filter(|until| *until > self.moment());
        let Some(until) = until.filter(|_| bundle.embargo_until.is_none()) else { return Ok(()) };
        let (what, help) = if declared(bundle) == Some(until) {
            (
                "it was put into the channel under embargo",
                "wait, or end that with `suture channel reveal` and --early",
            )
        } else {
            (
                "its case is under embargo",
                "add it with --embargo-until and --to, wait, or end the embargo with `suture case classify CASE --embargo-until TIME`",
            )
        };
        Err(Failure::refused(format!("`{}` would be public before its time", bundle.name))
            .with_code("embargo")
            .why(&format!("{what} until {until}, and the bundle is in the channel in the clear"))
            .help(format!("{help}; nothing was published")))
    }

    /// Until when a bundle under embargo is secret: for as long as the record of its case says, if that is longer. A disclosure that was
    /// postponed is one in the case.
    pub(super) fn secret_until(&self, patch: &Patch, bundle: &Bundle) -> Result<Option<Moment>, Failure> {
        let of_case = match self.case_of(patch, bundle)? {
            Some(id) => case::for_rules(&self.args.cases, &id)?.embargo,
            None => None,
        };
        Ok(of_case.max(declared(bundle)))
    }

    /// What is known of the case of a bundle, with the embargo of the bundle if that is longer.
    fn facts(&self, patch: &Patch, bundle: &Bundle) -> Result<Option<CaseFacts>, Failure> {
        let Some(id) = self.case_of(patch, bundle)? else {
            if let Some(named) = &patch.case {
                self.console.note(&format!(
                    "the case `{}` is not in `{}`: rules that ask about it are silent, and its embargo is not known",
                    named.escape_debug(),
                    self.args.cases.display()
                ));
            }
            return Ok(None);
        };
        let mut facts = case::for_rules(&self.args.cases, &id)?;
        facts.embargo = facts.embargo.max(declared(bundle));
        Ok(Some(facts))
    }

    /// The case that a bundle names, if its record is at hand; where it is not, that must have been said.
    pub(super) fn case_of(&self, patch: &Patch, bundle: &Bundle) -> Result<Option<CaseId>, Failure> {
        let Some(named) = &patch.case else { return Ok(None) };
        let id =
            named.parse().ok().filter(|id: &CaseId| self.args.cases.join(id.as_str()).join(CASE).exists());
        if id.is_some() || self.args.without_case.iter().any(|without| without.as_str() == named) {
            return Ok(id);
        }
        let (case, cases) = (named.escape_debug(), self.args.cases.display());
        Err(Failure::refused(format!("nobody here can say whether `{}` may be public", bundle.name))
            .with_code("case-missing")
            .why(&format!("it is for the case `{case}`, whose record, with its embargo, is not in `{cases}`"))
            .help("name the directory of cases with --cases, or say --without-case with that case if there is no record to be had; nothing was published"))
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::nearest(self.now.as_second())
    }
}

/// The disclosure time that was declared for a bundle.
fn declared(bundle: &Bundle) -> Option<Moment> {
    let until = bundle.embargo_until.max(bundle.declared_until);
    until.map(|until| Moment::nearest(until.as_second()))
}

/// Reads a bundle, which is known by where it is in the channel's directory.
pub(super) fn read(bundle: &Bundle) -> Result<Patch, Failure> {
    let is_sealed = matches!(name::Kind::parse(&bundle.target), Ok(name::Kind::Sealed(_)));
    let directory = if is_sealed { "embargo" } else { "content" };
    let path = Path::new(directory).join(if is_sealed { &bundle.name } else { &bundle.target });
    Patch::read(&bundle.content).map_err(|error| permission::unusable(&path, &error))
}

/// Whose key it is, if that can sign now.
fn owner(authority: &Authority, key: &PublicKey, now: Timestamp) -> Option<String> {
    let (principal, key) = authority.root.key(&KeyId::from(key.fingerprint()))?;
    key.holds(now).then(|| principal.name.clone())
}

fn lines(bundle: &Bundle, root: &TrustRoot) -> Result<Lines, Failure> {
    let Some(statements) = &bundle.statements else { return Ok(Lines::default()) };
    read_lines_for(statements, root).map_err(|error| {
        Failure::refused(format!("the statements about `{}` can't be used", bundle.name))
            .why(&error)
            .help("`suture statements FILE --trust DIR --prune` takes out what no key of the trust root has signed; then add it again")
    })
}

fn not_permitted(bundle: &Bundle, refused: Option<(&str, &Clearance)>) -> Failure {
    let failure = Failure::refused(format!("the policy does not let `{}` be published", bundle.name));
    match refused {
        Some((by, clearance)) => failure
            .why(&format!("published by {by}\n{}", lacking(clearance).join("\n")))
            .help("put it in again with what is missing, under embargo with --embargo-until and --to, or take it out with `suture channel remove`; nothing was published"),
        None => failure
            .why("none of the keys given belongs to anybody in the trust root, so that nobody publishes it")
            .help("give the key of somebody who may publish with --key as well; nothing was published"),
    }
}

/// What stands in the way of publishing it, and who could give it. To run it is another question, which `policy check` asks.
fn lacking(clearance: &Clearance) -> Vec<String> {
    let mut lines = permission::missing(clearance);
    let missing = clearance.decision.requirements.iter();
    let missing = missing.filter(|missing| matches!(missing.state, State::Missing | State::Overdue));
    lines.extend(missing.filter(|missing| !missing.could.is_empty()).map(|missing| {
        let people: Vec<&str> =
            missing.could.iter().take(PEOPLE_SHOWN_MAX).map(|person| person.name.as_str()).collect();
        let more = if missing.could.len() > people.len() { " and others" } else { "" };
        format!("{} could be given by {}{more}", missing.rule, people.join(", "))
    }));
    lines
}
