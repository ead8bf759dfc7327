//! `glassbox verify`

use glassbox_model::{BackendError, compiled};
use glassbox_scratch::kernels::{Level, SIMD_VARIABLE};
use glassbox_spec::{Backend, ImageShape, nearest};
use glassbox_train::architecture;
use glassbox_verify::{
    Case, Check, MUTANTS, Mutant, Options, Report, Route, Tables, random_cases, verify,
    verify_cases,
};

use crate::{
    args::VerifyArgs,
    commands::open_backend,
    failure::Failure,
    output::{self, note},
};

/// More cases of each operation are refused.
const MOST_CASES: u32 = 100_000;

/// Verifies, prints the table or the JSON, and fails with exit code 5 where anything falls short.
pub fn run(args: VerifyArgs) -> Result<(), Failure> {
    let routes = routes(args.backend.as_deref())?;
    let mutant = args.mutant.as_deref().map(mutant).transpose()?;
    if !(1..=MOST_CASES).contains(&args.cases) {
        return Err(Failure::usage(format!(
            "--cases is {}; it must be between 1 and {MOST_CASES}",
            args.cases
        )));
    }
    let tables = mutant.map_or(Tables::REFERENCE, |mutant| mutant.tables);
    let case: Option<Case> = match &args.case {
        Some(text) => Some(
            text.parse()
                .map_err(|error| Failure::usage(format!("--case: {error}")))?,
        ),
        None => None,
    };
    let report = match (case, mutant) {
        (Some(case), Some(mutant)) if case.operation != mutant.operation => {
            return Err(Failure::usage(format!(
                "--mutant: `{}` is a fault of {}, the case is of {}",
                mutant.name, mutant.operation, case.operation
            )));
        }
        (Some(case), _) => verify_cases(case.operation, &[case], &routes, &tables)?,
        (None, Some(mutant)) => {
            let cases = random_cases(mutant.operation, args.cases, args.seed);
            verify_cases(mutant.operation, &cases, &routes, &tables)?
        }
        (None, None) => {
            let input: ImageShape = args
                .input
                .parse()
                .map_err(|error| Failure::usage(format!("--input: {error}")))?;
            verify(&Options {
                plan: architecture(&args.arch, 10)?.plan(input)?,
                routes,
                cases: args.cases,
                seed: args.seed,
            })?
        }
    };
    if args.json {
        output::json(&report)?;
    } else {
        output::line(table(&report))?;
    }
    for failure in &report.failures {
        let route = &failure.route;
        let (level, backend) = match (route.parse::<Backend>(), route.parse::<Level>()) {
            (Ok(backend), _) => (String::new(), format!(" --backend {backend}")),
            (_, Ok(level)) => (
                format!("{SIMD_VARIABLE}={} ", level.name()),
                " --backend scratch".to_string(),
            ),
            _ => Default::default(),
        };
        let mutant = mutant.map_or(String::new(), |m| format!(" --mutant '{}'", m.name));
        note(format!(
            "{} {} ({}) {}\n  again: {level}glassbox verify --case '{}'{backend}{mutant}",
            failure.operation, failure.argument, failure.route, failure.worst, failure.case
        ));
    }
    // Of a whole network there is no smaller case.
    let whole = |c: &&Check| {
        ["network", "residual"].contains(&c.operation.as_str()) || c.operation.starts_with("keras")
    };
    for check in report.checks.iter().filter(whole).filter(|c| !c.passed) {
        note(format!(
            "{} {} ({}): {:.1e} apart where {:.1e} is allowed",
            check.operation, check.argument, check.route, check.worst_absolute, check.bound
        ));
    }
    match mutant {
        _ if !report.passed => Err(Failure::check("verify: a check was not met")),
        Some(_) => {
            note(
                "the planted fault does not show here: try other sizes, another seed, or leave --case out",
            );
            Ok(())
        }
        None => Ok(()),
    }
}

/// Differences and the reference in `f32` always; one backend, or every one that is compiled in and has a device.
fn routes(backend: Option<&str>) -> Result<Vec<Route>, Failure> {
    // A wrong name is no missing device.
    Level::chosen().map_err(BackendError::from)?;
    let mut routes = vec![Route::Reference, Route::Differences];
    let backends: Vec<Backend> = match backend {
        Some(name) => vec![name.parse()?],
        None => {
            let all = Backend::ALL.into_iter();
            all.filter(|backend| compiled(*backend)).collect()
        }
    };
    for each in backends {
        let device = match open_backend(each.name()) {
            Ok(device) => device,
            // Compiled in, but not to be had here: said, unless it was asked for.
            Err(failure) if backend.is_none() => {
                note(format!("not verified: {}", failure.message()));
                continue;
            }
            Err(failure) => return Err(failure),
        };
        routes.push(Route::of(each, device));
    }
    Ok(routes)
}

fn mutant(name: &str) -> Result<&'static Mutant, Failure> {
    let names = || MUTANTS.iter().map(|mutant| mutant.name);
    let found = MUTANTS.iter().find(|mutant| mutant.name == name);
    found.ok_or_else(|| {
        let meant = nearest(name, names()).map(|n| format!(", did you mean `{n}`?"));
        Failure::usage(format!(
            "--mutant: no planted fault `{name}`{}; they are:\n  {}",
            meant.unwrap_or_default(),
            names().collect::<Vec<_>>().join("\n  ")
        ))
    })
}

/// A row for each operation and argument, a column for each route: the worst difference as a share of what is allowed.
fn table(report: &Report) -> String {
    // Room for `100.00 %`.
    let width = |route: &str| route.len().max(8);
    let mut routes: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for check in &report.checks {
        let (route, row) = (
            check.route.as_str(),
            (check.operation.as_str(), check.argument.as_str()),
        );
        if !routes.contains(&route) {
            routes.push(route);
        }
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let mut text = String::from("worst difference as a share of its bound\n\n");
    text += &format!("{:<15} {:<16}", "operation", "argument");
    routes
        .iter()
        .for_each(|route| text += &format!(" {route:>width$}", width = width(route)));
    let mut before = "";
    for (operation, argument) in rows {
        let shown = if operation == before { "" } else { operation };
        before = operation;
        text += &format!("\n{shown:<15} {argument:<16}");
        for route in &routes {
            let check = report.checks.iter().find(|check| {
                check.operation == operation && check.argument == argument && check.route == *route
            });
            let cell = match check {
                None => String::new(),
                Some(check) if !check.passed => "FAILED".to_string(),
                Some(check) if check.share == 0.0 => "exact".to_string(),
                Some(check) => format!("{:.2} %", 100.0 * check.share),
            };
            text += &format!(" {cell:>width$}", width = width(route));
        }
        text.truncate(text.trim_end().len());
    }
    text += "\n\n";
    for route in &routes {
        let of_route = || report.checks.iter().filter(|check| check.route == *route);
        let cases = of_route().map(|check| check.cases).max().unwrap_or(0);
        let kinks: usize = of_route().map(|check| check.kinks).sum();
        let what = match *route {
            "f32" => "the loops by hand, against themselves in f64",
            "differences" => "these in f64, against finite differences",
            "cpu" => "Burn on our kernels, against the loops in f64",
            level if level.parse::<Level>().is_ok() => "our kernels, against the loops in f64",
            _ => "Burn, against the loops in f64",
        };
        text += &format!("{route:<11}  {what}; cases each: {cases}\n");
        if kinks > 0 {
            text += &format!(
                "{:<11}  {kinks} values left out: at a corner, or tied\n",
                ""
            );
        }
    }
    if !report.mutants.is_empty() {
        let caught = report.mutants.iter().filter(|mutant| mutant.caught).count();
        text += &format!(
            "\n{caught} of {} planted faults caught\n\n",
            report.mutants.len()
        );
        for mutant in &report.mutants {
            let by = match &mutant.by {
                Some(by) => format!("{} ({})", by.argument, by.route),
                None => "NOT CAUGHT".to_string(),
            };
            text += &format!("{:<48} {by}\n", mutant.name);
        }
    }
    text += if report.passed {
        "\npassed"
    } else {
        "\nNOT passed"
    };
    text
}
