//! The machinery of settings: what a definition consists of, and how it is read, shown and
//! described.
//!
//! The folder `sections` defines each setting once, as a [`Setting`](definition::Setting) in the
//! [`Group`](definition::Group)s of its table. The parser of the file, `check --show`, the JSON
//! schema, the flags of `serve` and the reference page all follow from that definition.
//!
//! ```text
//!   kinds    the values that several settings take: a time, a size, a path
//!   access   where a plan holds a value: `scalar`, `list`, `switch`, `table`, `secret`, `map`
//!   read     a table of the file -> a plan            show    a plan -> a table of a file
//!   schema   the JSON schema of a table               describe    the reference of a table
//! ```

pub(crate) mod access;
pub(crate) mod definition;
pub(crate) mod describe;
pub(crate) mod description;
pub(crate) mod kind;
pub(crate) mod kinds;
pub(crate) mod list;
pub(crate) mod map;
pub(crate) mod read;
pub(crate) mod scalar;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod secret_url;
pub(crate) mod show;
pub(crate) mod shown_if;
pub(crate) mod switch;
pub(crate) mod table;
