//! The flags of `serve` as a [`Plan`] with one endpoint. No file is read here.

use super::serve::{DEFAULT_NAME, ServeArgs};
use crate::{
    config::{
        Finding, Place, Places, Plan, Section as _,
        sections::{endpoint::EndpointPlan, secrets::Secrets},
    },
    secret::source::SecretSource,
};

impl Plan {
    /// Returns the plan that the flags describe.
    ///
    /// # Errors
    ///
    /// Every mistake that was found.
    pub fn from_flags(args: &ServeArgs) -> Result<Self, Vec<Finding>> {
        let mut findings = Vec::new();
        let at = Place::flag("--secret-file");
        let secrets = SecretSource::or_environment(args.secret_file.clone());
        let secrets = secrets.map_err(|error| findings.push(Finding::new(at, error)));
        let endpoint = endpoint(args, secrets.as_deref().unwrap_or_default(), &mut findings);
        let (Ok(secrets), true) = (secrets, findings.is_empty()) else {
            return Err(findings);
        };
        let mut plan = Self::new(Places::new(Place::flag("--listen")));
        plan.server = args.server.plan("--listen");
        plan.server.tls = args.tls.plan_if("--tls-cert");
        if let Some(acme) = args.acme.plan_if("--acme-domain") {
            let mut tls = args.tls.plan("--acme-domain");
            tls.acme = Some(acme);
            plan.server.tls = Some(tls);
        }
        plan.admin = args.admin.plan_if("--admin");
        plan.rejected = args.rejected.plan_if("--save-rejected");
        plan.inbox = args.inbox.plan_if("--inbox");
        plan.log = args.log.plan("--log-format");
        plan.secrets = Secrets::from_sources(at, secrets);
        if endpoint
            .destinations
            .iter()
            .any(|app| app.address.target().is_none())
            && !args.endpoint.has("--path")
        {
            plan.warnings
                .push(Finding::new(Place::flag("--upstream"), AIMED));
        }
        plan.endpoints.push(endpoint);
        plan.check()
    }
}

/// The warning about an app and a gate that serve every path.
const AIMED: &str = "neither --path nor a path in --upstream is given: a captured delivery can be aimed at every route of \
                     the app, since the path is not signed";

fn endpoint(
    args: &ServeArgs,
    secrets: &[SecretSource],
    findings: &mut Vec<Finding>,
) -> EndpointPlan {
    let mut endpoint = args.endpoint.plan("--name");
    if endpoint.name.is_empty() {
        endpoint.name = DEFAULT_NAME.to_owned();
    }
    if args.event.any() {
        endpoint.event = args.event.plan("--event-pointer");
        endpoint.event.finish(findings);
    }
    let at = Place::flag("--secret-file");
    let names = secrets.iter().map(|source| (at, source.name().clone()));
    endpoint.secrets = names.collect();
    endpoint.durable = args.inbox.has("--inbox");
    match (endpoint.verdict, args.destination.has("--upstream")) {
        (true, _) if args.destination.any() => {
            let message = "nothing is forwarded, so no flag of an app goes with it";
            findings.push(Finding::new(Place::flag("--verdict"), message));
        }
        (true, _) => {}
        (false, true) => {
            let destination = args.destination.plan("--upstream");
            endpoint.destinations.push(destination);
        }
        (false, false) => {
            let message = "the app to protect is missing";
            findings.push(Finding::new(Place::flag("--upstream"), message));
            return endpoint;
        }
    }
    endpoint.finish(findings);
    endpoint
}

#[cfg(test)]
mod tests {
    use super::*;

    use clap::Parser as _;

    use crate::cli::command::{Cli, Command};

    fn plan(more: &[&str]) -> Result<Plan, Vec<Finding>> {
        let typed = [
            "cartgate",
            "serve",
            "--listen",
            ":0",
            "--upstream",
            "http://h/x",
        ];
        let typed = typed.iter().chain(&["--secret-file", "x"]).chain(more);
        let Command::Serve(args) = Cli::parse_from(typed).command else {
            panic!("not serve")
        };
        Plan::from_flags(&args)
    }

    #[test]
    fn what_is_not_typed_is_the_same_as_what_is_not_written() {
        let plan = plan(&[]).expect("a plan");
        let written = "
            [server]
            listen = ':0'
            [secret.default]
            file = 'x'
            [[endpoint]]
            name = 'default'
            path = '/*'
            secrets = 'default'
            [[endpoint.destination]]
            url = 'http://h/x'
        ";
        let written = Plan::from_text(written).expect("a plan");
        assert_eq!(plan.to_string(), written.to_string());
        assert!(plan.inbox.is_none());
        assert!(plan.warnings.is_empty());
    }

    #[test]
    fn an_inbox_makes_the_endpoint_durable() {
        let flags = ["--inbox", "sqlite:inbox.db", "--inbox-key-file", "key"];
        let plan = plan(&flags).expect("a plan");
        let shown = plan.to_string();
        assert_eq!(plan.endpoints[0].queues().count(), 1);
        for line in ["store = \"sqlite:inbox.db\"", "file = \"key\""] {
            assert!(shown.contains(line), "{shown}");
        }
        Plan::from_text(&shown).expect("the same as a file");
    }

    #[test]
    fn a_verdict_needs_no_app() {
        let typed = ["cartgate", "serve", "--listen", ":0", "--verdict"];
        let typed = typed.iter().chain(&["--secret-file", "x"]);
        let Command::Serve(args) = Cli::parse_from(typed).command else {
            panic!("not serve")
        };
        let plan = Plan::from_flags(&args).expect("a plan");
        assert!(plan.endpoints[0].verdict);
        assert!(plan.endpoints[0].destinations.is_empty());
        Plan::from_text(&plan.to_string()).expect("the same as a file");
    }

    #[test]
    fn values_that_do_not_go_together_are_found() {
        for (flags, place) in [
            (&["--max-memory", "64KiB"][..], "--max-memory"),
            (&["--inbox", "postgres://gate@db/inbox"], "--inbox"),
            (
                &["--inbox", "sqlite:x", "--inbox-password-file", "x"],
                "--inbox-password-file",
            ),
            (
                &[
                    "--event-pointer",
                    "/e",
                    "--event-order",
                    "o",
                    "--only",
                    "abandoned-cart",
                ],
                "--name",
            ),
        ] {
            let findings = plan(flags).expect_err(place);
            assert_eq!(findings[0].place.to_string(), place);
        }
    }
}
