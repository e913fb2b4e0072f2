//! A share of the inputs, for job arrays of clusters: `--shard 3/100`.

use std::path::{Component, Path};
use std::str::FromStr;

/// The share `index` (from 1) of `of` shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

impl Shard {
    /// Whether the share has the input with this name below the folder that was given.
    ///
    /// The name alone decides, so that every machine agrees, whatever else the folder holds and wherever it is mounted: FNV-1a
    /// (64 bits) of the name in UTF-8, its folders separated by `/`, modulo the number of shares.
    pub fn has(&self, name: &Path) -> bool {
        let parts = name.components().filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        });
        let name = parts.collect::<Vec<_>>().join("/");
        fnv1a(name.as_bytes()) % self.of == self.index - 1
    }
}

/// <http://www.isthe.com/chongo/tech/comp/fnv/>
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text
            .split_once('/')
            .map(|(index, of)| (index.parse(), of.parse()));
        match parts {
            Some((Ok(index), Ok(of))) if 1 <= index && index <= of => Ok(Shard { index, of }),
            _ => Err("a share and the number of shares, from 1/N to N/N, such as 3/100"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Shard, fnv1a};
    use std::path::Path;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn every_name_is_in_one_share() {
        for number in 0..100 {
            let name = format!("day 1/{number}.wav");
            let shares = (1..=7).map(|index| Shard { index, of: 7 });
            assert_eq!(shares.filter(|shard| shard.has(Path::new(&name))).count(), 1);
        }
        let shard = Shard { index: 1, of: 3 };
        assert_eq!(
            shard.has(Path::new("a/b.wav")),
            shard.has(Path::new("./a//b.wav"))
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1.5/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
