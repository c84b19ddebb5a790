//! BPF filter expressions, compiled by libpcap once per link type.

use super::{Frame, LinkType};

/// A filter expression in the syntax of `pcap-filter(7)`.
///
/// The length of a frame (`less`, `greater`, `len`) is its captured length.
pub struct Filter {
    expression: String,
    /// One program per link type met so far; `None` where the expression makes no sense for it.
    programs: Vec<(LinkType, Option<pcap::BpfProgram>)>,
    unfilterable: u64,
}

/// The expression is wrong.
#[derive(Debug, thiserror::Error)]
#[error(
    "filter \"{expression}\": {problem}; expected a pcap filter expression such as \"host 192.0.2.1 and tcp port 443\""
)]
pub struct FilterError {
    /// The expression as given.
    pub expression: String,
    /// What libpcap says.
    pub problem: String,
}

impl Filter {
    /// Compiles `expression` for Ethernet.
    ///
    /// # Errors
    /// The expression does not compile.
    pub fn new(expression: &str) -> Result<Filter, FilterError> {
        let program = compile(expression, LinkType::ETHERNET)
            .map_err(|problem| FilterError { expression: expression.to_owned(), problem })?;
        let programs = vec![(LinkType::ETHERNET, Some(program))];
        Ok(Filter { expression: expression.to_owned(), programs, unfilterable: 0 })
    }

    /// Whether the captured bytes of `frame` match. Allocates only when a link type is met for the first time.
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        match self.program(frame.meta.link) {
            Some(program) => program.filter(frame.data),
            None => {
                self.unfilterable += 1;
                false
            }
        }
    }

    /// Frames that did not match because the expression does not compile for their link type.
    #[must_use]
    pub fn unfilterable_frames(&self) -> u64 {
        self.unfilterable
    }

    /// The link types met for which the expression does not compile.
    pub fn unfilterable_links(&self) -> impl Iterator<Item = LinkType> {
        self.programs.iter().filter(|(_, program)| program.is_none()).map(|(link, _)| *link)
    }

    fn program(&mut self, link: LinkType) -> Option<&pcap::BpfProgram> {
        let known = self.programs.iter().position(|(other, _)| *other == link);
        let index = known.unwrap_or_else(|| {
            self.programs.push((link, compile(&self.expression, link).ok()));
            self.programs.len() - 1
        });
        self.programs.get(index)?.1.as_ref()
    }
}

fn compile(expression: &str, link: LinkType) -> Result<pcap::BpfProgram, String> {
    let message = |error: pcap::Error| {
        if let pcap::Error::PcapError(message) = error { message } else { error.to_string() }
    };
    let handle = pcap::Capture::dead(pcap::Linktype(data_link(link))).map_err(message)?;
    handle.compile(expression, true).map_err(message)
}

/// The number libpcap itself uses (`DLT_`) for a file's link type where they differ on Linux.
fn data_link(link: LinkType) -> i32 {
    match link {
        LinkType::RAW | LinkType::RAW_14 => 12,
        LinkType::ATM_RFC1483 => 11,
        other => i32::from(other.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Batch;
    use crate::net::Timestamp;

    /// An IPv4 header of UDP between 192.0.2.1 and 192.0.2.2.
    const IPV4: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];

    fn matches(filter: &mut Filter, link: LinkType, data: &[u8]) -> bool {
        let mut batch = Batch::default();
        batch.push(Timestamp::ZERO, link, 0, data);
        filter.matches(&batch.frame(0).unwrap())
    }

    #[test]
    fn one_expression_filters_frames_of_several_link_types() {
        let mut filter = Filter::new("udp and host 192.0.2.1").unwrap();
        let ethernet = [&[0; 12], &[8, 0][..], &IPV4].concat();
        let cooked = [&[0; 14], &[8, 0][..], &IPV4].concat();
        for (link, data) in [
            (LinkType::ETHERNET, ethernet.as_slice()),
            (LinkType::LINUX_SLL, &cooked),
            (LinkType::RAW, &IPV4),
            (LinkType::RAW_12, &IPV4),
            (LinkType::IPV4, &IPV4),
        ] {
            assert!(matches(&mut filter, link, data), "{link}");
            assert!(!matches(&mut filter, link, &vec![0; data.len()]), "{link}");
        }
        assert_eq!(filter.unfilterable_frames(), 0);
    }

    #[test]
    fn frames_of_a_link_type_the_expression_means_nothing_for_are_counted_and_do_not_match() {
        let mut filter = Filter::new("ether host 02:00:00:00:00:01").unwrap();
        assert!(!matches(&mut filter, LinkType::RAW, &IPV4));
        assert!(!matches(&mut filter, LinkType::RAW, &IPV4));
        assert_eq!(filter.unfilterable_frames(), 2);
        assert_eq!(filter.unfilterable_links().collect::<Vec<_>>(), [LinkType::RAW]);
    }

    #[test]
    fn a_wrong_expression_is_refused_at_once_and_quoted() {
        let error = Filter::new("tcp prot 443").err().unwrap().to_string();
        assert!(error.starts_with("filter \"tcp prot 443\": "), "{error}");
        assert!(error.contains("syntax error") && error.contains("expected a pcap filter expression"), "{error}");
        assert!(Filter::new("tcp\0").is_err());
    }
}
