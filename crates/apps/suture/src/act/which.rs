//! Which act a command is.
//!
//! Every command has its row, so that none can be added without saying whether it is recorded. No act is what only reads, and
//! what only makes files out of files that the caller has (`diff`, `build`): such a file is in the log once something is
//! done with it. What is done with the log itself is in the log itself.

use crate::args::advisory::AdvisoryCommand;
use crate::args::audit::AuditCommand;
use crate::args::case::CaseCommand;
use crate::args::channel::ChannelCommand;
use crate::args::{BundleCommand, Command, DossierCommand, KeyCommand, PolicyCommand};

/// The name of the act, if `command` is one.
pub(super) fn act(command: &Command) -> Option<&'static str> {
    match command {
        Command::Apply(_) => Some("process.apply"),
        Command::Toggle(_) => Some("process.toggle"),
        Command::Revert(_) => Some("process.revert"),
        Command::Case(args) => case(&args.command),
        Command::Dossier(args) => dossier(&args.command),
        Command::Bundle(args) => bundle(&args.command),
        Command::Reproduce(_) => Some("bundle.reproduce"),
        // Named more closely after the statement.
        Command::Sign(_) => Some("sign"),
        Command::Policy(args) => policy(&args.command),
        Command::Advisory(args) => advisory(&args.command),
        Command::LeakCheck(_) => Some("leak-check"),
        Command::Statements(args) => args.prune.then_some("statements.prune"),
        Command::Channel(args) => channel(&args.command),
        Command::Fetch(_) => Some("channel.fetch"),
        Command::Key(args) => key(&args.command),
        Command::Audit(args) => audit(&args.command),
        Command::Diff(_)
        | Command::Build(_)
        | Command::Inspect(_)
        | Command::Ps(_)
        | Command::Completions(_) => None,
    }
}

fn case(command: &CaseCommand) -> Option<&'static str> {
    match command {
        CaseCommand::New(_) => Some("case.open"),
        CaseCommand::Classify(_) => Some("case.classify"),
        CaseCommand::Show(_) | CaseCommand::List(_) => None,
    }
}

fn dossier(command: &DossierCommand) -> Option<&'static str> {
    match command {
        DossierCommand::New(_) => Some("dossier.new"),
        DossierCommand::Lint(_) | DossierCommand::Render(_) => None,
    }
}

fn bundle(command: &BundleCommand) -> Option<&'static str> {
    match command {
        BundleCommand::Create(_) => Some("bundle.create"),
        BundleCommand::Show(_) | BundleCommand::Verify(_) | BundleCommand::Diff(_) => None,
    }
}

fn policy(command: &PolicyCommand) -> Option<&'static str> {
    match command {
        PolicyCommand::Check(_) => Some("policy.check"),
        PolicyCommand::Show(_) | PolicyCommand::Test(_) | PolicyCommand::Try(_) | PolicyCommand::Route(_) => {
            None
        }
    }
}

fn advisory(command: &AdvisoryCommand) -> Option<&'static str> {
    match command {
        AdvisoryCommand::New(_) => Some("advisory.new"),
        AdvisoryCommand::Update(args) if args.stage.is_some() => Some("advisory.stage"),
        AdvisoryCommand::Update(_) => Some("advisory.update"),
        AdvisoryCommand::Render(_) => Some("advisory.render"),
        AdvisoryCommand::Show(_) => None,
    }
}

fn channel(command: &ChannelCommand) -> Option<&'static str> {
    match command {
        ChannelCommand::Init(_) => Some("channel.init"),
        ChannelCommand::Add(_) => Some("channel.add"),
        ChannelCommand::Reveal(_) => Some("channel.reveal"),
        ChannelCommand::Remove(_) => Some("channel.remove"),
        ChannelCommand::Publish(_) => Some("channel.publish"),
        ChannelCommand::Refresh(_) => Some("channel.refresh"),
        ChannelCommand::Rotate(_) => Some("channel.rotate"),
        ChannelCommand::Show(_) => None,
    }
}

fn key(command: &KeyCommand) -> Option<&'static str> {
    match command {
        KeyCommand::New(_) => Some("key.new"),
        KeyCommand::Show(_) => None,
    }
}

fn audit(command: &AuditCommand) -> Option<&'static str> {
    match command {
        AuditCommand::Init(_)
        | AuditCommand::Show(_)
        | AuditCommand::Verify(_)
        | AuditCommand::Export(_)
        | AuditCommand::Prove(_)
        | AuditCommand::Consistency(_)
        | AuditCommand::Witness(_)
        | AuditCommand::Receive(_) => None,
    }
}
