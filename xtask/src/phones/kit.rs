//! A kit to compile and link for Android where there is no NDK: Debian's clang and lld, musl's headers, and libraries that
//! hold nothing but the names which Android's own have. And a compiler that compiles nothing, for type checks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::write;
use crate::{parts::Fault, process, setup};

/// Debian's names of its tools.
const CLANG: &str = "clang-19";
const LLVM_AR: &str = "llvm-ar-19";
pub const LLVM_NM: &str = "llvm-nm-19";
pub const LLVM_READELF: &str = "llvm-readelf-19";
pub const LLVM_STRIP: &str = "llvm-strip-19";

/// The oldest Android that the SDK runs on (7.0), and the ABI that is linked.
const CLANG_TARGET: &str = "aarch64-linux-android24";

/// Pins where the headers come from.
const REQUIREMENTS: &str = "xtask/android-headers.txt";

/// The names of Android's C library, of API 24, that the library may use: a new one fails the link, and is looked up.
const BIONIC: &str = include_str!("bionic.txt");

/// Programs to compile, pack and link with.
pub struct Kit {
    cc: PathBuf,
    ar: PathBuf,
    linker: Option<PathBuf>,
}

impl Kit {
    /// What cargo and build scripts look for.
    pub fn for_target(&self, target: &str) -> Vec<(String, PathBuf)> {
        let low = target.replace('-', "_");
        let mut all = vec![
            (format!("CC_{low}"), self.cc.clone()),
            (format!("CXX_{low}"), self.cc.clone()),
            (format!("AR_{low}"), self.ar.clone()),
        ];
        // Any folder but the root keeps build scripts from asking for Apple's, which is not here.
        all.extend(self.cc.parent().map(|folder| ("SDKROOT".to_owned(), folder.to_path_buf())));
        if let Some(linker) = &self.linker {
            all.push((format!("CARGO_TARGET_{}_LINKER", low.to_uppercase()), linker.clone()));
        }
        all
    }
}

/// For a type check: parts in C leave empty files behind, which nobody links.
pub fn compiles_nothing() -> Result<Kit, Fault> {
    let folder = folder("no-compiler")?;
    let cc =
        script(&folder.join("cc"), "while [ $# -gt 0 ]; do [ \"$1\" = -o ] && { shift; : > \"$1\"; }; shift; done")?;
    let ar = script(&folder.join("ar"), "[ -n \"$2\" ] && : > \"$2\"")?;
    Ok(Kit { cc, ar, linker: None })
}

/// For a link whose outcome is looked at, and never shipped: its parts in C know musl's headers, not Android's.
pub fn for_android() -> Result<Kit, Fault> {
    setup::android_linker()?;
    let python = setup::python_environment("android-headers", &process::root().join(REQUIREMENTS))?;
    let zig = zig(&python)?;
    let folder = folder("android-kit")?;
    let libraries = folder.join("lib");
    fs::create_dir_all(&libraries).map_err(|error| format!("{}: {error}", libraries.display()))?;

    let headers: String = ["aarch64-linux-musl", "generic-musl", "aarch64-linux-any", "any-linux-any"]
        .iter()
        .map(|name| format!(" -isystem '{}'", zig.join("libc/include").join(name).display()))
        .collect();
    let compile = format!("exec {CLANG} --target={CLANG_TARGET} -fPIC -D__errno_location=__errno{headers} \"$@\"");
    let cc = script(&folder.join("cc"), &compile)?;
    let link = format!(
        "exec {CLANG} --target={CLANG_TARGET} -fuse-ld=lld-19 -nostdlib -L'{}' -Wl,-z,defs -Wl,-z,max-page-size=16384 \"$@\"",
        libraries.display()
    );
    let linker = script(&folder.join("linker"), &link)?;

    for (name, source) in [("c", names()), ("m", String::new()), ("dl", String::new()), ("log", String::new())] {
        library(&libraries, name, &source)?;
    }
    unwinder(&zig.join("libunwind"), &cc, &folder, &libraries)?;
    Ok(Kit { cc, ar: LLVM_AR.into(), linker: Some(linker) })
}

fn folder(name: &str) -> Result<PathBuf, String> {
    let folder = process::target(name)?;
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// Where the package has its headers.
fn zig(python: &Path) -> Result<PathBuf, String> {
    let find = "import pathlib, ziglang; print(pathlib.Path(ziglang.__file__).parent / 'lib')";
    let found = process::output(Command::new(python.join("bin/python")).args(["-c", find]))?;
    Ok(PathBuf::from(found.trim()))
}

/// An empty function for each name.
fn names() -> String {
    let names = BIONIC.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.map(|name| format!(".globl {name}\n.type {name},%function\n{name}: .long 0\n.size {name},4\n")).collect()
}

fn library(folder: &Path, name: &str, source: &str) -> Result<(), String> {
    let assembler = folder.join(format!("{name}.s"));
    write(&assembler, source)?;
    let mut clang = Command::new(CLANG);
    clang.args([&format!("--target={CLANG_TARGET}"), "-fuse-ld=lld-19", "-nostdlib", "-shared"]);
    clang.arg(format!("-Wl,-soname,lib{name}.so")).arg("-o").arg(folder.join(format!("lib{name}.so")));
    process::run(clang.arg(&assembler))
}

/// Rust's standard library takes stacks apart with this one, which is part of the NDK.
fn unwinder(source: &Path, cc: &Path, folder: &Path, libraries: &Path) -> Result<(), String> {
    let archive = libraries.join("libunwind.a");
    if archive.is_file() {
        return Ok(());
    }
    let mut objects = Vec::new();
    for name in [
        "Unwind-sjlj.c",
        "UnwindLevel1.c",
        "UnwindLevel1-gcc-ext.c",
        "UnwindRegistersRestore.S",
        "UnwindRegistersSave.S",
        "libunwind.cpp",
    ] {
        let object = folder.join(format!("{name}.o"));
        let mut compile = Command::new(cc);
        compile.args(["-O2", "-DNDEBUG", "-D_LIBUNWIND_IS_NATIVE_ONLY", "-funwind-tables"]);
        if name.ends_with(".cpp") {
            compile.args(["-std=c++17", "-fno-exceptions", "-fno-rtti", "-nostdinc++"]);
        }
        compile.arg("-I").arg(source.join("include")).arg("-I").arg(source.join("src"));
        process::run(compile.arg("-c").arg(source.join("src").join(name)).arg("-o").arg(&object))?;
        objects.push(object);
    }
    process::run(Command::new(LLVM_AR).arg("rcs").arg(&archive).args(&objects))
}

fn script(path: &Path, body: &str) -> Result<PathBuf, String> {
    write(path, &format!("#!/bin/sh\n{body}\n"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(path, executable).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(path.to_path_buf())
}
