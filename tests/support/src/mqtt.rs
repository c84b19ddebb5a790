//! MQTT 3.1.1 control packets (OASIS standard, chapter 3).

/// CONNECT with a clean session, a user name and a password.
#[must_use]
pub fn connect(client_id: &str, user_name: &str, password: &str, keep_alive_s: u16) -> Vec<u8> {
    let mut body = string("MQTT");
    body.extend([4, 0b1100_0010]);
    body.extend(keep_alive_s.to_be_bytes());
    for field in [client_id, user_name, password] {
        body.extend(string(field));
    }
    packet(0x10, &body)
}

/// CONNACK: accepted.
#[must_use]
pub fn connack() -> Vec<u8> {
    packet(0x20, &[0, 0])
}

/// SUBSCRIBE to one topic filter at quality of service 0.
#[must_use]
pub fn subscribe(packet_id: u16, topic_filter: &str) -> Vec<u8> {
    packet(0x82, &[&packet_id.to_be_bytes(), string(topic_filter).as_slice(), &[0]].concat())
}

/// PUBLISH at quality of service 0.
#[must_use]
pub fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    packet(0x30, &[string(topic).as_slice(), payload].concat())
}

/// PINGREQ.
#[must_use]
pub fn ping() -> Vec<u8> {
    packet(0xc0, &[])
}

/// PINGRESP.
#[must_use]
pub fn pong() -> Vec<u8> {
    packet(0xd0, &[])
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    while rest > 127 {
        bytes.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes.extend(body);
    bytes
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::publish;

    #[test]
    fn a_remaining_length_above_127_takes_two_bytes() {
        assert_eq!(publish("t", &[0; 318])[..3], [0x30, 0xc1, 0x02]);
    }
}
