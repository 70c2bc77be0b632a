//! The doctor: why does this signature not fit? Shared by `cartgate verify` and `serve --explain`.
//!
//! It tries one mistake at a time, in the order in which people make them: how the header is
//! written, which key was used, what happened to the body, which algorithm, and at last the many
//! ways to write the same JSON. What it says is proved where the very signature comes out. A header
//! in a wrong form is seen through on every try, so a form and one other mistake are found
//! together.
//!
//! It is lenient beyond anything that verification may be, so nothing that it finds may ever let a
//! request pass. It is also slow: bounded, but up to some hundred MACs over the body. It holds no
//! secret and no body once it returns, and compares in constant time, because an attacker may
//! choose what it looks at.

mod algorithms;
mod bodies;
mod cause;
mod diagnosis;
pub(crate) mod json;
mod keys;
mod spelling;
mod text;

pub use cause::Cause;
pub use diagnosis::{Certainty, Diagnosis};

use tower_cartgate::{Secret, SecretName, Signer};

use spelling::{Reading, Readings};

/// A longer body is only tried as it is.
pub(crate) const LONGEST_BODY: usize = 1024 * 1024;

/// Longer JSON is not written anew: 120 guesses read all of it each time.
const LONGEST_JSON: usize = 256 * 1024;

/// Nor does what is written anew become longer than this.
const LONGEST_TEXT: usize = 4 * LONGEST_JSON;

/// Names the first cause that fits. `presented` is the header's value as it was received, `None`
/// where there was none.
#[must_use]
pub fn diagnose(
    secrets: &[(SecretName, Secret)],
    presented: Option<&[u8]>,
    body: &[u8],
) -> Diagnosis {
    let certain = |cause| Diagnosis::new(cause, Certainty::Proved);
    let Some(value) = presented.map(<[u8]>::trim_ascii) else {
        return certain(Cause::HeaderAbsent);
    };
    if value.is_empty() {
        return certain(Cause::HeaderEmpty);
    }
    let case = Case {
        secrets,
        readings: Readings::of(value),
        body,
    };
    case.proved().unwrap_or_else(|| case.by_its_looks())
}

/// What is known of one refused delivery.
struct Case<'c> {
    secrets: &'c [(SecretName, Secret)],
    readings: Readings,
    body: &'c [u8],
}

impl Case<'_> {
    /// The first mistake under which the signature comes out.
    fn proved(&self) -> Option<Diagnosis> {
        let as_it_is = self.as_it_is();
        if as_it_is.is_some() || self.body.len() > LONGEST_BODY {
            return as_it_is;
        }
        self.another_key()
            .or_else(|| self.another_body())
            .or_else(|| self.another_algorithm())
            .or_else(|| self.json_written_anew())
    }

    /// Secret, body and algorithm are right, so at most the header's form is wrong.
    fn as_it_is(&self) -> Option<Diagnosis> {
        self.secrets.iter().find_map(|(name, secret)| {
            let mac = Signer::new(secret).sign(self.body);
            let cause = match self.readings.find(mac.as_bytes()) {
                Some(reading) => reading.spelling.unwrap_or(Cause::Genuine),
                None => self
                    .readings
                    .find_beginning(mac.as_bytes())
                    .map(|_| Cause::Truncated)?,
            };
            Some(Diagnosis::new(cause, Certainty::Proved).by(name))
        })
    }

    fn another_key(&self) -> Option<Diagnosis> {
        self.secrets.iter().find_map(|(name, secret)| {
            keys::variants(secret)
                .find_map(|(cause, key)| Some(self.found(cause, &key, self.body)?.by(name)))
        })
    }

    fn another_body(&self) -> Option<Diagnosis> {
        bodies::CHANGES.iter().find_map(|(cause, undo)| {
            let body = undo(self.body).filter(|body| body != self.body)?;
            self.with_each_secret(*cause, &body)
        })
    }

    fn another_algorithm(&self) -> Option<Diagnosis> {
        let found = |(cause, mac): (Cause, Vec<u8>)| Some(proved(cause, self.readings.find(&mac)?));
        let without_secret = algorithms::without_secret(self.body)
            .into_iter()
            .find_map(found);
        without_secret.or_else(|| {
            self.secrets.iter().find_map(|(name, secret)| {
                let diagnosis = algorithms::with_secret(secret, self.body).find_map(found)?;
                Some(diagnosis.by(name))
            })
        })
    }

    fn json_written_anew(&self) -> Option<Diagnosis> {
        if self.body.len() > LONGEST_JSON {
            return None;
        }
        let document = json::parse(self.body)?;
        json::Style::all().find_map(|style| {
            let body = json::write(&document, style, LONGEST_TEXT)?;
            let diagnosis = self.with_each_secret(Cause::JsonReSerialized, &body)?;
            Some(diagnosis.detail(style.words()))
        })
    }

    fn with_each_secret(&self, cause: Cause, body: &[u8]) -> Option<Diagnosis> {
        self.secrets
            .iter()
            .find_map(|(name, secret)| Some(self.found(cause, secret, body)?.by(name)))
    }

    fn found(&self, cause: Cause, key: &Secret, body: &[u8]) -> Option<Diagnosis> {
        let mac = Signer::new(key).sign(body);
        self.readings
            .find(mac.as_bytes())
            .map(|reading| proved(cause, reading))
    }

    /// No signature came out. What does the header look like, and the body?
    fn by_its_looks(&self) -> Diagnosis {
        const MAC_BYTES: usize = 32;
        let Some(reading) = self.readings.first() else {
            return Diagnosis::new(Cause::NotASignature, Certainty::Proved);
        };
        let looks = |cause| Diagnosis::new(cause, Certainty::Likely);
        if let Some(spelling) = reading.spelling {
            return looks(spelling).detail("and what it says fits no secret here either");
        }
        if reading.tag.len() != MAC_BYTES {
            return looks(Cause::OtherLength).detail(other_length(reading.tag.len()));
        }
        if bodies::is_compressed(self.body) {
            return looks(Cause::CompressedBody);
        }
        let open = Diagnosis::new(Cause::AnotherSecret, Certainty::Open);
        if self.body.len() > LONGEST_BODY {
            return open.detail("the body is too long to try more");
        }
        open
    }
}

fn proved(cause: Cause, reading: &Reading) -> Diagnosis {
    Diagnosis::new(cause, Certainty::Proved).spelled(reading.spelling)
}

fn other_length(bytes: usize) -> String {
    let whose = match bytes {
        16 => ", as of MD5",
        20 => ", as of SHA-1",
        48 => ", as of SHA-384",
        64 => ", as of SHA-512",
        _ => "",
    };
    format!("{bytes} bytes{whose}, not 32")
}

#[cfg(test)]
mod tests;
