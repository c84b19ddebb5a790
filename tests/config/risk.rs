//! Accepted risks and thresholds: what is read, and what is refused.

use super::{check_error, read};

#[test]
fn an_exception_needs_a_bound_a_known_asset_and_both_ends_of_its_schedule() {
    let block = |rest: &str| {
        format!("[[exception]]\nname = \"x\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2027-01-31\"\n{rest}")
    };
    let accepts_all = "exception \"x\" would accept everything; give at least one of assets, addresses, sectors, \
                       jurisdictions, entities, asns, destinations, domains";
    check_error(&block(""), &format!("2:8: exception.name: {accepts_all}"));
    check_error(&block("kinds = [\"egress\"]"), &format!("2:8: exception.name: {accepts_all}"));
    check_error(&block("assets = [\"pmp\"]"), "6:11: exception.assets: \"pmp\" is the name of no [[asset]]");
    check_error(&block("sectors = [\"water\"]"), "6:12: exception.sectors: \"water\" is the sector of no [[asset]]");
    check_error(
        &block("jurisdictions = [\"CN\"]\nfrom = \"22:00\""),
        "2:8: exception.name: a schedule needs both from and to, such as 22:00 and 04:00",
    );
    check_error(
        &block("jurisdictions = [\"CN\"]\nfrom = \"25:00\"\nto = \"04:00\""),
        "7:8: exception.from: \"25:00\": expected a time of day such as 22:30",
    );
    check_error(
        &block("kinds = [\"egres\"]"),
        "6:10: exception.kinds: unknown value `egres`; did you mean `egress`? (allowed: egress, attempt, flagged-device, \
         remote-management, login-failed, volume)",
    );
}

#[test]
fn an_exception_and_thresholds_are_read_as_written() {
    let config = read(
        "[[asset]]\nname = \"pump\"\naddresses = [\"10.0.0.1\"]\nsector = \"water\"\n\
         [[threshold]]\nsectors = [\"water\"]\nday_bytes = 7\n\
         [[exception]]\nname = \"x\"\nreason = \"r\"\napprover = \"a\"\nexpires = \"2027-01-31\"\nassets = [\"pump\"]\n\
         days = [\"mon\"]\nfrom = \"22:30\"\nto = \"24:00\"\nutc_offset = \"-03:30\"\n",
        &[],
    )
    .unwrap();
    let bytes: Vec<_> = config.thresholds.iter().map(|threshold| threshold.bytes).collect();
    let default = [Some(100_000_000), Some(500_000_000), Some(2_000_000_000)];
    assert_eq!(bytes, [[None, Some(7), None], default]);
    let schedule = config.exceptions[0].schedule.as_ref().unwrap();
    let days = [true, false, false, false, false, false, false];
    assert_eq!((schedule.days, schedule.from_minute, schedule.to_minute), (days, 1350, 0));
    assert_eq!(schedule.utc_offset_minutes, -210);
    assert_eq!(config.exceptions[0].expires.to_string(), "2027-01-31T00:00:00.000000000Z");
}
