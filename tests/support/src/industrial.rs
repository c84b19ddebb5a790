//! Industrial protocols: Modbus/TCP, and the inverter logger protocol that grew out of it.

/// Modbus/TCP (Modbus Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3).
pub mod modbus {
    /// Read holding registers (function 3).
    #[must_use]
    pub fn read_registers(transaction: u16, unit: u8, first: u16, count: u16) -> Vec<u8> {
        adu(transaction, unit, 3, &[first.to_be_bytes(), count.to_be_bytes()].concat())
    }

    /// The answer to [`read_registers`].
    #[must_use]
    pub fn registers(transaction: u16, unit: u8, values: &[u16]) -> Vec<u8> {
        let mut data = vec![(values.len() * 2) as u8];
        data.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        adu(transaction, unit, 3, &data)
    }

    /// Write one register (function 6); the answer is the same message.
    #[must_use]
    pub fn write_register(transaction: u16, unit: u8, register: u16, value: u16) -> Vec<u8> {
        adu(transaction, unit, 6, &[register.to_be_bytes(), value.to_be_bytes()].concat())
    }

    fn adu(transaction: u16, unit: u8, function: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = transaction.to_be_bytes().to_vec();
        bytes.extend([0, 0]);
        bytes.extend((data.len() as u16 + 2).to_be_bytes());
        bytes.extend([unit, function]);
        bytes.extend(data);
        bytes
    }
}

/// The protocol of Growatt data loggers, as the Grott project's documentation describes version 6: a Modbus/TCP-like
/// header, a body masked with the word "Growatt", and a Modbus CRC. Written from that description, not from a device.
pub mod growatt {
    /// Record types.
    pub mod record {
        /// The logger introduces itself and its inverter.
        pub const ANNOUNCE: u8 = 0x03;
        /// Live values.
        pub const DATA: u8 = 0x04;
        /// The server writes an inverter register.
        pub const WRITE_REGISTER: u8 = 0x06;
        /// Keep-alive, echoed.
        pub const PING: u8 = 0x16;
        /// The server sets a logger parameter.
        pub const CONFIGURE: u8 = 0x18;
    }

    /// A message of `kind`: `body` in the clear, masked here.
    #[must_use]
    pub fn message(transaction: u16, kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = transaction.to_be_bytes().to_vec();
        bytes.extend([0, 6]);
        bytes.extend((body.len() as u16 + 2).to_be_bytes());
        bytes.extend([1, kind]);
        bytes.extend(body.iter().zip(b"Growatt".iter().cycle()).map(|(byte, mask)| byte ^ mask));
        let crc = super::modbus_crc(&bytes);
        bytes.extend(crc.to_be_bytes());
        bytes
    }

    /// A write of inverter registers `first..=last` for the logger `serial` (10 characters, padded to 30).
    #[must_use]
    pub fn write_registers(transaction: u16, serial: &str, first: u16, values: &[u16]) -> Vec<u8> {
        let mut body = padded(serial);
        body.extend(first.to_be_bytes());
        body.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        message(transaction, record::WRITE_REGISTER, &body)
    }

    /// A setting of logger parameter `parameter` to `value`.
    #[must_use]
    pub fn configure(transaction: u16, serial: &str, parameter: u16, value: &str) -> Vec<u8> {
        let mut body = padded(serial);
        body.extend(parameter.to_be_bytes());
        body.extend((value.len() as u16).to_be_bytes());
        body.extend(value.as_bytes());
        message(transaction, record::CONFIGURE, &body)
    }

    /// A serial number in its field of 30 bytes.
    #[must_use]
    pub fn padded(serial: &str) -> Vec<u8> {
        let mut field = serial.as_bytes().to_vec();
        field.resize(30, 0);
        field
    }
}

/// CRC-16/MODBUS.
fn modbus_crc(bytes: &[u8]) -> u16 {
    let mut crc = 0xffffu16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xa001 & (crc & 1).wrapping_neg());
        }
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::{growatt, modbus_crc};

    #[test]
    fn the_crc_gives_the_catalogued_check_value() {
        assert_eq!(modbus_crc(b"123456789"), 0x4b37);
    }

    #[test]
    fn unmasking_a_logger_message_gives_its_body() {
        let message = growatt::message(1, growatt::record::PING, &growatt::padded("ABC1234567"));
        let body = &message[8..message.len() - 2];
        let clear: Vec<u8> = body.iter().zip(b"Growatt".iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(&clear[..10], b"ABC1234567");
        assert_eq!(usize::from(message[5]), message.len() - 8);
    }
}
