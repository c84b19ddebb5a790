//! What a configuration needs of the machine: files to read, directories to write in, our own traffic.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::deliver::Target;
use crate::run::sandbox::{self, Plan};

/// How long the names of all outputs may take.
const RESOLVING: Duration = Duration::from_secs(2);

/// Every file the configuration is made of or names, to read.
#[must_use]
pub fn read(config: &Config) -> Vec<PathBuf> {
    let geoip = &config.geoip;
    let named = [&config.origin, &geoip.country, &geoip.asn, &geoip.operators, &geoip.services, &geoip.tools];
    let of_outputs = targets(config).flat_map(|target| target.files_read()).map(Path::to_owned);
    named.into_iter().flatten().cloned().chain(of_outputs).collect()
}

/// Directories in which files are written, and sockets that are connected to.
#[must_use]
pub fn written_directories(config: &Config) -> Vec<PathBuf> {
    let journal = config.journal.path.as_deref().map(|path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    });
    journal.into_iter().chain(targets(config).filter_map(Target::place_written)).collect()
}

/// The filter for capturing: the configured one, without what this machine sends to its outputs; and the outputs' names that
/// could not be resolved in time, whose traffic is seen.
#[must_use]
pub fn capture_filter(config: &Config) -> (String, Vec<String>) {
    let section = &config.capture;
    if !section.exclude_outputs {
        return (section.filter.clone(), Vec::new());
    }
    let mut names: Vec<String> = targets(config).flat_map(|target| target.peers()).collect();
    names.sort_unstable();
    names.dedup();
    let plan = Plan { files: config.sandbox.files, system_calls: config.sandbox.system_calls, ..Plan::default() };
    let (peers, unresolved) = resolve(names, &plan);
    (exclude(&section.filter, &peers, &own_addresses()), unresolved)
}

/// Addresses of all names, as far as they are known within [`RESOLVING`], and the other names. A resolver that does not answer
/// must not keep the sensor from listening, so each name has a thread, which is left alone when time is up.
/// Confined each, for they read what comes from a network.
fn resolve(names: Vec<String>, plan: &Plan) -> (Vec<SocketAddr>, Vec<String>) {
    let (sender, answers) = channel();
    let asked = names.iter().filter(|name| {
        let (name, sender, plan) = ((*name).clone(), sender.clone(), plan.clone());
        let ask = move || {
            let is_confined = sandbox::confine(&plan).is_ok();
            let found = is_confined.then(|| name.to_socket_addrs().ok()).flatten();
            let found: Vec<SocketAddr> = found.into_iter().flatten().collect();
            // Nobody listens any more where time is up.
            let _ = sender.send((name, found));
        };
        std::thread::Builder::new().name("resolver".to_owned()).spawn(ask).is_ok()
    });
    let (mut missing, mut peers) = (asked.count(), Vec::new());
    let mut unresolved = names;
    #[expect(clippy::disallowed_methods, reason = "how long a resolver may take is about it, not about packets")]
    let until = Instant::now() + RESOLVING;
    while missing > 0 {
        #[expect(clippy::disallowed_methods, reason = "as above")]
        let left = until.saturating_duration_since(Instant::now());
        let Ok((name, found)) = answers.recv_timeout(left) else { break };
        missing -= 1;
        if !found.is_empty() {
            unresolved.retain(|other| *other != name);
            peers.extend(found);
        }
    }
    peers.sort_unstable();
    peers.dedup();
    (peers, unresolved)
}

/// The addresses of this machine.
fn own_addresses() -> Vec<IpAddr> {
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten().filter_map(|interface| interface.address);
    let address = |address: nix::sys::socket::SockaddrStorage| {
        let four = address.as_sockaddr_in().map(|four| IpAddr::V4(four.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|six| IpAddr::V6(six.ip())))
    };
    let mut own: Vec<IpAddr> = all.filter_map(address).filter(|address| !address.is_loopback()).collect();
    own.sort_unstable();
    own.dedup();
    own
}

/// Other hosts may well talk to the same peer: only what goes between it and this machine is left out.
fn exclude(filter: &str, peers: &[SocketAddr], own: &[IpAddr]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !filter.trim().is_empty() {
        parts.push(format!("({filter})"));
    }
    for peer in peers {
        let own = own.iter().filter(|own| own.is_ipv4() == peer.is_ipv4());
        let own: Vec<String> = own.map(|own| format!("host {own}")).collect();
        if !own.is_empty() {
            parts.push(format!("not (host {} and port {} and ({}))", peer.ip(), peer.port(), own.join(" or ")));
        }
    }
    parts.join(" and ")
}

/// Where alerts and flow records are sent.
pub(super) fn targets(config: &Config) -> impl Iterator<Item = &Target> {
    config.outputs.iter().map(|output| &output.target).chain(config.flow_outputs.iter().map(|output| &output.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_alerts_are_left_out_of_what_is_captured_and_what_others_send_to_the_same_place_is_not() {
        let peers = ["192.0.2.1:6514".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap()];
        let own = ["10.0.0.5", "10.0.0.6", "2001:db8::5"].map(|address| address.parse().unwrap());
        let filter = exclude("vlan 7 or udp", &peers, &own);
        let expected = "(vlan 7 or udp) and not (host 192.0.2.1 and port 6514 and (host 10.0.0.5 or host 10.0.0.6)) and \
                        not (host 2001:db8::1 and port 443 and (host 2001:db8::5))";
        assert_eq!(filter, expected);
        assert!(crate::capture::Filter::new(&filter).is_ok());
        assert_eq!(exclude(" ", &[], &own), "");
        assert_eq!(exclude("", &peers, &[]), "", "a machine without addresses sends nothing");
    }

    #[test]
    fn names_that_mean_nothing_are_told_and_the_others_are_found() {
        let names = vec!["127.0.0.1:6514".to_owned(), "no-such-host.invalid:443".to_owned()];
        let (peers, unresolved) = resolve(names, &Plan::default());
        assert_eq!(peers, ["127.0.0.1:6514".parse().unwrap()]);
        assert_eq!(unresolved, ["no-such-host.invalid:443"]);
    }
}
