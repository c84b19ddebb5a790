//! Name resolution inside HTTPS (RFC 8484), by the server names its operators publish for it. Nothing else shows it: it
//! is encrypted web traffic.

/// Host names, and every name below them. Source: the operators' own set-up pages as the lists of curl's wiki ("DNS over
/// HTTPS, publicly available servers") and v2fly/domain-list-community `category-doh` (MIT) give them, 2026-11.
const SERVERS: [&str; 20] = [
    "adguard-dns.com",
    "cloudflare-dns.com",
    "dns.adguard.com",
    "dns.alidns.com",
    "dns.controld.com",
    "dns.google",
    "dns.mullvad.net",
    "dns.nextdns.io",
    "dns.quad9.net",
    "dns0.eu",
    "doh.360.cn",
    "doh.cleanbrowsing.org",
    "doh.dns.sb",
    "doh.libredns.gr",
    "doh.opendns.com",
    "doh.pub",
    "dot.pub",
    "freedns.controld.com",
    "odvr.nic.cz",
    "one.one.one.one",
];

/// True for the name of a server of DNS over HTTPS, in lower case.
#[must_use]
pub fn is_doh(name: &str) -> bool {
    let labels = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
    std::iter::once(name).chain(labels).any(|suffix| SERVERS.binary_search(&suffix).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_is_known_by_its_name_and_what_is_below_it() {
        assert!(SERVERS.is_sorted());
        assert!(is_doh("dns.google") && is_doh("dns.alidns.com") && is_doh("doh.pub"));
        assert!(!is_doh("google") && !is_doh("maps.google") && !is_doh("notdns.google.example"));
    }
}
