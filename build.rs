//! Turns the data in `geoip/` into the tables the library embeds: one file per role in `OUT_DIR`,
//! the length of the columns (`u32`, little-endian) and then the columns compressed with zstd.

#[path = "src/attribute/geo/catalogue.rs"]
mod catalogue;
#[expect(dead_code, reason = "the library decodes and looks up; this program encodes")]
#[path = "src/attribute/geo/columns.rs"]
mod columns;

use std::error::Error;
use std::net::IpAddr;
use std::path::Path;
use std::{env, fs};

use catalogue::{Shipped, day_of_epoch, shipped};
use columns::{Table, TableBuilder};

type Outcome<T> = Result<T, Box<dyn Error>>;

const COMPRESSION_LEVEL: i32 = 19;

fn main() -> Outcome<()> {
    for watched in ["build.rs", "geoip/sources.tsv", "src/attribute/geo/catalogue.rs", "src/attribute/geo/columns.rs"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    let catalogue = fs::read_to_string("geoip/sources.tsv")?;
    let out = env::var("OUT_DIR")?;
    for (role, read) in [("country", country as fn(&Shipped<'_>) -> Outcome<Table>), ("asn", networks)] {
        let source = shipped(&catalogue)
            .find(|source| source.role == role)
            .ok_or_else(|| format!("geoip/sources.tsv: no line with eight columns has the role {role}"))?;
        println!("cargo:rerun-if-changed=geoip/{}", source.file);
        let table = read(&source).map_err(|error| format!("geoip/{}: {error}", source.file))?;
        let columns = table.encode();
        let mut blob = u32::try_from(columns.len())?.to_le_bytes().to_vec();
        blob.extend(zstd::bulk::compress(&columns, COMPRESSION_LEVEL)?);
        fs::write(Path::new(&out).join(format!("{role}.columns.zst")), blob)?;
    }
    Ok(())
}

/// Country by address, from the `country_code` of a MaxMind database.
fn country(source: &Shipped<'_>) -> Outcome<Table> {
    let reader = maxminddb::Reader::open_readfile(Path::new("geoip").join(source.file))?;
    let built = day_of_epoch(reader.metadata().build_epoch);
    if built != source.date {
        return Err(format!("was built on {built}, but geoip/sources.tsv says {}", source.date).into());
    }
    let mut table = TableBuilder::new();
    for network in reader.networks(maxminddb::WithinOptions::default())? {
        let network = network?;
        let code: Option<&str> = network.decode_path(&maxminddb::path!["country_code"])?;
        let row = table.row(0, code.unwrap_or_default()).map_err(|error| format!("{error:?}"))?;
        let network = network.network()?;
        push(&mut table, network.network(), network.broadcast(), row)?;
    }
    Ok(table.finish())
}

/// AS number and organisation by address, from compressed CSV: first, last, AS number, organisation.
fn networks(source: &Shipped<'_>) -> Outcome<Table> {
    let compressed = fs::File::open(Path::new("geoip").join(source.file))?;
    let text = std::io::read_to_string(zstd::Decoder::new(compressed)?)?;
    let mut table = TableBuilder::new();
    for (line, text) in (1..).zip(text.lines()) {
        network_line(&mut table, text).map_err(|error| format!("line {line}: {error}: {text}"))?;
    }
    Ok(table.finish())
}

fn network_line(table: &mut TableBuilder, line: &str) -> Outcome<()> {
    let [first, last, number, organization] = csv_fields(line)?
        .try_into()
        .map_err(|fields: Vec<String>| format!("{} fields where four are expected", fields.len()))?;
    let row = table.row(number.parse()?, &organization).map_err(|error| format!("{error:?}"))?;
    push(table, first.parse()?, last.parse()?, row)
}

/// Fields of a line of RFC 4180 CSV; the data has no line breaks inside quotes.
fn csv_fields(line: &str) -> Outcome<Vec<String>> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => fields.last_mut().ok_or("")?.push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().ok_or("")?.push(other),
        }
    }
    if quoted { Err("a quote is not closed".into()) } else { Ok(fields) }
}

fn push(table: &mut TableBuilder, first: IpAddr, last: IpAddr, row: u32) -> Outcome<()> {
    let pushed = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => table.push_v4(first.to_bits(), last.to_bits(), row),
        (IpAddr::V6(first), IpAddr::V6(last)) => table.push_v6(first.to_bits(), last.to_bits(), row),
        _ => return Err("the ends of the range differ in IP version".into()),
    };
    pushed.map_err(|_| format!("{first}-{last} is out of order or lies inside the range before it").into())
}
