//! Where addresses are, by a database of the reader's own, for logs without a country.
//!
//! CloudFront has a database of its own and does not show it; another one may say something else
//! of the same address. So what it says supports a verdict and never confirms one.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::{PathElement, Reader};

/// Where the country's two letters stand: as MaxMind and DB-IP name it, and as flat databases do.
const PLACES: [&[PathElement<'static>]; 3] = [
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
    &[PathElement::Key("country_code")],
    &[PathElement::Key("country")],
];

/// A country database in the MMDB format, or none.
#[derive(Clone, Debug, Default)]
pub struct Countries(Option<Arc<Reader<Vec<u8>>>>);

impl Countries {
    /// Reads a database.
    pub fn open(file: &Path) -> Result<Self, String> {
        let reader = Reader::open_readfile(file).map_err(|error| {
            format!("{}: {error}", crate::viewer::plain(&file.to_string_lossy()))
        })?;
        Ok(Self(Some(Arc::new(reader))))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The country of an address, in two letters. A database that is damaged, or that has no
    /// countries, knows none.
    pub fn of(&self, address: IpAddr) -> Option<String> {
        let found = self.0.as_ref()?.lookup(address).ok()?;
        let code = |place: &[PathElement<'_>]| found.decode_path::<&str>(place).ok().flatten();
        PLACES.iter().find_map(|place| code(place).filter(|code| is_country(code))).map(Into::into)
    }
}

fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}
