//! Distribution: how a bundle and the trust policy get from those who make them to the machines that use them, with
//! nothing but a static web server between them that nobody has to trust.
//!
//! ```text
//!  keys of root ── init, rotate ─► pending root ─┐
//!  policy directory ─┐                           │
//!  bundle, statements ┴─ add ─► content ─────────┴─ publish, refresh ─► public/ ─ any web server ─► fetch ─► directory
//!        under embargo: parcel ─► age ─┘ ▲                                                            ▲
//!                                 reveal ┘                              pinned root, datastore, clock ┘
//! ```
//!
//! A channel is a TUF repository (The Update Framework, specification 1.0) with consistent snapshots. Root, targets,
//! snapshot and timestamp are the roles of TUF; `targets` signs the trust policy and delegates the bundles to the role
//! `patches`. What is verified on arrival is only that the channel's owner published it; whether a bundle may run is
//! decided afterwards, by the statements about it and the local policy. That policy may come through the channel as well,
//! and is then read before it is published and before it replaces one.
//!
//! Everything here blocks: the TUF client is asynchronous inside and stays there. The time is an argument.
#![forbid(unsafe_code)]

mod add;
mod carry_out;
mod embargo;
mod error;
mod fetch;
mod identity;
mod init;
mod key;
mod leftovers;
mod lifetime;
pub mod limits;
mod metadata;
mod model;
pub mod name;
mod news;
pub mod parcel;
mod place;
mod policy;
mod publish;
mod published;
mod refusals;
mod remove;
mod reveal;
mod rotate;
mod seal;
mod sealed;
mod show;

pub use add::{Added, add_bundle, add_policy};
pub use carry_out::Write;
pub use embargo::{Identities, Recipients};
pub use error::{ChannelError, Refusal};
pub use fetch::{Delivered, Delivery, Fetch, Fetched, NotForUs, fetch, fetched};
pub use init::{Founding, init};
pub use key::{PublicKey, RoleSigner};
pub use lifetime::{Lifetime, Lifetimes};
pub use model::{Keys, Role};
pub use news::{Bundle, News, Unknown};
pub use place::Place;
pub use publish::{Plan, Publication, Scope, plan, publish, publish_if};
pub use refusals::{Dropped, drop_doubtful};
pub use remove::{Held, Removed, Taken, remove, remove_policy};
pub use reveal::{Revealed, reveal};
pub use rotate::{RootState, Rotation, rotate};
pub use seal::Embargo;
pub use show::{Overview, RoleView, SealedView, TargetView, show, show_root};
pub use url::Url;
