//! Problems with certificates.

use super::{
    bounds::DAY,
    sentence::{ago, plain},
};
use crate::{
    admin::status::{
        report::{FailedOrder, Report},
        span::Span,
    },
    alarm::{Condition, OpenProblem},
};

/// The remaining time at which a certificate is a problem, if it is also less than a quarter of its
/// lifetime. ACME clients renew when a third is left.
pub(super) const CERTIFICATE: u64 = 14 * DAY;

pub(super) fn problems(report: &Report) -> Vec<OpenProblem> {
    let mut all = Vec::new();
    if report.no_certificate {
        let text = "no certificate was issued yet, so the gate rejects TLS handshakes";
        all.push(plain(Condition::NoCertificate, "", text.to_owned()));
    }
    all.extend(expiring(report));
    let order = report.certificate_order.as_ref();
    all.extend(order.map(|order| failed_order(report, order)));
    all
}

fn expiring(report: &Report) -> impl Iterator<Item = OpenProblem> {
    let ending = report.certificates.iter().filter(|one| {
        let lifetime = one.ends.saturating_sub(one.begins);
        one.ends < report.now + CERTIFICATE.min(lifetime / 4)
    });
    ending.map(|one| {
        let name = &one.certificate;
        let text = match one.ends.checked_sub(report.now) {
            Some(left) => format!("the certificate {name} expires in {}", Span(left)),
            None => format!(
                "the certificate {name} expired {} ago",
                ago(report, one.ends)
            ),
        };
        plain(Condition::CertificateExpiring, name, text)
    })
}

fn failed_order(report: &Report, order: &FailedOrder) -> OpenProblem {
    let FailedOrder {
        failures, reason, ..
    } = order;
    let next = match order.next.checked_sub(report.now) {
        Some(left) => format!("in {}", Span(left)),
        None => "now".to_owned(),
    };
    let times = match failures {
        1 => String::new(),
        more => format!(" {more} times"),
    };
    let failed = format!("the order for a certificate failed{times}");
    let next = format!("the next attempt is {next}, or after cartgate reload");
    OpenProblem {
        condition: Condition::CertificateOrderFailed,
        subject: String::new(),
        line: format!("{failed}: {reason}; {next}"),
        text: format!("{failed}; {next}; see cartgate status for the reason"),
    }
}
