//! The kinds of requests that are counted.

use crate::{
    bench::size,
    delivery::{Deliveries, PATH},
    load::Expected,
    peer::Task,
};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    body: usize,
    is_genuine: bool,
    has_log: bool,
}

impl Case {
    pub(crate) const VERIFIED: Self = Self::verified(200);
    pub(crate) const VERIFIED_WITH_LOG: Self = Self {
        has_log: true,
        ..Self::VERIFIED
    };

    pub(crate) const ALL: [Self; 6] = [
        Self::VERIFIED,
        Self::verified(2 * 1024),
        Self::verified(64 * 1024),
        Self::rejected(200),
        Self::rejected(2 * 1024),
        Self::VERIFIED_WITH_LOG,
    ];

    const fn verified(body: usize) -> Self {
        Self {
            body,
            is_genuine: true,
            has_log: false,
        }
    }

    const fn rejected(body: usize) -> Self {
        Self {
            is_genuine: false,
            ..Self::verified(body)
        }
    }

    pub(crate) fn name(self) -> String {
        let kind = if self.is_genuine {
            "verified"
        } else {
            "rejected"
        };
        let log = if self.has_log { ", access log" } else { "" };
        format!("{kind}, {}{log}", size(self.body))
    }

    pub(super) fn is_large(self) -> bool {
        self.body > 16 * 1024
    }

    pub(super) fn has_log(self) -> bool {
        self.has_log
    }

    pub(super) fn task(self) -> Task {
        Task {
            logs: self.has_log,
            ..Task::of(self.body)
        }
    }

    pub(super) fn requests(self) -> Vec<Vec<u8>> {
        let deliveries = Deliveries::new(self.body, PATH);
        if self.is_genuine {
            deliveries.genuine
        } else {
            deliveries.forged
        }
    }

    pub(super) fn expected(self) -> Expected {
        if self.is_genuine {
            Expected::Accepted
        } else {
            Expected::Refused
        }
    }

    /// The requests of a short and of a long run. Their difference excludes the start and the end
    /// of the program.
    pub(super) fn lengths(self) -> [u32; 2] {
        if self.is_large() {
            [100, 600]
        } else {
            [500, 3_500]
        }
    }

    /// Returns the number of SHA-256 blocks of an HMAC: the padded body after the prepared block of
    /// the key, and the outer block.
    pub(super) fn blocks(self) -> usize {
        const BLOCK: usize = 64;
        const PADDING: usize = 9;
        (self.body + PADDING).div_ceil(BLOCK) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_a_block_per_64_bytes_and_one_for_the_key() {
        assert_eq!(Case::VERIFIED.blocks(), 5);
        assert_eq!(Case::verified(55).blocks(), 2);
        assert_eq!(Case::verified(56).blocks(), 3);
    }

    #[test]
    fn names_differ() {
        let mut names = Case::ALL.map(Case::name).to_vec();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Case::ALL.len());
        assert_eq!(
            Case::VERIFIED_WITH_LOG.name(),
            "verified, 200 B, access log"
        );
    }
}
