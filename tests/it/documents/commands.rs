//! Every command of the documents runs, and ends as the document says.

use std::{fs, thread};

use super::{Block, Page, pages, root, sandbox::Sandbox};

/// Steps of the reader before a block, or state that a page assumes: page, number of the block, script.
const BEFORE: [(&str, usize, &str); 13] = [
    ("README.md", 2, "rm cartgate.toml"),
    (
        "docs/api.md",
        0,
        r#"printf 'a-token-of-the-documents' > admin.token
sed -i 's/^\[admin\]/&\ntoken = { file = "admin.token" }/' cartgate.toml
cartgate serve --config cartgate.toml"#,
    ),
    (
        "docs/orders-stopped.md",
        0,
        "cartgate serve --config cartgate.toml",
    ),
    (
        "docs/orders-stopped.md",
        4,
        "printf '{}' > body.json\nsignature=$(cartgate sign --secret-file secret.txt body.json)",
    ),
    (
        "docs/operate.md",
        0,
        "cartgate serve --config cartgate.toml",
    ),
    (
        "docs/rotate-a-secret.md",
        0,
        "sed -i 's/secret.txt/shop.secret/' cartgate.toml\ncartgate serve --config cartgate.toml",
    ),
    (
        "docs/rotate-a-secret.md",
        1,
        r#"sed -i 's/\["shop"\]/["shop", "old"]/' cartgate.toml
printf '[secret.old]\nfile = "old.secret"\n' >> cartgate.toml"#,
    ),
    (
        "docs/rotate-a-secret.md",
        2,
        r#"printf '%s' 'the new secret of the documents' > new.secret
chmod 600 new.secret
cartgate send http://127.0.0.1:8080/webhooks/orders --secret-file new.secret || true
until ls var/rejected/*.http; do sleep 0.1; done
cat new.secret > shop.secret"#,
    ),
    (
        "docs/alarms.md",
        0,
        r#"printf '[[alarm]]\nurl = "http://127.0.0.1:3000/alarms"\n' >> cartgate.toml
cartgate serve --config cartgate.toml"#,
    ),
    ("docs/inbox.md", 2, "cartgate serve --config cartgate.toml"),
    (
        "docs/profile.md",
        0,
        "cartgate serve --config cartgate.toml",
    ),
    (
        "docs/testing.md",
        0,
        "cartgate serve --config cartgate.toml",
    ),
    (
        "docs/strong-payload.md",
        2,
        r#"sed -i 's/^durable.*/fresh = { pointer = "\/sent_at", within = "1d" }\n&/' cartgate.toml
cartgate serve --config cartgate.toml"#,
    ),
];

/// Commands whose result may be negative: page (all if empty), part of the command, statuses.
const STATUSES: [(&str, &str, &[i32]); 10] = [
    // It also asks the gates of other tests, some of which are ending.
    ("docs/operate.md", "cartgate healthcheck", &[0, 1]),
    // The stream ends only by the time that curl has.
    ("docs/api.md", "--max-time 2", &[28]),
    // A problem may need a person, and only one of the gates runs.
    ("", "cartgate status", &[0, 1]),
    // There may be nothing to change.
    ("", "cartgate inbox retry", &[0, 1]),
    ("", "cartgate inbox replay", &[0, 1]),
    ("", "cartgate inbox purge", &[0, 1]),
    // No secret verifies this saved rejection.
    ("docs/testing.md", "--delivery $(ls", &[1]),
    // Rejected with 422.
    ("docs/strong-payload.md", "--event abandoned-cart", &[1]),
    ("docs/strong-payload.md", "--set /event=something", &[1]),
    ("docs/strong-payload.md", "--set /sent_at=2020", &[1]),
];

/// Programs that plain `cargo test` does not ask for. `make test` installs them.
const TOOLS: [&str; 3] = ["openssl ", "curl ", "jq "];

#[test]
fn every_command_runs() {
    thread::scope(|scope| {
        for page in pages() {
            scope.spawn(move || try_page(&page));
        }
    });
}

fn try_page(page: &Page) {
    let blocks = page.blocks();
    let mut sandbox = None;
    for (number, block) in blocks
        .iter()
        .filter(|block| block.language == "sh")
        .enumerate()
    {
        if TOOLS
            .iter()
            .any(|tool| block.text.contains(tool) && !is_installed(tool.trim()))
        {
            // Later blocks may need what this one makes.
            return;
        }
        names_files_of_the_project(page, block);
        let before = BEFORE
            .iter()
            .find(|(path, at, _)| *path == page.path && *at == number);
        let before = before.map_or("", |(_, _, script)| script);
        let sandbox = sandbox.get_or_insert_with(Sandbox::new);
        try_commands(page, block, sandbox, &format!("{before}\n{}", block.text));
    }
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}

/// Runs the commands of a block. A gate that it starts goes on beside those after it.
fn try_commands(page: &Page, block: &Block, sandbox: &mut Sandbox, text: &str) {
    let commands = commands(&sandbox.substituted(text));
    let is_gate = |command: &String| command.starts_with("cartgate serve");
    for part in commands.chunk_by(|one, next| !is_gate(one) && !is_gate(next)) {
        if is_gate(&part[0]) {
            sandbox.serve(&part[0]);
            continue;
        }
        for (command, (status, output)) in part.iter().zip(sandbox.run(part)) {
            let expected = expected(page, command);
            let place = format!("{}:{}", page.path, block.line);
            assert!(
                expected.contains(&status),
                "{place}: {command}: {status}\n{output}"
            );
        }
    }
}

fn expected(page: &Page, command: &str) -> &'static [i32] {
    let known = STATUSES
        .iter()
        .find(|(path, part, _)| (path.is_empty() || *path == page.path) && command.contains(part));
    known.map_or(&[0], |(_, _, statuses)| statuses)
}

/// Splits a script into commands: continued lines are joined, and a loop is one command.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut command = String::new();
    for line in text
        .lines()
        .map(without_comment)
        .filter(|line| !line.is_empty())
    {
        if let Some(line) = line.strip_suffix('\\') {
            command.push_str(line);
            continue;
        }
        command.push_str(line);
        if command.starts_with("for ") && line.trim() != "done" {
            command.push('\n');
            continue;
        }
        commands.push(std::mem::take(&mut command));
    }
    assert!(command.is_empty(), "a command without an end: {command}");
    commands
}

fn without_comment(line: &str) -> &str {
    let comment = line.find(" # ").unwrap_or(line.len());
    line[..comment].trim_end()
}

/// Files that a command names exist in the project, as do the targets of `make`.
fn names_files_of_the_project(page: &Page, block: &Block) {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    for command in commands(&block.text) {
        let words: Vec<_> = command.split_whitespace().collect();
        let paths = words.iter().filter(|word| {
            ["examples/", "packaging/", ".ci/"]
                .iter()
                .any(|folder| word.starts_with(folder))
        });
        for path in paths {
            assert!(root().join(path).exists(), "{}: {path}", page.path);
        }
        if let ["make", target, ..] = words[..] {
            assert!(
                makefile.contains(&format!("\n{target}:")),
                "{}: {command}",
                page.path
            );
        }
    }
}

#[test]
fn commands_are_split_as_a_shell_reads_them() {
    let text = "a b \\\n    c   # says what\nfor f in x; do\n    y $f\ndone\n\nz";
    assert_eq!(
        commands(text),
        ["a b     c", "for f in x; do\n    y $f\ndone", "z"]
    );
}
