//! The trained networks that come with the crate (feature `models`). Each job takes its own unless it is given another.
//!
//! ```
//! let network = aeden_jobs::models::sparse();
//! println!("{}: {} parameters, a code of {}", network.name(), network.parameters(), network.code());
//! ```

use aeden::autoencoder::Autoencoder;

/// Describes a whole sound by few active units ([`find`](crate::find), [`map`](crate::map)).
pub fn sparse() -> Autoencoder {
    read(aeden_family::SPARSE)
}

/// Describes what is usual ([`detect`](crate::detect)): a principal component analysis.
pub fn pca() -> Autoencoder {
    read(aeden_family::PCA)
}

/// Tells in few bits how loud each band is ([`codec`](crate::codec)).
pub fn envelopes() -> Autoencoder {
    read(aeden_family::ENVELOPES)
}

/// The principal component analysis with a code as large as that of [`envelopes`], to compare with.
pub fn envelopes_pca() -> Autoencoder {
    read(aeden_family::ENVELOPES_PCA)
}

/// Tells how loud each band should be in a gap ([`repair`](crate::repair)).
pub fn repair() -> Autoencoder {
    read(aeden_family::REPAIR)
}

/// Describes ambience by a code that can be drawn ([`roomtone`](crate::roomtone)).
pub fn roomtone() -> Autoencoder {
    read(aeden_family::ROOMTONE)
}

fn read(bytes: &[u8]) -> Autoencoder {
    Autoencoder::from_bytes(bytes).expect("the tests read every network that ships")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_network_that_ships_is_read() {
        for network in [
            super::sparse(),
            super::pca(),
            super::envelopes(),
            super::envelopes_pca(),
            super::repair(),
            super::roomtone(),
        ] {
            assert!(network.parameters() > 1000, "{}", network.name());
        }
    }
}
