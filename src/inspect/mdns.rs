//! Devices by the services they announce (RFC 6763): instance names and models out of mDNS responses.

use super::dns::{Data, Message, Name};
use super::text::some_text;

/// Most instances kept of a message.
pub const INSTANCES_MAX: usize = 8;
const TEXT_MAX: usize = 128;
/// Keys of TXT records by which makers give the model: AirPlay and printers, Google Cast, HomeKit and Apple's device info,
/// IPP.
const MODEL_KEYS: [&[u8]; 5] = [b"model=", b"md=", b"am=", b"ty=", b"usb_mdl="];

/// One service a device offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Name people gave the device: `Living Room`.
    pub name: String,
    /// Service: `_googlecast._tcp.local`.
    pub service: String,
    /// Model by its TXT record in the same message.
    pub model: Option<String>,
}

/// The services a response announces, at most [`INSTANCES_MAX`].
#[must_use]
pub fn instances(message: &Message<'_>) -> Vec<Instance> {
    if !message.is_response() {
        return Vec::new();
    }
    let pointers = message.records().filter_map(|record| match record.data {
        Data::Pointer(instance) => Some((record.owner, instance)),
        Data::Address(_) | Data::Cname(_) | Data::Host { .. } | Data::Service { .. } | Data::Text(_) | Data::Other => {
            None
        }
    });
    let named = pointers.filter_map(|(service, instance)| {
        let mut labels = instance.labels();
        let name = labels.next()?;
        labels.eq(service.labels()).then_some(())?;
        Some(Instance {
            name: some_text(name, TEXT_MAX)?,
            service: service.to_string(),
            model: model(message, instance),
        })
    });
    named.take(INSTANCES_MAX).collect()
}

fn model(message: &Message<'_>, instance: Name<'_>) -> Option<String> {
    let text = message.records().filter(|record| record.owner == instance).find_map(|record| match record.data {
        Data::Text(text) => Some(text),
        Data::Address(_)
        | Data::Cname(_)
        | Data::Host { .. }
        | Data::Service { .. }
        | Data::Pointer(_)
        | Data::Other => None,
    })?;
    strings(text).find_map(|string| {
        let value = MODEL_KEYS.iter().find_map(|key| string.strip_prefix(*key))?;
        some_text(value, TEXT_MAX)
    })
}

/// Strings with a length byte before each.
fn strings(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first()?;
        let (string, behind) = behind.split_at_checked(usize::from(*length))?;
        rest = behind;
        Some(string)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Reading;
    use super::super::dns::udp;
    use super::*;

    #[test]
    fn a_device_is_known_by_the_name_people_gave_it_and_its_model() {
        let service = b"\x05_cast\x04_tcp\x05local\0";
        let instance = b"\x06Saal 1\xc0\x0c";
        let pointer = [&service[..], &[0, 12, 0, 1, 0, 0, 0, 9, 0, 9], instance].concat();
        let at = 12 + service.len() as u8 + 10;
        let text = [&[0xc0, at, 0, 16, 0x80, 1, 0, 0, 0, 9, 0, 14][..], b"\x04id=7\x08md=Xiao1"].concat();
        let bytes = [&[0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0][..], &pointer, &text].concat();
        let Reading::Found(message) = udp(&bytes) else { panic!("not read") };
        let expected = Instance {
            name: "Saal 1".to_owned(),
            service: "_cast._tcp.local".to_owned(),
            model: Some("Xiao1".to_owned()),
        };
        assert_eq!(instances(&message), [expected]);
    }
}
