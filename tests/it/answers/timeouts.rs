//! The timeouts of heads, bodies and idle connections. Each test sets one timeout short and the
//! others long, so that only this one can have ended the connection.

use std::{
    thread,
    time::{Duration, Instant},
};

use cartgate::proxy::config::timeouts::Timeouts;

use crate::support::{
    App, BODY, Client, Gate, PATIENCE, Setup, forged, genuine, ms, signature_line,
};

fn gate(app: &App, change: impl FnOnce(&mut Timeouts)) -> Gate {
    Setup::before(app)
        .with(|setup| {
            let long = PATIENCE * 10;
            setup.config.timeouts = Timeouts {
                header: long,
                keep_alive: long,
                body: long,
                body_grace: long,
                write: long,
                ..Timeouts::default()
            };
            change(&mut setup.config.timeouts);
        })
        .start()
}

fn unfinished_body() -> String {
    let signature = signature_line(BODY);
    format!("POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Length: 5\r\n{signature}\r\nhel")
}

#[track_caller]
fn is_timed_out(client: &mut Client) {
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    client.is_closed();
}

#[test]
fn a_body_that_takes_too_long_is_408() {
    let app = App::content();
    let gate = gate(&app, |timeouts| timeouts.body = ms(150));
    let begun = Instant::now();
    is_timed_out(gate.client().send(unfinished_body()));
    assert!(begun.elapsed() >= ms(150));
    assert_eq!(app.count(), 0);
}

#[test]
fn a_body_that_drips_is_408_although_it_never_stops() {
    let app = App::content();
    let gate = gate(&app, |timeouts| {
        timeouts.body_grace = ms(150);
        timeouts.body_rate = 1024 * 1024;
    });
    let signature = signature_line(BODY);
    let head =
        format!("POST /hooks HTTP/1.1\r\nHost: gate\r\nContent-Length: 900000\r\n{signature}\r\n");
    let mut client = gate.client();
    client.send(head);
    let begun = Instant::now();
    while client.try_send("a").is_ok() && begun.elapsed() < ms(600) {
        thread::sleep(ms(10));
    }
    is_timed_out(&mut client);
}

#[test]
fn a_body_in_time_and_at_the_rate_passes_after_the_grace() {
    let app = App::content();
    let gate = gate(&app, |timeouts| {
        timeouts.body_grace = ms(1);
        timeouts.body_rate = 1;
    });
    let mut client = gate.client();
    client.send(unfinished_body());
    // Three bytes at one per second take three seconds, of which a tenth passes.
    thread::sleep(ms(300));
    assert_eq!(client.ask("lo").status, 200);
}

#[test]
fn a_head_that_takes_too_long_is_408_however_it_drips() {
    let app = App::content();
    let gate = gate(&app, |timeouts| timeouts.header = ms(150));
    is_timed_out(gate.client().send("POST /ho"));
    is_timed_out(gate.client().send("P"));

    let mut client = gate.client();
    let begun = Instant::now();
    for byte in genuine(BODY) {
        if client.try_send([byte]).is_err() || begun.elapsed() > ms(1000) {
            break;
        }
        thread::sleep(ms(10));
    }
    is_timed_out(&mut client);
    assert_eq!(app.count(), 0);
}

#[test]
fn the_second_head_has_a_clock_of_its_own() {
    let app = App::content();
    let gate = gate(&app, |timeouts| timeouts.header = ms(150));
    let mut client = gate.client();
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    // Idle for longer than the timeout of a head, which is another timeout.
    thread::sleep(ms(300));
    assert_eq!(client.ask(genuine(BODY)).status, 200);
    is_timed_out(client.send("POST"));
}

#[test]
fn half_a_head_behind_another_request_has_the_clock_of_a_head() {
    let app = App::content();
    let gate = gate(&app, |timeouts| timeouts.header = ms(150));
    for first in [genuine(BODY), forged(BODY)] {
        let mut client = gate.client();
        client.send([&first[..], b"POST /ho"].concat()).answer();
        is_timed_out(&mut client);
    }
}

#[test]
fn empty_lines_behind_a_body_begin_no_head() {
    let app = App::content();
    let gate = gate(&app, |timeouts| timeouts.header = ms(50));
    let mut client = gate.client();
    client.send([&genuine(BODY)[..], b"\r\n"].concat()).answer();
    client.send("\r\n");
    thread::sleep(ms(200));
    assert_eq!(client.ask(genuine(BODY)).status, 200);
}

#[test]
fn what_came_before_a_pause_is_read_with_what_comes_after_it() {
    let app = App::content();
    let gate = gate(&app, |_| ());
    let mut client = gate.client();
    let request = genuine(BODY);
    let (begun, rest) = request.split_at(10);
    client.send([&request, begun].concat());
    assert_eq!(client.answer().status, 200);
    // Longer than the gate keeps the buffers of an idle connection.
    thread::sleep(ms(300));
    client.send(rest);
    assert_eq!(client.answer().status, 200);
    thread::sleep(ms(300));
    assert_eq!(client.ask(genuine(BODY)).status, 200);
}

#[test]
fn a_silent_connection_is_closed_without_a_word() {
    let app = App::content();
    let gate = gate(&app, |timeouts| timeouts.keep_alive = ms(150));
    let mut silent = gate.client();
    let mut idle = gate.client();
    assert_eq!(idle.ask(genuine(BODY)).status, 200);
    silent.is_closed();
    idle.is_closed();
}

#[test]
fn a_client_that_does_not_read_its_answer_is_let_go() {
    let size = 30_000_000;
    let app = App::tcp(move |_, wire| {
        wire.write_all(&crate::support::app::answer(
            "200 OK",
            "",
            &vec![b'a'; size],
        ))?;
        Ok(crate::support::Then::Keep)
    });
    let gate = gate(&app, |timeouts| timeouts.write = ms(200));
    let mut client = gate.client();
    client.send(genuine(BODY));
    app.wait_for(1);
    // The gate closes the connections of the client and of the app.
    app.wait_until_left_alone();
    assert!(
        client.try_answer().is_err(),
        "a torn answer must not look whole"
    );
}

#[test]
fn the_clocks_of_the_contract_are_the_defaults() {
    let timeouts = Timeouts::default();
    let seconds = Duration::from_secs;
    assert_eq!(
        (timeouts.header, timeouts.keep_alive),
        (seconds(10), seconds(75))
    );
    assert_eq!(
        (timeouts.body, timeouts.body_grace),
        (seconds(30), seconds(5))
    );
    assert_eq!(timeouts.body_rate, 1024);
}
