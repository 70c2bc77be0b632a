//! The operations of the API, read from the code: axum's router does not list its routes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{Expr, ExprLit, ExprMethodCall, Ident, Lit, visit::Visit};

/// An id that no object has.
const UNKNOWN: &str = "01900000-0000-7000-8000-000000000000";

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    /// In capitals.
    pub(crate) method: String,
    /// With its parameters in braces.
    pub(crate) path: String,
}

impl Operation {
    /// Returns the first line of a request, without the version, for objects that do not exist.
    pub(crate) fn first_line(&self) -> String {
        let segments = self.path.split('/').map(|segment| match segment {
            one if one.starts_with('{') => UNKNOWN,
            other => other,
        });
        let path = segments.collect::<Vec<_>>().join("/");
        format!("{} {path}", self.method)
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.method == "GET"
    }
}

/// Returns the operations under `/api/v1`.
pub(crate) fn operations() -> BTreeSet<Operation> {
    let mut files = Vec::new();
    find(&root(), &mut files);
    let mut routes = Routes(BTreeSet::new());
    for file in files {
        let code = fs::read_to_string(&file).expect("a source file");
        routes.visit_file(&syn::parse_file(&code).expect("Rust"));
    }
    assert!(routes.0.len() > 10, "only {} were found", routes.0.len());
    routes.0
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/api")
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Collects the calls of `.route(path, methods)`.
struct Routes(BTreeSet<Operation>);

impl<'a> Visit<'a> for Routes {
    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        assert!(
            call.method != "nest",
            "this test does not follow nested routers"
        );
        if call.method == "route" {
            let path = call.args.first().expect("a path");
            let Expr::Lit(ExprLit {
                lit: Lit::Str(path),
                ..
            }) = path
            else {
                panic!("a path is a literal, so that it can be found");
            };
            let mut methods = Methods(Vec::new());
            methods.visit_expr(call.args.get(1).expect("methods"));
            assert!(!methods.0.is_empty(), "{} has no method", path.value());
            self.0.extend(methods.0.into_iter().map(|method| Operation {
                method,
                path: format!("/api/v1{}", path.value()),
            }));
        }
        syn::visit::visit_expr_method_call(self, call);
    }
}

/// Collects the methods in `get(handler).post(handler)`.
struct Methods(Vec<String>);

impl<'a> Visit<'a> for Methods {
    fn visit_ident(&mut self, name: &'a Ident) {
        if METHODS.iter().any(|method| name == method) {
            self.0.push(name.to_string().to_uppercase());
        }
    }

    /// The handler of a method may be named like another one.
    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        self.visit_expr(&call.func);
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        self.visit_expr(&call.receiver);
        self.visit_ident(&call.method);
    }
}
