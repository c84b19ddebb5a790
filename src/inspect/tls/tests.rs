//! Hellos as peers send them, whole, cut and damaged.

use proptest::prelude::*;

use super::*;

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn vector8(content: &[u8]) -> Vec<u8> {
    [&[u8::try_from(content.len()).unwrap()], content].concat()
}

fn vector16(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes(), content].concat()
}

fn vector24(content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes()[1..], content].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [vec![kind], vector24(body)].concat()
}

/// The handshake bytes in records of `size` bytes of content.
fn records(handshake: &[u8], size: usize) -> Vec<u8> {
    handshake.chunks(size).flat_map(|content| [vec![22, 3, 1], vector16(content)].concat()).collect()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    vector16(&[vec![0], vector16(name)].concat())
}

fn alpn(names: &[&[u8]]) -> Vec<u8> {
    vector16(&names.iter().flat_map(|name| vector8(name)).collect::<Vec<_>>())
}

fn client_body(version: u16, ciphers: &[u16], extensions: &[(u16, Vec<u8>)], cookie: Option<&[u8]>) -> Vec<u8> {
    let list: Vec<u8> =
        extensions.iter().flat_map(|(number, content)| [words(&[*number]), vector16(content)].concat()).collect();
    let cookie = cookie.map(vector8).unwrap_or_default();
    let ciphers = vector16(&words(ciphers));
    [words(&[version]), vec![7; 32], vector8(&[9; 32]), cookie, ciphers, vector8(&[0]), vector16(&list)].concat()
}

/// The hello that FoxIO's JA4 description takes as its example, with a reserved value in each list.
fn example() -> Vec<u8> {
    let ciphers = [
        0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
        0x002f, 0x0035,
    ];
    let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
    let numbers =
        [0x5a5a, 0x1b, 0, 0x33, 0x10, 0x4469, 0x17, 0x2d, 0x0d, 5, 0x23, 0x12, 0x2b, 0xff01, 0x0b, 0x0a, 0x15];
    let extensions = numbers.map(|number| {
        let content = match number {
            0 => server_name(b"WWW.Example.ORG."),
            0x10 => alpn(&[b"h2", b"http/1.1"]),
            0x0d => vector16(&words(&signatures)),
            0x2b => vector8(&words(&[0x8a8a, 0x0304, 0x0303])),
            _ => Vec::new(),
        };
        (number, content)
    });
    message(1, &client_body(0x0303, &ciphers, &extensions, None))
}

fn expected() -> ClientHello {
    ClientHello {
        server_name: Some("www.example.org".to_owned()),
        alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
        ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1".to_owned(),
        ech: false,
        version: 0x0304,
    }
}

fn found<T: std::fmt::Debug>(reading: Reading<T>) -> T {
    let Reading::Found(found) = reading else { panic!("{reading:?}") };
    found
}

fn ja4_of(extensions: &[(u16, Vec<u8>)]) -> String {
    found(client(&records(&message(1, &client_body(0x0303, &[0x1301], extensions, None)), 16384))).ja4
}

#[test]
fn the_published_example_has_its_name_protocols_and_fingerprint() {
    assert_eq!(client(&records(&example(), 16384)), Reading::Found(expected()));
}

#[test]
fn quic_and_dtls_have_their_own_letter_in_the_fingerprint() {
    let quic = found(client_hello_message(&example(), Transport::Quic));
    assert_eq!(quic.ja4, "q13d1516h2_8daaf6152771_e5627efa2ab1");
    assert!(found(dtls_client(&datagram(&dtls_body(), &[(0, usize::MAX)]))).ja4.starts_with("dd2d0101"));
}

#[test]
fn ends_of_a_protocol_that_are_not_alphanumeric_appear_in_hexadecimal() {
    let cases: [(&[u8], &str); 6] = [
        (b"h2", "h2"),
        (b"h", "hh"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
    ];
    for (name, ends) in cases {
        assert_eq!(&ja4_of(&[(16, alpn(&[name]))])[8..10], ends, "{name:?}");
    }
    assert_eq!(&ja4_of(&[(16, alpn(&[b"\x0a\x0a", b"h3"]))])[8..10], "h3", "a reserved value is passed over");
    assert_eq!(&ja4_of(&[])[8..10], "00");
}

#[test]
fn an_empty_list_hashes_to_zeros() {
    assert!(ja4_of(&[(0, server_name(b"a.example"))]).ends_with("_000000000000"), "name and protocol do not count");
    let none = message(1, &client_body(0x0301, &[], &[], None));
    assert_eq!(found(client(&records(&none, 16384))).ja4, "t10i000000_000000000000_000000000000");
}

#[test]
fn a_name_that_cannot_be_a_host_is_dropped() {
    for name in [b"a b".as_slice(), b"\xff", b"", b".", b"evil\x00.example", &[b'a'; 256]] {
        let hello = message(1, &client_body(0x0303, &[1], &[(0, server_name(name))], None));
        assert_eq!(found(client(&records(&hello, 16384))).server_name, None, "{name:?}");
    }
}

#[test]
fn encrypted_client_hello_is_noticed() {
    let hello = message(1, &client_body(0x0303, &[1], &[(0xfe0d, vec![0; 8])], None));
    assert!(found(client(&records(&hello, 16384))).ech);
}

#[test]
fn every_prefix_asks_for_more_until_the_hello_is_whole() {
    for size in [1, 3, 100, 16384] {
        let whole = records(&example(), size);
        for end in 0..whole.len() {
            assert_eq!(client(&whole[..end]), Reading::More, "{end} bytes of records of {size}");
        }
        let more = [whole, vec![0xff; 40]].concat();
        assert_eq!(client(&more), Reading::Found(expected()), "records of {size}");
    }
}

#[test]
fn other_protocols_are_rejected_by_their_first_bytes() {
    let ssh = b"SSH-2.0-OpenSSH_9.9\r\n".as_slice();
    let alert = &[21, 3, 1, 0, 2, 2, 40];
    let midstream = &[23, 3, 3, 1, 0];
    let server_hello = &[22, 3, 3, 0, 80, 2];
    for bytes in [ssh, alert, midstream, server_hello, &[22, 3, 1, 0, 0], &[22, 4]] {
        assert_eq!(client(bytes), Reading::Other, "{bytes:?}");
    }
}

#[test]
fn a_hello_that_claims_more_than_16_kib_is_not_waited_for() {
    assert_eq!(client(&[22, 3, 1, 0x40, 0, 1, 0, 0x40, 0]), Reading::Other);
    assert_eq!(client_hello_message(&[1, 0, 0x40, 0], Transport::Quic), Reading::Other);
}

fn dtls_body() -> Vec<u8> {
    client_body(0xfefd, &[0xc02b], &[(0, server_name(b"peer.example"))], Some(&[1; 20]))
}

/// Records with these ranges of a message's body in one datagram.
fn datagram(body: &[u8], ranges: &[(usize, usize)]) -> Vec<u8> {
    let record = |&(from, to): &(usize, usize)| {
        let part = &body[from..to.min(body.len())];
        let at = |number: usize| u32::try_from(number).unwrap().to_be_bytes()[1..].to_vec();
        let content = [vec![1], at(body.len()), vec![0, 0], at(from), at(part.len()), part.to_vec()].concat();
        [vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1], vector16(&content)].concat()
    };
    ranges.iter().flat_map(record).collect()
}

#[test]
fn a_dtls_hello_in_fragments_is_put_together_in_any_order() {
    let body = dtls_body();
    let whole = found(dtls_client(&datagram(&body, &[(0, usize::MAX)])));
    assert_eq!(whole.server_name.as_deref(), Some("peer.example"));
    assert_eq!(whole.version, 0xfefd);
    let cut = datagram(&body, &[(60, usize::MAX), (0, 40), (30, 70), (0, 40)]);
    assert_eq!(dtls_client(&cut), Reading::Found(whole));
    assert_eq!(dtls_client(&datagram(&body, &[(0, 40), (41, usize::MAX)])), Reading::More, "a hole");
    assert_eq!(dtls_client(&records(&example(), 16384)), Reading::Other);
}

#[test]
fn starttls_is_followed_in_each_protocol() {
    let cases: [(&[u8], &[u8]); 13] = [
        (b"\x04\x01\x01\xbb\x7f\x00\x00\x01user\0", &[0, 90, 0, 0, 0, 0, 0, 0]),
        (b"\x04\x01\x01\xbb\0\0\0\x01\0a.example\0", &[0, 90, 0, 0, 0, 0, 0, 0]),
        (b"\x05\x01\0\x05\x01\0\x03\x09a.example\x01\xbb", &[5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        (b"\x05\x01\x02\x01\x01u\x01p\x05\x01\0\x01\x0a\0\0\x01\x01\xbb", &[5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
        (b"EHLO a\r\nSTARTTLS\r\n", b"220 hi\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n"),
        (b"a1 CAPABILITY\r\na2 starttls\r\n", b"* OK\r\na1 OK\r\na2 OK go\r\n"),
        (b"CAPA\r\nSTLS\r\n", b"+OK\r\n+OK\r\n.\r\n+OK\r\n"),
        (b"AUTH TLS\r\n", b"220 ftp\r\n234 go\r\n"),
        (b"<stream:stream><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<stream:features/><proceed/>"),
        (b"CONNECT a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (&[0, 0, 0, 8, 4, 210, 22, 47], b"S"),
        (&[3, 0, 0, 11, 6, 0xe0, 0, 0, 0, 0, 0], &[3, 0, 0, 11, 6, 0xd0, 0, 0, 0, 0, 0]),
        (
            b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037",
            b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00",
        ),
    ];
    for (asks, agrees) in cases {
        let (from_client, from_server) = ([asks, &records(&example(), 16384)].concat(), [agrees, &[22, 3, 3]].concat());
        let offsets = after_starttls(&from_client, &from_server);
        assert_eq!(offsets, Some((asks.len(), agrees.len())), "{}", asks.escape_ascii());
        assert_eq!(client(&from_client[asks.len()..]), Reading::Found(expected()));
        for end in 0..asks.len() {
            assert_eq!(after_starttls(&from_client[..end], &from_server), None, "{end} bytes");
        }
        assert_eq!(after_starttls(&from_client, &[]), Some((asks.len(), 0)), "nothing seen of the server");
    }
}

#[test]
fn a_protocol_that_does_not_turn_to_tls_is_left_alone() {
    for text in
        [b"EHLO STARTTLS.example\r\n".as_slice(), b"MAIL FROM:<a>\r\n", b"GET / HTTP/1.1\r\n\r\n", b"USER a\r\n"]
    {
        assert_eq!(after_starttls(text, b"220 hi\r\n"), None, "{}", text.escape_ascii());
    }
    let refused = [&[0, 0, 0, 8, 4, 210, 22, 47], records(&example(), 16384).as_slice()].concat();
    assert_eq!(after_starttls(&refused, b"N"), None, "the server refuses");
    let binary = [b"\x01\x02", records(&example(), 16384).as_slice()].concat();
    assert_eq!(after_starttls(&binary, &[]), None, "not a text");
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    match u8::try_from(content.len()) {
        Ok(len @ 0..=0x7f) => [&[tag, len], content].concat(),
        _ => [vec![tag, 0x82], vector16(content)].concat(),
    }
}

/// A distinguished name out of (last byte of the attribute's object identifier, string type, value).
fn distinguished_name(attributes: &[(u8, u8, &[u8])]) -> Vec<u8> {
    let attribute = |&(kind, tag, value): &(u8, u8, &[u8])| {
        tlv(0x31, &tlv(0x30, &[tlv(6, &[0x55, 4, kind]), tlv(tag, value)].concat()))
    };
    tlv(0x30, &attributes.iter().flat_map(attribute).collect::<Vec<_>>())
}

fn certificate(subject: &[(u8, u8, &[u8])], names: &[&[u8]]) -> Vec<u8> {
    let algorithm = tlv(0x30, &[tlv(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11]), vec![5, 0]].concat());
    let validity = [tlv(0x17, b"200101000000Z"), tlv(0x17, b"300101000000Z")].concat();
    let names = tlv(0x30, &names.iter().flat_map(|name| tlv(0x82, name)).collect::<Vec<_>>());
    let extension = tlv(0x30, &[tlv(6, &[0x55, 0x1d, 17]), tlv(4, &names)].concat());
    let signed = [
        tlv(0xa0, &[2, 1, 2]),
        tlv(2, &[1]),
        algorithm.clone(),
        distinguished_name(&[(6, 0x13, b"CN"), (10, 0x0c, "TrustAsia \u{1f512}".as_bytes()), (3, 0x13, b"Root\x07CA")]),
        tlv(0x30, &validity),
        distinguished_name(subject),
        tlv(0x30, &[algorithm.clone(), tlv(3, &[0; 200])].concat()),
        tlv(0xa3, &tlv(0x30, &extension)),
    ];
    tlv(0x30, &[tlv(0x30, &signed.concat()), algorithm, tlv(3, &[0; 65])].concat())
}

fn server_hello_of(version: u16, extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let list: Vec<u8> =
        extensions.iter().flat_map(|(number, content)| [words(&[*number]), vector16(content)].concat()).collect();
    message(2, &[words(&[version]), vec![7; 32], vector8(&[9; 32]), vec![0xc0, 0x2f, 0], vector16(&list)].concat())
}

fn chain(certificates: &[Vec<u8>]) -> Vec<u8> {
    message(11, &vector24(&certificates.iter().flat_map(|der| vector24(der)).collect::<Vec<_>>()))
}

fn hikvision() -> Vec<u8> {
    let subject: [(u8, u8, &[u8]); 3] = [(6, 0x13, b"CN"), (10, 0x14, b"Hangzhou Hikvision"), (3, 0x1e, b"\0d\0e\0v")];
    certificate(&subject, &[b"*.Hik-Connect.com", b"dev.hikvision.com.", b"no host"])
}

#[test]
fn a_certificate_tells_its_owner_its_issuer_and_its_names() {
    let flight = [server_hello_of(0x0303, &[(16, alpn(&[b"h2"]))]), chain(&[hikvision(), vec![0; 9000]])].concat();
    let server_found = found(server(&records(&flight, 700)));
    assert_eq!(server_found.hello, ServerHello { version: 0x0303, cipher: 0xc02f, alpn: Some("h2".to_owned()) });
    let certificate = server_found.certificate.clone().unwrap();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(certificate.subject_country, some("CN"));
    assert_eq!(certificate.subject_organization, some("Hangzhou Hikvision"));
    assert_eq!(certificate.subject_common_name, some("dev"));
    assert_eq!(certificate.issuer_country, some("CN"));
    assert_eq!(certificate.issuer_organization, some("TrustAsia \u{1f512}"));
    assert_eq!(certificate.issuer_common_name, some("Root\u{fffd}CA"));
    assert_eq!(certificate.names, ["*.hik-connect.com", "dev.hikvision.com"]);
    assert_eq!(certificate.not_after_s, 1_893_456_000);

    for size in [1, 2, 5, 46, 90, 700, 16384] {
        let whole = records(&flight, size);
        let complete = flight.len() - 9000 - 3;
        let first = (0..whole.len()).find(|&end| server(&whole[..end]) != Reading::More).unwrap();
        assert_eq!(first, complete + 5 * complete.div_ceil(size), "the issuers' certificates are not waited for");
        for end in (first..whole.len()).step_by(97) {
            assert_eq!(server(&whole[..end]), Reading::Found(server_found.clone()), "records of {size}");
        }
    }
}

#[test]
fn the_version_of_tls_1_3_is_in_an_extension_and_its_certificate_is_not_waited_for() {
    let hello = server_hello_of(0x0303, &[(43, words(&[0x0304]))]);
    let reading = found(server(&records(&hello, 16384)));
    assert_eq!((reading.hello.version, reading.certificate), (0x0304, None));
}

#[test]
fn a_resumed_session_has_no_certificate() {
    let hello = records(&server_hello_of(0x0303, &[]), 16384);
    assert_eq!(server(&hello), Reading::More);
    assert_eq!(found(server_hello(&hello)).cipher, 0xc02f);
    let resumed = [hello.clone(), vec![20, 3, 3, 0, 1, 1]].concat();
    assert_eq!(found(server(&resumed)).certificate, None);
    let anonymous = [hello.clone(), records(&message(12, &[0; 100]), 16384)].concat();
    assert_eq!(found(server(&anonymous)).certificate, None);
    let damaged = [hello, records(&chain(&[vec![0x30; 80]]), 16384)].concat();
    assert_eq!(found(server(&damaged)).certificate, None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), at in 0..600usize) {
        let mut damaged = records(&example(), 90);
        let from = at.min(damaged.len());
        damaged.splice(from..(from + bytes.len()).min(damaged.len()), bytes.iter().copied());
        for bytes in [&bytes, &damaged] {
            let _ = (client(bytes), server(bytes), dtls_client(bytes), after_starttls(bytes, bytes));
            let _ = client_hello_message(bytes, Transport::Quic);
        }
    }

    #[test]
    fn an_answer_once_given_is_kept(at in 0..400usize, byte: u8, size in 1..300usize) {
        let mut bytes = records(&example(), size);
        let at = at % bytes.len();
        bytes[at] = byte;
        let mut last = Reading::More;
        for end in 0..=bytes.len() {
            let reading = client(&bytes[..end]);
            prop_assert!(last == Reading::More || last == reading, "{last:?} became {reading:?} at {end}");
            last = reading;
        }
    }
}
