//! `session-network`: what a session may connect to.

use portcullis_conf::{SessionNetwork, SessionOptions, Wanted};
use portcullis_model::host::HostFacts;
use portcullis_model::sandbox::{Destination, Egress, Network};

use super::layers::Layer;
use super::{Asked, Fallen, NotConfined};
use crate::metadata;

/// What a session may connect to. A network that somebody asked for and that can't be had ends the start, whatever
/// `session-sandbox` says: nothing on any page would show that it is open.
pub(super) fn network(
    asked: &Asked<'_>,
    options: &SessionOptions,
    host: &HostFacts,
    fallen: &mut Vec<Fallen>,
) -> Result<Network, NotConfined> {
    let said = &options.confinement.session_network;
    let refused = refused(asked, options);
    let ruled = |allowed| {
        let listen = options.confinement.session_listen;
        Network::Ruled(Egress {
            refused: refused.clone(),
            allowed,
            listen,
            neighbours_closed: host.neighbours,
        })
    };
    let missing = |layer: Layer| {
        let missing = layer.fallen(host, String::new());
        let value = options.said("session-network").unwrap_or_default();
        let rule = format!("session-network={value} ({})", options.origin("session-network"));
        NotConfined { rule, why: missing.why, hint: missing.hint }
    };
    let allowed = match said {
        SessionNetwork::None if host.network_namespace => return Ok(Network::Own),
        // A network of its own would have its own loopback; without one there is nothing at all.
        SessionNetwork::None if host.connections => return Ok(ruled(Some(Vec::new()))),
        SessionNetwork::None => return Err(missing(Layer::OwnNetwork)),
        SessionNetwork::Loopback => Some(SessionNetwork::LOOPBACK.to_vec()),
        SessionNetwork::Only(networks) => Some(networks.clone()),
        SessionNetwork::All => None,
    };
    let off = options.confinement.session_sandbox == Wanted::Off;
    match allowed {
        None if off => Ok(Network::Unruled),
        allowed if host.connections => Ok(ruled(allowed)),
        Some(_) => Err(missing(Layer::Connections)),
        None => {
            let effect = "addresses of clouds' credentials, other people's sessions and connections from outside are closed";
            fallen.push(Layer::Connections.fallen(host, effect.to_owned()));
            Ok(Network::Unruled)
        }
    }
}

/// Whether somebody narrowed it: what is refused to every session is no narrowing.
pub(super) const fn narrow(network: &Network) -> bool {
    match network {
        Network::Unruled => false,
        Network::Own => true,
        Network::Ruled(egress) => egress.allowed.is_some(),
    }
}

/// Never, whatever is allowed.
fn refused(asked: &Asked<'_>, options: &SessionOptions) -> Vec<Destination> {
    let mut refused = Vec::new();
    if !options.confinement.session_metadata {
        refused.extend(metadata::TABLE.iter().map(|row| row.destination));
    }
    let range = asked.settings.rsession.session_port_range.filter(|_| asked.settings.sessions_by_tcp());
    if let Some(range) = range {
        let ports = Some((range.low, range.high));
        refused.extend(SessionNetwork::LOOPBACK.map(|loopback| Destination { ports, ..loopback }));
    }
    refused
}
