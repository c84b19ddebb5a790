//! Who acts on the assets from China, or can: over connections begun there, and over those that devices open themselves.

use super::cast::{self, Local};
use super::day::{Day, MINUTE_NS, SECOND_NS, bulk, clock};
use borderflow_testkit::industrial::growatt;
use borderflow_testkit::tls::{self, ClientHello};
use borderflow_testkit::{Conversation, Host, Side, dhcp, ssdp, ssh, udp_frame};

const LOGGER_SERIAL: &str = "JPC2A11042";

pub(crate) fn tell(day: &mut Day) {
    inverter_is_written_to(day);
    passwords_are_guessed(day);
    somebody_comes_in_over_ssh(day);
    integrator_left_a_support_tool(day);
    nobody_declared_the_lobby_camera(day);
}

/// One connection all day to a Chinese cloud's Frankfurt data centre: readings every five minutes, and shortly after
/// noon the cloud configures the logger and writes an inverter register.
fn inverter_is_written_to(day: &mut Day) {
    let who = cast::inverter_logger();
    let server = who.site.remote("47.91.67.66");
    day.lookup(clock(6, 0), who, "server.growatt.com", &[], server);
    let announce = growatt::message(1, growatt::record::ANNOUNCE, &growatt::padded(LOGGER_SERIAL));
    let mut connection = day.connection(clock(6, 0) + SECOND_NS, who, server, 5279).open().client(&announce);
    for report in 1..=143u16 {
        let at_ns = clock(6, 0) + u64::from(report) * 5 * MINUTE_NS + day.prng.below(SECOND_NS);
        let readings = [growatt::padded(LOGGER_SERIAL), day.prng.bytes(90)].concat();
        let reading = growatt::message(report + 1, growatt::record::DATA, &readings);
        let confirmation = growatt::message(report + 1, growatt::record::DATA, &[0]);
        connection = connection.at(at_ns).exchange(Side::Client, &reading, &confirmation);
        if report == 74 {
            connection = driven_by_the_cloud(connection.wait(40 * SECOND_NS));
        }
    }
    day.add(who, connection.frames());
}

fn driven_by_the_cloud(connection: Conversation) -> Conversation {
    let accepted = [growatt::padded(LOGGER_SERIAL), vec![0, 4, 0]].concat();
    connection
        .exchange(
            Side::Server,
            &growatt::configure(200, LOGGER_SERIAL, 4, "1"),
            &growatt::message(200, growatt::record::CONFIGURE, &accepted),
        )
        .wait(12 * SECOND_NS)
        .exchange(
            Side::Server,
            &growatt::write_registers(201, LOGGER_SERIAL, 3, &[60]),
            &growatt::message(201, growatt::record::WRITE_REGISTER, &accepted),
        )
}

/// Four connections from one address with three wrong passwords each, before the fifth knows the right one.
fn passwords_are_guessed(day: &mut Day) {
    for attempt in 0..4 {
        let connection = ssh_handshake(day, clock(11, 2) + attempt * 40 * SECOND_NS);
        let connection = log_in(day, connection, &[false, false, false]).close();
        day.add(cast::jump_host(), connection.frames());
    }
}

/// A session of 48 minutes that came in from China and was answered: keys, a password, commands, and a file taken along.
fn somebody_comes_in_over_ssh(day: &mut Day) {
    let connection = ssh_handshake(day, clock(11, 12));
    let mut connection = log_in(day, connection, &[true]);
    for command in 0..48 {
        let asked = ssh::encrypted(day.prng.between(36, 100) as usize, &mut day.prng);
        let told = ssh::encrypted(day.prng.between(80, 900) as usize, &mut day.prng);
        connection = connection.at(clock(11, 13) + command * MINUTE_NS).keep_payload(16);
        connection = connection.exchange(Side::Client, &asked, &told);
    }
    let taken = ssh::encrypted(420_000, &mut day.prng);
    let connection = bulk(connection).server(&taken).close();
    day.add(cast::jump_host(), connection.frames());
}

/// A visitor from China connects to the jump host, and both take their keys into use.
fn ssh_handshake(day: &mut Day, at_ns: u64) -> Conversation {
    let who = cast::jump_host();
    let visitor = Local { site: who.site, host: who.site.remote("218.75.100.5") };
    let connection = day.connection(at_ns, visitor, who.host, 22).round_trip(2_000_000).open();
    let (client_kex, server_kex) = (ssh::kexinit(&mut day.prng), ssh::kexinit(&mut day.prng));
    connection
        .client(&ssh::banner("PuTTY_Release_0.81"))
        .server(&ssh::banner("OpenSSH_9.2p1 Debian-2+deb12u7"))
        .client(&client_kex)
        .server(&server_kex)
        .client(&ssh::ecdh_init(&mut day.prng))
        .server(&ssh::ecdh_reply(&mut day.prng))
        .client(&ssh::new_keys(&mut day.prng))
}

fn log_in(day: &mut Day, connection: Conversation, granted: &[bool]) -> Conversation {
    ssh::login(granted).into_iter().fold(connection, |connection, (asked, answered)| {
        let (asked, answered) = (ssh::encrypted(asked, &mut day.prng), ssh::encrypted(answered, &mut day.prng));
        connection.wait(SECOND_NS).exchange(Side::Client, &asked, &answered)
    })
}

/// The historian's remote-support tool keeps a line open to its vendor all day; at 14:12 somebody works over it.
fn integrator_left_a_support_tool(day: &mut Day) {
    let who = cast::historian();
    let relay = who.site.remote("18.185.40.9");
    let name = "client.oray.net";
    day.lookup(clock(7, 50), who, name, &[], relay);
    let hello = ClientHello::of_device(name).record(&mut day.prng);
    let flight = tls::server_flight(&hello, 2_600, &mut day.prng);
    let finished = tls::client_finished(&mut day.prng);
    let mut line = day.connection(clock(7, 50) + SECOND_NS, who, relay, 443).open().client(&hello).server(&flight);
    line = line.client(&finished).keep_payload(16);
    for beat in 0..32 {
        let (sign, answer) = (tls::application_data(40, &mut day.prng), tls::application_data(40, &mut day.prng));
        line = line.at(clock(7, 55) + beat * 15 * MINUTE_NS).exchange(Side::Client, &sign, &answer);
        if beat == 25 {
            line = support_session(day, line.at(clock(14, 12)));
        }
    }
    day.add(who, line.close().frames());
}

/// Five minutes of clicks from outside and pictures from inside.
fn support_session(day: &mut Day, mut line: Conversation) -> Conversation {
    for _ in 0..30 {
        let click = tls::application_data(64, &mut day.prng);
        let picture = tls::application_data(day.prng.between(4_000, 40_000) as usize, &mut day.prng);
        line = line.wait(10 * SECOND_NS).segment_size(20_000).exchange(Side::Server, &click, &picture);
    }
    line
}

/// A camera that nobody wrote down, of a maker in China by its MAC (IEEE registry: 3C-EF-8C): it asks for an address,
/// announces itself, and uses the site's resolver. It never leaves the site.
fn nobody_declared_the_lobby_camera(day: &mut Day) {
    let camera = cast::lobby_camera();
    let link = camera.site.link();
    let (mac, address) = (camera.host.mac, std::net::Ipv4Addr::new(10, 20, 10, 77));
    let request = dhcp::request(mac, address, "lobby-cam", "IPC-EXAMPLE-4MP");
    let (nobody, everybody) = (Host::new("0.0.0.0").with_mac(mac), Host::new("255.255.255.255").with_mac([0xff; 6]));
    day.add(camera, [udp_frame(&link, clock(6, 3), (nobody, 68), (everybody, 67), &request)]);
    let group = Host::new("239.255.255.250").with_mac([0x01, 0x00, 0x5e, 0x7f, 0xff, 0xfa]);
    let location = format!("http://{address}:49152/device.xml");
    let announcement = ssdp::notify(&location, "Linux UPnP/1.0 IPC-EXAMPLE-4MP/2.8", "uuid:3cef8c5a-1077-example");
    day.add(camera, [udp_frame(&link, clock(6, 4), (camera.host, 1900), (group, 1900), &announcement)]);
    for hour in [6, 12] {
        let recorder = Host::new("10.20.50.60");
        day.lookup(clock(hour, 5), camera, "recorder.example.cz", &[], recorder);
    }
}
