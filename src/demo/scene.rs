//! What happened in the demonstration, and whether it went as it must.

use std::fmt;
use std::net::SocketAddr;

use anstyle::{AnsiColor, Style};
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tower_cartgate::EventKind;

use super::{app::Received, step::Step};
use crate::client::{Answer, ForgeryKind, NoAnswer};

/// The whole demonstration.
#[derive(Debug)]
pub struct Show {
    pub(super) app: SocketAddr,
    pub(super) gate: SocketAddr,
    pub(super) scenes: Vec<Scene>,
    pub(super) received: usize,
    pub(super) steps: Vec<Step>,
}

/// One delivery and what became of it.
#[derive(Debug)]
pub struct Scene {
    act: Act,
    answer: Result<u16, String>,
    passed: bool,
    well: bool,
    seen: String,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A true delivery of this event by this method.
    Genuine(Method, EventKind),
    /// A forgery.
    Forgery(ForgeryKind),
}

impl Act {
    /// Whether it must pass: a replay under another method must too, since the scheme cannot tell
    /// it apart.
    #[must_use]
    pub fn must_pass(&self) -> bool {
        match self {
            Self::Genuine(..) => true,
            Self::Forgery(kind) => kind.is_genuine_by_the_scheme(),
        }
    }

    fn event(&self) -> EventKind {
        match self {
            Self::Genuine(_, kind) => *kind,
            Self::Forgery(_) => EventKind::Order,
        }
    }
}

impl Scene {
    pub(super) fn new(
        act: Act,
        outcome: &Result<Answer, NoAnswer>,
        sent: &Bytes,
        arrived: &[Received],
    ) -> Self {
        let status = outcome.as_ref().map(|answer| answer.status.as_u16());
        let answer = status.map_err(ToString::to_string);
        let intact = arrived.iter().all(|received| {
            received.body == *sent && received.event.as_deref() == Some(act.event().as_str())
        });
        let well = match act.must_pass() {
            true => arrived.len() == 1 && intact && answer == Ok(200),
            false => arrived.is_empty() && answer == Ok(401),
        };
        let seen = what_the_app_saw(arrived, intact);
        Self {
            act,
            answer,
            passed: !arrived.is_empty(),
            well,
            seen,
        }
    }

    fn json(&self) -> Value {
        json!({
            "delivery": self.act.to_string(),
            "expected": if self.act.must_pass() { "passes" } else { "refused" },
            "status": self.answer.as_ref().ok(),
            "reached_app": self.passed,
            "as_it_must": self.well,
        })
    }
}

fn what_the_app_saw(arrived: &[Received], intact: bool) -> String {
    let Some(received) = arrived.first() else {
        return "nothing".to_owned();
    };
    let event = received.event.as_deref().unwrap_or("no event");
    let bytes = received.body.len();
    let same = if intact { "as sent" } else { "NOT as sent" };
    format!("{} {event}, {bytes} bytes {same}", received.method)
}

impl Show {
    /// Whether everything went as it must.
    #[must_use]
    pub fn is_well(&self) -> bool {
        // Counted at the end once more: nothing may have slipped in after its answer.
        let must_pass = self
            .scenes
            .iter()
            .filter(|scene| scene.act.must_pass())
            .count();
        self.received == must_pass
            && self.scenes.iter().all(|scene| scene.well)
            && self.steps.iter().all(|step| step.well)
    }

    /// What happened, as `--json` prints it.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "as_it_must": self.is_well(),
            "app": self.app.to_string(),
            "gate": self.gate.to_string(),
            "received_by_app": self.received,
            "deliveries": self.scenes.iter().map(Scene::json).collect::<Vec<_>>(),
            "inbox": self.steps.iter().map(Step::json).collect::<Vec<_>>(),
        })
    }

    fn count(&self, which: impl Fn(&Act) -> bool) -> usize {
        self.scenes
            .iter()
            .filter(|scene| scene.well && which(&scene.act))
            .count()
    }
}

impl Show {
    fn act_of_the_inbox(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = Style::new().bold();
        writeln!(
            f,
            "\n{heading}{:WIDTH$}  with an inbox{heading:#}",
            "the app"
        )?;
        for step in &self.steps {
            let (style, mark) = match step.well {
                true => (colour(AnsiColor::Green), ""),
                false => (colour(AnsiColor::Red).bold(), "  ! not as it must be"),
            };
            let (what, seen) = (step.what, &step.seen);
            writeln!(f, "{what:WIDTH$}  {style}{seen}{style:#}{mark}")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = Style::new().bold();
        writeln!(
            f,
            "A sample app listens on {}, the gate before it on {}.\n",
            self.app, self.gate
        )?;
        writeln!(
            f,
            "{heading}{:WIDTH$}  answer  what the app received{heading:#}",
            "delivery"
        )?;
        self.scenes
            .iter()
            .try_for_each(|scene| writeln!(f, "{scene}"))?;
        let genuine = self.count(|act| matches!(act, Act::Genuine(..)));
        let refused = self.count(|act| !act.must_pass());
        writeln!(
            f,
            "\n{genuine} genuine deliveries passed, {refused} forgeries were refused."
        )?;
        writeln!(
            f,
            "The replay is no forgery to any gate: Cartfunnel signs the body alone, not the method."
        )?;
        self.act_of_the_inbox(f)?;
        let (style, words) = match self.is_well() {
            true => (colour(AnsiColor::Green), "Everything went as it must."),
            false => (
                colour(AnsiColor::Red),
                "NOT everything went as it must: see the lines marked with !",
            ),
        };
        write!(f, "{style}{words}{style:#}")
    }
}

const WIDTH: usize = 34;

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = match (self.well, self.passed) {
            (false, _) => colour(AnsiColor::Red).bold(),
            (true, true) => colour(AnsiColor::Green),
            (true, false) => colour(AnsiColor::Yellow),
        };
        let mark = if self.well {
            ""
        } else {
            "  ! not as it must be"
        };
        let act = self.act.to_string();
        match &self.answer {
            Ok(status) => write!(
                f,
                "{act:WIDTH$}  {style}{status:<6}{style:#}  {}{mark}",
                self.seen
            ),
            Err(reason) => write!(
                f,
                "{act:WIDTH$}  {style}none{style:#}    {} ({reason}){mark}",
                self.seen
            ),
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genuine(method, kind) => write!(f, "genuine {method} {kind}"),
            Self::Forgery(kind) if kind.is_genuine_by_the_scheme() => write!(f, "replay  {kind}"),
            Self::Forgery(kind) => write!(f, "forgery {kind}"),
        }
    }
}

const fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::Ipv4Addr;
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};

    const BODY: Bytes = Bytes::from_static(b"body");

    fn scene(act: Act, status: u16, arrived: &[Received]) -> Scene {
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            beginning: Vec::new(),
            took: Duration::ZERO,
        };
        Scene::new(act, &Ok(answer), &BODY, arrived)
    }

    fn received(body: Bytes, event: &str) -> Received {
        Received {
            method: Method::POST,
            event: Some(event.to_owned()),
            body,
        }
    }

    fn genuine() -> Act {
        Act::Genuine(Method::POST, EventKind::Order)
    }

    fn show(scenes: Vec<Scene>, received: usize) -> Show {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        Show {
            app: address,
            gate: address,
            scenes,
            received,
            steps: Vec::new(),
        }
    }

    #[test]
    fn a_genuine_one_must_arrive_once_and_whole() {
        assert!(scene(genuine(), 200, &[received(BODY, "order")]).well);
        assert!(!scene(genuine(), 200, &[]).well);
        assert!(
            !scene(
                genuine(),
                200,
                &[received(BODY, "order"), received(BODY, "order")]
            )
            .well
        );
        assert!(!scene(genuine(), 200, &[received(Bytes::new(), "order")]).well);
        assert!(!scene(genuine(), 200, &[received(BODY, "other")]).well);
        assert!(!scene(genuine(), 502, &[received(BODY, "order")]).well);
    }

    #[test]
    fn a_forgery_must_be_refused_and_never_arrive() {
        let forgery = || Act::Forgery(ForgeryKind::Hex);
        assert!(scene(forgery(), 401, &[]).well);
        assert!(!scene(forgery(), 401, &[received(BODY, "order")]).well);
        assert!(!scene(forgery(), 404, &[]).well);
        assert!(!Scene::new(forgery(), &Err(NoAnswer::TimedOut), &BODY, &[]).well);
    }

    #[test]
    fn one_thing_wrong_spoils_the_show() {
        let good = || scene(genuine(), 200, &[received(BODY, "order")]);
        assert!(show(vec![good()], 1).is_well());
        assert!(
            !show(vec![good()], 2).is_well(),
            "something came in after its answer"
        );
        let bad = show(vec![good(), scene(genuine(), 401, &[])], 1);
        assert!(!bad.is_well());
        assert!(bad.to_string().contains('!'));
        assert_eq!(bad.json()["as_it_must"], false);
    }
}
