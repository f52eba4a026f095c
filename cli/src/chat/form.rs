//! A new ticket: subject, what the server asks for, and the first message. What is missing is said beside its field
//! before anything leaves this screen.

use beistand_core::protocol::{
    AppConfig, Code, Fields,
    fields::{FieldDefinition, FieldKind, FieldValue},
};
use crossterm::event::{KeyCode, KeyEvent};

use super::{editor::Editor, keys, words::Words};

/// What a field of the form is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// What it is about.
    Subject,
    /// What it is filed under.
    Category,
    /// A field that the server announced.
    Custom(Box<FieldDefinition>),
    /// The first message.
    Text,
}

/// How a field is filled in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// By writing.
    Written(Editor),
    /// By choosing one of these values with their labels.
    Chosen {
        /// Values and what a person reads.
        values: Vec<(String, String)>,
        /// Which one; none at first.
        at: Option<usize>,
    },
}

/// A field of the form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// What it is.
    pub what: What,
    /// What a person reads beside it.
    pub label: String,
    /// What is filled in.
    pub input: Input,
    /// Whether it has to be filled in.
    pub required: bool,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// A ticket that is being written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    /// From top to bottom.
    pub fields: Vec<Field>,
    /// The field that has the cursor.
    pub at: usize,
    /// It is on its way to the disk; keys wait.
    pub busy: bool,
}

/// What was filled in.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Draft {
    /// What it is about.
    pub subject: String,
    /// The first message.
    pub text: String,
    /// What it is filed under.
    pub category: Option<String>,
    /// What else the server asks for.
    pub fields: Fields,
}

/// What a key has done to the form.
#[derive(PartialEq, Debug)]
pub enum Pressed {
    /// Nothing that others have to know.
    Handled,
    /// The person is done, and everything fits.
    Submit(Draft),
}

impl Form {
    /// An empty form for what the server announced.
    pub fn new(config: &AppConfig, words: &Words) -> Self {
        let written = |editor| Input::Written(editor);
        let field =
            |what, label: &str, input, required| Field { what, label: label.to_owned(), input, required, fault: None };
        let mut fields = vec![field(What::Subject, words.subject, written(Editor::line()), true)];
        if !config.categories.is_empty() {
            let values = config.categories.iter();
            let values =
                values.map(|known| (known.id.clone(), words.label(&known.label, &known.id).to_owned())).collect();
            fields.push(field(What::Category, words.category, Input::Chosen { values, at: None }, false));
        }
        for definition in &config.fields {
            let input = match definition.kind {
                FieldKind::Choice => {
                    let values = definition.choices.iter().map(|choice| (choice.clone(), choice.clone())).collect();
                    Input::Chosen { values, at: None }
                }
                FieldKind::Bool => {
                    let values = [("true", words.yes), ("false", words.no)];
                    Input::Chosen { values: values.map(|(value, label)| (value.into(), label.into())).into(), at: None }
                }
                FieldKind::Text | FieldKind::Number | FieldKind::Date => written(Editor::line()),
            };
            let label = words.label(&definition.label, &definition.key);
            fields.push(field(What::Custom(Box::new(definition.clone())), label, input, definition.required));
        }
        fields.push(field(What::Text, words.text, written(Editor::words()), true));
        Self { fields, at: 0, busy: false }
    }

    /// Takes over what the server announces now; what was filled in stays where its field is still there.
    pub fn adapt(&mut self, config: &AppConfig, words: &Words) {
        let mut fresh = Self::new(config, words);
        for field in &mut fresh.fields {
            let key = |what: &What| match what {
                What::Custom(definition) => Some(definition.key.clone()),
                _ => None,
            };
            let same = self.fields.iter().find(|old| {
                std::mem::discriminant(&old.what) == std::mem::discriminant(&field.what)
                    && key(&old.what) == key(&field.what)
            });
            match (same.map(|old| &old.input), &mut field.input) {
                (Some(Input::Written(old)), Input::Written(new)) => *new = old.clone(),
                (Some(Input::Chosen { values: old, at: Some(chosen) }), Input::Chosen { values, at }) => {
                    let value = old.get(*chosen).map(|(value, _)| value);
                    *at = values.iter().position(|(known, _)| Some(known) == value);
                }
                _ => {}
            }
        }
        let what = self.fields.get(self.at).map(|field| std::mem::discriminant(&field.what));
        fresh.at = match fresh.fields.get(self.at) {
            Some(field) if Some(std::mem::discriminant(&field.what)) == what => self.at,
            _ => 0,
        };
        fresh.busy = self.busy;
        *self = fresh;
    }

    /// Whether nothing was written into it.
    pub fn is_blank(&self) -> bool {
        self.fields.iter().all(|field| match &field.input {
            Input::Written(editor) => editor.is_blank(),
            Input::Chosen { .. } => true,
        })
    }

    /// Something was pasted.
    pub fn paste(&mut self, text: &str) {
        if let Some(Field { input: Input::Written(editor), fault, .. }) = self.fields.get_mut(self.at) {
            editor.insert(text);
            *fault = None;
        }
    }

    /// A key was pressed; `columns` is the width of a long text.
    pub fn press(&mut self, key: &KeyEvent, columns: usize, words: &Words) -> Pressed {
        if self.busy {
            return Pressed::Handled;
        }
        let last = self.fields.len().saturating_sub(1);
        if keys::is_ctrl(key, 's') {
            return self.submit(words);
        }
        match key.code {
            KeyCode::Tab => self.at = if self.at == last { 0 } else { self.at + 1 },
            KeyCode::BackTab => self.at = self.at.checked_sub(1).unwrap_or(last),
            _ => {
                let Some(field) = self.fields.get_mut(self.at) else { return Pressed::Handled };
                let long = field.what == What::Text;
                match (&mut field.input, key.code) {
                    (Input::Written(editor), KeyCode::Up) if long => {
                        if !editor.go_rows(-1, columns) {
                            self.at = self.at.saturating_sub(1);
                        }
                    }
                    (Input::Written(editor), KeyCode::Down) if long => {
                        editor.go_rows(1, columns);
                    }
                    (_, KeyCode::Up) => self.at = self.at.saturating_sub(1),
                    (_, KeyCode::Down) => self.at = (self.at + 1).min(last),
                    (Input::Written(editor), _) if long && keys::is_new_line(key) => editor.insert("\n"),
                    (_, KeyCode::Enter) if long => return self.submit(words),
                    (_, KeyCode::Enter) => self.at = (self.at + 1).min(last),
                    (Input::Written(editor), _) => {
                        if keys::edit(editor, key) {
                            field.fault = None;
                        }
                    }
                    (Input::Chosen { values, at }, KeyCode::Left) => {
                        *at = at.map_or(values.len().checked_sub(1), |at| at.checked_sub(1));
                        field.fault = None;
                    }
                    (Input::Chosen { values, at }, KeyCode::Right | KeyCode::Char(' ')) => {
                        *at = Some(at.map_or(0, |at| at + 1)).filter(|at| *at < values.len());
                        field.fault = None;
                    }
                    (Input::Chosen { .. }, _) => {}
                }
            }
        }
        Pressed::Handled
    }

    fn submit(&mut self, words: &Words) -> Pressed {
        let mut draft = Draft::default();
        let mut fields = Fields::new();
        for field in &mut self.fields {
            field.fault = None;
            match (&field.what, &field.input) {
                (What::Custom(definition), input) => match value(definition, input) {
                    Ok(Some(value)) => {
                        fields.insert(definition.key.clone(), value);
                    }
                    Ok(None) if field.required => field.fault = Some(words.why(Code::FieldRequired.as_str())),
                    Ok(None) => {}
                    Err(code) => field.fault = Some(words.why(code)),
                },
                (What::Category, Input::Chosen { values, at }) => {
                    draft.category = at.and_then(|at| values.get(at)).map(|(value, _)| value.clone());
                }
                (_, Input::Written(editor)) if editor.is_blank() => {
                    field.fault = Some(words.why(Code::FieldRequired.as_str()));
                }
                (What::Subject, Input::Written(editor)) => draft.subject = editor.text().to_owned(),
                (_, Input::Written(editor)) => draft.text = editor.text().to_owned(),
                (_, Input::Chosen { .. }) => {}
            }
        }
        if let Some(at) = self.fields.iter().position(|field| field.fault.is_some()) {
            self.at = at;
            return Pressed::Handled;
        }
        draft.fields = fields;
        self.busy = true;
        Pressed::Submit(draft)
    }

    /// The draft was not accepted: says why beside the field at fault, named as in an error's detail.
    pub fn refuse(&mut self, member: &str, code: &str, words: &Words) {
        self.busy = false;
        let at = self.fields.iter().position(|field| match &field.what {
            What::Subject => member == "subject",
            What::Category => member == "category",
            What::Custom(definition) => member == format!("fields.{}", definition.key),
            What::Text => member.ends_with("text"),
        });
        let at = at.unwrap_or(self.fields.len().saturating_sub(1));
        if let Some(field) = self.fields.get_mut(at) {
            field.fault = Some(words.why(code));
            self.at = at;
        }
    }
}

/// What a custom field holds, `None` if nothing; an error names why it does not fit.
fn value(definition: &FieldDefinition, input: &Input) -> Result<Option<FieldValue>, &'static str> {
    let text = match input {
        Input::Written(editor) if editor.is_blank() => return Ok(None),
        Input::Written(editor) => editor.text().trim().to_owned(),
        Input::Chosen { values, at } => match at.and_then(|at| values.get(at)) {
            Some((value, _)) => value.clone(),
            None => return Ok(None),
        },
    };
    let code = match definition.kind {
        FieldKind::Date => "date",
        FieldKind::Number => "number",
        _ => Code::FieldInvalid.as_str(),
    };
    // In German a number has a comma.
    let text = if definition.kind == FieldKind::Number { text.replace(',', ".") } else { text };
    definition.parse(&text).map(Some).map_err(|_| code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::words::DE;
    use beistand_core::protocol::config::Category;
    use crossterm::event::KeyModifiers;
    use std::collections::BTreeMap;

    fn config() -> AppConfig {
        let field = |key: &str, kind, required| FieldDefinition {
            key: key.into(),
            kind,
            label: BTreeMap::from([("de".into(), format!("{key} (de)"))]),
            required,
            choices: vec!["S".into(), "M".into()],
            max_chars: None,
        };
        AppConfig {
            categories: vec![Category {
                id: "returns".into(),
                label: BTreeMap::from([("de".into(), "Retoure".into())]),
            }],
            fields: vec![
                field("order", FieldKind::Text, true),
                field("size", FieldKind::Choice, false),
                field("day", FieldKind::Date, false),
                field("weight", FieldKind::Number, false),
            ],
            ..AppConfig::default()
        }
    }

    fn press(form: &mut Form, code: KeyCode) -> Pressed {
        form.press(&KeyEvent::new(code, KeyModifiers::NONE), 40, &DE)
    }

    fn write(form: &mut Form, text: &str) {
        form.paste(text);
        press(form, KeyCode::Tab);
    }

    #[test]
    fn a_filled_in_form_becomes_a_draft() {
        let mut form = Form::new(&config(), &DE);
        write(&mut form, "Kleid");
        press(&mut form, KeyCode::Right);
        press(&mut form, KeyCode::Enter);
        write(&mut form, "A-17");
        press(&mut form, KeyCode::Left);
        press(&mut form, KeyCode::Down);
        write(&mut form, "2026-11-21");
        write(&mut form, "1,5");
        form.paste("Die Naht ist auf.");
        let Pressed::Submit(draft) = press(&mut form, KeyCode::Enter) else { panic!("{form:?}") };
        assert_eq!((draft.subject.as_str(), draft.category.as_deref()), ("Kleid", Some("returns")));
        assert_eq!(draft.fields["order"], FieldValue::Text("A-17".into()));
        assert_eq!(draft.fields["size"], FieldValue::Text("M".into()));
        assert_eq!(draft.fields["weight"], FieldValue::Number(1.5));
        assert_eq!(draft.text, "Die Naht ist auf.");
        assert_eq!(press(&mut form, KeyCode::Enter), Pressed::Handled, "a second Enter does not open a second ticket");
    }

    #[test]
    fn what_is_missing_is_said_beside_its_field() {
        let mut form = Form::new(&config(), &DE);
        write(&mut form, "Kleid");
        form.at = 4;
        form.paste("morgen");
        assert_eq!(form.press(&KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL), 40, &DE), Pressed::Handled);
        let faults: Vec<_> = form.fields.iter().map(|field| field.fault.is_some()).collect();
        assert_eq!(faults, [false, false, true, false, true, false, true]);
        assert_eq!(form.at, 2, "the cursor goes to the first fault");
        form.paste("A-17");
        assert_eq!(form.fields[2].fault, None);
    }

    #[test]
    fn what_was_written_survives_a_new_configuration() {
        let mut form = Form::new(&AppConfig::default(), &DE);
        write(&mut form, "Kleid");
        form.paste("Die Naht");
        form.adapt(&config(), &DE);
        assert_eq!(form.fields.len(), 7);
        assert!(matches!(&form.fields[0].input, Input::Written(editor) if editor.text() == "Kleid"));
        assert!(matches!(&form.fields[6].input, Input::Written(editor) if editor.text() == "Die Naht"));
    }

    #[test]
    fn a_refusal_stands_beside_the_field_at_fault() {
        let mut form = Form::new(&config(), &DE);
        form.busy = true;
        form.refuse("fields.order", "field-invalid", &DE);
        assert_eq!((form.at, form.busy), (2, false));
        form.refuse("message.text", "text-too-long", &DE);
        assert_eq!(form.fields[6].fault.as_deref(), Some("Der Text ist zu lang."));
    }
}
