//! What the sensor must see: hosts that send data to China or Hong Kong, and contact that comes to nothing.

use super::cast::{self, Local};
use super::day::{Day, MINUTE_NS, SECOND_NS, Volume, clock};
use borderflow_testkit::{Host, Side, dns, flags, icmp_unreachable, ip_packet, protocol, tcp, udp};
use borderflow_testkit::{Segment, udp_frame};
use std::net::SocketAddr;

pub(crate) fn tell(day: &mut Day) {
    camera_uploads(day);
    monitor_sends_readings(day);
    laptop_uses_an_assistant(day);
    reception_joins_a_meeting(day);
    door_controller_calls_hong_kong(day);
    tv_asks_a_foreign_resolver(day);
    hmi_tries_in_vain(day);
    ports_are_scanned(day);
    datagrams_are_scanned(day);
}

/// Every hour two megabytes of video to Hangzhou.
fn camera_uploads(day: &mut Day) {
    for hour in 6..18 {
        let at_ns = day.about(clock(hour, 7));
        let volume = Volume { sent: 2_000_000, received: 1_400 };
        day.https(at_ns, cast::gate_camera(), "stream.hik-connect.com", "47.97.1.10", volume);
    }
}

/// The monitor sends readings to the address its manual gives for a central station, on the printer port.
fn monitor_sends_readings(day: &mut Day) {
    let who = cast::patient_monitor();
    let central = who.site.remote("202.114.4.119");
    let mut connection = day.connection(clock(6, 20), who, central, 515).open();
    for reading in 0..46 {
        let readings = day.prng.bytes(900);
        connection = connection.at(clock(6, 20) + reading * 15 * MINUTE_NS + MINUTE_NS);
        connection = connection.keep_payload(64).exchange(Side::Client, &readings, &[0]);
        if reading % 16 == 3 {
            connection = connection.retransmit(Side::Client);
        }
    }
    let connection = connection.reset(Side::Server);
    day.add(who, connection.frames());
}

/// Reports are pasted into a Chinese AI service.
fn laptop_uses_an_assistant(day: &mut Day) {
    for (hour, minute, sent) in [(8, 41, 4_200), (9, 3, 18_700), (13, 26, 151_000), (13, 44, 6_100)] {
        let at_ns = day.about(clock(hour, minute));
        let volume = Volume { sent, received: sent * 2 };
        day.browse(at_ns, cast::physician_laptop(), "api.deepseek.com", "116.205.40.120", volume);
    }
}

fn reception_joins_a_meeting(day: &mut Day) {
    let at_ns = day.about(clock(10, 0));
    let volume = Volume { sent: 640_000, received: 2_100_000 };
    day.browse(at_ns, cast::reception(), "meeting.tencent.com", "43.142.20.30", volume);
}

fn door_controller_calls_hong_kong(day: &mut Day) {
    for hour in [7, 11, 15] {
        let at_ns = day.about(clock(hour, 30));
        let volume = Volume { sent: 2_300, received: 700 };
        day.https(at_ns, cast::door_controller(), "access.example.hk", "119.28.80.9", volume);
    }
}

/// The waiting-room television has its own idea of which resolver to ask, over IPv6.
fn tv_asks_a_foreign_resolver(day: &mut Day) {
    let who = cast::waiting_room_tv();
    let resolver = who.site.remote("2400:3200::1");
    for (index, minute) in [2u64, 17, 48].iter().enumerate() {
        let id = 4_000 + index as u16;
        let name = "time.example.cn";
        let answer = dns::answer(id, name, dns::Kind::A, &[dns::Data::Address([203, 0, 113, 9].into())]);
        day.ask(clock(7, *minute), who, (resolver, 53), &dns::query(id, name, dns::Kind::A), &answer, 190_000_000);
    }
}

/// Connections that never come about: an attempt, no data.
fn hmi_tries_in_vain(day: &mut Day) {
    let who = cast::pump_hmi();
    let broker = who.site.remote("123.56.10.20");
    for hour in [9, 14] {
        let connection = day.connection(clock(hour, 50), who, broker, 8883).syn();
        let connection = connection.repeat_syn(SECOND_NS).repeat_syn(2 * SECOND_NS).repeat_syn(4 * SECOND_NS);
        day.add(who, connection.frames());
    }
}

/// 200 ports of the jump host are tried from China; a few answer with a reset, none with data.
fn ports_are_scanned(day: &mut Day) {
    let who = cast::jump_host();
    let scanner = who.site.remote("61.177.173.14");
    for index in 0..200u16 {
        let at_ns = clock(15, 31) + u64::from(index) * 137_000_000;
        let port = 1 + index * 47;
        probe(day, at_ns, who, (scanner, 41_000 + index), port, index % 9 == 4);
    }
}

fn probe(day: &mut Day, at_ns: u64, who: Local, scanner: (Host, u16), port: u16, refused: bool) {
    let (from, to) = (SocketAddr::new(scanner.0.ip, scanner.1), SocketAddr::new(who.host.ip, port));
    let sequence = day.prng.next_u64() as u32;
    let syn = Segment { from, to, sequence, acknowledgement: 0, flags: flags::SYN, options: &[2, 4, 5, 0xb4] };
    day.packet(at_ns, who, (scanner.0, who.host), protocol::TCP, &tcp(&syn, &[]));
    if refused {
        let acknowledgement = sequence.wrapping_add(1);
        let flags = flags::RST | flags::ACK;
        let reset = Segment { from: to, to: from, sequence: 0, acknowledgement, flags, options: &[] };
        day.packet(at_ns + 300_000, who, (who.host, scanner.0), protocol::TCP, &tcp(&reset, &[]));
    }
}

/// 60 UDP ports of the HMI are tried; three are refused by ICMP, which is no data either.
fn datagrams_are_scanned(day: &mut Day) {
    let who = cast::pump_hmi();
    let scanner = who.site.remote("222.186.15.96");
    for index in 0..60u16 {
        let at_ns = clock(16, 2) + u64::from(index) * 90_000_000;
        let port = 100 + index * 31;
        let payload = b"\x00\x00\x10\x00\x00\x00\x00\x00";
        let link = who.site.link();
        day.add(who, [udp_frame(&link, at_ns, (scanner, 53_111), (who.host, port), payload)]);
        if index % 20 == 10 {
            let (from, to) = (SocketAddr::new(scanner.ip, 53_111), SocketAddr::new(who.host.ip, port));
            let quoted = ip_packet(scanner.ip, who.host.ip, protocol::UDP, 49, 0, &udp(from, to, payload));
            let refusal = icmp_unreachable(who.host.ip, scanner.ip, &quoted);
            day.packet(at_ns + 200_000, who, (who.host, scanner), protocol::ICMP, &refusal);
        }
    }
}
