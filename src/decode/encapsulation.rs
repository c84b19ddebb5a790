//! The encapsulations that can be stripped, and the sets of tunnels a user can choose.

use std::fmt;
use std::str::FromStr;

macro_rules! encapsulations {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal,)*) => {
        /// Something wrapped around the innermost packet. Those in [`Encapsulation::TUNNELS`] can be switched off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Encapsulation {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Encapsulation {
            const ALL: &'static [Encapsulation] = &[$(Encapsulation::$variant,)*];

            /// Its name in tunnel paths and in the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Encapsulation::$variant => $name,)*
                }
            }
        }
    };
}

encapsulations! {
    /// A VLAN tag (IEEE 802.1Q, 802.1ad and the older QinQ EtherTypes); the number is the VLAN id.
    Vlan "vlan",
    /// Provider backbone bridging (IEEE 802.1ah); the number is the service id.
    BackboneBridge "pbb",
    /// MACsec without encryption (IEEE 802.1AE).
    Macsec "macsec",
    /// MPLS (RFC 3032); the number is the label at the bottom of the stack.
    Mpls "mpls",
    /// PPP over Ethernet (RFC 2516); the number is the session id.
    Pppoe "pppoe",
    /// Network service header (RFC 8300); the number is the service path.
    ServiceHeader "nsh",
    /// GRE (RFC 2784, 2890), also with Ethernet or PPP inside; the number is the key.
    Gre "gre",
    /// ERSPAN type I: GRE without a header of its own.
    Erspan1 "erspan1",
    /// ERSPAN type II; the number is the session id.
    Erspan2 "erspan2",
    /// ERSPAN type III; the number is the session id.
    Erspan3 "erspan3",
    /// VXLAN (RFC 7348); the number is the VNI.
    Vxlan "vxlan",
    /// VXLAN with the generic protocol extension; the number is the VNI.
    VxlanGpe "vxlan_gpe",
    /// Geneve (RFC 8926); the number is the VNI.
    Geneve "geneve",
    /// IPv4 in IPv4 (RFC 2003).
    IpInIp "4in4",
    /// IPv6 in IPv4 (RFC 4213).
    SixInFour "6in4",
    /// IPv4 in IPv6 (RFC 2473).
    FourInSix "4in6",
    /// IPv6 in IPv6 (RFC 2473).
    SixInSix "6in6",
    /// GTP-U (3GPP TS 29.281); the number is the tunnel endpoint id.
    Gtp "gtp",
    /// Teredo (RFC 4380).
    Teredo "teredo",
    /// L2TP version 2 (RFC 2661) or 3 (RFC 3931); the number is the session id.
    L2tp "l2tp",
    /// LISP data packets (RFC 9300); the number is the instance id.
    Lisp "lisp",
    /// CAPWAP data packets (RFC 5415, 5416).
    Capwap "capwap",
    /// Ethernet directly in IP: EtherIP (RFC 3378) and segment routing (RFC 8986).
    EtherIp "etherip",
}

impl Encapsulation {
    /// The tunnels: what rides on IP, and can be left alone on request.
    pub const TUNNELS: [Encapsulation; 17] = [
        Encapsulation::Gre,
        Encapsulation::Erspan1,
        Encapsulation::Erspan2,
        Encapsulation::Erspan3,
        Encapsulation::Vxlan,
        Encapsulation::VxlanGpe,
        Encapsulation::Geneve,
        Encapsulation::IpInIp,
        Encapsulation::SixInFour,
        Encapsulation::FourInSix,
        Encapsulation::SixInSix,
        Encapsulation::Gtp,
        Encapsulation::Teredo,
        Encapsulation::L2tp,
        Encapsulation::Lisp,
        Encapsulation::Capwap,
        Encapsulation::EtherIp,
    ];

    /// True for what rides on IP.
    #[must_use]
    pub fn is_tunnel(self) -> bool {
        self as u8 >= Encapsulation::Gre as u8
    }
}

impl fmt::Display for Encapsulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text names no tunnel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown tunnel {0:?}; expected one of {list}", list = TunnelSet::ALL)]
pub struct TunnelError(String);

impl FromStr for Encapsulation {
    type Err = TunnelError;

    /// Accepts the names of [`Encapsulation::TUNNELS`].
    fn from_str(text: &str) -> Result<Encapsulation, TunnelError> {
        let found = Encapsulation::TUNNELS.into_iter().find(|tunnel| tunnel.name() == text);
        found.ok_or_else(|| TunnelError(text.to_owned()))
    }
}

/// A set of tunnels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelSet(u32);

impl TunnelSet {
    /// No tunnel.
    pub const NONE: TunnelSet = TunnelSet(0);
    /// Every tunnel.
    pub const ALL: TunnelSet = {
        let mut bits = 0;
        let mut rest: &[Encapsulation] = &Encapsulation::TUNNELS;
        while let [tunnel, others @ ..] = rest {
            bits |= 1 << *tunnel as u8;
            rest = others;
        }
        TunnelSet(bits)
    };

    /// This set and `tunnel`.
    #[must_use]
    pub const fn with(self, tunnel: Encapsulation) -> TunnelSet {
        TunnelSet(self.0 | 1 << tunnel as u8)
    }

    /// This set without `tunnel`.
    #[must_use]
    pub const fn without(self, tunnel: Encapsulation) -> TunnelSet {
        TunnelSet(self.0 & !(1 << tunnel as u8))
    }

    /// True where `tunnel` is in the set.
    #[must_use]
    pub const fn has(self, tunnel: Encapsulation) -> bool {
        self.0 >> tunnel as u8 & 1 == 1
    }

    /// The tunnels in the set.
    pub fn iter(self) -> impl Iterator<Item = Encapsulation> {
        Encapsulation::ALL.iter().copied().filter(move |tunnel| self.has(*tunnel))
    }
}

impl fmt::Display for TunnelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, tunnel) in self.iter().enumerate() {
            write!(f, "{}{tunnel}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl FromIterator<Encapsulation> for TunnelSet {
    fn from_iter<I: IntoIterator<Item = Encapsulation>>(tunnels: I) -> TunnelSet {
        tunnels.into_iter().fold(TunnelSet::NONE, TunnelSet::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_its_names_say() {
        let set: TunnelSet = ["gre", "vxlan"].iter().map(|name| name.parse::<Encapsulation>().unwrap()).collect();
        assert!(set.has(Encapsulation::Gre) && set.has(Encapsulation::Vxlan) && !set.has(Encapsulation::Teredo));
        assert_eq!(set.to_string(), "gre, vxlan");
        assert_eq!(TunnelSet::ALL.iter().collect::<Vec<_>>(), Encapsulation::TUNNELS);
        assert!(Encapsulation::TUNNELS.iter().all(|tunnel| tunnel.is_tunnel()));
    }

    #[test]
    fn an_unknown_tunnel_is_told_with_the_allowed_names() {
        let message = "vlan".parse::<Encapsulation>().unwrap_err().to_string();
        assert!(message.contains("\"vlan\"") && message.contains("gre, erspan1"), "{message}");
    }
}
