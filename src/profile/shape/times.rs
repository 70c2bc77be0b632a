//! The times at one place: their form, and their age when the delivery arrived.

use serde::{Deserialize, Serialize};

use crate::{
    profile::scalar::{Moment, TimeForm},
    runtime::clock::Millis,
};

const MINUTE: Millis = 60 * 1_000;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// The upper bounds of the ranges of ages. A time further in the future than the clocks may differ
/// is in the first range; one that is older than all bounds is in a last range without a bound.
const BOUNDS: [Millis; 7] = [-MINUTE, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY];

/// The facts about the times at one place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::profile) struct Times {
    form: Form,
    /// The number of ages in each range.
    ages: [u64; BOUNDS.len() + 1],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// There was no value yet.
    #[default]
    Open,
    /// All values are times of this form.
    Time(TimeForm),
    /// A value is no time, or one of another form.
    None,
}

impl Times {
    pub(super) fn learn(&mut self, moment: Option<Moment>) {
        let Some(Moment { form, age }) = moment else {
            self.form = Form::None;
            return;
        };
        match self.form {
            Form::Open => self.form = Form::Time(form),
            Form::Time(known) if known == form => {}
            Form::Time(_) | Form::None => {
                self.form = Form::None;
                return;
            }
        }
        let range = BOUNDS.partition_point(|bound| *bound < age);
        self.ages[range] += 1;
    }

    /// Returns the form of the times, if all values are times.
    pub(in crate::profile) fn form(&self) -> Option<TimeForm> {
        match self.form {
            Form::Time(form) => Some(form),
            Form::Open | Form::None => None,
        }
    }

    /// Returns a bound that no age exceeds, if every time is recent and none is ahead: then it is
    /// the time of sending.
    pub(in crate::profile) fn greatest_age(&self) -> Option<Millis> {
        let last = self.ages.iter().rposition(|count| *count > 0)?;
        let is_ahead = self.ages[0] > 0;
        BOUNDS
            .get(last)
            .copied()
            .filter(|bound| !is_ahead && *bound <= DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(ages: &[Millis]) -> Times {
        let mut times = Times::default();
        for age in ages {
            let form = TimeForm::Seconds;
            times.learn(Some(Moment { form, age: *age }));
        }
        times
    }

    #[test]
    fn a_time_of_sending_is_recent_and_never_ahead() {
        assert_eq!(learned(&[0, 500]).greatest_age(), Some(MINUTE));
        assert_eq!(learned(&[0, 2 * HOUR]).greatest_age(), Some(6 * HOUR));
        assert_eq!(learned(&[0, -MINUTE + 1]).greatest_age(), Some(MINUTE));
        assert_eq!(learned(&[0, -MINUTE]).greatest_age(), None);
        assert_eq!(learned(&[0, 2 * DAY]).greatest_age(), None);
        assert_eq!(learned(&[0, 8 * DAY]).greatest_age(), None);
        assert_eq!(learned(&[]).greatest_age(), None);
    }

    #[test]
    fn one_value_of_another_form_ends_it() {
        let mut times = learned(&[0]);
        assert_eq!(times.form(), Some(TimeForm::Seconds));
        times.learn(Some(Moment {
            form: TimeForm::Rfc3339,
            age: 0,
        }));
        assert_eq!(times.form(), None);
        let mut times = learned(&[0]);
        times.learn(None);
        times.learn(Some(Moment {
            form: TimeForm::Seconds,
            age: 0,
        }));
        assert_eq!(times.form(), None);
    }
}
