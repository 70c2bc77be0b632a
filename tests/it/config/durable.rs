//! The durable inbox in the life of the program: what the start says and refuses, and what a reload takes up.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::{
    program::{Program, write_secret},
    support::{
        App, BODY, Gate, PATIENCE, SECRET, Setup, Then, app::Recorded, genuine, request, signature_line,
        wait_until,
    },
};
