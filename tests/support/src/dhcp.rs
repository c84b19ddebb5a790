//! DHCP for IPv4 (RFC 2131, options RFC 2132), from client port 68 to server port 67.

use std::net::Ipv4Addr;

/// A broadcast request for `address` by the client with hardware address `mac`, which says its name and what it is.
#[must_use]
pub fn request(mac: [u8; 6], address: Ipv4Addr, host_name: &str, vendor_class: &str) -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0];
    message.extend(&mac[2..]);
    message.extend([0, 0, 0x80, 0]);
    message.extend([0; 16]);
    message.extend(mac);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99]);
    for (code, value) in
        [(53, &[3][..]), (50, &address.octets()), (12, host_name.as_bytes()), (60, vendor_class.as_bytes())]
    {
        message.extend([code, value.len() as u8]);
        message.extend(value);
    }
    message.push(255);
    message
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn the_fixed_part_has_its_length_and_the_options_end() {
        let message = request([0x3c, 0xef, 0x8c, 1, 2, 3], [10, 0, 0, 7].into(), "camera", "maker");
        assert_eq!(message[28..34], [0x3c, 0xef, 0x8c, 1, 2, 3]);
        assert_eq!(message[236..243], [99, 130, 83, 99, 53, 1, 3]);
        assert_eq!(message.last(), Some(&255));
    }
}
