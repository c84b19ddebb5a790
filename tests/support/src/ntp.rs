//! NTP version 4 (RFC 5905, section 7.3).

/// Seconds from the NTP era (1900) to the Unix epoch.
const ERA_OFFSET_S: u64 = 2_208_988_800;

/// A client's request sent at `time_ns` since the Unix epoch.
#[must_use]
pub fn request(time_ns: u64) -> Vec<u8> {
    let mut message = vec![0; 48];
    message[0] = 0x23;
    message[40..].copy_from_slice(&timestamp(time_ns));
    message
}

/// A stratum 2 server's answer to `request`, received and sent at `time_ns`.
///
/// # Panics
/// Where `request` is shorter than 48 bytes.
#[must_use]
pub fn response(request: &[u8], time_ns: u64) -> Vec<u8> {
    let mut message = vec![0x24, 2, 6, 0xe9];
    message.resize(48, 0);
    message[24..32].copy_from_slice(&request[40..48]);
    message[32..40].copy_from_slice(&timestamp(time_ns));
    message[40..].copy_from_slice(&timestamp(time_ns + 20_000));
    message
}

fn timestamp(time_ns: u64) -> [u8; 8] {
    let seconds = time_ns / 1_000_000_000 + ERA_OFFSET_S;
    let fraction = ((time_ns % 1_000_000_000) << 32) / 1_000_000_000;
    ((seconds << 32) | fraction).to_be_bytes()
}
