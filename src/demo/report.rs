//! The report of the demonstration, as text and as JSON.

use std::fmt::{self, Display, Formatter};

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::{
    direct::Direct,
    step::Step,
    trial::{Sent, Trial},
};

/// Columns of a delivery or a step.
const WIDTH: usize = 34;

/// The mark of a line with an unexpected result.
const UNEXPECTED: &str = "  ! unexpected";

/// The deliveries and steps of the whole demonstration, with their results.
#[derive(Debug)]
pub struct Report {
    pub(super) direct: Direct,
    pub(super) steps: Vec<Step>,
}

impl Report {
    /// Returns whether everything went as expected.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.direct.is_as_expected() && self.steps.iter().all(|step| step.as_expected)
    }

    /// Returns the report as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        let Direct {
            app,
            gate,
            trials,
            received,
        } = &self.direct;
        json!({
            "as_expected": self.is_as_expected(),
            "app": app.to_string(),
            "gate": gate.to_string(),
            "received_by_app": received,
            "deliveries": trials.iter().map(Trial::json).collect::<Vec<_>>(),
            "inbox": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
        })
    }

    fn write_direct(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (direct, bold) = (&self.direct, Style::new().bold());
        writeln!(
            f,
            "A sample app listens on {}; the gate in front of it listens on {}.\n",
            direct.app, direct.gate
        )?;
        writeln!(
            f,
            "{bold}{:WIDTH$}  status  received by the app{bold:#}",
            "delivery"
        )?;
        for trial in &direct.trials {
            write_trial(f, trial)?;
        }
        let genuine = direct.count(|sent| matches!(sent, Sent::Genuine(..)));
        let rejected = direct.count(|sent| !sent.must_pass());
        writeln!(
            f,
            "\n{genuine} genuine deliveries passed, {rejected} forgeries were rejected."
        )?;
        writeln!(
            f,
            "The replay passes every gate, because Cartfunnel signs the body but not the method."
        )
    }

    fn write_inbox(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bold = Style::new().bold();
        writeln!(f, "\n{bold}{:WIDTH$}  result{bold:#}", "with an inbox")?;
        for step in &self.steps {
            let (style, mark) = match step.as_expected {
                true => (colour(AnsiColor::Green), ""),
                false => (colour(AnsiColor::Red).bold(), UNEXPECTED),
            };
            let (name, result) = (step.name, &step.result);
            writeln!(f, "{name:WIDTH$}  {style}{result}{style:#}{mark}")?;
        }
        writeln!(f)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_direct(f)?;
        self.write_inbox(f)?;
        let (style, text) = match self.is_as_expected() {
            true => (colour(AnsiColor::Green), "Everything went as expected."),
            false => (
                colour(AnsiColor::Red),
                "NOT everything went as expected; see the lines marked with !",
            ),
        };
        write!(f, "{style}{text}{style:#}")
    }
}

fn write_trial(f: &mut Formatter<'_>, trial: &Trial) -> fmt::Result {
    let style = match (trial.as_expected, trial.reached_app) {
        (false, _) => colour(AnsiColor::Red).bold(),
        (true, true) => colour(AnsiColor::Green),
        (true, false) => colour(AnsiColor::Yellow),
    };
    let mark = if trial.as_expected { "" } else { UNEXPECTED };
    let (sent, arrived) = (trial.sent.to_string(), &trial.arrived);
    write!(f, "{sent:WIDTH$}  {style}")?;
    match &trial.response {
        Ok(status) => writeln!(f, "{status:<6}{style:#}  {arrived}{mark}"),
        Err(reason) => writeln!(f, "none{style:#}    {arrived} ({reason}){mark}"),
    }
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::{Ipv4Addr, SocketAddr};

    fn report(trials: Vec<Trial>, received: usize) -> Report {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        Report {
            direct: Direct {
                app: address,
                gate: address,
                trials,
                received,
            },
            steps: Vec::new(),
        }
    }

    #[test]
    fn one_unexpected_result_is_shown() {
        assert!(report(vec![Trial::passed()], 1).is_as_expected());
        assert!(
            !report(vec![Trial::passed()], 2).is_as_expected(),
            "the app received a request after the response"
        );
        let bad = report(vec![Trial::passed(), Trial::lost()], 1);
        assert!(!bad.is_as_expected());
        assert!(bad.to_string().contains('!'));
        assert_eq!(bad.json()["as_expected"], false);
    }
}
