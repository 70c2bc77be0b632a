//! Examines one delivery: tries the mistakes in their order.

use tower_cartgate::{Secret, SecretName, Signer};

use super::{
    algorithms, bodies,
    cause::Cause,
    diagnosis::{Certainty, Diagnosis},
    json, keys,
    spelling::{Reading, Readings},
};

/// The limit of a body that is examined for mistakes. A longer one is only verified as it is.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// The limit of a JSON body that is written in other styles. Each of the 120 styles reads all of
/// it.
const MAX_JSON: usize = 256 * 1024;

/// The limit of the text in another style.
const MAX_TEXT: usize = 4 * MAX_JSON;

/// Returns the first cause that explains the mismatch. `presented` is the received value of the
/// header, if there was one.
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
    let examination = Examination {
        secrets,
        readings: Readings::of(value),
        body,
    };
    examination.proved().unwrap_or_else(|| examination.likely())
}

/// One rejected delivery, and the secrets of the gate.
struct Examination<'c> {
    secrets: &'c [(SecretName, Secret)],
    readings: Readings,
    body: &'c [u8],
}

impl Examination<'_> {
    /// Returns the first mistake that leads to this signature.
    fn proved(&self) -> Option<Diagnosis> {
        let unchanged = self.unchanged();
        if unchanged.is_some() || self.body.len() > MAX_BODY {
            return unchanged;
        }
        self.another_key()
            .or_else(|| self.another_body())
            .or_else(|| self.another_algorithm())
            .or_else(|| self.another_json_style())
    }

    /// Examines the form of the header: secret, body and algorithm are right.
    fn unchanged(&self) -> Option<Diagnosis> {
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

    fn another_json_style(&self) -> Option<Diagnosis> {
        if self.body.len() > MAX_JSON {
            return None;
        }
        let document = json::parse(self.body)?;
        json::Style::all().find_map(|style| {
            let body = json::write(&document, style, MAX_TEXT)?;
            let diagnosis = self.with_each_secret(Cause::JsonReSerialized, &body)?;
            Some(diagnosis.detail(style.description()))
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

    /// Returns the likely cause, judged by the form of the header and the body.
    fn likely(&self) -> Diagnosis {
        const MAC_BYTES: usize = 32;
        let Some(reading) = self.readings.first() else {
            return Diagnosis::new(Cause::NotASignature, Certainty::Proved);
        };
        let likely = |cause| Diagnosis::new(cause, Certainty::Likely);
        if let Some(spelling) = reading.spelling {
            return likely(spelling).detail("and it matches no secret here in any form");
        }
        if reading.tag.len() != MAC_BYTES {
            return likely(Cause::OtherLength).detail(other_length(reading.tag.len()));
        }
        if bodies::is_compressed(self.body) {
            return likely(Cause::CompressedBody);
        }
        let open = Diagnosis::new(Cause::AnotherSecret, Certainty::Open);
        if self.body.len() > MAX_BODY {
            return open.detail("the body is too long for further attempts");
        }
        open
    }
}

fn proved(cause: Cause, reading: &Reading) -> Diagnosis {
    Diagnosis::new(cause, Certainty::Proved).spelled(reading.spelling)
}

/// Describes the length of another algorithm's MAC.
fn other_length(bytes: usize) -> String {
    let algorithm = match bytes {
        16 => ", as of MD5",
        20 => ", as of SHA-1",
        48 => ", as of SHA-384",
        64 => ", as of SHA-512",
        _ => "",
    };
    format!("{bytes} bytes{algorithm}, not 32")
}
