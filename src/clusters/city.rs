//! The city of a point of presence.
//!
//! CloudFront names its locations after the airport that is next to them, and adds a number. AWS
//! publishes the cities, not the list of codes; a code that is not here is shown alone.

/// The code of an airport and its city, sorted by code.
const CITIES: [(&str, &str); 119] = [
    ("AKL", "Auckland"),
    ("AMS", "Amsterdam"),
    ("ARN", "Stockholm"),
    ("ATH", "Athens"),
    ("ATL", "Atlanta"),
    ("AUH", "Abu Dhabi"),
    ("BAH", "Bahrain"),
    ("BCN", "Barcelona"),
    ("BER", "Berlin"),
    ("BKK", "Bangkok"),
    ("BLR", "Bangalore"),
    ("BNA", "Nashville"),
    ("BNE", "Brisbane"),
    ("BOG", "Bogota"),
    ("BOM", "Mumbai"),
    ("BOS", "Boston"),
    ("BRU", "Brussels"),
    ("BUD", "Budapest"),
    ("BUF", "Buffalo"),
    ("CAI", "Cairo"),
    ("CCU", "Kolkata"),
    ("CDG", "Paris"),
    ("CGK", "Jakarta"),
    ("CLT", "Charlotte"),
    ("CMH", "Columbus"),
    ("CPH", "Copenhagen"),
    ("CPT", "Cape Town"),
    ("DEL", "Delhi"),
    ("DEN", "Denver"),
    ("DFW", "Dallas"),
    ("DOH", "Doha"),
    ("DTW", "Detroit"),
    ("DUB", "Dublin"),
    ("DUS", "Dusseldorf"),
    ("DXB", "Dubai"),
    ("EWR", "Newark"),
    ("EZE", "Buenos Aires"),
    ("FCO", "Rome"),
    ("FJR", "Fujairah"),
    ("FOR", "Fortaleza"),
    ("FRA", "Frankfurt"),
    ("GIG", "Rio de Janeiro"),
    ("GRU", "Sao Paulo"),
    ("HAM", "Hamburg"),
    ("HAN", "Hanoi"),
    ("HEL", "Helsinki"),
    ("HIO", "Hillsboro"),
    ("HKG", "Hong Kong"),
    ("HND", "Tokyo"),
    ("HNL", "Honolulu"),
    ("HYD", "Hyderabad"),
    ("IAD", "Washington"),
    ("IAH", "Houston"),
    ("ICN", "Seoul"),
    ("IND", "Indianapolis"),
    ("IST", "Istanbul"),
    ("JAX", "Jacksonville"),
    ("JED", "Jeddah"),
    ("JFK", "New York"),
    ("JNB", "Johannesburg"),
    ("KBP", "Kyiv"),
    ("KIX", "Osaka"),
    ("KUL", "Kuala Lumpur"),
    ("LAS", "Las Vegas"),
    ("LAX", "Los Angeles"),
    ("LHR", "London"),
    ("LIM", "Lima"),
    ("LIS", "Lisbon"),
    ("LOS", "Lagos"),
    ("MAA", "Chennai"),
    ("MAD", "Madrid"),
    ("MAN", "Manchester"),
    ("MCI", "Kansas City"),
    ("MCT", "Muscat"),
    ("MEL", "Melbourne"),
    ("MEX", "Mexico City"),
    ("MIA", "Miami"),
    ("MNL", "Manila"),
    ("MRS", "Marseille"),
    ("MSP", "Minneapolis"),
    ("MUC", "Munich"),
    ("MXP", "Milan"),
    ("NBO", "Nairobi"),
    ("NRT", "Tokyo"),
    ("ORD", "Chicago"),
    ("OSL", "Oslo"),
    ("OTP", "Bucharest"),
    ("PDX", "Portland"),
    ("PER", "Perth"),
    ("PHL", "Philadelphia"),
    ("PHX", "Phoenix"),
    ("PIT", "Pittsburgh"),
    ("PMO", "Palermo"),
    ("PNQ", "Pune"),
    ("PRG", "Prague"),
    ("QRO", "Queretaro"),
    ("RUH", "Riyadh"),
    ("SAN", "San Diego"),
    ("SCL", "Santiago"),
    ("SEA", "Seattle"),
    ("SFO", "San Francisco"),
    ("SGN", "Ho Chi Minh City"),
    ("SIN", "Singapore"),
    ("SLC", "Salt Lake City"),
    ("SOF", "Sofia"),
    ("STL", "St. Louis"),
    ("SYD", "Sydney"),
    ("TLV", "Tel Aviv"),
    ("TPA", "Tampa"),
    ("TPE", "Taipei"),
    ("TXL", "Berlin"),
    ("VIE", "Vienna"),
    ("WAW", "Warsaw"),
    ("YTO", "Toronto"),
    ("YUL", "Montreal"),
    ("YVR", "Vancouver"),
    ("YYZ", "Toronto"),
    ("ZAG", "Zagreb"),
    ("ZRH", "Zurich"),
];

/// The city of an edge location such as `FRA56-P3`, or of its three letters.
pub fn city(edge: &str) -> Option<&'static str> {
    let code = edge.get(..3)?;
    let place = CITIES.binary_search_by(|(known, _)| (*known).cmp(code)).ok()?;
    CITIES.get(place).map(|(_, city)| *city)
}

#[cfg(test)]
mod tests {
    use super::{CITIES, city};

    #[test]
    fn codes_are_sorted_and_found_with_and_without_a_number() {
        assert!(CITIES.is_sorted_by(|one, other| one.0 < other.0));
        assert_eq!(city("FRA56-P3"), Some("Frankfurt"));
        assert_eq!(city("FRA"), Some("Frankfurt"));
        assert_eq!(city("-"), None);
        assert_eq!(city("XXX1"), None);
    }
}
