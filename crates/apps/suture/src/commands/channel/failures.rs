//! What goes wrong with channels, and how it ends: bad input, a failing world, or a refusal for want of trust.

use suture_channel::ChannelError;

use crate::failure::Failure;

/// `what` is what could not be done.
pub(crate) fn failure(what: impl Into<String>, error: &ChannelError) -> Failure {
    match error {
        ChannelError::Refused(refusal) => {
            Failure::refused(what).with_code(refusal.code()).why(refusal).help(refusal.help())
        }
        ChannelError::Input { what, why, help } => {
            let failure = Failure::usage(format!("{what} can't be used")).why(why);
            if help.is_empty() { failure } else { failure.help(help) }
        }
        ChannelError::Failed { .. } => Failure::unexpected(what).why(error),
        ChannelError::HalfPublished { .. } => Failure::unexpected("no more than a new root was published")
            .with_code("half-published")
            .why(error)
            .help("publish again with the same keys: until then nodes that follow the new root refuse the channel"),
        ChannelError::Unreachable { .. } => Failure::unexpected(what)
            .why(error)
            .help("look whether the address is right and the server answers"),
    }
}
