//! Country codes, ISO 3166-1 alpha-2.

use std::fmt;
use std::str::FromStr;

use super::known::parsed;

/// A country or territory by its ISO 3166-1 alpha-2 code; always a code in use (or `XK`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// The text is no ISO 3166-1 alpha-2 code in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CountryError {
    /// Not a code at all, or one that is not assigned.
    #[error("expected an ISO 3166-1 alpha-2 code such as CN, HK or DE")]
    Unknown,
    /// A code in lower or mixed case.
    #[error("country codes are written in upper case; did you mean {0}?")]
    Case(Country),
}

impl Country {
    /// No country (`ZZ`, which ISO 3166-1 leaves to its users): stands where the country is not found yet.
    pub const NOWHERE: Country = Country(*b"ZZ");

    /// Short English name, such as `Czechia` or `Hong Kong`.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of(self.0).unwrap_or_default()
    }

    /// Its two letters.
    #[must_use]
    pub const fn code(self) -> [u8; 2] {
        self.0
    }

    /// The country a database or registry names by `text`, in either case.
    ///
    /// What names no country is `None`: regions (`EU`, `AP`), unknown (`ZZ`, `XX`, `??`, empty) and the classes some
    /// databases put in the country's place (`A1` anonymous proxy, `A2` satellite, `O1` other, `T1` Tor).
    #[must_use]
    pub fn from_database(text: &str) -> Option<Country> {
        assigned(text.as_bytes().first_chunk().filter(|_| text.len() == 2)?.map(|c| c.to_ascii_uppercase()))
    }

    /// All countries, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Country> {
        NAMES.iter().map(|&(code, _)| Country(code))
    }
}

fn assigned(code: [u8; 2]) -> Option<Country> {
    name_of(code).map(|_| Country(code))
}

fn name_of(code: [u8; 2]) -> Option<&'static str> {
    let place = PLACES.get(letters(code)?)?;
    NAMES.get(usize::from(*place)).filter(|(known, _)| *known == code).map(|&(_, name)| name)
}

/// The number of a code among all pairs of capital letters.
const fn letters([a, b]: [u8; 2]) -> Option<usize> {
    if a.is_ascii_uppercase() && b.is_ascii_uppercase() {
        Some((a - b'A') as usize * 26 + (b - b'A') as usize)
    } else {
        None
    }
}

/// By the number of each code its place in [`NAMES`].
#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which would say so")]
static PLACES: [u8; 26 * 26] = {
    let mut places = [u8::MAX; 26 * 26];
    let mut place = 0;
    while place < NAMES.len() {
        if let Some(number) = letters(NAMES[place].0) {
            places[number] = place as u8;
        }
        place += 1;
    }
    places
};

impl FromStr for Country {
    type Err = CountryError;

    /// Reads an upper-case code, as configuration and records write it.
    fn from_str(text: &str) -> Result<Self, CountryError> {
        let country = Country::from_database(text).ok_or(CountryError::Unknown)?;
        if country.0 == text.as_bytes() { Ok(country) } else { Err(CountryError::Case(country)) }
    }
}

impl serde::Serialize for Country {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Country {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.0;
        f.pad(std::str::from_utf8(&[a, b]).unwrap_or_default())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// ISO 3166-1 alpha-2 as of 2026 (249 codes), with common short names, and `XK`: user-assigned, but what every
/// address database and the EU use for Kosovo. Sorted by code.
#[rustfmt::skip]
static NAMES: [([u8; 2], &str); 250] = [
    (*b"AD", "Andorra"), (*b"AE", "United Arab Emirates"), (*b"AF", "Afghanistan"), (*b"AG", "Antigua and Barbuda"),
    (*b"AI", "Anguilla"), (*b"AL", "Albania"), (*b"AM", "Armenia"), (*b"AO", "Angola"), (*b"AQ", "Antarctica"),
    (*b"AR", "Argentina"), (*b"AS", "American Samoa"), (*b"AT", "Austria"), (*b"AU", "Australia"), (*b"AW", "Aruba"),
    (*b"AX", "Åland Islands"), (*b"AZ", "Azerbaijan"), (*b"BA", "Bosnia and Herzegovina"), (*b"BB", "Barbados"),
    (*b"BD", "Bangladesh"), (*b"BE", "Belgium"), (*b"BF", "Burkina Faso"), (*b"BG", "Bulgaria"), (*b"BH", "Bahrain"),
    (*b"BI", "Burundi"), (*b"BJ", "Benin"), (*b"BL", "Saint Barthélemy"), (*b"BM", "Bermuda"), (*b"BN", "Brunei"),
    (*b"BO", "Bolivia"), (*b"BQ", "Bonaire, Sint Eustatius and Saba"), (*b"BR", "Brazil"), (*b"BS", "Bahamas"),
    (*b"BT", "Bhutan"), (*b"BV", "Bouvet Island"), (*b"BW", "Botswana"), (*b"BY", "Belarus"), (*b"BZ", "Belize"),
    (*b"CA", "Canada"), (*b"CC", "Cocos Islands"), (*b"CD", "DR Congo"), (*b"CF", "Central African Republic"),
    (*b"CG", "Congo"), (*b"CH", "Switzerland"), (*b"CI", "Côte d'Ivoire"), (*b"CK", "Cook Islands"),
    (*b"CL", "Chile"), (*b"CM", "Cameroon"), (*b"CN", "China"), (*b"CO", "Colombia"), (*b"CR", "Costa Rica"),
    (*b"CU", "Cuba"), (*b"CV", "Cabo Verde"), (*b"CW", "Curaçao"), (*b"CX", "Christmas Island"), (*b"CY", "Cyprus"),
    (*b"CZ", "Czechia"), (*b"DE", "Germany"), (*b"DJ", "Djibouti"), (*b"DK", "Denmark"), (*b"DM", "Dominica"),
    (*b"DO", "Dominican Republic"), (*b"DZ", "Algeria"), (*b"EC", "Ecuador"), (*b"EE", "Estonia"), (*b"EG", "Egypt"),
    (*b"EH", "Western Sahara"), (*b"ER", "Eritrea"), (*b"ES", "Spain"), (*b"ET", "Ethiopia"), (*b"FI", "Finland"),
    (*b"FJ", "Fiji"), (*b"FK", "Falkland Islands"), (*b"FM", "Micronesia"), (*b"FO", "Faroe Islands"),
    (*b"FR", "France"), (*b"GA", "Gabon"), (*b"GB", "United Kingdom"), (*b"GD", "Grenada"), (*b"GE", "Georgia"),
    (*b"GF", "French Guiana"), (*b"GG", "Guernsey"), (*b"GH", "Ghana"), (*b"GI", "Gibraltar"), (*b"GL", "Greenland"),
    (*b"GM", "Gambia"), (*b"GN", "Guinea"), (*b"GP", "Guadeloupe"), (*b"GQ", "Equatorial Guinea"), (*b"GR", "Greece"),
    (*b"GS", "South Georgia and the South Sandwich Islands"), (*b"GT", "Guatemala"), (*b"GU", "Guam"),
    (*b"GW", "Guinea-Bissau"), (*b"GY", "Guyana"), (*b"HK", "Hong Kong"),
    (*b"HM", "Heard Island and McDonald Islands"), (*b"HN", "Honduras"), (*b"HR", "Croatia"), (*b"HT", "Haiti"),
    (*b"HU", "Hungary"), (*b"ID", "Indonesia"), (*b"IE", "Ireland"), (*b"IL", "Israel"), (*b"IM", "Isle of Man"),
    (*b"IN", "India"), (*b"IO", "British Indian Ocean Territory"), (*b"IQ", "Iraq"), (*b"IR", "Iran"),
    (*b"IS", "Iceland"), (*b"IT", "Italy"), (*b"JE", "Jersey"), (*b"JM", "Jamaica"), (*b"JO", "Jordan"),
    (*b"JP", "Japan"), (*b"KE", "Kenya"), (*b"KG", "Kyrgyzstan"), (*b"KH", "Cambodia"), (*b"KI", "Kiribati"),
    (*b"KM", "Comoros"), (*b"KN", "Saint Kitts and Nevis"), (*b"KP", "North Korea"), (*b"KR", "South Korea"),
    (*b"KW", "Kuwait"), (*b"KY", "Cayman Islands"), (*b"KZ", "Kazakhstan"), (*b"LA", "Laos"), (*b"LB", "Lebanon"),
    (*b"LC", "Saint Lucia"), (*b"LI", "Liechtenstein"), (*b"LK", "Sri Lanka"), (*b"LR", "Liberia"),
    (*b"LS", "Lesotho"), (*b"LT", "Lithuania"), (*b"LU", "Luxembourg"), (*b"LV", "Latvia"), (*b"LY", "Libya"),
    (*b"MA", "Morocco"), (*b"MC", "Monaco"), (*b"MD", "Moldova"), (*b"ME", "Montenegro"), (*b"MF", "Saint Martin"),
    (*b"MG", "Madagascar"), (*b"MH", "Marshall Islands"), (*b"MK", "North Macedonia"), (*b"ML", "Mali"),
    (*b"MM", "Myanmar"), (*b"MN", "Mongolia"), (*b"MO", "Macao"), (*b"MP", "Northern Mariana Islands"),
    (*b"MQ", "Martinique"), (*b"MR", "Mauritania"), (*b"MS", "Montserrat"), (*b"MT", "Malta"), (*b"MU", "Mauritius"),
    (*b"MV", "Maldives"), (*b"MW", "Malawi"), (*b"MX", "Mexico"), (*b"MY", "Malaysia"), (*b"MZ", "Mozambique"),
    (*b"NA", "Namibia"), (*b"NC", "New Caledonia"), (*b"NE", "Niger"), (*b"NF", "Norfolk Island"),
    (*b"NG", "Nigeria"), (*b"NI", "Nicaragua"), (*b"NL", "Netherlands"), (*b"NO", "Norway"), (*b"NP", "Nepal"),
    (*b"NR", "Nauru"), (*b"NU", "Niue"), (*b"NZ", "New Zealand"), (*b"OM", "Oman"), (*b"PA", "Panama"),
    (*b"PE", "Peru"), (*b"PF", "French Polynesia"), (*b"PG", "Papua New Guinea"), (*b"PH", "Philippines"),
    (*b"PK", "Pakistan"), (*b"PL", "Poland"), (*b"PM", "Saint Pierre and Miquelon"), (*b"PN", "Pitcairn"),
    (*b"PR", "Puerto Rico"), (*b"PS", "Palestine"), (*b"PT", "Portugal"), (*b"PW", "Palau"), (*b"PY", "Paraguay"),
    (*b"QA", "Qatar"), (*b"RE", "Réunion"), (*b"RO", "Romania"), (*b"RS", "Serbia"), (*b"RU", "Russia"),
    (*b"RW", "Rwanda"), (*b"SA", "Saudi Arabia"), (*b"SB", "Solomon Islands"), (*b"SC", "Seychelles"),
    (*b"SD", "Sudan"), (*b"SE", "Sweden"), (*b"SG", "Singapore"),
    (*b"SH", "Saint Helena, Ascension and Tristan da Cunha"), (*b"SI", "Slovenia"),
    (*b"SJ", "Svalbard and Jan Mayen"), (*b"SK", "Slovakia"), (*b"SL", "Sierra Leone"), (*b"SM", "San Marino"),
    (*b"SN", "Senegal"), (*b"SO", "Somalia"), (*b"SR", "Suriname"), (*b"SS", "South Sudan"),
    (*b"ST", "São Tomé and Príncipe"), (*b"SV", "El Salvador"), (*b"SX", "Sint Maarten"), (*b"SY", "Syria"),
    (*b"SZ", "Eswatini"), (*b"TC", "Turks and Caicos Islands"), (*b"TD", "Chad"),
    (*b"TF", "French Southern Territories"), (*b"TG", "Togo"), (*b"TH", "Thailand"), (*b"TJ", "Tajikistan"),
    (*b"TK", "Tokelau"), (*b"TL", "Timor-Leste"), (*b"TM", "Turkmenistan"), (*b"TN", "Tunisia"), (*b"TO", "Tonga"),
    (*b"TR", "Türkiye"), (*b"TT", "Trinidad and Tobago"), (*b"TV", "Tuvalu"), (*b"TW", "Taiwan"),
    (*b"TZ", "Tanzania"), (*b"UA", "Ukraine"), (*b"UG", "Uganda"), (*b"UM", "United States Minor Outlying Islands"),
    (*b"US", "United States"), (*b"UY", "Uruguay"), (*b"UZ", "Uzbekistan"), (*b"VA", "Vatican City"),
    (*b"VC", "Saint Vincent and the Grenadines"), (*b"VE", "Venezuela"), (*b"VG", "British Virgin Islands"),
    (*b"VI", "US Virgin Islands"), (*b"VN", "Vietnam"), (*b"VU", "Vanuatu"), (*b"WF", "Wallis and Futuna"),
    (*b"WS", "Samoa"), (*b"XK", "Kosovo"), (*b"YE", "Yemen"), (*b"YT", "Mayotte"), (*b"ZA", "South Africa"),
    (*b"ZM", "Zambia"), (*b"ZW", "Zimbabwe"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_and_has_a_name() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(Country::all().count(), 250);
        for country in Country::all() {
            assert_eq!(country.to_string().parse(), Ok(country));
            assert!(!country.name().is_empty());
        }
        assert_eq!("TW".parse::<Country>().unwrap().name(), "Taiwan");
        assert_eq!("HK".parse::<Country>().unwrap().name(), "Hong Kong");
        assert_eq!(size_of::<Country>(), 2);
    }

    #[test]
    fn a_written_code_is_upper_case_and_assigned() {
        assert_eq!(
            "cn".parse::<Country>().unwrap_err().to_string(),
            "country codes are written in upper case; did you mean CN?"
        );
        for text in ["", "C", "CHN", "UK", "EU", "ZZ", "ČR", "\u{10ffff}"] {
            assert_eq!(text.parse::<Country>(), Err(CountryError::Unknown), "{text}");
        }
    }

    #[test]
    fn what_a_database_writes_for_no_country_is_none() {
        for text in ["EU", "AP", "ZZ", "XX", "A1", "A2", "O1", "T1", "??", "", "-", "None", "č"] {
            assert_eq!(Country::from_database(text), None, "{text}");
        }
        assert_eq!(Country::from_database("cz"), "CZ".parse().ok());
        assert_eq!(Country::from_database("XK").map(Country::name), Some("Kosovo"));
    }
}
