//! What a configuration needs of the machine: files to read, directories to write in, our own traffic.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::deliver::Target;

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

/// The filter for capturing: the configured one, without what this machine sends to its outputs. A name that cannot be
/// resolved now is left out: its traffic is seen.
#[must_use]
pub fn capture_filter(config: &Config) -> String {
    let section = &config.capture;
    let mut own: Vec<SocketAddr> = Vec::new();
    if section.exclude_outputs {
        own.extend(
            targets(config).flat_map(|target| target.peers()).filter_map(|peer| peer.to_socket_addrs().ok()).flatten(),
        );
        own.sort_unstable();
        own.dedup();
    }
    exclude(&section.filter, &own)
}

fn exclude(filter: &str, own: &[SocketAddr]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !filter.trim().is_empty() {
        parts.push(format!("({filter})"));
    }
    parts.extend(own.iter().map(|peer| format!("not (host {} and port {})", peer.ip(), peer.port())));
    parts.join(" and ")
}

fn targets(config: &Config) -> impl Iterator<Item = &Target> {
    config.outputs.iter().map(|output| &output.target).chain(config.flow_outputs.iter().map(|output| &output.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_alerts_are_left_out_of_what_is_captured() {
        let own = ["192.0.2.1:6514".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap()];
        let filter = exclude("vlan 7 or udp", &own);
        let expected = "(vlan 7 or udp) and not (host 192.0.2.1 and port 6514) and not (host 2001:db8::1 and port 443)";
        assert_eq!(filter, expected);
        assert!(crate::capture::Filter::new(&filter).is_ok());
        assert_eq!(exclude(" ", &[]), "");
    }
}
