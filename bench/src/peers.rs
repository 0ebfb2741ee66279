//! The suite `peers`: handover and other event stores do the same work in turn, on one machine,
//! each over its own protocol, and each acknowledges an append when it is on the disk.
//!
//! `connection` is the seam between work and stores: a new store is one more file that implements
//! it. The protocols are spoken here without the stores' own client packages. Those would add
//! features to packages that the product uses too, and cargo would build the product twice. A
//! lean client also favours the other stores, because client and server share the machine.

mod appends;
mod child;
mod connection;
mod contender;
mod contest;
mod figures;
mod follow;
mod handover;
mod install;
mod jetstream;
mod message_db;
mod postgres;
mod reads;
mod server;
mod umadb;
mod versions;
mod work;

use std::{
    path::{Path, PathBuf},
    rc::Rc,
};

use ::handover::cli::exit::Failure;

use self::{
    appends::{Appends, Load},
    contender::{Contender, PeerName},
    contest::Contest,
    figures::FIGURES,
    follow::Follow,
    install::Tools,
    reads::{Kind, Reads},
};
use super::{
    case::{Case, Suite},
    machine::Described,
    plan::Plan,
};

/// How many callers append single events.
const CALLERS: [usize; 5] = [1, 16, 64, 256, 1_024];
/// Callers of conditional appends.
const CONDITIONAL: usize = 64;
/// Events of a request with many of them, and the callers of such requests.
const BATCHES: ([u32; 2], usize) = ([100, 1_000], 16);
/// Connections of floods.
const FLOODS: [usize; 3] = [1, 4, 16];

/// Which stores are compared, and how.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct PeerArgs {
    /// Stores that --suite peers compares with: all that are named here, or with --against none
    /// [default: all of them]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    peers: Vec<PeerName>,
    /// Another build of `handover` or of this bench, which --suite peers compares with this one
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    /// --suite peers gives each store an empty server for each repeat
    #[arg(long)]
    fresh: bool,
    /// Folder that --suite peers installs other stores in, and finds them in again
    #[arg(long, value_name = "DIR", default_value = "target/peers")]
    tools: PathBuf,
}

impl PeerArgs {
    /// An option that only this suite has, if one is given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            (!self.peers.is_empty(), "--peers"),
            (self.against.is_some(), "--against"),
            (self.fresh, "--fresh"),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
    }

    /// handover first, then the others.
    fn contenders(&self) -> Result<Vec<Contender>, Failure> {
        let mut all = vec![Contender::Handover];
        if let Some(path) = &self.against {
            all.push(Contender::Build(build(path)?));
        }
        let every =
            [PeerName::Umadb, PeerName::UmadbTuned, PeerName::Jetstream, PeerName::MessageDb];
        let named: &[PeerName] = match (&self.peers[..], &self.against) {
            ([], None) => &every,
            (named, _) => named,
        };
        for contender in named.iter().filter_map(|name| name.contender()) {
            if !all.contains(&contender) {
                all.push(contender);
            }
        }
        Ok(all)
    }

    /// Installs what is not there, and returns the suite and what it compares.
    pub(super) async fn suite(&self, plan: &Plan) -> Result<(Suite, Vec<Described>), Failure> {
        let (contenders, tools) = (self.contenders()?, Tools::new(&self.tools)?);
        for contender in &contenders {
            tools.install(contender).await?;
        }
        let settings = match plan.server_settings {
            [] => "defaults".to_owned(),
            given => given.join(" "),
        };
        let described = contenders.iter().map(|it| it.described(&settings)).collect();
        let contest = Rc::new(Contest::new(contenders, tools, self.fresh));
        let cases = cases(&contest, plan);
        Ok((Suite { name: "peers", cases, figures: FIGURES }, described))
    }
}

/// A program that can be started from any folder.
fn build(path: &Path) -> Result<PathBuf, Failure> {
    let found = path.canonicalize();
    found.map_err(|error| Failure::usage(format!("--against: {}: {error}", path.display())))
}

/// The cases, in the order in which they run.
fn cases(contest: &Rc<Contest>, plan: &Plan) -> Vec<Box<dyn Case>> {
    let mut cases: Vec<Box<dyn Case>> = Vec::new();
    let mut loads: Vec<Load> =
        CALLERS.into_iter().map(|callers| Load::Closed { callers, events: 1 }).collect();
    loads.push(Load::Conditional { callers: CONDITIONAL });
    let (batches, callers) = BATCHES;
    loads.extend(batches.map(|events| Load::Closed { callers, events }));
    loads.extend(FLOODS.map(|connections| Load::Flood { connections }));
    for load in loads {
        cases.push(Box::new(Appends { contest: Rc::clone(contest), load }));
    }
    for kind in [Kind::Small, Kind::Large, Kind::Beside] {
        cases.push(Box::new(Reads { contest: Rc::clone(contest), kind }));
    }
    cases.push(Box::new(Follow { contest: Rc::clone(contest), rate: plan.followed }));
    cases
}
