//! DNS messages by hand, and what the reader makes of them.

use super::*;

pub(in crate::inspect) fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).chain([0]).collect()
}

fn record(owner: &[u8], kind: u16, ttl_s: u32, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    [owner, &kind.to_be_bytes(), &[0, 1], &ttl_s.to_be_bytes(), &length, data].concat()
}

fn message(flags: u16, counts: [u16; 4], body: &[Vec<u8>]) -> Vec<u8> {
    let header = [0x1234, flags].into_iter().chain(counts);
    header.flat_map(u16::to_be_bytes).chain(body.concat()).collect()
}

fn question(asked: &str, kind: u16) -> Vec<u8> {
    [name(asked), kind.to_be_bytes().to_vec(), vec![0, 1]].concat()
}

pub(in crate::inspect) fn query(asked: &str) -> Vec<u8> {
    message(0x0100, [1, 0, 0, 0], &[question(asked, 1)])
}

fn found(bytes: &[u8]) -> Message<'_> {
    match udp(bytes) {
        Reading::Found(message) => message,
        Reading::Other | Reading::More => panic!("not read"),
    }
}

fn chains(bytes: &[u8]) -> Vec<String> {
    let mut shown = Vec::new();
    found(bytes).resolved(|it| {
        let names: Vec<String> = it.names.iter().map(ToString::to_string).collect();
        shown.push(format!("{} {}s {}", it.address, it.ttl_s, names.join(" > ")));
    });
    shown
}

/// Asked `www.a.cn`, a CNAME to `x.b.com` by a compressed owner, and its two addresses.
fn answered() -> Vec<u8> {
    message(
        0x8180,
        [1, 3, 0, 0],
        &[
            question("WWW.a.cn", 1),
            record(&[0xc0, 12], 5, 300, &name("X.b.com")),
            record(&name("x.B.com"), 1, 20, &[192, 0, 2, 1]),
            record(&name("x.b.com"), 28, 600, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ],
    )
}

#[test]
fn an_address_is_known_by_every_name_from_the_one_asked_down_its_aliases() {
    assert_eq!(chains(&answered()), ["192.0.2.1 20s www.a.cn > x.b.com", "2001:db8::1 300s www.a.cn > x.b.com"]);
}

#[test]
fn addresses_among_https_hints_count_as_answers() {
    let parameters = [[0, 4, 0, 8].as_slice(), &[192, 0, 2, 1, 192, 0, 2, 2], &[0, 5, 0, 1, 9]].concat();
    let data = [&[0, 1, 0][..], &parameters].concat();
    let bytes = message(0x8180, [1, 1, 0, 0], &[question("a.b", 65), record(&[0xc0, 12], 65, 60, &data)]);
    assert_eq!(chains(&bytes), ["192.0.2.1 60s a.b", "192.0.2.2 60s a.b"]);
    assert!(found(&bytes).records().any(|record| matches!(record.data, Data::Service { ech: true, .. })));
}

#[test]
fn aliases_that_form_a_ring_end() {
    let bytes = message(
        0x8180,
        [1, 3, 0, 0],
        &[
            question("a.x", 1),
            record(&name("a.x"), 5, 9, &name("b.x")),
            record(&name("b.x"), 5, 9, &name("a.x")),
            record(&name("a.x"), 1, 9, &[192, 0, 2, 1]),
        ],
    );
    assert_eq!(chains(&bytes).len(), 1);
}

#[test]
fn a_name_that_points_to_itself_or_forward_is_no_name() {
    for pointer in [12_u8, 14, 40] {
        let bytes = message(0x0100, [1, 0, 0, 0], &[vec![0xc0, pointer, 0, 1, 0, 1]]);
        assert_eq!(udp(&bytes), Reading::Other, "pointer to {pointer}");
    }
}

#[test]
fn odd_bytes_of_a_name_are_escaped_and_it_has_no_more_than_255() {
    let odd = [&[4, b'a', b'.', 0xff, b'\n', 1, b'B'][..], &[0, 0, 1, 0, 1]].concat();
    let bytes = message(0x0100, [1, 0, 0, 0], &[odd]);
    assert_eq!(found(&bytes).questions().next().unwrap().name.to_string(), "a\\.\\255\\010.b");
    let long = [&[63; 64 * 4][..], &[0, 0, 1, 0, 1]].concat();
    assert_eq!(udp(&message(0x0100, [1, 0, 0, 0], &[long])), Reading::Other);
}

#[test]
fn a_damaged_message_is_read_as_far_as_it_goes() {
    let bytes = answered();
    let cut = &bytes[..bytes.len() - 10];
    assert_eq!(chains(cut), ["192.0.2.1 20s www.a.cn > x.b.com"]);
    assert!(!looks_like_dns(cut));
}

#[test]
fn on_other_ports_only_a_whole_plausible_message_is_dns() {
    assert!(looks_like_dns(&answered()));
    assert!(looks_like_dns(&query("example.com")));
    assert!(!looks_like_dns(&[&query("example.com")[..], &[0]].concat()));
    assert!(!looks_like_dns(&query("exam\u{1}ple.com")));
    assert!(!looks_like_dns(&[0; 32]));
    assert!(!looks_like_dns(&message(0x0110, [1, 0, 0, 0], &[question("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0x20)])));
}

#[test]
fn multicast_messages_carry_several_questions() {
    let mut bytes =
        message(0, [2, 0, 0, 0], &[question("_googlecast._tcp.local", 12), question("Living Room.local", 1)]);
    bytes[..2].fill(0);
    let asked: Vec<String> = found(&bytes).questions().map(|question| question.name.to_string()).collect();
    assert_eq!(asked, ["_googlecast._tcp.local", "living room.local"]);
    assert!(looks_like_dns(&bytes));
}

#[test]
fn messages_on_a_connection_are_found_one_after_another() {
    let framed = |bytes: Vec<u8>| [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat();
    let stream = [framed(query("a.example")), framed(query("b.example")), vec![0, 40, 1]].concat();
    for end in 0..framed(query("a.example")).len() {
        assert!(matches!(tcp(&stream[..end]), Reading::More), "{end} bytes");
    }
    let Reading::Found(mut messages) = tcp(&stream) else { panic!("not read") };
    let asked: Vec<String> = messages
        .by_ref()
        .flat_map(|message| message.questions().map(|it| it.name.to_string()).collect::<Vec<_>>())
        .collect();
    assert_eq!(asked, ["a.example", "b.example"]);
    assert_eq!(messages.rest(), [0, 40, 1]);
}
