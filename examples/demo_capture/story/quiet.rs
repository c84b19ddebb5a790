//! What must stay silent: Czech, European, American and Taiwanese services, and everything inside.

use super::cast::{self, Local};
use super::day::{Day, MINUTE_NS, SECOND_NS, Volume, bulk, clock};
use borderflow_testkit::industrial::modbus;
use borderflow_testkit::{Host, Side, dns, http, icmp_echo, mqtt, ntp, protocol, udp_frame};

pub(crate) fn tell(day: &mut Day) {
    people_browse(day);
    servers_call_out(day);
    taiwan_is_not_flagged(day);
    clocks_are_set(day);
    operators_poll(day);
    files_are_shared(day);
    devices_announce_themselves(day);
    monitoring_pings(day);
    a_package_is_fetched(day);
}

/// Name, address, bytes sent and received of a visit.
type Visit = (&'static str, &'static str, usize, usize);

const DISPATCHER_VISITS: &[Visit] = &[
    ("www.seznam.cz", "77.75.79.222", 9_000, 310_000),
    ("portal.gov.cz", "217.31.205.50", 22_000, 90_000),
    ("login.microsoftonline.com", "20.190.159.2", 14_000, 41_000),
    ("outlook.office365.com", "52.97.201.1", 380_000, 510_000),
    ("github.com", "140.82.121.4", 12_000, 260_000),
];

const RECEPTION_VISITS: &[Visit] = &[
    ("www.csas.cz", "194.50.240.1", 31_000, 120_000),
    ("www.idnes.cz", "185.17.117.32", 7_000, 440_000),
    ("www.google.com", "142.250.180.3", 11_000, 95_000),
    ("cdn.example.com", "104.16.132.229", 4_000, 800_000),
    ("sickness-notes.example.cz", "195.113.144.201", 96_000, 12_000),
];

fn people_browse(day: &mut Day) {
    for (who, visits) in [(cast::dispatcher(), DISPATCHER_VISITS), (cast::reception(), RECEPTION_VISITS)] {
        for (index, &(name, address, sent, received)) in visits.iter().enumerate() {
            for hour in [8, 15] {
                let at_ns = day.about(clock(hour, 4 + 9 * index as u64));
                day.https(at_ns, who, name, address, Volume { sent, received });
            }
        }
    }
    let volume = Volume { sent: 8_000, received: 210_000 };
    day.browse(clock(9, 15), cast::dispatcher(), "www.seznam.cz", "77.75.79.222", volume);
    day.browse(clock(9, 21), cast::dispatcher_v6(), "www.seznam.cz", "2a02:598:a::78:1", volume);
    day.browse(clock(9, 27), cast::physician_laptop(), "chat.example.com", "104.18.26.90", volume);
}

fn servers_call_out(day: &mut Day) {
    let visits: [(Local, Visit); 4] = [
        (cast::historian(), ("ingest.telemetry.example.eu", "3.64.1.1", 900_000, 4_000)),
        (cast::jump_host(), ("security.example.fi", "95.216.1.1", 2_000, 70_000)),
        (cast::file_server(), ("backup.example.fr", "213.186.33.5", 1_500_000, 9_000)),
        (cast::physician_laptop(), ("images.example.ie", "52.218.1.1", 1_200_000, 33_000)),
    ];
    for (who, (name, address, sent, received)) in visits {
        for hour in [7, 13] {
            let at_ns = day.about(clock(hour, 40));
            day.https(at_ns, who, name, address, Volume { sent, received });
        }
    }
}

/// The storage server is made in Taiwan and asks its maker for updates; Taiwan is no part of any preset.
fn taiwan_is_not_flagged(day: &mut Day) {
    let who = cast::file_server();
    let hinet = who.site.remote("168.95.1.1");
    for hour in [6, 9, 12, 15] {
        let id = 700 + hour as u16;
        let answer =
            dns::answer(id, "update.example.tw", dns::Kind::A, &[dns::Data::Address([203, 66, 35, 10].into())]);
        let query = dns::query(id, "update.example.tw", dns::Kind::A);
        day.ask(clock(hour, 33), who, (hinet, 53), &query, &answer, 240_000_000);
        let volume = Volume { sent: 210_000, received: 60_000 };
        day.https(clock(hour, 33) + SECOND_NS, who, "update.example.tw", "203.66.35.10", volume);
    }
}

fn clocks_are_set(day: &mut Day) {
    for hour in 6..18 {
        for (who, server) in [(cast::historian(), "217.31.202.100"), (cast::patient_monitor(), "162.159.200.1")] {
            let at_ns = day.about(clock(hour, 20));
            let request = ntp::request(at_ns);
            let response = ntp::response(&request, at_ns + 6_000_000);
            day.ask(at_ns, who, (who.site.remote(server), 123), &request, &response, 12_000_000);
        }
    }
}

/// The HMI polls the pump controller and now and then sets its speed; the historian listens by MQTT.
fn operators_poll(day: &mut Day) {
    let (hmi, plc, historian) = (cast::pump_hmi(), cast::pump_plc(), cast::historian());
    let mut poll = day.connection(clock(6, 0), hmi, plc.host, 502).round_trip(1_500_000).open();
    for round in 0..47u16 {
        let values: Vec<u16> = (0..10).map(|_| day.prng.below(1_000) as u16).collect();
        poll = poll.at(clock(6, 1) + u64::from(round) * 15 * MINUTE_NS);
        let (request, response) = (modbus::read_registers(round, 1, 100, 10), modbus::registers(round, 1, &values));
        poll = poll.exchange(Side::Client, &request, &response);
        if round % 12 == 6 {
            let speed = modbus::write_register(1_000 + round, 1, 40, 50 + round);
            poll = poll.exchange(Side::Client, &speed, &speed);
        }
    }
    day.add(hmi, poll.frames());
    let mut feed = day.connection(clock(6, 2), plc, historian.host, 1883).round_trip(1_500_000).open();
    feed = feed.client(&mqtt::connect("pump-plc-1", "plc", "********", 3_600)).server(&mqtt::connack());
    for hour in 6..18 {
        feed = feed.at(clock(hour, 55)).client(&mqtt::publish("pumps/1/flow", b"{\"m3h\":41.7}"));
    }
    day.add(plc, feed.close().frames());
}

/// Shares on the file server: an SMB2 negotiation, then bulk.
fn files_are_shared(day: &mut Day) {
    let negotiate = [b"\x00\x00\x00\x6c\xfeSMB\x40\x00".as_slice(), &[0; 102]].concat();
    for hour in [8, 14] {
        let file = day.prng.bytes(900_000);
        let connection = day.connection(clock(hour, 22), cast::dispatcher(), cast::file_server().host, 445);
        let connection = connection.round_trip(900_000).open().client(&negotiate).server(&negotiate);
        let connection = bulk(connection).client(&file).close();
        day.add(cast::dispatcher(), connection.frames());
    }
}

fn devices_announce_themselves(day: &mut Day) {
    let group = Host::new("224.0.0.251").with_mac([0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);
    for hour in 6..18 {
        for who in [cast::gate_camera(), cast::reception()] {
            let at_ns = day.about(clock(hour, 1));
            let question = dns::query(0, "_http._tcp.local", dns::Kind::A);
            let link = who.site.link();
            day.add(who, [udp_frame(&link, at_ns, (who.host, 5353), (group, 5353), &question)]);
        }
    }
}

fn monitoring_pings(day: &mut Day) {
    let who = cast::dispatcher();
    for (index, ip) in ["8.8.8.8", "193.17.47.1", "1.1.1.1"].into_iter().enumerate() {
        let server = who.site.remote(ip);
        for round in 0..6 {
            let at_ns = clock(6 + 2 * round, 10) + index as u64 * SECOND_NS;
            let echo = |reply: bool| {
                let (from, to) = if reply { (server, who.host) } else { (who.host, server) };
                ((from, to), icmp_echo(from.ip, to.ip, reply, 77, round as u16, &[0x61; 32]))
            };
            let ((request_ends, request), (reply_ends, reply)) = (echo(false), echo(true));
            day.packet(at_ns, who, request_ends, protocol::ICMP, &request);
            day.packet(at_ns + 9_000_000, who, reply_ends, protocol::ICMP, &reply);
        }
        let answer = dns::answer(9, "borderflow.example", dns::Kind::A, &[dns::Data::Address([192, 0, 2, 7].into())]);
        let query = dns::query(9, "borderflow.example", dns::Kind::A);
        day.ask(clock(7, 15) + index as u64 * SECOND_NS, who, (server, 53), &query, &answer, 11_000_000);
    }
}

fn a_package_is_fetched(day: &mut Day) {
    let who = cast::jump_host();
    let mirror = who.site.remote("195.113.144.238");
    day.lookup(clock(6, 40), who, "ftp.example.cz", &["mirror.example.cz"], mirror);
    let request =
        http::request("GET", "ftp.example.cz", "/debian/dists/bookworm/InRelease", "Debian APT-HTTP/1.3", &[]);
    let response = http::response("200 OK", "text/plain", &day.prng.bytes(150_000));
    let connection = day.connection(clock(6, 40) + SECOND_NS, who, mirror, 80).open().client(&request);
    let connection = bulk(connection).keep_payload(120).server(&response).close();
    day.add(who, connection.frames());
}
