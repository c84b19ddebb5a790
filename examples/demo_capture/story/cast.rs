//! Who takes part: hosts on two sites, and the world behind their routers.

use borderflow_testkit::{Host, Link};

/// Where a host stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// The utility, mirrored untagged.
    Utility,
    /// The clinic, mirrored in VLAN 30.
    Clinic,
}

impl Site {
    pub(crate) fn link(self) -> Link {
        match self {
            Site::Utility => Link::Ethernet,
            Site::Clinic => Link::Vlan(vec![30]),
        }
    }

    pub(crate) fn interface(self) -> u32 {
        match self {
            Site::Utility => 0,
            Site::Clinic => 1,
        }
    }

    pub(crate) fn resolver(self) -> Host {
        match self {
            Site::Utility => Host::new("10.20.0.53"),
            Site::Clinic => Host::new("10.30.0.53"),
        }
    }

    fn router_mac(self) -> [u8; 6] {
        match self {
            Site::Utility => [0x00, 0x09, 0x0f, 0x20, 0x00, 0x01],
            Site::Clinic => [0x00, 0x09, 0x0f, 0x30, 0x00, 0x01],
        }
    }

    /// A host of the world, as seen from here.
    pub(crate) fn remote(self, ip: &str) -> Host {
        Host::new(ip).with_mac(self.router_mac()).with_hop_limit(49)
    }
}

/// A host on one of the sites.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Local {
    pub(crate) site: Site,
    pub(crate) host: Host,
}

fn utility(ip: &str) -> Local {
    Local { site: Site::Utility, host: Host::new(ip) }
}

fn clinic(ip: &str) -> Local {
    Local { site: Site::Clinic, host: Host::new(ip) }
}

/// A Hikvision camera by its MAC (IEEE registry: 04-03-12).
pub(crate) fn gate_camera() -> Local {
    let camera = utility("10.20.10.21");
    Local { host: camera.host.with_mac([0x04, 0x03, 0x12, 0x5a, 0x10, 0x21]), ..camera }
}

/// A Dahua camera by its MAC (IEEE registry: 3C-EF-8C), which no configuration names.
pub(crate) fn lobby_camera() -> Local {
    let camera = utility("10.20.10.77");
    Local { host: camera.host.with_mac([0x3c, 0xef, 0x8c, 0x5a, 0x10, 0x77]), ..camera }
}

pub(crate) fn inverter_logger() -> Local {
    utility("10.20.20.40")
}

pub(crate) fn historian() -> Local {
    utility("10.20.30.10")
}

pub(crate) fn pump_hmi() -> Local {
    utility("10.20.30.11")
}

pub(crate) fn pump_plc() -> Local {
    utility("10.20.30.21")
}

pub(crate) fn jump_host() -> Local {
    utility("10.20.40.5")
}

pub(crate) fn dispatcher() -> Local {
    utility("10.20.50.31")
}

pub(crate) fn dispatcher_v6() -> Local {
    utility("fd00:20:50::31")
}

pub(crate) fn file_server() -> Local {
    utility("10.20.50.60")
}

pub(crate) fn patient_monitor() -> Local {
    clinic("10.30.10.15")
}

pub(crate) fn physician_laptop() -> Local {
    clinic("10.30.20.41")
}

pub(crate) fn reception() -> Local {
    clinic("10.30.20.50")
}

pub(crate) fn door_controller() -> Local {
    clinic("10.30.30.7")
}

pub(crate) fn waiting_room_tv() -> Local {
    clinic("fd00:30:40::8")
}
