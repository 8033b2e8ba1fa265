//! Compilers, Valgrind, and where the library lies.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What Valgrind ends with if it has found something.
pub(crate) const FOUND: i32 = 77;

/// Returns whether all of these are installed; says so aloud if one is not.
pub(crate) fn has(tools: &[&str]) -> bool {
    let lacking: Vec<&str> = tools.iter().copied().filter(|tool| !is_there(tool)).collect();
    if lacking.is_empty() {
        return true;
    }
    let loud = format!("SKIPPED: A HOST IN ANOTHER LANGUAGE: there is no {}", lacking.join(", "));
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{loud}");
    // Past what collects the output of tests that pass.
    _ = writeln!(std::io::stderr(), "{loud}");
    false
}

fn is_there(tool: &str) -> bool {
    let version = Command::new(tool).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Returns the path of an example.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/c").join(name)
}

/// Returns the path of a host that lies beside these tests.
pub(crate) fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts").join(name)
}

/// The library, which is built with the tests.
pub(crate) struct Libraries {
    pub(crate) dynamic: PathBuf,
    fixed: PathBuf,
}

impl Libraries {
    pub(crate) fn find() -> Self {
        let test = std::env::current_exe().expect("a test knows where it is");
        let beside = test.parent().expect("it lies in a folder");
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let dynamic = beside.join(format!("{prefix}adsum_ffi{suffix}"));
        let fixed = beside.join("libadsum_ffi.a");
        for library in [&dynamic, &fixed] {
            assert!(library.exists(), "{} is built with the tests", library.display());
        }
        Self { dynamic, fixed }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Linked {
    Dynamically,
    Statically,
}

/// A program that is removed when it is done.
pub(crate) struct Program(PathBuf);

impl Program {
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"];

fn includes(command: &mut Command) -> &mut Command {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    command.arg("-I").arg(package.join("include")).arg("-I").arg(source(""))
}

/// Compiles a host and links it with the library.
pub(crate) fn compile(
    compiler: &str,
    standard: &str,
    source: &Path,
    linked: Linked,
    libraries: &Libraries,
) -> Program {
    static NTH: AtomicU32 = AtomicU32::new(0);
    let name = format!("adsum-host-{}-{}", std::process::id(), NTH.fetch_add(1, Ordering::Relaxed));
    let program = Program(std::env::temp_dir().join(name));
    let mut command = Command::new(compiler);
    includes(command.arg(standard).arg("-g").args(STRICT)).arg(source).arg("-o").arg(&program.0);
    match linked {
        Linked::Dynamically => {
            let folder = libraries.dynamic.parent().expect("it lies in a folder");
            let mut at_run_time = std::ffi::OsString::from("-Wl,-rpath,");
            at_run_time.push(folder);
            command.arg(&libraries.dynamic).arg(at_run_time);
        }
        Linked::Statically => {
            command.arg(&libraries.fixed).args(["-lpthread", "-ldl", "-lm"]);
        }
    }
    output(&mut command);
    program
}

/// Has a compiler look at a text.
pub(crate) fn check(compiler: &str, language: &str, standard: &str, text: &str) -> Output {
    let mut command = Command::new(compiler);
    includes(command.args([standard, "-fsyntax-only"]).args(STRICT)).args(["-x", language, "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Has a compiler accept a text without a warning.
pub(crate) fn accepts(compiler: &str, language: &str, standard: &str, text: &str) {
    let output = check(compiler, language, standard, text);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler} {standard}: {errors}");
}

/// Returns the command that runs a program in Valgrind.
pub(crate) fn valgrind(program: &Program) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=all"]);
    command.args(["--show-leak-kinds=all", &format!("--error-exitcode={FOUND}")]);
    command.arg(&program.0);
    command
}

/// Returns what a command prints. It has to succeed.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().expect("it is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {}\n{text}{errors}", output.status);
    text
}
