//! The filter of deliveries in a request.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tower_cartgate::EventKind;
use uuid::Uuid;

use crate::{
    delivery::event::DeliveryState,
    inbox::store::Selection,
    runtime::clock::{Millis, system_time},
    text::rfc3339,
};

/// Selects deliveries. A field that is absent or empty selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DeliveryFilter {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ids: Vec<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) states: Vec<DeliveryState>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_kind",
        deserialize_with = "read_kind"
    )]
    pub(crate) kind: Option<EventKind>,
    /// Received at this time or later.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_time",
        deserialize_with = "read_time"
    )]
    pub(crate) since: Option<Millis>,
    /// Received before this time.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_time",
        deserialize_with = "read_time"
    )]
    pub(crate) until: Option<Millis>,
}

impl DeliveryFilter {
    /// Returns whether it selects every delivery.
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the filter as the parameters of a query, without the ids.
    pub(crate) fn to_params(&self) -> Vec<(&'static str, String)> {
        let mut params = Vec::new();
        let states = self.states.iter().map(|state| state.as_str().to_owned());
        params.extend(states.map(|state| ("state", state)));
        let mut add = |name, value: Option<String>| params.extend(value.map(|value| (name, value)));
        add("endpoint", self.endpoint.clone());
        add("destination", self.destination.clone());
        add("kind", self.kind.map(|kind| kind.as_str().to_owned()));
        add("since", self.since.map(time_text));
        add("until", self.until.map(time_text));
        params
    }

    /// Adds a parameter of a query. Returns false if there is none of this name.
    ///
    /// # Errors
    ///
    /// The expectation that the value fails.
    pub(crate) fn add_param(&mut self, name: &str, value: &str) -> Result<bool, &'static str> {
        match name {
            "id" => self.ids.push(value.parse().map_err(|_| "expected a UUID")?),
            "state" => {
                for state in value.split(',') {
                    let state = DeliveryState::from_word(state);
                    self.states
                        .push(state.ok_or("expected pending, delivered, dead or quarantined")?);
                }
            }
            "endpoint" => self.endpoint = Some(value.to_owned()),
            "destination" => self.destination = Some(value.to_owned()),
            "kind" => self.kind = Some(kind(value)?),
            "since" => self.since = Some(time(value)?),
            "until" => self.until = Some(time(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl From<DeliveryFilter> for Selection {
    fn from(filter: DeliveryFilter) -> Self {
        Self {
            ids: filter.ids,
            endpoint: filter.endpoint,
            queue: filter.destination,
            states: filter.states,
            kind: filter.kind,
            since: filter.since,
            until: filter.until,
            ..Self::default()
        }
    }
}

fn kind(text: &str) -> Result<EventKind, &'static str> {
    text.parse()
        .map_err(|_| "expected order, abandoned-cart or other")
}

/// Parses a time, at the earliest 1970: nothing was received before.
fn time(text: &str) -> Result<Millis, &'static str> {
    let time: Result<Timestamp, _> = text.parse();
    let time = time.map_err(|_| "expected a time with its offset, such as 2026-11-24T18:00:00Z")?;
    Ok(time.as_millisecond().max(0))
}

fn time_text(time: Millis) -> String {
    rfc3339::millis(system_time(time))
}

fn write_kind<S: Serializer>(kind: &Option<EventKind>, to: S) -> Result<S::Ok, S::Error> {
    kind.map(EventKind::as_str).serialize(to)
}

fn read_kind<'de, D: Deserializer<'de>>(from: D) -> Result<Option<EventKind>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let kind = text.map(|text| kind(&text)).transpose();
    kind.map_err(de::Error::custom)
}

fn write_time<S: Serializer>(time: &Option<Millis>, to: S) -> Result<S::Ok, S::Error> {
    time.map(time_text).serialize(to)
}

fn read_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Millis>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    let time = text.map(|text| time(&text)).transpose();
    time.map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> DeliveryFilter {
        DeliveryFilter {
            ids: vec![Uuid::now_v7()],
            endpoint: Some("orders & carts".to_owned()),
            destination: Some("shop".to_owned()),
            states: vec![DeliveryState::Dead, DeliveryState::Pending],
            kind: Some(EventKind::AbandonedCart),
            since: Some(1_800_000_000_123),
            until: Some(1_900_000_000_000),
        }
    }

    #[test]
    fn a_filter_survives_json_and_the_parameters_of_a_query() {
        let json = serde_json::to_string(&full()).expect("JSON");
        assert!(json.contains(r#""kind":"abandoned-cart""#), "{json}");
        assert_eq!(
            serde_json::from_str::<DeliveryFilter>(&json)
                .ok()
                .map(|read| read.since),
            Some(full().since)
        );
        let mut read = DeliveryFilter::default();
        for (name, value) in full().to_params() {
            assert_eq!(read.add_param(name, &value), Ok(true), "{name}");
        }
        let without_ids = DeliveryFilter {
            ids: Vec::new(),
            ..full()
        };
        assert_eq!(read, without_ids);
        let everything: DeliveryFilter = serde_json::from_str("{}").expect("JSON");
        assert!(everything.is_everything() && !read.is_everything());
        assert_eq!(serde_json::to_string(&everything).expect("JSON"), "{}");
    }

    #[test]
    fn a_misspelt_filter_selects_nothing_instead_of_everything() {
        for json in [
            r#"{"state":["dead"]}"#,
            r#"{"states":["lost"]}"#,
            r#"{"kind":"cart"}"#,
            r#"{"since":"yesterday"}"#,
            r#"{"since":1800000000}"#,
            r#"{"ids":["7"]}"#,
        ] {
            assert!(
                serde_json::from_str::<DeliveryFilter>(json).is_err(),
                "{json}"
            );
        }
        let mut filter = DeliveryFilter::default();
        for (name, value) in [
            ("id", "7"),
            ("state", "dead,lost"),
            ("kind", "cart"),
            ("since", "2h"),
            ("until", ""),
        ] {
            assert!(filter.add_param(name, value).is_err(), "{name}={value}");
        }
        assert_eq!(filter.add_param("states", "dead"), Ok(false));
        let mut offset = DeliveryFilter::default();
        assert_eq!(
            offset.add_param("since", "1970-01-01T01:00:01+01:00"),
            Ok(true)
        );
        assert_eq!(offset.since, Some(1_000));
    }
}
