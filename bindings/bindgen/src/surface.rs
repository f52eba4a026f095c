//! The exported surface as text, for a diff that a person reads: every type with its fields, every call with its
//! arguments. Sorted by name, so that moving code changes nothing; fields and variants stay in their order, which is what
//! travels.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;

use uniffi_bindgen::macro_metadata::extract_from_library;
use uniffi_meta::{
    DefaultValueMetadata, EnumMetadata, EnumShape, FieldMetadata, FnParamMetadata, LiteralMetadata, Metadata, Type,
};

/// What a library says of itself.
pub fn read(library: &str) -> Result<Vec<Metadata>, Box<dyn Error>> {
    let found = extract_from_library(library.into())?;
    if found.is_empty() {
        return Err(format!("{library} tells nothing of its surface: was it stripped of its symbols?").into());
    }
    Ok(found)
}

/// One paragraph for each type and each free function.
pub fn text(items: &[Metadata]) -> String {
    let mut heads: BTreeMap<String, String> = BTreeMap::new();
    let mut bodies: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in items {
        match item {
            Metadata::Func(it) => {
                let line = call("fn", &it.name, it.is_async, &it.inputs, it.return_type.as_ref(), it.throws.as_ref());
                heads.insert(format!("~{}", it.name), line);
            }
            Metadata::Object(it) => {
                let kind = if it.imp.is_trait_interface() { "trait" } else { "object" };
                heads.insert(it.name.clone(), format!("{kind} {}", it.name));
            }
            Metadata::CallbackInterface(it) => {
                heads.insert(it.name.clone(), format!("callback {}", it.name));
            }
            Metadata::Constructor(it) => {
                let line = call("constructor", &it.name, it.is_async, &it.inputs, None, it.throws.as_ref());
                bodies.entry(it.self_name.clone()).or_default().push(line);
            }
            Metadata::Method(it) => {
                let line = call("fn", &it.name, it.is_async, &it.inputs, it.return_type.as_ref(), it.throws.as_ref());
                bodies.entry(it.self_name.clone()).or_default().push(line);
            }
            Metadata::TraitMethod(it) => {
                let line = call("fn", &it.name, it.is_async, &it.inputs, it.return_type.as_ref(), it.throws.as_ref());
                bodies.entry(it.trait_name.clone()).or_default().push(line);
            }
            Metadata::Record(it) => {
                heads.insert(it.name.clone(), format!("record {}", it.name));
                bodies.insert(it.name.clone(), it.fields.iter().map(field).collect());
            }
            Metadata::Enum(it) => {
                let kind = if matches!(it.shape, EnumShape::Error { .. }) { "error" } else { "enum" };
                heads.insert(it.name.clone(), format!("{kind} {}", it.name));
                bodies.insert(it.name.clone(), variants(it));
            }
            Metadata::CustomType(it) => {
                heads.insert(it.name.clone(), format!("custom {} = {}", it.name, type_name(&it.builtin)));
            }
            _ => {}
        }
    }
    let mut text = String::new();
    for (name, head) in &heads {
        let _ = writeln!(text, "{head}");
        let mut body = bodies.remove(name).unwrap_or_default();
        if head.starts_with("object") || head.starts_with("trait") {
            body.sort();
        }
        for line in body {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// The checksum of each call: what a generated file compares when it loads a library.
pub fn checksums(items: &[Metadata]) -> String {
    let mut all = BTreeMap::new();
    for item in items {
        let (name, checksum) = match item {
            Metadata::Func(it) => (it.checksum_symbol_name(), it.checksum),
            Metadata::Constructor(it) => (it.checksum_symbol_name(), it.checksum),
            Metadata::Method(it) => (it.checksum_symbol_name(), it.checksum),
            Metadata::TraitMethod(it) => (it.checksum_symbol_name(), it.checksum),
            _ => continue,
        };
        all.insert(name, checksum.unwrap_or_default());
    }
    all.into_iter().fold(String::new(), |mut text, (name, checksum)| {
        let _ = writeln!(text, "{checksum:5} {name}");
        text
    })
}

fn variants(of: &EnumMetadata) -> Vec<String> {
    let variant = |name: &str, fields: &[FieldMetadata]| {
        let fields: Vec<String> = fields.iter().map(field).collect();
        if fields.is_empty() { name.to_owned() } else { format!("{name} {{ {} }}", fields.join(", ")) }
    };
    of.variants.iter().map(|it| variant(&it.name, &it.fields)).collect()
}

fn field(of: &FieldMetadata) -> String {
    format!("{}: {}{}", of.name, type_name(&of.ty), default(of.default.as_ref()))
}

fn call(
    kind: &str,
    name: &str,
    is_async: bool,
    inputs: &[FnParamMetadata],
    gives: Option<&Type>,
    throws: Option<&Type>,
) -> String {
    let inputs: Vec<String> =
        inputs.iter().map(|it| format!("{}: {}{}", it.name, type_name(&it.ty), default(it.default.as_ref()))).collect();
    let waits = if is_async { "async " } else { "" };
    let gives = gives.map(|it| format!(" -> {}", type_name(it))).unwrap_or_default();
    let throws = throws.map(|it| format!(" throws {}", type_name(it))).unwrap_or_default();
    format!("{waits}{kind} {name}({}){gives}{throws}", inputs.join(", "))
}

fn default(of: Option<&DefaultValueMetadata>) -> String {
    match of {
        None => String::new(),
        Some(DefaultValueMetadata::Default) => " = default".into(),
        Some(DefaultValueMetadata::Literal(value)) => match value {
            LiteralMetadata::Boolean(value) => format!(" = {value}"),
            LiteralMetadata::String(value) => format!(" = {value:?}"),
            LiteralMetadata::UInt(value, ..) => format!(" = {value}"),
            LiteralMetadata::Int(value, ..) => format!(" = {value}"),
            LiteralMetadata::Float(value, _) => format!(" = {value}"),
            LiteralMetadata::None => " = none".into(),
            LiteralMetadata::EmptySequence | LiteralMetadata::EmptyMap => " = []".into(),
            other => format!(" = {other:?}"),
        },
    }
}

fn type_name(of: &Type) -> String {
    match of {
        Type::Optional { inner_type } => format!("{}?", type_name(inner_type)),
        Type::Sequence { inner_type } => format!("[{}]", type_name(inner_type)),
        Type::Map { key_type, value_type } => format!("[{}: {}]", type_name(key_type), type_name(value_type)),
        Type::Box { inner_type } => type_name(inner_type),
        Type::Object { name, .. }
        | Type::Record { name, .. }
        | Type::Enum { name, .. }
        | Type::CallbackInterface { name, .. }
        | Type::Custom { name, .. } => name.clone(),
        simple => format!("{simple:?}").to_lowercase(),
    }
}
